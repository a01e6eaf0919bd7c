//! What each role may ask of the kernel: lists of calls, with the arguments that they may have.
//!
//! Whatever is not here ends the process. Each group says who needs it; a call that nobody was seen to make is not in a list because it
//! might be useful. Numbers are those of the machine that the gateway is compiled for.

use super::Calls;
use super::bpf::{Action, Cond, Filter, Is, Rule, When, allow, allow_if, allow_only, filter, refuse, refuse_if};

/// A constant of the C library as a register has it.
const fn bits(value: i32) -> u32 {
    value.cast_unsigned()
}

/// `AT_FDCWD`: paths begin at the root or the working directory, never at an open directory.
const HERE: u32 = bits(libc::AT_FDCWD);
/// `NULL`.
const NULL: Is = Is::Long(&[0]);
/// Readable, writable, neither; never executable.
const MAPPED: Is = Is::Int(&[bits(libc::PROT_NONE), bits(libc::PROT_READ), bits(libc::PROT_READ | libc::PROT_WRITE)]);
/// Memory that belongs to no file, at an address that the kernel chooses.
const ANONYMOUS: Is =
    Is::IntBut { free: bits(libc::MAP_NORESERVE | libc::MAP_STACK), is: bits(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) };
/// Without a descriptor.
const NO_FILE: Is = Is::Int(&[u32::MAX]);

/// A futex that is private or, for the end of a thread, is not; and the clock of a wait.
const FUTEX_FREE: u32 = bits(libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME);
const FUTEX: When = &[
    &[Cond(1, Is::IntBut { free: FUTEX_FREE, is: bits(libc::FUTEX_WAIT) })],
    &[Cond(1, Is::IntBut { free: FUTEX_FREE, is: bits(libc::FUTEX_WAKE) })],
    &[Cond(1, Is::IntBut { free: FUTEX_FREE, is: bits(libc::FUTEX_WAIT_BITSET) })],
];

/// Memory: every role.
const MEMORY: &[Rule] = &[
    allow_if(libc::SYS_mmap, &[&[Cond(2, MAPPED), Cond(3, ANONYMOUS), Cond(4, NO_FILE)]]),
    allow_if(libc::SYS_mprotect, &[&[Cond(2, MAPPED)]]),
    allow_if(libc::SYS_madvise, &[&[Cond(2, Is::Int(&[bits(libc::MADV_DONTNEED), bits(libc::MADV_FREE)]))]]),
    allow(libc::SYS_munmap),
    // The C library takes an error of this one for an address, so it is not refused where it could be done without.
    allow(libc::SYS_brk),
];

/// Memory that grows by moving its pages.
const MOVED: &[Rule] = &[allow_if(libc::SYS_mremap, &[&[Cond(3, Is::LongWithin(bits(libc::MREMAP_MAYMOVE)))]])];

/// What the judge needs beside memory and its ledger. Its threads are there and do not end before the process does (`thread::stay`), so nothing is
/// here for the start or the end of one.
const JUDGE_BASE: &[Rule] = &[
    allow(libc::SYS_read),
    allow(libc::SYS_write),
    allow(libc::SYS_close),
    allow_if(libc::SYS_futex, FUTEX),
    // The fast way of reading the clock falls back on the call where the kernel's clock source is not readable from outside.
    allow(libc::SYS_clock_gettime),
    allow(libc::SYS_getrandom),
    #[cfg(target_arch = "x86_64")]
    allow(libc::SYS_epoll_wait),
    #[cfg(not(target_arch = "x86_64"))]
    allow(libc::SYS_epoll_pwait),
    allow_if(libc::SYS_epoll_ctl, &[&[Cond(1, Is::Int(&[bits(libc::EPOLL_CTL_ADD), bits(libc::EPOLL_CTL_DEL)]))]]),
    allow(libc::SYS_rt_sigreturn),
    allow(libc::SYS_exit_group),
    // Sending and receiving on what is connected: the signal pipe of the event loop, and the other processes of the gateway.
    allow_if(libc::SYS_sendto, &[&[Cond(3, SENT), Cond(4, NULL)]]),
    allow_if(libc::SYS_recvfrom, &[&[Cond(3, Is::Int(&[0]))]]),
    allow_if(libc::SYS_recvmsg, RECEIVED),
];

