"""What a server could do to the machine that it runs on, and what it needs to be able to do.

`attempts(place)` tries everything, each in a process of its own, and says what succeeded. Nothing that succeeds does lasting harm: files
are those of `place`, signals are ones that do nothing, values are set to what they are. Standard library alone.

place: home · ledger (a file of it) · key · outside (a directory) · work (the directory that the sandbox gives) · tcp4, tcp6, udp (ports) ·
socket (path) · abstract (name) · gateway (process number)
"""

import ctypes
import mmap
import os
import resource
import select
import signal
import socket
import struct
import sys
import threading

libc = ctypes.CDLL(None, use_errno=True)
PARENT = os.getppid()
# Time for one attempt.
PATIENCE = 10

# Numbers of calls for which there are no functions.
PTRACE, SYSLOG, PERSONALITY, CHROOT, MOUNT, UMOUNT, SETHOSTNAME, ADD_KEY, KEYCTL = 101, 103, 135, 161, 165, 166, 170, 248, 250
INOTIFY_ADD, UNSHARE, MOVE_PAGES, PERF, FANOTIFY, NAME_TO_HANDLE, SETNS, VM_READ, KCMP, MEMFD = 254, 272, 279, 298, 300, 303, 308, 310, 312, 319
BPF, EXECVEAT, USERFAULTFD, URING, OPEN_TREE, PIDFD_OPEN, PIDFD_GETFD, FSOPEN, CLONE3, SECRET = 321, 322, 323, 425, 428, 434, 438, 430, 435, 447
CLONE, SHMGET, MQ_OPEN, SETPRIORITY, SETAFFINITY, GETAFFINITY, PRLIMIT, CAPGET, CAPSET, ADJTIMEX, FCHMODAT2 = 56, 29, 240, 141, 203, 204, 302, 125, 126, 159, 452


def call(number, *arguments):
    """A call of the kernel; its result, or an error."""
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    result = libc.syscall(ctypes.c_long(number), *words)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def read(path):
    with open(path, "rb") as file:
        assert file.read(1) is not None


def opened(path, flags):
    os.close(os.open(path, flags))


def make(path, text="x"):
    with open(path, "w") as file:
        file.write(text)


def tcp(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as one:
        one.settimeout(2)
        one.connect(address)


def fast_open(port):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as one:
        one.sendto(b"x", 0x20000000, ("127.0.0.1", port))


def datagram(address):
    """A pair of sockets that needs no `socket`, from which one can send anywhere."""
    one, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    one.sendto(b"x", address)


def datagram_message(address):
    one, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    one.sendmsg([b"x"], [], 0, address)


def listens():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()


def listens_unbound():
    with socket.socket() as one:
        one.listen()


def socket_file(path):
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path)


def run(program, *arguments):
    """A program in the place of this process: if it comes to run, it ends well."""
    os.execv(program, [program, *arguments])


def copy_of_own(path, mode=0o755):
    with open(os.path.realpath(sys.executable), "rb") as file:
        text = file.read()
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    os.write(target, text)
    os.close(target)
    return path


def memory_program():
    held = os.memfd_create("x", 0)
    with open(os.path.realpath(sys.executable), "rb") as file:
        os.write(held, file.read())
    call(EXECVEAT, held, b"", vector("x", "-c", "pass"), vector(), 0x1000)


def vector(*words):
    return (ctypes.c_char_p * (len(words) + 1))(*[word.encode() for word in words], None)


def by_handle_of_path(path):
    held = os.open(path, os.O_PATH)
    call(EXECVEAT, held, b"", vector("sh", "-c", ":"), vector(), 0x1000)


def attach():
    # Seized, it goes on running, and is let go with the end of this process.
    call(PTRACE, 0x4206, PARENT, 0, 0)


def own_memory_of(pid):
    local = ctypes.create_string_buffer(8)
    with open(f"/proc/{pid}/maps") as maps:
        start = int(maps.readline().split("-")[0], 16)
    vectors = (ctypes.c_ulong * 2)(ctypes.addressof(local), 8), (ctypes.c_ulong * 2)(start, 8)
    call(VM_READ, pid, ctypes.byref(vectors[0]), 1, ctypes.byref(vectors[1]), 1, 0)


