#!/usr/bin/env python3
"""What a gateway adds to calls of an upstream: the same calls over the same pipes, with and without it, by turns.

    benches/upstreams.py [--power GATEWAY] [--fastmcp VENV] [--peer NAME=COMMAND] GATEWAY KEY_FILE LEASE TOOL ARGUMENTS [ARGUMENTS ...] -- COMMAND [ARGUMENT ...]

GATEWAY: a gateway whose upstream is COMMAND; after `--power`, one of the same manifest with `durability = "power"`. TOOL: name at the upstream,
after a dot behind the upstream's. LEASE: for the session `s-1` and the intent `look at the weather`, with more uses than there are calls.
ARGUMENTS: JSON, each a row of its own: with a tool that reads files, one of 1 KB and one of 1 MB. Peers are other proxies in front of the same
COMMAND: fastmcp out of a virtual environment that has it, or any command that speaks on stdio; both are greeted with `initialize`. Nothing is
installed.

Prints for each, in microseconds: round trips of one caller (median and 99th part, and in each round the difference of the medians), CPU time and
voluntary context switches of the gateway's own process per call, calls per second of 64 callers, and the time from spawn to the first reply
of the tool. With `--power` also beside a direct call that is followed by a `write` and an `fdatasync` of 500 bytes. Standard library alone; the cost
of this program is in all numbers. On a machine that does other work only the least differences and the CPU times say something.
"""

import argparse
import json
import os
import pathlib
import shlex
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS, CALLS, WARM = 5, 600, 100
# Asked of one before the next has its turn.
TURN = 50
# Of a reply that long, fewer.
LONG, LONG_CALLS, LONG_TURN = 100_000, 40, 10
CALLERS, CALLERS_CALLS = 64, 6400
STARTS = 7
MODERN = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
FASTMCP = """
import sys
from fastmcp.server import create_proxy
server = {"command": sys.argv[1], "args": sys.argv[2:], "transport": "stdio"}
create_proxy({"mcpServers": {"one": server}}).run(show_banner=False)
"""


