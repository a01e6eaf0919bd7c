//! Other programs, other processes, the memory and the identity of the process itself.

use crate::raw::{at, call, room, spawned};
use crate::scene::{Attack, HERE, attack};

/// `true` as a program, without arguments.
fn run_true(number: i64) -> Result<usize, i32> {
    let arguments = [at(b"/bin/true\0"), 0];
    match number {
        libc::SYS_execveat => call(number, &[HERE, arguments[0], at(&arguments), 0, 0]),
        _ => call(number, &[arguments[0], at(&arguments), 0]),
    }
}

/// Memory of the process and of the victim, as one piece.
const PIECE: [u8; 8] = [0; 8];

/// Attacks on processes.
pub(crate) fn attacks() -> Vec<Attack> {
    [starting(), reaching(), memory(), identity()].concat()
}

fn starting() -> Vec<Attack> {
    vec![
        attack("jce", "execve", |_| run_true(libc::SYS_execve)),
        attack("jce", "execveat", |_| run_true(libc::SYS_execveat)),
        attack("jce", "memfd_create", |_| call(libc::SYS_memfd_create, &[at(b"x\0"), 1])),
        attack("jce", "run a memfd", |_| {
            let fd = call(libc::SYS_memfd_create, &[at(b"x\0"), 1])?;
            let program = std::fs::read("/bin/true").map_err(|_| -1)?;
            call(libc::SYS_write, &[fd, at(program.as_slice()), program.len()])?;
            call(libc::SYS_execveat, &[fd, at(b"\0"), at(&[at(b"x\0"), 0]), 0, 0x1000])
        }),
        attack("jcel", "memfd_secret", |_| call(libc::SYS_memfd_secret, &[0])),
        attack("jce", "fork", |_| spawned(libc::SYS_fork, [0, 0])),
        attack("jce", "vfork", |_| spawned(libc::SYS_vfork, [0, 0])),
        attack("jce", "clone a process", |_| spawned(libc::SYS_clone, [17, 0])),
        attack("jce", "clone with the bits of a thread above", |_| spawned(libc::SYS_clone, [17 | 0x3d_0f00 << 32, 0])),
        attack("jcel", "clone: user namespace", |_| spawned(libc::SYS_clone, [0x1000_0011, 0])),
        attack("jcel", "clone3", |_| {
            spawned(
                libc::SYS_clone3,
                [
                    at(&{
                        let mut all = [0_u64; 8];
                        all[4] = 17;
                        all
                    }),
                    64,
                ],
            )
        }),
        attack("jcel", "unshare: user namespace", |_| call(libc::SYS_unshare, &[0x1000_0000])),
        attack("jcel", "unshare: files", |_| call(libc::SYS_unshare, &[0x400])),
        attack("jcel", "setns", |s| call(libc::SYS_setns, &[s.dir_fd(), 0])),
        attack("jce", "setsid", |_| call(libc::SYS_setsid, &[])),
        attack("jce", "setpgid", |_| call(libc::SYS_setpgid, &[0, 0])),
        attack("jcel", "io_uring", |_| call(libc::SYS_io_uring_setup, &[4, room(30)])),
        attack("jcel", "uselib", |_| call(libc::SYS_uselib, &[at(b"/bin/true\0")])),
    ]
}

