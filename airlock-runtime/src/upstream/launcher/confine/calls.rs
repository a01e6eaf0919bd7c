//! System calls that no server needs, or that Landlock does not govern. All others stay: a program in a language with a compiler at run
//! time uses too many of them to be told beforehand.
//!
//! What is refused fails with `EPERM`, as it does for want of a privilege; what programs try first and have another way for does not exist.

use crate::confine::bpf::{Action, Cond, Filter, Is, Rule, allow_only, filter, refuse, refuse_if};
use crate::confine::install;
use libc::{EAFNOSUPPORT, ENOSYS, EPERM};

/// What holds, in words.
pub(super) const WORDS: &str = "system calls filtered (seccomp)";

filter! { static TABLE = DENIED; }
filter! { static PROXIED = DENIED_BUT_PROXY; }

/// Filters the calls of this process and of what it becomes and starts. `is_proxied`: it connects to the gateway in its own namespace.
///
/// # Errors
/// The kernel has no filters.
pub(super) fn filter(is_proxied: bool) -> Result<(), String> {
    install::for_this_thread(if is_proxied { &PROXIED } else { &TABLE }).map_err(|fault| format!("{fault} (seccomp)"))
}

const DENIED: Filter =
    Filter { groups: &[NETWORK, FILES, PROCESSES, MEMORY, SYSTEM, ABSENT, OF_THIS_MACHINE], otherwise: Action::Allow };

/// With a network: the same, but for TCP in a namespace that has the gateway alone.
const DENIED_BUT_PROXY: Filter =
    Filter { groups: &[PROXIED_NETWORK, FILES, PROCESSES, MEMORY, SYSTEM, ABSENT, OF_THIS_MACHINE], otherwise: Action::Allow };

/// `AF_UNIX`.
const UNIX: u32 = 1;
/// `SOCK_CLOEXEC` and `SOCK_NONBLOCK`.
const SOCKET_FLAGS: u32 = 0o2_004_000;
/// `SOCK_STREAM`.
const STREAM: u32 = 1;
/// `SOCK_SEQPACKET`.
const PACKETS: u32 = 5;

/// No socket but a pair that leads nowhere else. A pair of datagram sockets could send to any path.
const NETWORK: &[Rule] = &[
    refuse(libc::SYS_socket, EPERM),
    PAIRS,
    refuse(libc::SYS_connect, EPERM),
    refuse(libc::SYS_bind, EPERM),
    refuse(libc::SYS_listen, EPERM),
    refuse(libc::SYS_accept, EPERM),
    refuse(libc::SYS_accept4, EPERM),
];
const PAIRS: Rule = allow_only(
    libc::SYS_socketpair,
    &[
        &[Cond(0, Is::Int(&[UNIX])), Cond(1, Is::IntBut { free: SOCKET_FLAGS, is: STREAM })],
        &[Cond(0, Is::Int(&[UNIX])), Cond(1, Is::IntBut { free: SOCKET_FLAGS, is: PACKETS })],
    ],
    EPERM,
);

/// TCP over IPv4, to be connected and no more. Programs take the error of the others for a host that has no such family.
const PROXIED_NETWORK: &[Rule] = &[
    allow_only(
        libc::SYS_socket,
        &[&[Cond(0, Is::Int(&[INTERNET])), Cond(1, Is::IntBut { free: SOCKET_FLAGS, is: STREAM }), Cond(2, Is::Int(&[0, TCP]))]],
        EAFNOSUPPORT,
    ),
    PAIRS,
    refuse(libc::SYS_bind, EPERM),
    refuse(libc::SYS_listen, EPERM),
    refuse(libc::SYS_accept, EPERM),
    refuse(libc::SYS_accept4, EPERM),
];
/// `AF_INET`.
const INTERNET: u32 = 2;
/// `IPPROTO_TCP`.
const TCP: u32 = 6;

/// The bits of a mode that say what kind of file it is.
const KIND: u32 = 0o170_000;
/// A pipe with a name.
const PIPE: u32 = 0o010_000;
/// A plain file.
const PLAIN: u32 = 0o100_000;

