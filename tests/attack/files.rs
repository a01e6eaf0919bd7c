//! Files: those that are no business of the role, and the ledger.

use crate::raw::{at, call, room};
use crate::scene::{Attack, CLOEXEC, DRAFT, GROWS, HERE, READS, Scene, attack, own};

/// Opens a path with these flags.
fn open(path: &[u8], flags: usize) -> Result<usize, i32> {
    call(libc::SYS_openat, &[HERE, at(path), flags, 0o600])
}

fn handle(scene: &Scene) -> Result<[u32; 34], i32> {
    let mut handle = [0_u32; 34];
    handle[0] = 128;
    let mount = [0_u32; 1];
    call(libc::SYS_name_to_handle_at, &[HERE, at(scene.secret.as_slice()), at(&handle), at(&mount), 0]).map(|_| handle)
}

/// Attacks on files.
pub(crate) fn attacks() -> Vec<Attack> {
    [opening(), changing(), looking()].concat()
}

fn opening() -> Vec<Attack> {
    vec![
        attack("je", "open", |s| call(libc::SYS_open, &[at(s.secret.as_slice()), 0])),
        attack("je", "openat a secret", |s| open(&s.secret, CLOEXEC)),
        attack("je", "openat a secret as the ledger is read", |s| open(&s.secret, READS)),
        attack("je", "openat a secret with other flags", |s| open(&s.secret, 0)),
        attack("je", "openat a secret to write", |s| open(&s.secret, 1 | CLOEXEC)),
        attack("je", "openat a secret to truncate", |s| open(&s.secret, 0o1001)),
        attack("je", "openat O_PATH", |s| open(&s.secret, 0o10_000_000 | CLOEXEC)),
        attack("je", "openat O_TMPFILE", |s| open(&s.dir_path, 0o20_200_002 | CLOEXEC)),
        attack("je", "openat below an open directory", |s| call(libc::SYS_openat, &[s.dir_fd(), at(b"secret\0"), CLOEXEC, 0])),
        attack("je", "openat by many links", |s| {
            open(&[&s.dir_path[..s.dir_path.len() - 1], b"/ledger/../secret\0"].concat(), READS)
        }),
        attack("je", "openat2", |s| call(libc::SYS_openat2, &[HERE, at(s.secret.as_slice()), room(3), 24])),
        attack("je", "creat", |s| call(libc::SYS_creat, &[at(s.outside.as_slice()), 0o600])),
        attack("je", "make a file with the flags of a draft", |s| open(&s.outside, DRAFT)),
        attack("je", "make a file with the flags of a segment", |s| open(&s.outside, GROWS | 0o100)),
        attack("je", "/etc/passwd", |_| open(b"/etc/passwd\0", CLOEXEC)),
        attack("je", "/etc/passwd as the ledger is read", |_| open(b"/etc/passwd\0", READS)),
        attack("je", "/proc/self/mem", |_| open(b"/proc/self/mem\0", 2 | CLOEXEC)),
        attack("je", "/proc/self/environ", |_| open(b"/proc/self/environ\0", CLOEXEC)),
        attack("je", "/proc/self/maps", |_| open(b"/proc/self/maps\0", CLOEXEC)),
        attack("je", "/dev/null to write", |_| open(b"/dev/null\0", 1 | CLOEXEC)),
        attack("je", "list the root directory", |_| open(b"/\0", 0o200_000 | CLOEXEC)),
        attack("je", "list it as the ledger is listed", |_| open(b"/\0", 0o204_000 | CLOEXEC)),
    ]
}