def descriptor_of(pid):
    call(PIDFD_GETFD, call(PIDFD_OPEN, pid, 0), 2, 0)


def limit_of(pid):
    call(PRLIMIT, pid, 7, None, ctypes.create_string_buffer(16))


def pinned_to_all(pid):
    mask = ctypes.create_string_buffer(128)
    size = call(GETAFFINITY, pid, 128, mask)
    call(SETAFFINITY, pid, size, mask)


def in_namespaces(flags):
    if call(CLONE, flags | signal.SIGCHLD, None, None, None, None) == 0:
        os._exit(0)
    os.wait()


def same_network():
    held = os.open("/proc/self/ns/net", os.O_RDONLY)
    call(SETNS, held, 0)


def in_clone3(flags):
    arguments = struct.pack("8Q", flags, 0, 0, 0, signal.SIGCHLD, 0, 0, 0)
    if call(CLONE3, ctypes.create_string_buffer(arguments, 64), 64) == 0:
        os._exit(0)
    os.wait()


def mounts(path):
    os.makedirs(path, exist_ok=True)
    call(MOUNT, b"none", path.encode(), b"tmpfs", 0, None)
    call(UMOUNT, path.encode(), 0)


def many_files():
    held = [os.open("/dev/null", os.O_RDONLY) for _ in range(200)]
    assert len(held) == 200


def large_file(path):
    with open(path, "wb", buffering=0) as file:
        for _ in range(4):
            assert file.write(bytes(1 << 20)) == 1 << 20


def large_memory():
    mmap.mmap(-1, 2 << 30, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ | mmap.PROT_WRITE)


def watched(path):
    held = libc.inotify_init1(0)
    if held < 0:
        raise OSError(ctypes.get_errno(), "inotify")
    call(INOTIFY_ADD, held, path.encode(), 0x100)


def handle_of(path):
    handle = ctypes.create_string_buffer(struct.pack("I", 128) + bytes(136))
    call(NAME_TO_HANDLE, -100, path.encode(), handle, ctypes.byref(ctypes.c_int()), 0)


def all_capabilities():
    head = ctypes.create_string_buffer(struct.pack("Ii", 0x20080522, 0))
    data = ctypes.create_string_buffer(24)
    call(CAPGET, head, data)
    low, high = struct.unpack_from("I", data.raw, 4)[0], struct.unpack_from("I", data.raw, 16)[0]
    assert low or high
    call(CAPSET, head, ctypes.create_string_buffer(struct.pack("6I", low, low, low, high, high, high)))


def old_calls():
    """`getpid` by way of `int 0x80`, whose numbers mean other calls."""
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    assert ctypes.CFUNCTYPE(ctypes.c_int)(address)() > 0


def performance():
    call(PERF, ctypes.create_string_buffer(struct.pack("IIQ", 1, 128, 0) + bytes(112)), 0, -1, -1, 0)