/// What Landlock lets pass: modes, owners, times and attributes of any file that belongs to the user, wherever it is; and events of any
/// directory, which tell the names in it.
const FILES: &[Rule] = &[
    refuse(libc::SYS_fchmod, EPERM),
    refuse(libc::SYS_fchmodat, EPERM),
    refuse(FCHMODAT2, EPERM),
    refuse(libc::SYS_fchown, EPERM),
    refuse(libc::SYS_fchownat, EPERM),
    refuse(libc::SYS_setxattr, EPERM),
    refuse(libc::SYS_lsetxattr, EPERM),
    refuse(libc::SYS_fsetxattr, EPERM),
    refuse(SETXATTRAT, EPERM),
    refuse(libc::SYS_removexattr, EPERM),
    refuse(libc::SYS_lremovexattr, EPERM),
    refuse(libc::SYS_fremovexattr, EPERM),
    refuse(REMOVEXATTRAT, EPERM),
    refuse(FILE_SETATTR, EPERM),
    // Without a path it is a file that was opened for writing.
    allow_only(libc::SYS_utimensat, &[&[Cond(1, Is::Long(&[0]))]], EPERM),
    allow_only(
        libc::SYS_mknodat,
        &[&[Cond(2, Is::IntBut { free: !KIND, is: PIPE })], &[Cond(2, Is::IntBut { free: !KIND, is: PLAIN })]],
        EPERM,
    ),
    refuse(libc::SYS_inotify_init1, EPERM),
    refuse(libc::SYS_fanotify_init, EPERM),
    refuse(libc::SYS_fanotify_mark, EPERM),
    refuse(libc::SYS_name_to_handle_at, EPERM),
    refuse(libc::SYS_open_by_handle_at, EPERM),
    refuse(libc::SYS_quotactl, EPERM),
    refuse(libc::SYS_quotactl_fd, EPERM),
    refuse(libc::SYS_mount, EPERM),
    refuse(libc::SYS_umount2, EPERM),
    refuse(libc::SYS_pivot_root, EPERM),
    refuse(libc::SYS_chroot, EPERM),
    refuse(libc::SYS_move_mount, EPERM),
    refuse(libc::SYS_open_tree, EPERM),
    refuse(OPEN_TREE_ATTR, EPERM),
    refuse(libc::SYS_fsopen, EPERM),
    refuse(libc::SYS_fsconfig, EPERM),
    refuse(libc::SYS_fsmount, EPERM),
    refuse(libc::SYS_fspick, EPERM),
    refuse(libc::SYS_mount_setattr, EPERM),
    // A character put into a terminal is typed by its user.
    refuse_if(libc::SYS_ioctl, &[&[Cond(1, Is::Int(&[TIOCSTI, TIOCLINUX, TIOCSETD]))]], EPERM),
];

const TIOCSTI: u32 = 0x5412;
const TIOCLINUX: u32 = 0x541c;
const TIOCSETD: u32 = 0x5423;
// Numbers that are the same on every machine, of calls that are newer than some C libraries.
const FCHMODAT2: i64 = 452;
const SETXATTRAT: i64 = 463;
const REMOVEXATTRAT: i64 = 466;
const OPEN_TREE_ATTR: i64 = 467;
const FILE_SETATTR: i64 = 469;

/// Flags of `clone` that make namespaces.
const NAMESPACES: u32 = 0x7e02_0000;
/// `AT_EMPTY_PATH`: what is run has no path that a rule could speak of.
const EMPTY_PATH: u32 = 0x1000;
/// Of itself, not of another process.
const OWN: &[&[Cond]] = &[&[Cond(0, Is::Int(&[0]))]];

/// Other processes of the user, and other users.
const PROCESSES: &[Rule] = &[
    refuse(libc::SYS_ptrace, EPERM),
    refuse(libc::SYS_process_vm_readv, EPERM),
    refuse(libc::SYS_process_vm_writev, EPERM),
    refuse(libc::SYS_process_madvise, EPERM),
    refuse(libc::SYS_process_mrelease, EPERM),
    refuse(libc::SYS_pidfd_getfd, EPERM),
    refuse(libc::SYS_kcmp, EPERM),
    allow_only(libc::SYS_prlimit64, OWN, EPERM),
    allow_only(libc::SYS_sched_setaffinity, OWN, EPERM),
    allow_only(libc::SYS_sched_setattr, OWN, EPERM),
    allow_only(libc::SYS_sched_setparam, OWN, EPERM),
    allow_only(libc::SYS_sched_setscheduler, OWN, EPERM),
    allow_only(libc::SYS_setpriority, &[&[Cond(0, Is::Int(&[0])), Cond(1, Is::Int(&[0]))]], EPERM),
    refuse(libc::SYS_ioprio_set, EPERM),
    refuse(libc::SYS_unshare, EPERM),
    refuse(libc::SYS_setns, EPERM),
    allow_only(libc::SYS_clone, &[&[Cond(0, Is::IntBut { free: !NAMESPACES, is: 0 })]], EPERM),
    allow_only(libc::SYS_execveat, &[&[Cond(4, Is::IntBut { free: !EMPTY_PATH, is: 0 })]], EPERM),
    refuse(libc::SYS_setuid, EPERM),
    refuse(libc::SYS_setgid, EPERM),
    refuse(libc::SYS_setreuid, EPERM),
    refuse(libc::SYS_setregid, EPERM),
    refuse(libc::SYS_setresuid, EPERM),
    refuse(libc::SYS_setresgid, EPERM),
    refuse(libc::SYS_setfsuid, EPERM),
    refuse(libc::SYS_setfsgid, EPERM),
    refuse(libc::SYS_setgroups, EPERM),
    refuse(libc::SYS_capset, EPERM),
];