class Peer:
    """A server on raw pipes, asked with the same tool each time."""

    def __init__(self, name, command, tool, own=None, is_modern=None, **env):
        self.name, self.own, self.begun = name, own or {}, time.perf_counter_ns()
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, **env}, bufsize=0
        )
        self.to, self.back = self.process.stdin.fileno(), self.process.stdout.fileno()
        self.rest, self.number, self.tool = [], 9, tool
        self.is_modern = is_modern
        if is_modern is None:
            self.is_modern = "result" in json.loads(self.ask(line(1, "server/discover", {"_meta": MODERN})))
        if not self.is_modern:
            self.ask(line(2, "initialize", HELLO))
            os.write(self.to, b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
        if not self.own:
            # Proxies name the tools of a server in their own way.
            listed = json.loads(self.ask(line(3, "tools/list", {"_meta": MODERN} if self.is_modern else {})))
            self.tool = next(one["name"] for one in listed["result"]["tools"] if one["name"].endswith(tool))

    def replies(self):
        """Reads once and gives the whole replies that are there: what has no id is a notification, what has a method a question."""
        chunk = os.read(self.back, 1 << 20)
        assert chunk, f"{self.name} has ended"
        if b"\n" not in chunk:
            self.rest.append(chunk)
            return []
        *lines, last = b"".join([*self.rest, chunk]).split(b"\n")
        self.rest = [last]
        ends = [(reply, reply[:200] + reply[-200:]) for reply in lines]
        replies = [reply for reply, end in ends if b'"id":' in end and b'"method":' not in end]
        # A refusal is quick, and no measurement: of a lease without uses, say.
        refused = [reply for reply in replies if self.number > 9 and (b'"isError":true' in reply or b'"error":{' in reply)]
        assert not refused, f"{self.name}: {refused[0][:500]}"
        return replies

    def ask(self, text):
        os.write(self.to, text)
        while not (found := self.replies()):
            pass
        return found[0]

    def call(self, arguments):
        self.number += 1
        meta = {"_meta": MODERN | self.own} if self.is_modern else {}
        return line(self.number, "tools/call", {"name": self.tool, "arguments": arguments} | meta)

    def check(self, arguments):
        """The length of a reply, which must be a result."""
        reply = self.ask(self.call(arguments))
        first = json.loads(reply)
        assert not first.get("result", {"isError": True}).get("isError"), (self.name, first)
        return len(reply)

    def after(self):
        """What follows each call within its time."""

    def used(self):
        """CPU time in microseconds and voluntary context switches of the process so far."""
        cpu = switches = 0
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            cpu += int((task / "schedstat").read_text().split()[0]) / 1000
            status = (task / "status").read_text()
            switches += int(status.split("\nvoluntary_ctxt_switches:")[1].split()[0])
        return cpu, switches

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Synced(Peer):
    """A server whose caller puts each call on the disk, as a log beside it would."""

    def __init__(self, directory, *rest):
        self.file = os.open(pathlib.Path(directory) / "beside", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        super().__init__(*rest)

    def after(self):
        os.write(self.file, b"x" * 499 + b"\n")
        os.fdatasync(self.file)


def line(number, method, params):
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode() + b"\n"


def turn(peer, arguments, calls):
    """Times of so many calls of one caller, microseconds."""
    times = []
    for text in [peer.call(arguments) for _ in range(calls)]:
        begun = time.perf_counter_ns()
        peer.ask(text)
        peer.after()
        times.append((time.perf_counter_ns() - begun) / 1000)
    return times


def one_caller(peers, arguments):
    length = max(peer.check(arguments) for peer in peers)
    calls, size = (LONG_CALLS, LONG_TURN) if length > LONG else (CALLS, TURN)
    print(f"\none caller, replies of {length:,} bytes, {calls} calls in each of {ROUNDS} rounds")
    for peer in peers:
        turn(peer, arguments, min(WARM, calls))
    medians = {peer.name: [] for peer in peers}
    total = {peer.name: [[], 0.0, 0] for peer in peers}
    for _ in range(ROUNDS):
        times = {peer.name: [] for peer in peers}
        for _ in range(calls // size):
            for peer in peers:
                before = peer.used()
                times[peer.name] += turn(peer, arguments, size)
                cpu, switches = (now - then for now, then in zip(peer.used(), before))
                total[peer.name][1] += cpu
                total[peer.name][2] += switches
        for name, taken in times.items():
            medians[name].append(statistics.median(taken))
            total[name][0] += taken
    base = medians[peers[0].name]
    for peer in peers:
        taken, cpu, switches = total[peer.name]
        row = f"  {peer.name:20} p50 {statistics.median(taken):8.1f}  p99 {statistics.quantiles(taken, n=100)[98]:8.1f}  least {min(taken):8.1f}"
        row += f"  CPU {cpu / len(taken):7.1f}  switches {switches / len(taken):5.2f}"
        if peer is not peers[0]:
            more = [mine - theirs for mine, theirs in zip(medians[peer.name], base)]
            ratio = statistics.median([mine / theirs for mine, theirs in zip(medians[peer.name], base)])
            row += f"  {ratio:5.2f} ×, median of rounds {statistics.median(more):+.1f} ({min(more):+.1f} to {max(more):+.1f})"
        print(row, flush=True)


def many_callers(peer, arguments):
    lines = [peer.call(arguments) for _ in range(CALLERS_CALLS)]
    before, begun = peer.used(), time.perf_counter()
    sent, got = 0, 0
    while got < len(lines):
        room = min(CALLERS - (sent - got), len(lines) - sent)
        if room:
            os.write(peer.to, b"".join(lines[sent : sent + room]))
            sent += room
        got += len(peer.replies())
    took = time.perf_counter() - begun
    cpu, switches = (now - then for now, then in zip(peer.used(), before))
    print(f"  {peer.name:20} {len(lines) / took:8.0f} calls/s  CPU {cpu / len(lines):7.1f}  switches {switches / len(lines):5.2f}", flush=True)


def first_reply(make, arguments):
    """Milliseconds from spawn to the first reply of the tool."""
    times = []
    for _ in range(STARTS):
        peer = make()
        peer.check(arguments)
        times.append((time.perf_counter_ns() - peer.begun) / 1e6)
        peer.end()
    return f"p50 {statistics.median(times):8.1f} ms  least {min(times):8.1f} ms"


def options():
    at = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].strip())
    parser.add_argument("--power")
    parser.add_argument("--fastmcp")
    parser.add_argument("--peer", action="append", default=[])
    for name in ("gateway", "key", "lease", "tool"):
        parser.add_argument(name)
    parser.add_argument("arguments", nargs="+", type=json.loads)
    given = parser.parse_args(sys.argv[1:at])
    given.command = sys.argv[at + 1 :]
    if not given.command:
        parser.error("the command of the server is missing")
    return given


def main():
    given = options()
    leased = {"dev.airlock/lease": given.lease, "dev.airlock/session": "s-1", "dev.airlock/intent": "look at the weather"}
    bare = given.tool.split(".", 1)[1]
    with tempfile.TemporaryDirectory(dir=os.environ.get("AIRLOCK_BENCH_DIR")) as place:

        def gateway(name, program, at):
            ledger = str(pathlib.Path(place) / at)
            return Peer(name, [program], given.tool, leased, True, AIRLOCK_KEY_FILE=given.key, AIRLOCK_LEDGER_DIR=ledger)

        makers = {
            "direct": lambda: Peer("direct", given.command, bare),
            "through, process": lambda: gateway("through, process", given.gateway, "process"),
        }
        if given.fastmcp:
            proxy = [str(pathlib.Path(given.fastmcp) / "bin/python"), "-c", FASTMCP, *given.command]
            makers["fastmcp"] = lambda: Peer("fastmcp", proxy, bare, is_modern=False)
        for name, _, command in (peer.partition("=") for peer in given.peer):
            makers[name] = lambda name=name, command=shlex.split(command): Peer(name, command, bare, is_modern=False)
        print("spawn to first reply of the tool")
        for name, make in makers.items():
            print(f"  {name:20} {first_reply(make, given.arguments[0])}", flush=True)
        peers = [make() for make in makers.values()]
        for arguments in given.arguments:
            one_caller(peers, arguments)
        print(f"\n{CALLERS} callers, the first arguments")
        for peer in peers:
            many_callers(peer, given.arguments[0])
        if given.power:
            synced = Synced(place, "direct, fdatasync", given.command, bare)
            durable = gateway("through, power", given.power, "power")
            one_caller([synced, durable], given.arguments[0])
            peers += [synced, durable]
        for peer in peers:
            peer.end()


main()
