//! The host: what administrators do, and other interfaces of the kernel.

use crate::raw::{at, call, old_interface, room};
use crate::scene::{Attack, HERE, attack};

/// Attacks on the host. Those that could harm it have arguments with which they fail everywhere, but for the filter.
pub(crate) fn attacks() -> Vec<Attack> {
    [host(), kernel()].concat()
}

fn host() -> Vec<Attack> {
    vec![
        attack("jcel", "mount", |s| call(libc::SYS_mount, &[at(b"none\0"), at(s.dir_path.as_slice()), at(b"tmpfs\0"), 0, 0])),
        attack("jcel", "umount", |s| call(libc::SYS_umount2, &[at(s.dir_path.as_slice()), 0])),
        attack("jcel", "pivot_root", |s| call(libc::SYS_pivot_root, &[at(s.dir_path.as_slice()), at(s.dir_path.as_slice())])),
        attack("jcel", "fsopen", |_| call(libc::SYS_fsopen, &[at(b"tmpfs\0"), 0])),
        attack("jcel", "fsconfig", |s| call(libc::SYS_fsconfig, &[s.dir_fd(), 6, 0, 0, 0])),
        attack("jcel", "fsmount", |s| call(libc::SYS_fsmount, &[s.dir_fd(), 0, 0])),
        attack("jcel", "fspick", |s| call(libc::SYS_fspick, &[HERE, at(s.dir_path.as_slice()), 0])),
        attack("jcel", "open_tree", |s| call(libc::SYS_open_tree, &[HERE, at(s.dir_path.as_slice()), 0])),
        attack("jcel", "move_mount", |s| {
            call(libc::SYS_move_mount, &[HERE, at(s.dir_path.as_slice()), HERE, at(s.dir_path.as_slice()), 0])
        }),
        attack("jcel", "mount_setattr", |s| call(libc::SYS_mount_setattr, &[HERE, at(s.dir_path.as_slice()), 0, room(4), 32])),
        attack("jcel", "sethostname", |_| call(libc::SYS_sethostname, &[at(b"x"), 1000])),
        attack("jcel", "setdomainname", |_| call(libc::SYS_setdomainname, &[at(b"x"), 1000])),
        attack("jcel", "clock_settime", |_| call(libc::SYS_clock_settime, &[1, room(2)])),
        attack("jcel", "settimeofday", |_| call(libc::SYS_settimeofday, &[at(&[u64::MAX; 2]), 0])),
        attack("jcel", "adjtimex", |_| call(libc::SYS_adjtimex, &[room(26)])),
        attack("jcel", "clock_adjtime", |_| call(libc::SYS_clock_adjtime, &[0, room(26)])),
        attack("jcel", "reboot", |_| call(libc::SYS_reboot, &[0, 0, 0, 0])),
        attack("jcel", "kexec_load", |_| call(libc::SYS_kexec_load, &[0, 17, 0, usize::MAX])),
        attack("jcel", "kexec_file_load", |_| call(libc::SYS_kexec_file_load, &[usize::MAX, usize::MAX, 0, 0, usize::MAX])),
        attack("jcel", "init_module", |_| call(libc::SYS_init_module, &[0, 0, at(b"\0")])),
        attack("jcel", "finit_module", |_| call(libc::SYS_finit_module, &[usize::MAX, at(b"\0"), 0])),
        attack("jcel", "delete_module", |_| call(libc::SYS_delete_module, &[at(b"no-such-module\0"), 0o4_000])),
        attack("jcel", "swapon", |_| call(libc::SYS_swapon, &[at(b"/no-such-file\0"), 0])),
        attack("jcel", "swapoff", |_| call(libc::SYS_swapoff, &[at(b"/no-such-file\0")])),
        attack("jcel", "quotactl", |_| call(libc::SYS_quotactl, &[0x8000_0100, 0, 0, 0])),
        attack("jcel", "acct", |_| call(libc::SYS_acct, &[at(b"/no-such-file\0")])),
        attack("jcel", "syslog", |_| call(libc::SYS_syslog, &[10, 0, 0])),
        attack("jcel", "vhangup", |_| call(libc::SYS_vhangup, &[])),
        attack("jcel", "iopl", |_| call(libc::SYS_iopl, &[3])),
        attack("jcel", "ioperm", |_| call(libc::SYS_ioperm, &[0x80, 1, 1])),
    ]
}

fn kernel() -> Vec<Attack> {
    vec![
        attack("jcel", "bpf", |_| call(libc::SYS_bpf, &[0, at(&[2_u32, 4, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), 72])),
        attack("jcel", "keyctl", |_| call(libc::SYS_keyctl, &[0, 0xffff_fffd, 1])),
        attack("jcel", "add_key", |_| call(libc::SYS_add_key, &[at(b"user\0"), at(b"x\0"), at(b"y"), 1, 0xffff_fffe])),
        attack("jcel", "request_key", |_| call(libc::SYS_request_key, &[at(b"user\0"), at(b"x\0"), 0, 0xffff_fffe])),
        attack("jcel", "modify_ldt", |_| call(libc::SYS_modify_ldt, &[0, room(64), 64])),
        attack("jcel", "sysfs", |_| call(libc::SYS_sysfs, &[3])),
        attack("jcel", "lookup_dcookie", |_| call(libc::SYS_lookup_dcookie, &[0, room(64), 64])),
        attack("jce", "eventfd2", |_| call(libc::SYS_eventfd2, &[0, 0])),
        attack("jce", "timerfd_create", |_| call(libc::SYS_timerfd_create, &[1, 0])),
        attack("jce", "timer_create", |_| call(libc::SYS_timer_create, &[1, 0, room(1)])),
        attack("jce", "setitimer", |_| call(libc::SYS_setitimer, &[0, room(4), 0])),
        attack("jce", "signalfd4", |_| call(libc::SYS_signalfd4, &[usize::MAX, room(1), 8, 0])),
        attack("jce", "epoll_create1", |_| call(libc::SYS_epoll_create1, &[0])),
        attack("jce", "pipe2", |_| call(libc::SYS_pipe2, &[room(2), 0])),
        attack("jce", "mq_open", |_| {
            call(libc::SYS_mq_open, &[at(b"airlock\0"), 0o102, 0o600, 0])
                .and_then(|_| call(libc::SYS_mq_unlink, &[at(b"airlock\0")]))
        }),
        attack("jce", "msgget", |_| {
            let id = call(libc::SYS_msgget, &[0, 0o1600])?;
            call(libc::SYS_msgctl, &[id, 0, 0])
        }),
        attack("jce", "semget", |_| {
            let id = call(libc::SYS_semget, &[0, 1, 0o1600])?;
            call(libc::SYS_semctl, &[id, 0, 0, 0])
        }),
        attack("jce", "getrusage of others", |_| call(libc::SYS_getrusage, &[usize::MAX, room(18)])),
        attack("jce", "sysinfo", |_| call(libc::SYS_sysinfo, &[room(16)])),
        attack("jcel", "the interface of 32-bit programs", |_| old_interface()),
        attack("jcel", "the interface of x32", |_| call(0x4000_0027, &[])),
        attack("jcel", "x32: write", |_| call(0x4000_0001, &[1, at(b""), 0])),
        attack("jce", "a call that there is not", |_| call(1000, &[])),
    ]
}