/// `MFD_NOEXEC_SEAL`.
const NOEXEC: u32 = 0x8;
/// `MFD_EXEC`.
const EXEC: u32 = 0x10;

/// Memory that is a file without a path, or that others have too.
const MEMORY: &[Rule] = &[
    allow_only(libc::SYS_memfd_create, &[&[Cond(1, Is::IntBut { free: !(NOEXEC | EXEC), is: NOEXEC })]], EPERM),
    refuse(libc::SYS_migrate_pages, EPERM),
    refuse(libc::SYS_move_pages, EPERM),
    refuse(libc::SYS_remap_file_pages, EPERM),
    refuse(libc::SYS_shmget, EPERM),
    refuse(libc::SYS_shmat, EPERM),
    refuse(libc::SYS_shmctl, EPERM),
    refuse(libc::SYS_semget, EPERM),
    refuse(libc::SYS_semctl, EPERM),
    refuse(libc::SYS_semop, EPERM),
    refuse(libc::SYS_semtimedop, EPERM),
    refuse(libc::SYS_msgget, EPERM),
    refuse(libc::SYS_msgsnd, EPERM),
    refuse(libc::SYS_msgrcv, EPERM),
    refuse(libc::SYS_msgctl, EPERM),
    refuse(libc::SYS_mq_open, EPERM),
    refuse(libc::SYS_mq_unlink, EPERM),
];

/// `personality` that only asks.
const ASKS: u32 = 0xffff_ffff;

/// The machine, and parts of the kernel that have had many flaws.
const SYSTEM: &[Rule] = &[
    refuse(libc::SYS_bpf, EPERM),
    refuse(libc::SYS_perf_event_open, EPERM),
    refuse(libc::SYS_userfaultfd, EPERM),
    refuse(libc::SYS_keyctl, EPERM),
    refuse(libc::SYS_add_key, EPERM),
    refuse(libc::SYS_request_key, EPERM),
    allow_only(libc::SYS_personality, &[&[Cond(0, Is::Int(&[0, ASKS]))]], EPERM),
    refuse(libc::SYS_init_module, EPERM),
    refuse(libc::SYS_finit_module, EPERM),
    refuse(libc::SYS_delete_module, EPERM),
    refuse(libc::SYS_kexec_load, EPERM),
    refuse(libc::SYS_reboot, EPERM),
    refuse(libc::SYS_swapon, EPERM),
    refuse(libc::SYS_swapoff, EPERM),
    refuse(libc::SYS_acct, EPERM),
    refuse(libc::SYS_syslog, EPERM),
    refuse(libc::SYS_vhangup, EPERM),
    refuse(libc::SYS_sethostname, EPERM),
    refuse(libc::SYS_setdomainname, EPERM),
    refuse(libc::SYS_settimeofday, EPERM),
    refuse(libc::SYS_clock_settime, EPERM),
    refuse(libc::SYS_clock_adjtime, EPERM),
    refuse(libc::SYS_adjtimex, EPERM),
    refuse(libc::SYS_lookup_dcookie, EPERM),
];

/// Calls whose arguments lie in memory, where no filter sees them, and for which programs have another way.
const ABSENT: &[Rule] = &[
    refuse(libc::SYS_clone3, ENOSYS),
    refuse(libc::SYS_io_uring_setup, ENOSYS),
    refuse(libc::SYS_io_uring_enter, ENOSYS),
    refuse(libc::SYS_io_uring_register, ENOSYS),
    refuse(MEMFD_SECRET, ENOSYS),
];

const MEMFD_SECRET: i64 = 447;

/// Older forms of calls above, and what other machines never had.
#[cfg(target_arch = "x86_64")]
const OF_THIS_MACHINE: &[Rule] = &[
    refuse(libc::SYS_chmod, EPERM),
    refuse(libc::SYS_chown, EPERM),
    refuse(libc::SYS_lchown, EPERM),
    refuse(libc::SYS_utime, EPERM),
    refuse(libc::SYS_utimes, EPERM),
    refuse(libc::SYS_futimesat, EPERM),
    refuse(libc::SYS_inotify_init, EPERM),
    allow_only(
        libc::SYS_mknod,
        &[&[Cond(1, Is::IntBut { free: !KIND, is: PIPE })], &[Cond(1, Is::IntBut { free: !KIND, is: PLAIN })]],
        EPERM,
    ),
    refuse(libc::SYS_modify_ldt, EPERM),
    refuse(libc::SYS_iopl, EPERM),
    refuse(libc::SYS_ioperm, EPERM),
    refuse(libc::SYS_uselib, EPERM),
    refuse(libc::SYS_kexec_file_load, EPERM),
];