/// What the judge asks for and does without: each of these is answered with an error, and the kernel does nothing.
const JUDGE_REFUSED: &[Rule] = &[
    // Where pages are not moved, the C library copies what grows.
    refuse(libc::SYS_mremap, libc::ENOMEM),
    // After a stop and a continue: whoever waited waits anew.
    refuse(libc::SYS_restart_syscall, libc::EINTR),
    // A thread that waits for another one for some instructions: the kernel takes its turn away by itself.
    refuse(libc::SYS_sched_yield, libc::EPERM),
    // The C library counts processors when many threads ask for memory, and takes two for an answer. Some versions look for a file that says how
    // many there are; they go on without.
    refuse(libc::SYS_sched_getaffinity, libc::EPERM),
    refuse_if(libc::SYS_openat, &[&[Cond(0, Is::Int(&[HERE])), Cond(2, Is::Int(&[READS]))]], libc::EACCES),
    // The standard library takes the stack of signals back at the end of the process.
    refuse(libc::SYS_sigaltstack, libc::EPERM),
];
/// In builds with assertions, whether a descriptor is open that is to be closed.
const NO_DESCRIPTORS: &[Rule] = &[refuse(libc::SYS_fcntl, libc::EPERM)];

/// The judge's part of the ledger: appending to what is open, reading it, and putting it on disk.
const OPEN_LEDGER: &[Rule] = &[
    allow(libc::SYS_pread64),
    allow(libc::SYS_pwrite64),
    // By the call that takes no path.
    allow(libc::SYS_fstat),
    allow(libc::SYS_fdatasync),
    allow_if(
        libc::SYS_flock,
        &[&[Cond(1, Is::Int(&[bits(libc::LOCK_EX), bits(libc::LOCK_EX | libc::LOCK_NB), bits(libc::LOCK_UN)]))]],
    ),
];

/// Packets with descriptors; they are not inherited.
const RECEIVED: When = &[&[Cond(2, Is::IntBut { free: bits(libc::MSG_CMSG_CLOEXEC | libc::MSG_DONTWAIT), is: 0 })]];

/// Waiting, time, the end of threads: the process of requests, which starts and ends them while it serves.
const BASE: &[Rule] = &[
    allow(libc::SYS_read),
    allow(libc::SYS_write),
    allow(libc::SYS_writev),
    allow(libc::SYS_close),
    allow_if(libc::SYS_futex, FUTEX),
    allow(libc::SYS_clock_gettime),
    allow(libc::SYS_clock_nanosleep),
    allow(libc::SYS_getrandom),
    allow(libc::SYS_sched_yield),
    allow(libc::SYS_sched_getaffinity),
    // After a stop and a continue the kernel goes on with a wait in this way.
    allow(libc::SYS_restart_syscall),
    #[cfg(target_arch = "x86_64")]
    allow(libc::SYS_epoll_wait),
    allow(libc::SYS_epoll_pwait),
    allow(libc::SYS_epoll_ctl),
    allow(libc::SYS_rt_sigreturn),
    allow(libc::SYS_rt_sigprocmask),
    allow(libc::SYS_sigaltstack),
    allow(libc::SYS_exit),
    allow(libc::SYS_exit_group),
    // Sending and receiving on what is connected: the signal pipe of the event loop, and the judge.
    allow_if(libc::SYS_sendto, &[&[Cond(3, SENT), Cond(4, NULL)]]),
    allow_if(libc::SYS_recvfrom, &[&[Cond(3, Is::Int(&[0]))]]),
    // Its arguments lie in memory, where no filter sees them: the C library then uses the older call, whose flags are seen.
    refuse(libc::SYS_clone3, libc::ENOSYS),
];

