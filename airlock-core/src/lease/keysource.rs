//! Where the text of a key file comes from: a file, a credential of systemd, or a pipe that the parent passed on. What is read must
//! be out of the reach of other users, and is wiped when it is no longer needed.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, Mode, OFlags, Stat};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Largest key file in bytes: hundreds of keys.
pub const KEY_FILE_MAX: usize = 64 * 1024;
/// Bytes of a key file that are read first: some twenty keys.
const READ_FIRST: usize = 2 * 1024;
/// Longest wait for the writer of a passed pipe, seconds: one that never closes it must not hold the gateway's start for ever.
const PIPE_WAIT_S: i64 = 10;

/// Name of the credential that a gateway looks for in systemd's directory of credentials.
pub const CREDENTIAL: &str = "airlock-key";

/// Where keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A file of the operator's.
    File(PathBuf),
    /// A file in systemd's `$CREDENTIALS_DIRECTORY`.
    Credential(PathBuf),
    /// The read end of a pipe, by the number of its descriptor: once read, the key is nowhere else in this process's reach.
    Pipe(u32),
}

impl std::fmt::Display for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "key file {}", path.display()),
            Self::Credential(path) => write!(f, "credential {}", path.display()),
            Self::Pipe(number) => write!(f, "key descriptor {number}"),
        }
    }
}

impl KeySource {
    /// Opens, checks what was opened, and reads it.
    ///
    /// # Errors
    /// A sentence: what is wrong, and what to do.
    pub fn read(&self) -> Result<Zeroizing<Vec<u8>>, String> {
        match self {
            Self::File(path) => read_file(path, 0o077),
            // systemd gives a service of another user than root its credentials by an ACL, which shows as the group's read bit; the
            // directory itself lets nobody else in.
            Self::Credential(path) => read_file(path, 0o037),
            Self::Pipe(number) => read_pipe(*number),
        }
    }
}

/// Opens without following a symbolic link, checks owner and mode of what was opened, and reads it.
fn read_file(path: &Path, forbidden: u32) -> Result<Zeroizing<Vec<u8>>, String> {
    // Without NONBLOCK, opening a named pipe would wait for a writer.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| match error {
        rustix::io::Errno::LOOP => "it is a symbolic link; name the file itself".to_owned(),
        other => format!("cannot open it: {}", std::io::Error::from(other)),
    })?;
    let stat = rustix::fs::fstat(&file).map_err(|error| format!("cannot look at it: {}", std::io::Error::from(error)))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err("it is not a regular file".into());
    }
    private(&stat, path, forbidden)?;
    read_all(&mut File::from(file), || Err("it is not a regular file".into()))
}

fn private(stat: &Stat, path: &Path, forbidden: u32) -> Result<(), String> {
    let me = rustix::process::geteuid().as_raw();
    if stat.st_uid != me && stat.st_uid != 0 {
        return Err(format!("it belongs to user {}, not to user {me} or root; whoever owns it can replace the key", stat.st_uid));
    }
    #[allow(clippy::useless_conversion, reason = "other systems have a narrower type")]
    let mode = u32::from(stat.st_mode);
    if mode & forbidden != 0 {
        return Err(format!("others may use it (mode {:04o}); make it private: chmod 600 {}", mode & 0o7777, path.display()));
    }
    Ok(())
}

/// Reads a pipe to its end. The descriptor itself is opened anew by its name, which takes no `unsafe`; what is left of it is an
/// empty pipe. A file would stay readable for every child that inherits it, so it is refused.
fn read_pipe(number: u32) -> Result<Zeroizing<Vec<u8>>, String> {
    if number < 3 {
        return Err("0, 1 and 2 are stdin, stdout and stderr; pass the key on another descriptor".into());
    }
    let path = format!("/proc/self/fd/{number}");
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| match error {
        rustix::io::Errno::NOENT => "no such descriptor was passed on; a shell does it with 3< <(command)".to_owned(),
        other => format!("cannot open it: {}", std::io::Error::from(other)),
    })?;
    let stat = rustix::fs::fstat(&file).map_err(|error| format!("cannot look at it: {}", std::io::Error::from(error)))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Fifo {
        return Err("it is not a pipe, and would stay readable for others; pass the key through a pipe, or name the file".into());
    }
    let file = File::from(file);
    let wait = || {
        let second = Timespec { tv_sec: PIPE_WAIT_S, tv_nsec: 0 };
        match poll(&mut [PollFd::new(&file, PollFlags::IN)], Some(&second)) {
            Ok(0) => Err(format!("nothing came and nobody closed it within {PIPE_WAIT_S} s")),
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(format!("cannot wait for it: {}", std::io::Error::from(error))),
        }
    };
    read_all(&mut &file, wait)
}

