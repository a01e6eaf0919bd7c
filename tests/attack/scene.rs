//! What an attack finds: a ledger with an open segment, a secret beside it, a victim, a port. And what a role must still be able to do.

use crate::raw::{at, call, room, spawned};
use std::fs::{self, File, OpenOptions};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

/// One thing to try. It gives the answer of the kernel.
pub(crate) type Try = fn(&Scene) -> Result<usize, i32>;

/// What is expected of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It must not succeed.
    Attack,
    /// The role needs it for its own ledger, and it harms that ledger in the wrong hands: reported, not demanded.
    Own,
    /// The role needs it: it must succeed.
    Control,
}

/// An entry of the list.
#[derive(Clone, Copy)]
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// First letters of the roles for which it is that: `j`udge, `e`gress, `l`auncher.
    pub(crate) roles: &'static str,
    pub(crate) run: Try,
}

pub(crate) const fn attack(roles: &'static str, name: &'static str, run: Try) -> Attack {
    Attack { name, kind: Kind::Attack, roles, run }
}

pub(crate) const fn own(roles: &'static str, name: &'static str, run: Try) -> Attack {
    Attack { name, kind: Kind::Own, roles, run }
}

const fn control(roles: &'static str, name: &'static str, run: Try) -> Attack {
    Attack { name, kind: Kind::Control, roles, run }
}

/// The place of one attack.
pub(crate) struct Scene {
    pub(crate) ledger: PathBuf,
    pub(crate) victim: usize,
    pub(crate) port: u16,
    /// Paths as the kernel takes them.
    pub(crate) dir_path: Vec<u8>,
    pub(crate) secret: Vec<u8>,
    pub(crate) segment_path: Vec<u8>,
    pub(crate) inside: Vec<u8>,
    pub(crate) outside: Vec<u8>,
    /// Open before the role is entered, as a gateway's own are.
    pub(crate) segment: File,
    pub(crate) head: File,
    pub(crate) dir: File,
    pub(crate) socket: UdpSocket,
}

/// A path as the kernel takes it.
pub(crate) fn c(path: impl AsRef<Path>) -> Vec<u8> {
    [path.as_ref().as_os_str().as_encoded_bytes(), b"\0"].concat()
}

impl Scene {
    pub(crate) fn new(dir: &Path, victim: usize, port: u16) -> Self {
        crate::hide();
        let ledger = dir.join("ledger");
        fs::create_dir(&ledger).unwrap();
        fs::write(dir.join("secret"), "a secret").unwrap();
        fs::write(ledger.join("segment"), "lines that are written\n").unwrap();
        fs::write(ledger.join("draft"), "a checkpoint").unwrap();
        let opened = |append: bool, name: &str| {
            OpenOptions::new().read(true).write(true).append(append).create(true).open(ledger.join(name))
        };
        Self {
            victim,
            port,
            dir_path: c(dir),
            secret: c(dir.join("secret")),
            segment_path: c(ledger.join("segment")),
            inside: c(ledger.join("new")),
            outside: c(dir.join("new")),
            segment: opened(true, "segment").unwrap(),
            head: opened(false, "head").unwrap(),
            dir: File::open(dir).unwrap(),
            socket: UdpSocket::bind("127.0.0.1:0").unwrap(),
            ledger,
        }
    }

    pub(crate) fn fd(&self) -> usize {
        usize::try_from(self.segment.as_raw_fd()).unwrap()
    }

    pub(crate) fn dir_fd(&self) -> usize {
        usize::try_from(self.dir.as_raw_fd()).unwrap()
    }

    pub(crate) fn socket_fd(&self) -> usize {
        usize::try_from(self.socket.as_raw_fd()).unwrap()
    }
}

