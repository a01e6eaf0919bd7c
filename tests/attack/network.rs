//! The network: sockets of every family, and ways around the ports of the policy.

use crate::raw::{at, call, room};
use crate::scene::{Attack, Scene, attack};

/// An IPv4 address and port as the kernel takes them.
pub(crate) fn address(host: [u8; 4], port: u16) -> [u8; 16] {
    let [a, b] = 2_u16.to_ne_bytes();
    let [c, d] = port.to_be_bytes();
    [a, b, c, d, host[0], host[1], host[2], host[3], 0, 0, 0, 0, 0, 0, 0, 0]
}

fn socket(family: usize, kind: usize, protocol: usize) -> Result<usize, i32> {
    call(libc::SYS_socket, &[family, kind | 0o2_000_000, protocol])
}

/// The port that is listened on, seen as one that the policy does not have: the same listener is on the next one, too.
fn other(scene: &Scene) -> [u8; 16] {
    address([127, 0, 0, 1], scene.port + 1)
}

/// Attacks through the network.
pub(crate) fn attacks() -> Vec<Attack> {
    [families(), around()].concat()
}

fn families() -> Vec<Attack> {
    vec![
        attack("jc", "socket: internet", |_| socket(2, 1, 0)),
        attack("jc", "socket: internet, version 6", |_| socket(10, 1, 0)),
        attack("jc", "socket: datagrams", |_| socket(2, 2, 0)),
        attack("jce", "socket: unix", |_| socket(1, 1, 0)),
        attack("jce", "socket: unix datagrams", |_| socket(1, 2, 0)),
        attack("jce", "socket: kernel's network", |_| socket(16, 3, 0)),
        attack("jcel", "socket: kernel's audit", |_| socket(16, 3, 9)),
        attack("jcel", "socket: kernel's events", |_| socket(16, 3, 15)),
        attack("jcel", "socket: packets", |_| socket(17, 3, 0)),
        attack("jcel", "socket: raw", |_| socket(2, 3, 6)),
        attack("jcel", "socket: ping", |_| socket(2, 2, 1)),
        attack("jcel", "socket: hypervisor", |_| socket(40, 1, 0)),
        attack("jcel", "socket: kernel's ciphers", |_| socket(38, 5, 0)),
        attack("jcel", "socket: bluetooth", |_| socket(31, 3, 1)),
        attack("jcel", "socket: key management", |_| socket(15, 3, 2)),
        attack("jcel", "socket: MPTCP", |_| socket(2, 1, 262)),
        attack("jcel", "socket: SCTP", |_| socket(2, 1, 132)),
        attack("jcel", "socket: UDP-Lite", |_| socket(2, 2, 136)),
        attack("jce", "socket: inherited", |_| {
            call(libc::SYS_socket, &[2, 1, 0]).and_then(|_| call(libc::SYS_socket, &[1, 1, 0]))
        }),
        attack("jce", "socketpair", |_| call(libc::SYS_socketpair, &[1, 1, 0, room(2)])),
    ]
}

/// Connects a new socket of TCP.
fn connect(to: &[u8; 16]) -> Result<usize, i32> {
    let fd = socket(2, 1, 6)?;
    call(libc::SYS_connect, &[fd, at(to), 16]).map(|_| fd)
}

fn around() -> Vec<Attack> {
    vec![
        attack("jce", "connect to another port", |s| connect(&other(s))),
        attack("e", "connect after letting go", |s| {
            let fd = connect(&address([127, 0, 0, 1], s.port))?;
            call(libc::SYS_connect, &[fd, room(16), 16])?;
            call(libc::SYS_connect, &[fd, at(&other(s)), 16])
        }),
        attack("jc", "connect a socket that is open", |s| call(libc::SYS_connect, &[s.socket_fd(), at(&other(s)), 16])),
        attack("jce", "listen", |_| socket(2, 1, 0).and_then(|fd| call(libc::SYS_listen, &[fd, 1]))),
        attack("jce", "bind", |_| {
            socket(2, 1, 0).and_then(|fd| call(libc::SYS_bind, &[fd, at(&address([127, 0, 0, 1], 0)), 16]))
        }),
        attack("jce", "accept", |_| {
            let fd = socket(2, 1 | 0o4_000, 0)?;
            call(libc::SYS_listen, &[fd, 1])?;
            match call(libc::SYS_accept4, &[fd, 0, 0, 0]) {
                Err(11) => Ok(0),
                answer => answer,
            }
        }),
        attack("jce", "sendto with MSG_FASTOPEN", |s| {
            let fd = socket(2, 1, 0)?;
            call(libc::SYS_sendto, &[fd, at(b"x"), 1, 0x2000_0000, at(&other(s)), 16])
        }),
        attack("jce", "sendmsg with MSG_FASTOPEN", |s| {
            let fd = socket(2, 1, 0)?;
            let (to, text) = (other(s), *b"x");
            let piece = [at(&text), 1];
            call(libc::SYS_sendmsg, &[fd, at(&[at(&to), 16, at(&piece), 1, 0, 0, 0]), 0x2000_0000])
        }),
        attack("jce", "connect by the first write", |s| {
            let fd = socket(2, 1, 0)?;
            call(libc::SYS_setsockopt, &[fd, 6, 30, at(&[1_u32]), 4])?;
            call(libc::SYS_connect, &[fd, at(&other(s)), 16])?;
            call(libc::SYS_write, &[fd, at(b"x"), 1])
        }),
        attack("jce", "sendto with an address", |s| call(libc::SYS_sendto, &[s.socket_fd(), at(b"x"), 1, 0, at(&other(s)), 16])),
        attack("jce", "sendto with high bits", |s| {
            call(libc::SYS_sendto, &[s.socket_fd(), at(b"x"), 1, 1 << 32, at(&other(s)), 16])
        }),
        attack("jc", "sendmmsg", |s| {
            let (to, text) = (other(s), *b"x");
            let piece = [at(&text), 1];
            call(libc::SYS_sendmmsg, &[s.socket_fd(), at(&[at(&to), 16, at(&piece), 1, 0, 0, 0, 0]), 1, 0])
        }),
        attack("jce", "setsockopt: another device", |s| call(libc::SYS_setsockopt, &[s.socket_fd(), 1, 25, at(b"lo\0"), 3])),
        attack("jce", "setsockopt: a mark", |s| call(libc::SYS_setsockopt, &[s.socket_fd(), 1, 36, at(&[1_u32]), 4])),
        attack("jce", "setsockopt: share the port", |s| call(libc::SYS_setsockopt, &[s.socket_fd(), 1, 15, at(&[1_u32]), 4])),
        attack("jce", "setsockopt: a filter", |s| {
            let insn = [6_u64 | 0xffff_u64 << 32];
            call(libc::SYS_setsockopt, &[s.socket_fd(), 1, 26, at(&[1_usize, at(&insn)]), 16])
        }),
        attack("jce", "ioctl: type into the terminal", |_| call(libc::SYS_ioctl, &[0, 0x5412, at(b"x")])),
        attack("jce", "ioctl: addresses of the host", |s| call(libc::SYS_ioctl, &[s.socket_fd(), 0x8912, room(2)])),
        attack("jce", "ioctl: close at exec", |s| call(libc::SYS_ioctl, &[s.fd(), 0x5450])),
    ]
}