/// Flags of sending: never those that open a connection (`MSG_FASTOPEN`).
const SENT: Is = Is::IntBut { free: bits(libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT), is: 0 };

/// As the C library reads.
const READS: u32 = bits(libc::O_RDONLY | libc::O_CLOEXEC);
/// A file of the ledger, never by a link, and without waiting for the other end of a pipe.
const LEDGER_READS: u32 = bits(libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NOFOLLOW | libc::O_NONBLOCK);
const LISTS: u32 = bits(libc::O_RDONLY | libc::O_CLOEXEC | libc::O_DIRECTORY | libc::O_NONBLOCK);
/// A draft, which takes the place of the file by renaming.
const DRAFT: u32 = bits(libc::O_WRONLY | libc::O_CREAT | libc::O_CLOEXEC | libc::O_NOFOLLOW | libc::O_NONBLOCK);
/// A file that only grows: the next segment, its salts, marks of the seal.
const GROWS: u32 = bits(libc::O_APPEND | libc::O_CLOEXEC | libc::O_NOFOLLOW | libc::O_NONBLOCK);
/// Such files are for their owner alone.
const PRIVATE: Cond = Cond(3, Is::Int(&[0o600]));

const LEDGER_OPENS: When = &[
    &[
        Cond(0, Is::Int(&[HERE])),
        Cond(2, Is::Int(&[LEDGER_READS, LISTS, GROWS | bits(libc::O_RDWR), GROWS | bits(libc::O_WRONLY)])),
    ],
    &[
        Cond(0, Is::Int(&[HERE])),
        Cond(2, Is::Int(&[DRAFT, GROWS | bits(libc::O_RDWR | libc::O_CREAT), GROWS | bits(libc::O_WRONLY | libc::O_CREAT)])),
        PRIVATE,
    ],
];

/// The clerk: files of the ledger, by their names.
const CLERK_CALLS: &[Rule] = &[
    // A sentence on stderr.
    allow(libc::SYS_write),
    allow(libc::SYS_close),
    allow_if(libc::SYS_futex, FUTEX),
    allow(libc::SYS_exit_group),
    allow_if(libc::SYS_recvmsg, RECEIVED),
    allow_if(libc::SYS_sendmsg, &[&[Cond(2, SENT)]]),
    allow_if(libc::SYS_openat, LEDGER_OPENS),
    allow(libc::SYS_fstat),
    allow(libc::SYS_newfstatat),
    allow(libc::SYS_statx),
    allow(libc::SYS_fstatfs),
    allow(libc::SYS_getdents64),
    allow(libc::SYS_fsync),
    allow(libc::SYS_fdatasync),
    allow(libc::SYS_ftruncate),
    #[cfg(target_arch = "x86_64")]
    allow(libc::SYS_rename),
    #[cfg(not(target_arch = "x86_64"))]
    allow_if(libc::SYS_renameat, &[&[Cond(0, Is::Int(&[HERE])), Cond(2, Is::Int(&[HERE]))]]),
    refuse(libc::SYS_restart_syscall, libc::EINTR),
    refuse(libc::SYS_sigaltstack, libc::EPERM),
];

/// A second descriptor of what is open: the standard library's way, and no authority that the first one has not. Whether a pipe is for reading or
/// writing; and, in builds with assertions, whether a descriptor is open.
const DESCRIPTOR: &[Cond] = &[Cond(1, Is::Int(&[bits(libc::F_DUPFD_CLOEXEC), bits(libc::F_GETFL), bits(libc::F_GETFD)]))];
/// The client of HTTP makes its sockets so that they do not wait.
const NO_WAIT: &[Cond] = &[Cond(1, Is::Int(&[bits(libc::F_SETFL)])), Cond(2, Is::Int(&[bits(libc::O_RDWR | libc::O_NONBLOCK)]))];
/// Flags are not changed, so what was opened to grow only grows.
const DESCRIPTORS: &[Rule] = &[allow_if(libc::SYS_fcntl, &[DESCRIPTOR])];
/// Flags of a socket are changed: no file of the ledger is open where that is so.
const DESCRIPTORS_AND_SOCKETS: &[Rule] = &[allow_if(libc::SYS_fcntl, &[DESCRIPTOR, NO_WAIT])];