/// `AT_FDCWD`.
pub(crate) const HERE: usize = -100_isize as usize;
/// Flags as the ledger uses them.
pub(crate) const CLOEXEC: usize = 0o2_000_000;
/// Not by a link, and without waiting.
const AS_IT_IS: usize = 0o400_000 | 0o4000;
pub(crate) const READS: usize = CLOEXEC | AS_IT_IS;
pub(crate) const DRAFT: usize = 0o1 | 0o100 | CLOEXEC | AS_IT_IS;
pub(crate) const GROWS: usize = 0o2 | 0o2000 | CLOEXEC | AS_IT_IS;
/// A directory, to list or sync it.
const LISTS: usize = 0o200_000 | 0o4000 | CLOEXEC;

fn io<T>(result: std::io::Result<T>) -> Result<usize, i32> {
    result.map(|_| 0).map_err(|error| error.raw_os_error().unwrap_or(-1))
}

/// What roles need.
pub(crate) fn controls() -> Vec<Attack> {
    vec![
        control("jel", "write to stdout", |_| call(1, &[1, at(b""), 0])),
        control("jel", "allocate", |_| Ok(std::hint::black_box(vec![1_u8; 64 << 20]).len())),
        control("jel", "random bytes", |_| call(libc::SYS_getrandom, &[room(1), 8, 0])),
        control("jel", "tell the time", |_| Ok(usize::from(std::time::SystemTime::now() > std::time::UNIX_EPOCH))),
        control("jel", "wait", |_| {
            std::thread::sleep(std::time::Duration::from_millis(1));
            Ok(0)
        }),
        control("jl", "append and sync", |scene| {
            io(std::io::Write::write_all(&mut &scene.segment, b"a line\n").and_then(|()| scene.segment.sync_data()))
        }),
        control("jl", "write the head", |scene| io(std::os::unix::fs::FileExt::write_all_at(&scene.head, b"slot", 4096))),
        control("jl", "lock the head", |scene| {
            io(scene.head.try_clone().and_then(|other| other.lock().and_then(|()| other.unlock())))
        }),
        control("jl", "publish a checkpoint", |scene| {
            let (draft, path) = (scene.ledger.join("checkpoint.draft"), scene.ledger.join("checkpoint"));
            let fd = call(libc::SYS_openat, &[HERE, at(c(&draft).as_slice()), DRAFT, 0o600])?;
            call(libc::SYS_fsync, &[fd])?;
            io(fs::rename(&draft, &path))?;
            let dir = call(libc::SYS_openat, &[HERE, at(c(&scene.ledger).as_slice()), LISTS, 0])?;
            call(libc::SYS_fsync, &[dir])
        }),
        control("jl", "begin a segment", |scene| {
            call(libc::SYS_openat, &[HERE, at(scene.inside.as_slice()), GROWS | 0o100, 0o600])
        }),
        control("jl", "read the ledger", |scene| {
            io(fs::read_dir(&scene.ledger).map(Iterator::count))?;
            let fd = call(libc::SYS_openat, &[HERE, at(c(scene.ledger.join("segment")).as_slice()), READS, 0])?;
            call(libc::SYS_pread64, &[fd, room(1), 8, 0])
        }),
        control("jl", "look for a kill file", |scene| match scene.ledger.join("kill").symlink_metadata() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
            other => io(other),
        }),
        control("el", "start a thread", |_| io(std::thread::Builder::new().spawn(|| ()).map(|thread| thread.join().is_ok()))),
        control("el", "connect to a port of the policy", |scene| io(std::net::TcpStream::connect(("127.0.0.1", scene.port)))),
        control("el", "ask a name server", |_| {
            let fd = call(libc::SYS_socket, &[2, 2 | 0o2_004_000, 0])?;
            call(libc::SYS_connect, &[fd, at(&crate::network::address([127, 0, 0, 53], 53)), 16])
        }),
        control("el", "read the resolver's file", |_| io(fs::read("/etc/hosts"))),
        control("l", "start a program", |_| io(std::process::Command::new("/bin/true").status())),
        control("l", "a second process", |_| spawned(libc::SYS_fork, [0, 0])),
        control("l", "a pair of sockets", |_| io(std::os::unix::net::UnixStream::pair())),
    ]
}