fn reaching() -> Vec<Attack> {
    vec![
        attack("jcel", "ptrace: attach", |s| call(libc::SYS_ptrace, &[16, s.victim, 0, 0])),
        attack("jcel", "ptrace: seize", |s| call(libc::SYS_ptrace, &[0x4206, s.victim, 0, 0])),
        attack("jcel", "ptrace: be traced", |_| call(libc::SYS_ptrace, &[0, 0, 0, 0])),
        attack("jcel", "process_vm_readv", |s| {
            call(libc::SYS_process_vm_readv, &[s.victim, at(&[at(&PIECE), 8]), 1, at(&[0x1000_usize, 8]), 1, 0])
        }),
        attack("jcel", "process_vm_writev", |s| {
            call(libc::SYS_process_vm_writev, &[s.victim, at(&[at(&PIECE), 8]), 1, at(&[0x1000_usize, 8]), 1, 0])
        }),
        attack("jcel", "process_madvise", |_| call(libc::SYS_process_madvise, &[0, 0, 0, 4, 0])),
        attack("jcel", "kcmp", |s| call(libc::SYS_kcmp, &[s.victim, s.victim, 1, 0, 0])),
        attack("jce", "pidfd_open", |s| call(libc::SYS_pidfd_open, &[s.victim, 0])),
        attack("jcel", "pidfd_getfd", |s| {
            let pidfd = call(libc::SYS_pidfd_open, &[s.victim, 0]).unwrap_or(usize::MAX);
            call(libc::SYS_pidfd_getfd, &[pidfd, 1, 0])
        }),
        attack("jce", "pidfd_send_signal", |s| {
            let pidfd = call(libc::SYS_pidfd_open, &[s.victim, 0])?;
            call(libc::SYS_pidfd_send_signal, &[pidfd, 15, 0, 0])
        }),
        attack("jce", "kill another", |s| call(libc::SYS_kill, &[s.victim, 15])),
        attack("jce", "tkill another", |s| call(libc::SYS_tkill, &[s.victim, 15])),
        attack("jce", "tgkill another", |s| call(libc::SYS_tgkill, &[s.victim, s.victim, 15])),
        attack("jce", "rt_sigqueueinfo", |s| {
            call(libc::SYS_rt_sigqueueinfo, &[s.victim, 15, at(&[15_u32, 0, u32::MAX, 0, 0, 0, 0, 0])])
        }),
        attack("jce", "setpriority of another", |s| call(libc::SYS_setpriority, &[0, s.victim, 19])),
        attack("jce", "ioprio_set of another", |s| call(libc::SYS_ioprio_set, &[1, s.victim, 3 << 13])),
        attack("jce", "sched_setaffinity of another", |s| call(libc::SYS_sched_setaffinity, &[s.victim, 8, at(&[1_u64])])),
        attack("jce", "sched_setscheduler of another", |s| call(libc::SYS_sched_setscheduler, &[s.victim, 3, room(1)])),
        attack("jce", "prlimit of another", |s| call(libc::SYS_prlimit64, &[s.victim, 7, at(&[4_u64, 4]), 0])),
        attack("jce", "prlimit of itself", |_| call(libc::SYS_prlimit64, &[0, 4, at(&[0_u64, 0]), 0])),
        attack("jcel", "move_pages", |s| call(libc::SYS_move_pages, &[s.victim, 0, 0, 0, 0, 2])),
        attack("jcel", "migrate_pages", |s| call(libc::SYS_migrate_pages, &[s.victim, 8, at(&[1_u64]), at(&[1_u64])])),
        attack("jcel", "perf_event_open", |_| {
            let mut all = [0_u64; 16];
            (all[0], all[5]) = (1 | 128 << 32, 0x61);
            call(libc::SYS_perf_event_open, &[at(&all), 0, usize::MAX, usize::MAX, 0])
        }),
        attack("jce", "waitid for another", |_| call(libc::SYS_waitid, &[0, 0, 0, 5, 0])),
    ]
}