/// A judge with foreign servers: how their pipes were opened. What the launcher sends is not believed, and a pipe that waits would hold everybody.
const UPSTREAMS: &[Rule] = &[allow_only(libc::SYS_fcntl, &[&[Cond(1, Is::Int(&[bits(libc::F_GETFL)]))]], libc::EPERM)];

/// Starting threads, and nothing else that `clone` can do. For roles that start them while they serve.
const THREADS: &[Rule] = &[
    allow_if(libc::SYS_clone, &[&[Cond(0, Is::Long(&[THREAD]))]]),
    allow(libc::SYS_set_robust_list),
    // The C library ends a thread to which the kernel refuses this after it gave it to others.
    allow(libc::SYS_rseq),
    allow_if(libc::SYS_prctl, &[&[Cond(0, Is::Int(&[bits(libc::PR_SET_NAME)]))]]),
    allow(libc::SYS_gettid),
    // With the first thread the C library takes a signal for itself, by which threads change users together.
    allow_if(libc::SYS_rt_sigaction, &[&[Cond(0, Is::Int(&[SIGSETXID]))]]),
];
const SIGSETXID: u32 = 33;
/// How the C library makes a thread.
const THREAD: u32 = bits(
    libc::CLONE_VM
        | libc::CLONE_FS
        | libc::CLONE_FILES
        | libc::CLONE_SIGHAND
        | libc::CLONE_THREAD
        | libc::CLONE_SYSVSEM
        | libc::CLONE_SETTLS
        | libc::CLONE_PARENT_SETTID
        | libc::CLONE_CHILD_CLEARTID,
);

/// Either of the two families of the internet; a socket that is not inherited.
const INTERNET: Cond = Cond(0, Is::Int(&[bits(libc::AF_INET), bits(libc::AF_INET6)]));
const STREAM: Cond = Cond(
    1,
    Is::Int(&[bits(libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK), bits(libc::SOCK_STREAM | libc::SOCK_CLOEXEC)]),
);
const DATAGRAM: Cond = Cond(
    1,
    Is::Int(&[bits(libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK), bits(libc::SOCK_DGRAM | libc::SOCK_CLOEXEC)]),
);
/// TCP, never MPTCP or SCTP, of which Landlock does not know.
const TCP: Cond = Cond(2, Is::Int(&[0, bits(libc::IPPROTO_TCP)]));
const UDP: Cond = Cond(2, Is::Int(&[0, bits(libc::IPPROTO_UDP)]));

/// Options that the client of HTTP and the resolver set: nothing that sends to, or through, another place.
const SET: When = &[
    &[
        Cond(1, Is::Int(&[bits(libc::IPPROTO_TCP)])),
        Cond(
            2,
            Is::Int(&[
                bits(libc::TCP_NODELAY),
                bits(libc::TCP_USER_TIMEOUT),
                bits(libc::TCP_KEEPIDLE),
                bits(libc::TCP_KEEPINTVL),
                bits(libc::TCP_KEEPCNT),
            ]),
        ),
    ],
    &[Cond(1, Is::Int(&[bits(libc::SOL_SOCKET)])), Cond(2, Is::Int(&[bits(libc::SO_KEEPALIVE)]))],
    &[Cond(1, Is::Int(&[bits(libc::SOL_IP)])), Cond(2, Is::Int(&[bits(libc::IP_RECVERR)]))],
    &[Cond(1, Is::Int(&[bits(libc::SOL_IPV6)])), Cond(2, Is::Int(&[bits(libc::IPV6_RECVERR)]))],
];

