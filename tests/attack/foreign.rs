//! What a foreign server without a sandbox may not do, in the many forms that it can be asked in. No other role may, either.

use crate::raw::{at, call, room, spawned};
use crate::scene::{Attack, HERE, attack};

/// Attacks that a launcher's filter has to refuse call by call.
pub(crate) fn attacks() -> Vec<Attack> {
    [namespaces(), sockets(), others(), mounts(), interfaces()].concat()
}

fn clone(flags: usize) -> Result<usize, i32> {
    spawned(libc::SYS_clone, [flags | 17, 0])
}

fn unshare(flags: usize) -> Result<usize, i32> {
    call(libc::SYS_unshare, &[flags])
}

/// Each kind of namespace, by each call that makes one; a user namespace gives an ordinary user the right to the others.
fn namespaces() -> Vec<Attack> {
    vec![
        attack("jcel", "clone: user and mount namespace", |_| clone(0x1002_0000)),
        attack("jcel", "clone: user and network namespace", |_| clone(0x5000_0000)),
        attack("jcel", "clone: user and process namespace", |_| clone(0x3000_0000)),
        attack("jcel", "clone: user and IPC namespace", |_| clone(0x1800_0000)),
        attack("jcel", "clone: user and host name namespace", |_| clone(0x1400_0000)),
        attack("jcel", "clone: user and control group namespace", |_| clone(0x1200_0000)),
        attack("jcel", "clone: mount namespace", |_| clone(0x2_0000)),
        attack("jcel", "clone: user namespace, high bits set", |_| clone(0x1000_0000 | 1 << 40)),
        attack("jcel", "clone3: user namespace", |_| {
            let mut all = [0_u64; 11];
            (all[0], all[4]) = (0x1000_0000, 17);
            spawned(libc::SYS_clone3, [at(&all), 88])
        }),
        attack("jcel", "unshare: user and mount namespace", |_| unshare(0x1002_0000)),
        attack("jcel", "unshare: user and network namespace", |_| unshare(0x5000_0000)),
        attack("jcel", "unshare: user and process namespace", |_| unshare(0x3000_0000)),
        attack("jcel", "unshare: user and host name namespace", |_| unshare(0x1400_0000)),
        attack("jcel", "unshare: user and control group namespace", |_| unshare(0x1200_0000)),
        attack("jcel", "unshare: user and time namespace", |_| unshare(0x1000_0080)),
        attack("jcel", "unshare: as a sandbox does", |_| unshare(0x5800_0000)),
        attack("jcel", "unshare: file system", |_| unshare(0x200)),
        attack("jcel", "unshare: semaphores", |_| unshare(0x4_0000)),
        attack("jcel", "unshare: nothing", |_| unshare(0)),
    ]
}

fn socket(family: usize, kind: usize, protocol: usize) -> Result<usize, i32> {
    call(libc::SYS_socket, &[family, kind, protocol])
}

/// Families and protocols whose code in the kernel few use and fewer look at.
fn sockets() -> Vec<Attack> {
    vec![
        attack("jcel", "socket: kernel's tables of connections", |_| socket(16, 3, 4)),
        attack("jcel", "socket: kernel's security associations", |_| socket(16, 3, 6)),
        attack("jcel", "socket: kernel's packet filter", |_| socket(16, 3, 12)),
        attack("jcel", "socket: kernel's connector", |_| socket(16, 2, 11)),
        attack("jcel", "socket: kernel's generic families", |_| socket(16, 3, 16)),
        attack("jcel", "socket: kernel's transports", |_| socket(16, 3, 18)),
        attack("jcel", "socket: kernel's ciphers by netlink", |_| socket(16, 3, 21)),
        attack("jcel", "socket: audit, high bits set", |_| socket(16 | 1 << 32, 3, 9)),
        attack("jcel", "socket: amateur radio", |_| socket(3, 5, 0)),
        attack("jcel", "socket: IPX", |_| socket(4, 2, 0)),
        attack("jcel", "socket: AppleTalk", |_| socket(5, 2, 0)),
        attack("jcel", "socket: X.25", |_| socket(9, 5, 0)),
        attack("jcel", "socket: RDS", |_| socket(21, 5, 0)),
        attack("jcel", "socket: PPP", |_| socket(24, 2, 0)),
        attack("jcel", "socket: link layer", |_| socket(26, 2, 0)),
        attack("jcel", "socket: CAN", |_| socket(29, 3, 1)),
        attack("jcel", "socket: TIPC", |_| socket(30, 5, 0)),
        attack("jcel", "socket: remote calls", |_| socket(33, 2, 2)),
        attack("jcel", "socket: telephones", |_| socket(35, 2, 0)),
        attack("jcel", "socket: sensors", |_| socket(36, 2, 0)),
        attack("jcel", "socket: near field", |_| socket(39, 5, 0)),
        attack("jcel", "socket: kernel's multiplexer", |_| socket(41, 2, 0)),
        attack("jcel", "socket: modems", |_| socket(42, 2, 0)),
        attack("jcel", "socket: SMC", |_| socket(43, 1, 0)),
        attack("jcel", "socket: XDP", |_| socket(44, 3, 0)),
        attack("jcel", "socket: raw, version 6", |_| socket(10, 3, 58)),
        attack("jcel", "socket: ping, version 6", |_| socket(10, 2, 58)),
        attack("jcel", "socket: MPTCP, version 6", |_| socket(10, 1, 262)),
        attack("jcel", "socket: MPTCP, high bits set", |_| socket(2, 1 | 1 << 32, 262)),
        attack("jcel", "socket: old packets", |_| socket(2, 10, 0x300)),
    ]
}