def attacks(place):
    """Names and attempts."""
    outside, work = place["outside"], place["work"]
    out = lambda name: os.path.join(outside, name)
    inn = lambda name: os.path.join(work, name)
    gateway = place["gateway"]
    return {
        # Reading.
        "read users": lambda: read("/etc/passwd"),
        "read passwords": lambda: read("/etc/shadow"),
        "read users by a relative path": lambda: read("../../../../../../../../etc/passwd"),
        "read users through /proc/self/root": lambda: read("/proc/self/root/etc/passwd"),
        "read users through a link": lambda: (os.symlink("/etc/passwd", inn("link")), read(inn("link"))),
        "read users through an O_PATH handle": lambda: read(f"/proc/self/fd/{os.open('/etc/passwd', os.O_PATH)}"),
        "list home": lambda: os.listdir(place["home"]),
        "list root": lambda: os.listdir("/"),
        "list the outside": lambda: os.listdir(outside),
        "read the ledger": lambda: read(place["ledger"]),
        "read the key": lambda: read(place["key"]),
        "metadata of the outside": lambda: os.stat(out("file")),
        # Writing.
        "open the ledger to write": lambda: opened(place["ledger"], os.O_WRONLY | os.O_APPEND),
        "create outside": lambda: make(out("new")),
        "overwrite outside": lambda: make(out("file")),
        "truncate outside": lambda: os.truncate(out("file"), 0),
        "remove outside": lambda: os.unlink(out("removed")),
        "make a directory outside": lambda: os.mkdir(out("made")),
        "make a link outside": lambda: os.symlink("x", out("linked")),
        "make a pipe outside": lambda: os.mkfifo(out("pipe")),
        "rename over the outside": lambda: (make(inn("mine")), os.rename(inn("mine"), out("file"))),
        "rename from outside": lambda: os.rename(out("taken"), inn("taken")),
        "link from outside": lambda: os.link(out("file"), inn("same")),
        "mode of the outside": lambda: os.chmod(out("file"), 0o777),
        "mode of the outside by fchmodat2": lambda: call(FCHMODAT2, -100, out("file").encode(), 0o777, 0),
        "owner of the outside": lambda: os.chown(out("file"), os.getuid(), os.getgid()),
        "time of the outside": lambda: os.utime(out("file"), (1, 1)),
        "attribute of the outside": lambda: os.setxattr(out("file"), "user.x", b"x"),
        "device": lambda: os.mknod(inn("device"), 0o020600, os.makedev(1, 3)),
        "watch the outside": lambda: watched(outside),
        "watch everything": lambda: call(FANOTIFY, 0, 0),
        "handle of the outside": lambda: handle_of(out("file")),
        "larger file than allowed": lambda: large_file(inn("large")),
        # Running.
        "run a shell": lambda: run("/bin/sh", "-c", ":"),
        "run a shell by a handle": lambda: by_handle_of_path("/bin/sh"),
        "run what it has written": lambda: run(copy_of_own(inn("own")), "-c", "pass"),
        "run what is in memory": memory_program,
        # The network.
        "connect by TCP over IPv4": lambda: tcp(socket.AF_INET, ("127.0.0.1", place["tcp4"])),
        "connect by TCP over IPv6": lambda: tcp(socket.AF_INET6, ("::1", place["tcp6"])),
        "connect by MPTCP": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262).connect(("127.0.0.1", place["tcp4"])),
        "send with TCP fast open": lambda: fast_open(place["tcp4"]),
        "send by UDP": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", place["udp"])),
        "listen": listens,
        "listen without an address": listens_unbound,
        "raw socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1),
        "packet socket": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0),
        "netlink socket": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).bind((0, 0)),
        "socket of virtual machines": lambda: socket.socket(40, socket.SOCK_STREAM, 0),
        "connect by a path": lambda: tcp(socket.AF_UNIX, place["socket"]),
        "connect by an abstract name": lambda: tcp(socket.AF_UNIX, "\0" + place["abstract"]),
        "send from a pair to a path": lambda: datagram(place["datagrams"]),
        "send a message from a pair to a path": lambda: datagram_message(place["datagrams"]),
        "socket in a directory": lambda: socket_file(inn("socket")),
        # Other processes.
        "trace the parent": attach,
        "signal the parent": lambda: os.kill(PARENT, signal.SIGCONT),
        "signal the gateway": lambda: os.kill(gateway, signal.SIGCONT),
        "signal the gateway by a handle": lambda: signal.pidfd_send_signal(os.pidfd_open(gateway), signal.SIGCONT),
        "open the memory of the parent": lambda: opened(f"/proc/{PARENT}/mem", os.O_RDWR),
        "read the variables of the parent": lambda: read(f"/proc/{PARENT}/environ"),
        "list the descriptors of the parent": lambda: os.listdir(f"/proc/{PARENT}/fd"),
        "root directory of another": lambda: os.listdir(f"/proc/{PARENT}/root"),
        "read from the memory of the parent": lambda: own_memory_of(PARENT),
        "take a descriptor of the parent": lambda: descriptor_of(PARENT),
        "compare with the parent": lambda: call(KCMP, PARENT, os.getpid(), 1, 0, 0),
        "limits of the parent": lambda: limit_of(PARENT),
        "priority of the parent": lambda: call(SETPRIORITY, 0, PARENT, os.getpriority(os.PRIO_PROCESS, PARENT)),
        "processors of the parent": lambda: pinned_to_all(PARENT),
        # Privileges and namespaces.
        "all capabilities": all_capabilities,
        "set the user": lambda: os.setresuid(-1, -1, -1),
        "set the group": lambda: os.setresgid(-1, -1, -1),
        "namespace of users": lambda: call(UNSHARE, 0x10000000),
        "namespace of mounts": lambda: call(UNSHARE, 0x00020000),
        "child in a namespace of users": lambda: in_namespaces(0x10000000),
        "child by clone3 in a namespace of users": lambda: in_clone3(0x10000000),
        "enter a network": same_network,
        "mount": lambda: mounts(out("mounted")),
        "open a tree": lambda: call(OPEN_TREE, -100, b"/", 1),
        "open a file system": lambda: call(FSOPEN, b"tmpfs", 0),
        "another root": lambda: call(CHROOT, b"/"),
        "name of the host": lambda: call(SETHOSTNAME, os.uname().nodename.encode(), len(os.uname().nodename)),
        # Parts of the kernel.
        "io_uring": lambda: call(URING, 1, ctypes.create_string_buffer(120)),
        "bpf": lambda: call(BPF, 0, ctypes.create_string_buffer(struct.pack("5I", 2, 4, 4, 1, 0) + bytes(108)), 128),
        "perf": performance,
        "userfaultfd": lambda: call(USERFAULTFD, 1),
        "keys": lambda: call(KEYCTL, 0, -3, 1),
        "add a key": lambda: call(ADD_KEY, b"user", b"x", b"x", 1, -1),
        "log of the kernel": lambda: call(SYSLOG, 10, None, 0),
        "clock": lambda: call(ADJTIMEX, ctypes.create_string_buffer(256)),
        "personality": lambda: call(PERSONALITY, 0x0040000),
        "secret memory": lambda: call(SECRET, 0),
        "memory that may be run": lambda: os.memfd_create("x", 0),
        "shared memory": lambda: call(SHMGET, 0, 4096, 0o1600),
        "queue": lambda: call(MQ_OPEN, b"airlock-test", os.O_CREAT | os.O_RDWR, 0o600, None),
        "calls of another machine": old_calls,
        # More than its share.
        "more memory than allowed": large_memory,
        "more descriptors than allowed": many_files,
        "larger limits": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)),
    }