fn changing() -> Vec<Attack> {
    vec![
        attack("je", "unlink", |s| call(libc::SYS_unlink, &[at(s.secret.as_slice())])),
        attack("je", "unlinkat", |s| call(libc::SYS_unlinkat, &[HERE, at(s.secret.as_slice()), 0])),
        attack("je", "rmdir", |s| {
            call(libc::SYS_mkdir, &[at(s.outside.as_slice()), 0o700])
                .and_then(|_| call(libc::SYS_rmdir, &[at(s.outside.as_slice())]))
        }),
        attack("je", "rename out of the ledger", |s| {
            call(libc::SYS_rename, &[at(s.segment_path.as_slice()), at(s.outside.as_slice())])
        }),
        attack("je", "rename into the ledger", |s| call(libc::SYS_rename, &[at(s.secret.as_slice()), at(s.inside.as_slice())])),
        attack("je", "rename elsewhere", |s| call(libc::SYS_rename, &[at(s.secret.as_slice()), at(s.outside.as_slice())])),
        attack("je", "renameat", |s| call(libc::SYS_renameat, &[HERE, at(s.secret.as_slice()), HERE, at(s.outside.as_slice())])),
        attack("je", "renameat2 exchange", |s| {
            call(libc::SYS_renameat2, &[HERE, at(s.secret.as_slice()), HERE, at(s.segment_path.as_slice()), 2])
        }),
        attack("je", "link", |s| call(libc::SYS_link, &[at(s.secret.as_slice()), at(s.outside.as_slice())])),
        attack("je", "linkat", |s| call(libc::SYS_linkat, &[HERE, at(s.secret.as_slice()), HERE, at(s.outside.as_slice()), 0])),
        attack("je", "symlink", |s| call(libc::SYS_symlink, &[at(b"/etc/passwd\0"), at(s.outside.as_slice())])),
        attack("je", "symlinkat", |s| call(libc::SYS_symlinkat, &[at(b"/etc/passwd\0"), HERE, at(s.outside.as_slice())])),
        attack("je", "mkdir", |s| call(libc::SYS_mkdir, &[at(s.outside.as_slice()), 0o700])),
        attack("je", "mkdirat", |s| call(libc::SYS_mkdirat, &[HERE, at(s.outside.as_slice()), 0o700])),
        attack("je", "mknod a pipe", |s| call(libc::SYS_mknod, &[at(s.outside.as_slice()), 0o010_600, 0])),
        attack("je", "mknodat", |s| call(libc::SYS_mknodat, &[HERE, at(s.outside.as_slice()), 0o010_600, 0])),
        attack("je", "chmod", |s| call(libc::SYS_chmod, &[at(s.secret.as_slice()), 0o777])),
        attack("je", "fchmodat", |s| call(libc::SYS_fchmodat, &[HERE, at(s.secret.as_slice()), 0o777])),
        attack("je", "chown", |s| call(libc::SYS_chown, &[at(s.secret.as_slice()), usize::MAX, usize::MAX])),
        attack("je", "lchown", |s| call(libc::SYS_lchown, &[at(s.secret.as_slice()), usize::MAX, usize::MAX])),
        attack("je", "fchownat", |s| call(libc::SYS_fchownat, &[HERE, at(s.secret.as_slice()), usize::MAX, usize::MAX, 0])),
        attack("je", "truncate", |s| call(libc::SYS_truncate, &[at(s.secret.as_slice()), 0])),
        attack("je", "utimensat", |s| call(libc::SYS_utimensat, &[HERE, at(s.secret.as_slice()), 0, 0])),
        attack("je", "setxattr", |s| call(libc::SYS_setxattr, &[at(s.secret.as_slice()), at(b"user.x\0"), at(b"y"), 1, 0])),
    ]
}

fn looking() -> Vec<Attack> {
    vec![
        attack("je", "readlink", |_| call(libc::SYS_readlink, &[at(b"/proc/self/exe\0"), room(256), 256])),
        attack("je", "access", |s| call(libc::SYS_access, &[at(s.secret.as_slice()), 4])),
        attack("je", "chdir", |_| call(libc::SYS_chdir, &[at(b"/\0")])),
        attack("je", "fchdir", |s| call(libc::SYS_fchdir, &[s.dir_fd()])),
        attack("jel", "chroot", |s| call(libc::SYS_chroot, &[at(s.dir_path.as_slice())])),
        attack("je", "umask", |_| call(libc::SYS_umask, &[0])),
        attack("jel", "name_to_handle_at", |s| handle(s).map(|_| 0)),
        attack("jel", "open_by_handle_at", |s| {
            let known = handle(s).unwrap_or([128; 34]);
            call(libc::SYS_open_by_handle_at, &[s.dir_fd(), at(&known), 0])
        }),
        attack("je", "inotify", |s| {
            call(libc::SYS_inotify_init1, &[0])
                .and_then(|fd| call(libc::SYS_inotify_add_watch, &[fd, at(s.secret.as_slice()), 1]))
        }),
        attack("jel", "fanotify", |_| call(libc::SYS_fanotify_init, &[0x200, 0])),
    ]
}