/// Connecting to the internet. The resolver of the C library speaks UDP, and would ask a name service daemon and the kernel's tables,
/// which it is refused and does without.
const INTERNET_CALLS: &[Rule] = &[
    allow_only(libc::SYS_socket, &[&[INTERNET, STREAM, TCP], &[INTERNET, DATAGRAM, UDP]], libc::EAFNOSUPPORT),
    allow(libc::SYS_connect),
    allow(libc::SYS_shutdown),
    allow(libc::SYS_getsockname),
    allow(libc::SYS_getpeername),
    allow_if(libc::SYS_getsockopt, &[&[Cond(1, Is::Int(&[bits(libc::SOL_SOCKET)])), Cond(2, Is::Int(&[bits(libc::SO_ERROR)]))]]),
    allow_if(libc::SYS_setsockopt, SET),
    // Of the resolver: two questions at once, and how long an answer is.
    allow_if(libc::SYS_sendmmsg, &[&[Cond(2, Is::LongWithin(3)), Cond(3, SENT)]]),
    allow_if(libc::SYS_ioctl, &[&[Cond(1, Is::Int(&[FIONREAD]))]]),
    #[cfg(target_arch = "x86_64")]
    allow(libc::SYS_poll),
    allow(libc::SYS_ppoll),
    allow(libc::SYS_uname),
    allow(libc::SYS_getpid),
];
/// Bytes that wait on a socket.
const FIONREAD: u32 = 0x541b;

/// Foreign servers that connect through it: sockets that listen come from their sandboxes, and none is made here.
const PROXY: &[Rule] = &[
    allow_if(libc::SYS_accept4, &[&[Cond(3, Is::Int(&[bits(libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK)]))]]),
    allow_if(libc::SYS_recvmsg, RECEIVED),
];

/// Reading the files of the resolver.
const RESOLVER_FILES: &[Rule] = &[
    allow_if(libc::SYS_openat, &[&[Cond(0, Is::Int(&[HERE])), Cond(2, Is::Int(&[READS]))]]),
    allow(libc::SYS_lseek),
    allow(libc::SYS_fstat),
    allow(libc::SYS_newfstatat),
    allow(libc::SYS_statx),
];

/// Calls that a filter lets pass.
pub(crate) fn counted(filter: Filter) -> Calls {
    let allowed = || filter.groups.iter().flat_map(|group| group.iter()).filter(|rule| rule.then == Action::Allow);
    Calls { allowed: allowed().count(), checked: allowed().filter(|rule| !rule.when.is_empty()).count() }
}

const fn killing(groups: &'static [&'static [Rule]]) -> Filter {
    Filter { groups, otherwise: Action::KillProcess }
}

/// The judge, with or without a process of requests: threads that exist, what is open, nothing else.
pub(crate) const JUDGE_RULES: Filter = killing(&[MEMORY, JUDGE_BASE, OPEN_LEDGER, JUDGE_REFUSED, NO_DESCRIPTORS]);
/// A judge with foreign servers, and perhaps with a process of requests.
pub(crate) const JUDGE_UPSTREAMS_RULES: Filter = killing(&[MEMORY, JUDGE_BASE, OPEN_LEDGER, JUDGE_REFUSED, UPSTREAMS]);
/// The clerk: the ledger's directory.
pub(crate) const CLERK_RULES: Filter = killing(&[MEMORY, MOVED, CLERK_CALLS, DESCRIPTORS]);
/// The process of requests: the internet, and the files of the resolver.
pub(crate) const EGRESS_RULES: Filter =
    killing(&[MEMORY, MOVED, BASE, DESCRIPTORS_AND_SOCKETS, THREADS, INTERNET_CALLS, RESOLVER_FILES]);
/// The process of requests where foreign servers connect through it.
pub(crate) const EGRESS_PROXY_RULES: Filter =
    killing(&[MEMORY, MOVED, BASE, DESCRIPTORS_AND_SOCKETS, THREADS, INTERNET_CALLS, PROXY, RESOLVER_FILES]);