def threads():
    done = []
    some = [threading.Thread(target=done.append, args=(n,)) for n in range(4)]
    for one in some:
        one.start()
    for one in some:
        one.join()
    assert sorted(done) == [0, 1, 2, 3]


def child():
    pid = os.fork()
    if pid == 0:
        signal.pause()
    os.kill(pid, signal.SIGTERM)
    assert os.waitpid(pid, 0)[1] == signal.SIGTERM


def pair():
    one, other = socket.socketpair()
    one.send(b"x")
    assert select.select([other], [], [], 5)[0] and other.recv(1) == b"x"


def files(work):
    at = lambda name: os.path.join(work, name)
    os.makedirs(at("dir/inner"), exist_ok=True)
    make(at("dir/one"), "text")
    os.rename(at("dir/one"), at("dir/inner/two"))
    os.truncate(at("dir/inner/two"), 2)
    os.link(at("dir/inner/two"), at("dir/three"))
    os.symlink("three", at("dir/four"))
    with open(at("dir/four")) as file:
        assert file.read() == "te"
    for name in ["dir/four", "dir/three", "dir/inner/two"]:
        os.unlink(at(name))
    os.removedirs(at("dir/inner"))


def controls(place):
    return {
        "read its code": lambda: read(__file__),
        "work in its directory": lambda: files(place["work"]),
        "threads": threads,
        "children": child,
        "pair of sockets": pair,
        "nothing": lambda: make("/dev/null"),
        "randomness": lambda: os.urandom(8) and read("/dev/urandom"),
        "run itself": lambda: run(sys.executable, "-c", "import json, zlib"),
        "compile at run time": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC),
        "sealed memory": lambda: call(MEMFD, b"x", 8),
        "limits of its own": lambda: resource.getrlimit(resource.RLIMIT_NOFILE),
    }


def attempt(work):
    """True if it succeeded: then it ended well, or became a program that did."""
    pid = os.fork()
    if pid == 0:
        # What it says is no message of the server's.
        nothing = os.open("/dev/null", os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(nothing, fd)
        signal.alarm(PATIENCE)
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0


def attempts(place):
    told = {}
    for kind, all_of in [("attacks", attacks(place)), ("controls", controls(place))]:
        told[kind] = {name: attempt(work) for name, work in all_of.items()}
    return told