/// Attacks on the ledger through what is open already, or lies in its directory.
pub(crate) fn ledger() -> Vec<Attack> {
    vec![
        attack("je", "fallocate: punch a hole", |s| call(libc::SYS_fallocate, &[s.fd(), 3, 0, 4096])),
        attack("je", "fallocate: collapse", |s| call(libc::SYS_fallocate, &[s.fd(), 0x10, 0, 4096])),
        attack("je", "F_SETFL: no longer append", |s| call(libc::SYS_fcntl, &[s.fd(), 4, 2])),
        attack("j", "F_SETFL: append and do not wait", |s| call(libc::SYS_fcntl, &[s.fd(), 4, 0o4_002])),
        attack("je", "F_SETLEASE", |s| call(libc::SYS_fcntl, &[s.fd(), 1024, 0])),
        attack("je", "F_NOTIFY", |s| call(libc::SYS_fcntl, &[s.dir_fd(), 1026, 2])),
        attack("je", "F_SETOWN", |s| call(libc::SYS_fcntl, &[s.socket_fd(), 8, s.victim])),
        attack("je", "fchmod", |s| call(libc::SYS_fchmod, &[s.fd(), 0o777])),
        attack("je", "fchown", |s| call(libc::SYS_fchown, &[s.fd(), usize::MAX, usize::MAX])),
        attack("je", "fsetxattr", |s| call(libc::SYS_fsetxattr, &[s.fd(), at(b"user.x\0"), at(b"y"), 1, 0])),
        attack("je", "map written lines", |s| call(libc::SYS_mmap, &[0, 4096, 3, 1, s.fd(), 0])),
        attack("je", "map written lines to read", |s| call(libc::SYS_mmap, &[0, 4096, 1, 2, s.fd(), 0])),
        attack("je", "pwritev2 in place", |s| {
            let line = *b"LINES";
            call(libc::SYS_pwritev2, &[s.fd(), at(&[at(&line), line.len()]), 1, 0, 0, 0x20])
        }),
        attack("je", "copy_file_range", |s| {
            call(libc::SYS_copy_file_range, &[s.dir_fd(), 0, s.fd(), 0, 8, 0]).or_else(|_| {
                let from = open(&s.segment_path, CLOEXEC)?;
                let to = open(&s.inside, 0o102)?;
                call(libc::SYS_copy_file_range, &[from, 0, to, 0, 8, 0])
            })
        }),
        attack("je", "sendfile to stdout", |s| call(libc::SYS_sendfile, &[1, s.fd(), room(1), 8])),
        attack("je", "splice", |s| call(libc::SYS_splice, &[s.fd(), room(1), 1, 0, 8, 0])),
        attack("je", "dup3 over stdout", |s| call(libc::SYS_dup3, &[s.fd(), 1, 0])),
        attack("je", "dup2 over stdout", |s| call(libc::SYS_dup2, &[s.fd(), 1])),
        attack("je", "open a segment without append", |s| open(&s.segment_path, 2 | CLOEXEC)),
        attack("je", "make a directory in the ledger", |s| call(libc::SYS_mkdir, &[at(s.inside.as_slice()), 0o700])),
        attack("je", "a link in the ledger", |s| call(libc::SYS_symlink, &[at(b"/etc/passwd\0"), at(s.inside.as_slice())])),
        attack("je", "a second name of a segment", |s| {
            call(libc::SYS_link, &[at(s.segment_path.as_slice()), at(s.inside.as_slice())])
        }),
        attack("je", "unlink a segment", |s| call(libc::SYS_unlink, &[at(s.segment_path.as_slice())])),
        attack("je", "run a file of the ledger", |s| call(libc::SYS_execve, &[at(s.segment_path.as_slice()), 0, 0])),
        // What follows is how the ledger does its work, in the wrong hands.
        own("j", "cut lines off", |s| call(libc::SYS_ftruncate, &[s.fd(), 0])),
        own("j", "put a draft over a segment", |s| {
            let draft = [&s.segment_path[..s.segment_path.len() - "segment\0".len()], b"draft\0"].concat();
            call(libc::SYS_rename, &[at(draft.as_slice()), at(s.segment_path.as_slice())])
        }),
        own("j", "begin a segment anew", |s| open(&s.segment_path, DRAFT)),
        attack("e", "cut lines off of it", |s| call(libc::SYS_ftruncate, &[s.fd(), 0])),
        attack("e", "write in place", |s| call(libc::SYS_pwrite64, &[s.fd(), at(b"x"), 1, 0])),
    ]
}