/// Calls that take a host apart or reach into other processes. A program that needs one of them is no MCP server.
const ADMINISTRATION: &[Rule] = &[
    refuse(libc::SYS_ptrace, libc::EPERM),
    refuse(libc::SYS_process_vm_readv, libc::EPERM),
    refuse(libc::SYS_process_vm_writev, libc::EPERM),
    refuse(libc::SYS_process_madvise, libc::EPERM),
    refuse(libc::SYS_kcmp, libc::EPERM),
    refuse(libc::SYS_pidfd_getfd, libc::EPERM),
    refuse(libc::SYS_mount, libc::EPERM),
    refuse(libc::SYS_umount2, libc::EPERM),
    refuse(libc::SYS_pivot_root, libc::EPERM),
    refuse(libc::SYS_chroot, libc::EPERM),
    refuse(libc::SYS_fsopen, libc::EPERM),
    refuse(libc::SYS_fsconfig, libc::EPERM),
    refuse(libc::SYS_fsmount, libc::EPERM),
    refuse(libc::SYS_fspick, libc::EPERM),
    refuse(libc::SYS_move_mount, libc::EPERM),
    refuse(libc::SYS_open_tree, libc::EPERM),
    refuse(libc::SYS_mount_setattr, libc::EPERM),
    // The namespaces of a server with a sandbox, all at once; one without is refused them by its keeper.
    allow_only(libc::SYS_unshare, &[&[Cond(0, Is::Long(&[OF_SANDBOXES]))]], libc::EPERM),
    refuse(libc::SYS_setns, libc::EPERM),
    refuse(libc::SYS_bpf, libc::EPERM),
    refuse(libc::SYS_perf_event_open, libc::EPERM),
    refuse(libc::SYS_userfaultfd, libc::EPERM),
    refuse(libc::SYS_keyctl, libc::EPERM),
    refuse(libc::SYS_add_key, libc::EPERM),
    refuse(libc::SYS_request_key, libc::EPERM),
    refuse(libc::SYS_kexec_load, libc::EPERM),
    refuse(libc::SYS_kexec_file_load, libc::EPERM),
    refuse(libc::SYS_init_module, libc::EPERM),
    refuse(libc::SYS_finit_module, libc::EPERM),
    refuse(libc::SYS_delete_module, libc::EPERM),
    refuse(libc::SYS_reboot, libc::EPERM),
    refuse(libc::SYS_swapon, libc::EPERM),
    refuse(libc::SYS_swapoff, libc::EPERM),
    refuse(libc::SYS_quotactl, libc::EPERM),
    refuse(libc::SYS_quotactl_fd, libc::EPERM),
    refuse(libc::SYS_acct, libc::EPERM),
    refuse(libc::SYS_syslog, libc::EPERM),
    refuse(libc::SYS_vhangup, libc::EPERM),
    refuse(libc::SYS_sethostname, libc::EPERM),
    refuse(libc::SYS_setdomainname, libc::EPERM),
    refuse(libc::SYS_settimeofday, libc::EPERM),
    refuse(libc::SYS_clock_settime, libc::EPERM),
    refuse(libc::SYS_clock_adjtime, libc::EPERM),
    refuse(libc::SYS_adjtimex, libc::EPERM),
    refuse(libc::SYS_fanotify_init, libc::EPERM),
    refuse(libc::SYS_name_to_handle_at, libc::EPERM),
    refuse(libc::SYS_open_by_handle_at, libc::EPERM),
    refuse(libc::SYS_lookup_dcookie, libc::EPERM),
    refuse(libc::SYS_move_pages, libc::EPERM),
    refuse(libc::SYS_migrate_pages, libc::EPERM),
    refuse(libc::SYS_memfd_secret, libc::ENOSYS),
    refuse(libc::SYS_io_uring_setup, libc::ENOSYS),
    refuse(libc::SYS_io_uring_enter, libc::ENOSYS),
    refuse(libc::SYS_io_uring_register, libc::ENOSYS),
    refuse(libc::SYS_clone3, libc::ENOSYS),
    #[cfg(target_arch = "x86_64")]
    refuse(libc::SYS_iopl, libc::EPERM),
    #[cfg(target_arch = "x86_64")]
    refuse(libc::SYS_ioperm, libc::EPERM),
    #[cfg(target_arch = "x86_64")]
    refuse(libc::SYS_modify_ldt, libc::EPERM),
    #[cfg(target_arch = "x86_64")]
    refuse(libc::SYS_uselib, libc::EPERM),
    #[cfg(target_arch = "x86_64")]
    refuse(libc::SYS_ustat, libc::EPERM),
    #[cfg(target_arch = "x86_64")]
    refuse(libc::SYS_sysfs, libc::EPERM),
    // Asking which it is, or the usual one.
    allow_only(libc::SYS_personality, &[&[Cond(0, Is::Int(&[0, u32::MAX]))]], libc::EPERM),
    // Processes and threads, no namespaces.
    allow_only(libc::SYS_clone, &[&[Cond(0, Is::IntBut { free: !NAMESPACES, is: 0 })]], libc::EPERM),
    // The internet, sockets of this host, and asking the kernel about its network; nothing raw.
    allow_only(
        libc::SYS_socket,
        &[
            &[LOCAL_OR_INTERNET, KINDS, Cond(2, Is::Int(&[0, bits(libc::IPPROTO_TCP), bits(libc::IPPROTO_UDP)]))],
            &[ROUTES, Cond(2, Is::Int(&[0]))],
        ],
        libc::EAFNOSUPPORT,
    ),
];
const OF_SANDBOXES: u32 = bits(libc::CLONE_NEWUSER | libc::CLONE_NEWNET | libc::CLONE_NEWIPC);
const NAMESPACES: u32 = bits(
    libc::CLONE_NEWNS
        | libc::CLONE_NEWCGROUP
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUSER
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWNET,
);
const LOCAL_OR_INTERNET: Cond = Cond(0, Is::Int(&[bits(libc::AF_UNIX), bits(libc::AF_INET), bits(libc::AF_INET6)]));
const ROUTES: Cond = Cond(0, Is::Int(&[bits(libc::AF_NETLINK)]));
const FREE: u32 = bits(libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK);
const KINDS: Cond = Cond(
    1,
    Is::Int(&[
        bits(libc::SOCK_STREAM),
        bits(libc::SOCK_STREAM | libc::SOCK_CLOEXEC),
        bits(libc::SOCK_STREAM | libc::SOCK_NONBLOCK),
        bits(libc::SOCK_STREAM) | FREE,
        bits(libc::SOCK_DGRAM),
        bits(libc::SOCK_DGRAM | libc::SOCK_CLOEXEC),
        bits(libc::SOCK_DGRAM | libc::SOCK_NONBLOCK),
        bits(libc::SOCK_DGRAM) | FREE,
        bits(libc::SOCK_SEQPACKET),
        bits(libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC),
        bits(libc::SOCK_SEQPACKET | libc::SOCK_NONBLOCK),
        bits(libc::SOCK_SEQPACKET) | FREE,
    ]),
);

/// The launcher, and the foreign servers that it starts, which inherit this.
pub(crate) const LAUNCHER_RULES: Filter = Filter { groups: &[ADMINISTRATION], otherwise: Action::Allow };
/// A foreign server without a sandbox has this on top.
pub(crate) const SERVER_RULES: Filter = Filter { groups: &[&[refuse(libc::SYS_unshare, libc::EPERM)]], otherwise: Action::Allow };

filter! { pub(crate) static JUDGE = JUDGE_RULES; }
filter! { pub(crate) static CLERK = CLERK_RULES; }
filter! { pub(crate) static JUDGE_UPSTREAMS = JUDGE_UPSTREAMS_RULES; }
filter! { pub(crate) static EGRESS = EGRESS_RULES; }
filter! { pub(crate) static EGRESS_PROXY = EGRESS_PROXY_RULES; }
filter! { pub(crate) static LAUNCHER = LAUNCHER_RULES; }
filter! { pub(crate) static SERVER = SERVER_RULES; }