#[cfg(not(target_arch = "x86_64"))]
const OF_THIS_MACHINE: &[Rule] = &[];

#[cfg(test)]
#[cfg(target_arch = "x86_64")]
mod tests {
    use super::*;
    use crate::confine::bpf::{ARCH, Insn};

    const ALLOWED: u32 = 0x7fff_0000;
    const KILLED: u32 = 0x8000_0000;
    const I386: u32 = 0x4000_0003;

    /// What the kernel would make of a call.
    fn answer(arch: u32, nr: u32, args: [u64; 6]) -> u32 {
        let word = |at: u32| match at {
            0 => nr,
            4 => arch,
            at => {
                let arg = args[(at as usize - 16) / 8];
                u32::try_from(if at % 8 == 0 { arg & 0xffff_ffff } else { arg >> 32 }).unwrap()
            }
        };
        let (mut held, mut at) = (0, 0);
        loop {
            let Insn { code, jt, jf, k } = TABLE[at];
            at += 1;
            let mut skip = |holds: bool| at += usize::from(if holds { jt } else { jf });
            match code {
                0x20 => held = word(k),
                0x54 => held &= k,
                0x05 => at += k as usize,
                0x15 => skip(held == k),
                0x35 => skip(held >= k),
                0x06 => return k,
                other => panic!("no such operation: {other:#x}"),
            }
        }
    }

    fn of(nr: i64, args: &[u64]) -> u32 {
        let mut all = [0; 6];
        all[..args.len()].copy_from_slice(args);
        answer(ARCH, u32::try_from(nr).unwrap(), all)
    }

    #[test]
    fn what_is_refused_is_so_whatever_the_upper_half_says() {
        let refused = 0x0005_0000 | u32::try_from(EPERM).unwrap();
        // A flag beyond 32 bits is none; without it the call would be refused all the same.
        for high in [0, 1 << 32, u64::MAX << 32] {
            for (nr, args) in [
                (libc::SYS_socket, vec![1, 1]),
                (libc::SYS_socketpair, vec![high | 1, high | 2]),
                (libc::SYS_socketpair, vec![high | 2, high | 1]),
                (libc::SYS_clone, vec![high | 0x1000_0011]),
                (libc::SYS_execveat, vec![3, 0, 0, 0, high | 0x1000]),
                (libc::SYS_memfd_create, vec![0, high | 0x18]),
                (libc::SYS_memfd_create, vec![0, high]),
                (libc::SYS_prlimit64, vec![high | 7]),
                (libc::SYS_personality, vec![high | 0x0004_0000]),
                (libc::SYS_ioctl, vec![0, high | 0x5412]),
                (libc::SYS_mknodat, vec![0, 0, high | 0o020_600]),
                (libc::SYS_mknodat, vec![0, 0, high | 0o140_600]),
                (libc::SYS_utimensat, vec![0, high | 1]),
                (libc::SYS_setpriority, vec![high, high | 7]),
            ] {
                assert_eq!(of(nr, &args), refused, "{nr} {args:x?}");
            }
        }
        assert_eq!(of(libc::SYS_utimensat, &[0, 1 << 32]), refused, "an address is all of its register");
    }

    #[test]
    fn what_programs_need_stays() {
        for (nr, args) in [
            (libc::SYS_read, vec![]),
            (libc::SYS_openat, vec![]),
            (libc::SYS_execve, vec![]),
            (libc::SYS_execveat, vec![3, 0, 0, 0, 0x100]),
            (libc::SYS_clone, vec![0x0100_0011]),
            (libc::SYS_clone, vec![0x003d_0f00]),
            (libc::SYS_socketpair, vec![1, 0o2_004_001]),
            (libc::SYS_socketpair, vec![1, 5]),
            (libc::SYS_memfd_create, vec![0, 0x9]),
            (libc::SYS_prlimit64, vec![0, 7]),
            (libc::SYS_personality, vec![0xffff_ffff]),
            (libc::SYS_utimensat, vec![3, 0]),
            (libc::SYS_mknodat, vec![0, 0, 0o010_600]),
            (libc::SYS_kill, vec![1, 15]),
            (1023, vec![]),
        ] {
            assert_eq!(of(nr, &args), ALLOWED, "{nr} {args:x?}");
        }
        let absent = 0x0005_0000 | u32::try_from(ENOSYS).unwrap();
        assert_eq!([libc::SYS_clone3, libc::SYS_io_uring_setup].map(|nr| of(nr, &[])), [absent; 2]);
    }

    #[test]
    fn calls_of_other_machines_end_the_process() {
        for nr in [0, 20, 39, 359] {
            assert_eq!(answer(I386, nr, [0; 6]), KILLED);
            assert_eq!(answer(ARCH, 0x4000_0000 | nr, [0; 6]), KILLED);
        }
    }
}