/// Other processes.
fn others() -> Vec<Attack> {
    vec![
        attack("jcel", "ptrace: peek", |s| call(libc::SYS_ptrace, &[1, s.victim, 0, 0])),
        attack("jcel", "ptrace: interrupt", |s| call(libc::SYS_ptrace, &[0x4207, s.victim, 0, 0])),
        attack("jcel", "kcmp of itself", |_| {
            let me = usize::try_from(std::process::id()).unwrap();
            call(libc::SYS_kcmp, &[me, me, 0, 0, 0])
        }),
        attack("jcel", "process_vm_readv of itself", |_| {
            let (piece, pid) = ([room(1), 8], usize::try_from(std::process::id()).unwrap());
            call(libc::SYS_process_vm_readv, &[pid, at(&piece), 1, at(&piece), 1, 0])
        }),
        attack("jcel", "keyctl: a session of its own", |_| call(libc::SYS_keyctl, &[1, 0])),
        attack("jcel", "keyctl: persistent keys", |_| call(libc::SYS_keyctl, &[22, usize::MAX, 0xffff_fffc])),
        attack("jcel", "perf_event_open: of the victim", |s| {
            let mut all = [0_u64; 16];
            (all[0], all[5]) = (1 | 128 << 32, 0x61);
            call(libc::SYS_perf_event_open, &[at(&all), s.victim, usize::MAX, usize::MAX, 0])
        }),
        attack("jcel", "personality: no random addresses", |_| call(libc::SYS_personality, &[0x004_0000])),
        attack("jcel", "personality: what is read may run, high bits set", |_| {
            call(libc::SYS_personality, &[0x040_0000 | 1 << 32])
        }),
    ]
}

fn mounts() -> Vec<Attack> {
    vec![
        attack("jcel", "mount: bind", |s| {
            call(libc::SYS_mount, &[at(s.dir_path.as_slice()), at(s.dir_path.as_slice()), 0, 4096, 0])
        }),
        attack("jcel", "mount: anew", |_| call(libc::SYS_mount, &[0, at(b"/\0"), 0, 32 | 4096, 0])),
        attack("jcel", "mount: share", |_| call(libc::SYS_mount, &[0, at(b"/\0"), 0, 1 << 20, 0])),
        attack("jcel", "umount: later", |s| call(libc::SYS_umount2, &[at(s.dir_path.as_slice()), 2])),
        attack("jcel", "open_tree: a copy", |s| call(libc::SYS_open_tree, &[HERE, at(s.dir_path.as_slice()), 1])),
        attack("jcel", "quotactl_fd", |s| call(libc::SYS_quotactl_fd, &[s.dir_fd(), 0x8000_0500, 0, room(16)])),
        attack("jcel", "ustat", |_| call(libc::SYS_ustat, &[0, room(8)])),
        attack("jcel", "sysfs: how many", |_| call(libc::SYS_sysfs, &[3, 0, 0])),
    ]
}

/// Interfaces of the kernel that are large, or that run code in it.
fn interfaces() -> Vec<Attack> {
    vec![
        attack("jcel", "bpf: a program", |_| {
            let mut all = [0_u64; 16];
            all[0] = 1 | 2 << 32;
            call(libc::SYS_bpf, &[5, at(&all), 128])
        }),
        attack("jcel", "bpf: type information", |_| call(libc::SYS_bpf, &[18, room(16), 32])),
        attack("jcel", "io_uring_enter", |_| call(libc::SYS_io_uring_enter, &[usize::MAX, 0, 0, 0, 0, 0])),
        attack("jcel", "io_uring_register", |_| call(libc::SYS_io_uring_register, &[usize::MAX, 0, 0, 0])),
        attack("jcel", "userfaultfd: of user space alone", |_| call(libc::SYS_userfaultfd, &[1 | 0o2_000_000])),
        attack("jcel", "modify_ldt: write", |_| call(libc::SYS_modify_ldt, &[1, room(2), 16])),
        attack("jcel", "syslog: read", |_| call(libc::SYS_syslog, &[3, room(8), 64])),
        attack("jcel", "x32: ptrace", |_| call(0x4000_0209, &[0, 0, 0, 0])),
        attack("jcel", "x32: mount", |s| call(0x4000_00a5, &[at(b"none\0"), at(s.dir_path.as_slice()), at(b"tmpfs\0"), 0, 0])),
        attack("jcel", "x32: socket", |_| call(0x4000_0029, &[16, 3, 9])),
        attack("jcel", "x32: unshare", |_| call(0x4000_0110, &[0x1000_0000])),
    ]
}