fn memory() -> Vec<Attack> {
    vec![
        attack("jce", "map memory to run", |_| call(libc::SYS_mmap, &[0, 4096, 7, 0x22, usize::MAX, 0])),
        attack("jce", "map memory to run, high bits set", |_| call(libc::SYS_mmap, &[0, 4096, 5 | 1 << 32, 0x22, usize::MAX, 0])),
        attack("jce", "map shared memory", |_| call(libc::SYS_mmap, &[0, 4096, 3, 0x21, usize::MAX, 0])),
        attack("jce", "map over what is there", |_| {
            let there = call(libc::SYS_mmap, &[0, 4096, 3, 0x22, usize::MAX, 0])?;
            call(libc::SYS_mmap, &[there, 4096, 3, 0x32, usize::MAX, 0])
        }),
        attack("jce", "map a program to run", |s| call(libc::SYS_mmap, &[0, 4096, 5, 2, s.fd(), 0])),
        attack("jce", "mprotect to run", |_| {
            let there = call(libc::SYS_mmap, &[0, 4096, 3, 0x22, usize::MAX, 0])?;
            call(libc::SYS_mprotect, &[there, 4096, 5])
        }),
        attack("jce", "pkey_mprotect to run", |_| {
            let there = call(libc::SYS_mmap, &[0, 4096, 3, 0x22, usize::MAX, 0])?;
            call(libc::SYS_pkey_mprotect, &[there, 4096, 5, usize::MAX])
        }),
        attack("jce", "mremap to a place of its choice", |_| {
            let there = call(libc::SYS_mmap, &[0, 4096, 3, 0x22, usize::MAX, 0])?;
            call(libc::SYS_mremap, &[there, 4096, 4096, 3, 0x7000_0000])
        }),
        attack("jce", "shmget", |_| call(libc::SYS_shmget, &[0, 4096, 0o1600])),
        attack("jce", "shmat to run", |_| {
            let id = call(libc::SYS_shmget, &[0, 4096, 0o1700])?;
            let there = call(libc::SYS_shmat, &[id, 0, 0o100_000]);
            call(libc::SYS_shmctl, &[id, 0, 0])?;
            there
        }),
        attack("jce", "madvise: leave it in core files", |_| {
            let there = call(libc::SYS_mmap, &[0, 4096, 3, 0x22, usize::MAX, 0])?;
            call(libc::SYS_madvise, &[there, 4096, 17])
        }),
        attack("jce", "madvise: give it to children", |_| {
            let there = call(libc::SYS_mmap, &[0, 4096, 3, 0x22, usize::MAX, 0])?;
            call(libc::SYS_madvise, &[there, 4096, 11])
        }),
        attack("jce", "mlock", |_| call(libc::SYS_mlock, &[at(&PIECE), 8])),
        attack("jce", "munlockall", |_| call(libc::SYS_munlockall, &[])),
        attack("jcel", "userfaultfd", |_| call(libc::SYS_userfaultfd, &[1])),
        attack("jce", "membarrier", |_| call(libc::SYS_membarrier, &[0, 0, 0])),
        attack("jce", "mbind", |_| call(libc::SYS_mbind, &[0, 0, 0, 0, 0, 0])),
    ]
}

fn identity() -> Vec<Attack> {
    vec![
        attack("jce", "prctl: dumpable again", |_| call(libc::SYS_prctl, &[4, 1, 0, 0, 0])),
        attack("jce", "prctl: new privileges", |_| call(libc::SYS_prctl, &[38, 0, 0, 0, 0])),
        attack("jce", "prctl: another filter", |_| call(libc::SYS_prctl, &[22, 2, 0, 0, 0])),
        attack("jce", "prctl: be traced by any", |_| call(libc::SYS_prctl, &[0x5961_6d61, usize::MAX, 0, 0, 0])),
        attack("jce", "prctl: signal at the parent's end", |_| call(libc::SYS_prctl, &[1, 9, 0, 0, 0])),
        attack("jce", "prctl: be a reaper", |_| call(libc::SYS_prctl, &[36, 1, 0, 0, 0])),
        attack("jce", "prctl: ambient capability", |_| call(libc::SYS_prctl, &[47, 4, 0, 0, 0])),
        attack("jce", "prctl: memory map", |_| call(libc::SYS_prctl, &[35, 1, 0, 0, 0])),
        attack("jc", "prctl: name", |_| call(libc::SYS_prctl, &[15, at(b"innocent\0"), 0, 0, 0])),
        attack("jce", "seccomp: another filter", |_| call(libc::SYS_seccomp, &[2, 0, room(4)])),
        attack("jce", "landlock", |_| call(libc::SYS_landlock_create_ruleset, &[0, 0, 1])),
        attack("jce", "arch_prctl", |_| call(libc::SYS_arch_prctl, &[0x1003, room(1)])),
        attack("jcel", "personality", |_| call(libc::SYS_personality, &[0x040_0000])),
        attack("jce", "setuid", |_| call(libc::SYS_getuid, &[]).and_then(|me| call(libc::SYS_setuid, &[me]))),
        attack("jce", "setgid", |_| call(libc::SYS_getgid, &[]).and_then(|me| call(libc::SYS_setgid, &[me]))),
        attack("jce", "setresuid", |_| call(libc::SYS_setresuid, &[usize::MAX; 3])),
        attack("jce", "setfsuid", |_| call(libc::SYS_setfsuid, &[usize::MAX])),
        attack("jce", "setgroups", |_| call(libc::SYS_setgroups, &[0, 0])),
        attack("jce", "capset", |_| call(libc::SYS_capset, &[at(&[0x2008_0522_u32, 0]), room(6)])),
        attack("jce", "rt_sigaction", |_| call(libc::SYS_rt_sigaction, &[15, at(&[1_u64, 0, 0, 0]), 0, 8])),
    ]
}