/// `wait` is called when there is nothing to read yet. Every buffer is wiped, so that no copy of the bytes stays behind in freed memory: the first
/// one has room for what nearly all key files are, since pages of the largest are written and wiped whatever is in them.
fn read_all(file: &mut impl Read, wait: impl Fn() -> Result<(), String>) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut bytes = Zeroizing::new(vec![0; READ_FIRST]);
    let mut length = 0;
    loop {
        if length == bytes.len() {
            if length > KEY_FILE_MAX {
                return Err(format!("it is larger than {KEY_FILE_MAX} bytes"));
            }
            let mut larger = Zeroizing::new(vec![0; KEY_FILE_MAX + 1]);
            larger[..length].copy_from_slice(&bytes);
            bytes = larger;
        }
        match file.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => wait()?,
            Err(error) => return Err(format!("cannot read it: {error}")),
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

    #[test]
    fn a_pipe_is_read_to_its_end_and_is_empty_then() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let source = KeySource::Pipe(u32::try_from(reader.as_raw_fd()).unwrap());
        let thread = std::thread::spawn(move || {
            writer.write_all(b"first ").unwrap();
            writer.write_all(b"second").unwrap();
        });
        assert_eq!(&source.read().unwrap()[..], b"first second");
        thread.join().unwrap();
        assert_eq!(source.read().unwrap().len(), 0);
    }

    #[test]
    fn other_descriptors_are_refused() {
        let file = tempfile::tempfile().unwrap();
        let read = |number| KeySource::Pipe(number).read().unwrap_err();
        assert!(read(u32::try_from(file.as_raw_fd()).unwrap()).starts_with("it is not a pipe"));
        assert!(read(0).starts_with("0, 1 and 2 are stdin"));
        assert!(read(999_999).starts_with("no such descriptor"));
        let (reader, mut writer) = std::io::pipe().unwrap();
        let number = u32::try_from(reader.as_raw_fd()).unwrap();
        let thread = std::thread::spawn(move || writer.write_all(&vec![b'#'; KEY_FILE_MAX + 1]));
        assert_eq!(read(number), "it is larger than 65536 bytes");
        thread.join().unwrap().unwrap();
    }

    /// What stands behind a call that tells how much room it had.
    struct Rooms<'a>(&'a [u8], Vec<usize>);

    impl Read for Rooms<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.1.push(buffer.len());
            self.0.read(buffer)
        }
    }

    #[test]
    fn a_key_file_takes_the_room_that_it_needs_and_the_longest_is_read() {
        let read = |length: usize| {
            let bytes: Vec<u8> = (0..251).cycle().take(length).collect();
            let mut rooms = Rooms(&bytes, Vec::new());
            let read = read_all(&mut rooms, || Err("nothing to wait for".into()));
            (read.map(|read| assert!(read[..] == bytes, "{length}")), rooms.1)
        };
        assert_eq!(read(88), (Ok(()), vec![READ_FIRST, READ_FIRST - 88]));
        for length in [0, READ_FIRST - 1, READ_FIRST, READ_FIRST + 1, KEY_FILE_MAX] {
            assert_eq!(read(length).0, Ok(()));
        }
        assert_eq!(read(KEY_FILE_MAX + 1).0, Err(format!("it is larger than {KEY_FILE_MAX} bytes")));
    }

    #[test]
    fn a_credential_may_be_readable_by_acl_and_a_file_may_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(CREDENTIAL);
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o440).open(&path).unwrap();
        assert!(KeySource::Credential(path.clone()).read().is_ok());
        assert!(KeySource::File(path.clone()).read().unwrap_err().starts_with("others may use it (mode 0440)"));
        for mode in [0o444, 0o460, 0o401] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert!(KeySource::Credential(path.clone()).read().is_err(), "{mode:o}");
        }
    }
}
