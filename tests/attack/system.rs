//! The host: what administrators do, and other interfaces of the kernel.

use crate::raw::{at, call, old_interface, room};
use crate::scene::{Attack, HERE, attack};

/// Attacks on the host. Those that could harm it have arguments with which they fail everywhere, but for the filter.
pub(crate) fn attacks() -> Vec<Attack> {
    [host(), kernel()].concat()
}

fn host() -> Vec<Attack> {
    vec![
        attack("jel", "mount", |s| call(libc::SYS_mount, &[at(b"none\0"), at(s.dir_path.as_slice()), at(b"tmpfs\0"), 0, 0])),
        attack("jel", "umount", |s| call(libc::SYS_umount2, &[at(s.dir_path.as_slice()), 0])),
        attack("jel", "pivot_root", |s| call(libc::SYS_pivot_root, &[at(s.dir_path.as_slice()), at(s.dir_path.as_slice())])),
        attack("jel", "fsopen", |_| call(libc::SYS_fsopen, &[at(b"tmpfs\0"), 0])),
        attack("jel", "fsconfig", |s| call(libc::SYS_fsconfig, &[s.dir_fd(), 6, 0, 0, 0])),
        attack("jel", "fsmount", |s| call(libc::SYS_fsmount, &[s.dir_fd(), 0, 0])),
        attack("jel", "fspick", |s| call(libc::SYS_fspick, &[HERE, at(s.dir_path.as_slice()), 0])),
        attack("jel", "open_tree", |s| call(libc::SYS_open_tree, &[HERE, at(s.dir_path.as_slice()), 0])),
        attack("jel", "move_mount", |s| {
            call(libc::SYS_move_mount, &[HERE, at(s.dir_path.as_slice()), HERE, at(s.dir_path.as_slice()), 0])
        }),
        attack("jel", "mount_setattr", |s| call(libc::SYS_mount_setattr, &[HERE, at(s.dir_path.as_slice()), 0, room(4), 32])),
        attack("jel", "sethostname", |_| call(libc::SYS_sethostname, &[at(b"x"), 1000])),
        attack("jel", "setdomainname", |_| call(libc::SYS_setdomainname, &[at(b"x"), 1000])),
        attack("jel", "clock_settime", |_| call(libc::SYS_clock_settime, &[1, room(2)])),
        attack("jel", "settimeofday", |_| call(libc::SYS_settimeofday, &[at(&[u64::MAX; 2]), 0])),
        attack("jel", "adjtimex", |_| call(libc::SYS_adjtimex, &[room(26)])),
        attack("jel", "clock_adjtime", |_| call(libc::SYS_clock_adjtime, &[0, room(26)])),
        attack("jel", "reboot", |_| call(libc::SYS_reboot, &[0, 0, 0, 0])),
        attack("jel", "kexec_load", |_| call(libc::SYS_kexec_load, &[0, 17, 0, usize::MAX])),
        attack("jel", "kexec_file_load", |_| call(libc::SYS_kexec_file_load, &[usize::MAX, usize::MAX, 0, 0, usize::MAX])),
        attack("jel", "init_module", |_| call(libc::SYS_init_module, &[0, 0, at(b"\0")])),
        attack("jel", "finit_module", |_| call(libc::SYS_finit_module, &[usize::MAX, at(b"\0"), 0])),
        attack("jel", "delete_module", |_| call(libc::SYS_delete_module, &[at(b"no-such-module\0"), 0o4_000])),
        attack("jel", "swapon", |_| call(libc::SYS_swapon, &[at(b"/no-such-file\0"), 0])),
        attack("jel", "swapoff", |_| call(libc::SYS_swapoff, &[at(b"/no-such-file\0")])),
        attack("jel", "quotactl", |_| call(libc::SYS_quotactl, &[0x8000_0100, 0, 0, 0])),
        attack("jel", "acct", |_| call(libc::SYS_acct, &[at(b"/no-such-file\0")])),
        attack("jel", "syslog", |_| call(libc::SYS_syslog, &[10, 0, 0])),
        attack("jel", "vhangup", |_| call(libc::SYS_vhangup, &[])),
        attack("jel", "iopl", |_| call(libc::SYS_iopl, &[3])),
        attack("jel", "ioperm", |_| call(libc::SYS_ioperm, &[0x80, 1, 1])),
    ]
}

fn kernel() -> Vec<Attack> {
    vec![
        attack("jel", "bpf", |_| call(libc::SYS_bpf, &[0, at(&[2_u32, 4, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), 72])),
        attack("jel", "keyctl", |_| call(libc::SYS_keyctl, &[0, 0xffff_fffd, 1])),
        attack("jel", "add_key", |_| call(libc::SYS_add_key, &[at(b"user\0"), at(b"x\0"), at(b"y"), 1, 0xffff_fffe])),
        attack("jel", "request_key", |_| call(libc::SYS_request_key, &[at(b"user\0"), at(b"x\0"), 0, 0xffff_fffe])),
        attack("jel", "modify_ldt", |_| call(libc::SYS_modify_ldt, &[0, room(64), 64])),
        attack("jel", "sysfs", |_| call(libc::SYS_sysfs, &[3])),
        attack("jel", "lookup_dcookie", |_| call(libc::SYS_lookup_dcookie, &[0, room(64), 64])),
        attack("je", "eventfd2", |_| call(libc::SYS_eventfd2, &[0, 0])),
        attack("je", "timerfd_create", |_| call(libc::SYS_timerfd_create, &[1, 0])),
        attack("je", "timer_create", |_| call(libc::SYS_timer_create, &[1, 0, room(1)])),
        attack("je", "setitimer", |_| call(libc::SYS_setitimer, &[0, room(4), 0])),
        attack("je", "signalfd4", |_| call(libc::SYS_signalfd4, &[usize::MAX, room(1), 8, 0])),
        attack("je", "epoll_create1", |_| call(libc::SYS_epoll_create1, &[0])),
        attack("je", "pipe2", |_| call(libc::SYS_pipe2, &[room(2), 0])),
        attack("je", "mq_open", |_| {
            call(libc::SYS_mq_open, &[at(b"airlock\0"), 0o102, 0o600, 0])
                .and_then(|_| call(libc::SYS_mq_unlink, &[at(b"airlock\0")]))
        }),
        attack("je", "msgget", |_| {
            let id = call(libc::SYS_msgget, &[0, 0o1600])?;
            call(libc::SYS_msgctl, &[id, 0, 0])
        }),
        attack("je", "semget", |_| {
            let id = call(libc::SYS_semget, &[0, 1, 0o1600])?;
            call(libc::SYS_semctl, &[id, 0, 0, 0])
        }),
        attack("je", "getrusage of others", |_| call(libc::SYS_getrusage, &[usize::MAX, room(18)])),
        attack("je", "sysinfo", |_| call(libc::SYS_sysinfo, &[room(16)])),
        attack("jel", "the interface of 32-bit programs", |_| old_interface()),
        attack("jel", "the interface of x32", |_| call(0x4000_0027, &[])),
        attack("jel", "x32: write", |_| call(0x4000_0001, &[1, at(b""), 0])),
        attack("je", "a call that there is not", |_| call(1000, &[])),
    ]
}
