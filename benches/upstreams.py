"""What a gateway adds to a call of an upstream: the same call over the same pipes, with and without it.

    upstreams.py GATEWAY KEY_FILE LEASE TOOL ARGUMENTS -- COMMAND [ARGUMENT ...]

GATEWAY: a gateway whose upstream is COMMAND. TOOL: name at the upstream, after a dot behind the upstream's. LEASE: for the session `s-1` and
the intent `look at the weather`. Prints the median and the 99th part of round trips in microseconds, and the CPU time of the
gateway's own process for each call. Standard library alone; the cost of this program itself is in both numbers.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

CALLS, WARM = 3000, 300
MODERN = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}


class Peer:
    """A server on raw pipes."""

    def __init__(self, command, env):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env, bufsize=0)
        self.to, self.back = self.process.stdin.fileno(), self.process.stdout.fileno()
        self.rest = b""

    def ask(self, line):
        os.write(self.to, line)
        while True:
            while b"\n" not in self.rest:
                self.rest += os.read(self.back, 1 << 20)
            reply, self.rest = self.rest.split(b"\n", 1)
            # What has no id is a notification.
            if b'"id":' in reply:
                return reply

    def cpu(self):
        """CPU time of the process so far, seconds."""
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def request(number, method, params):
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode() + b"\n"


def measure(peer, params):
    lines = [request(number, "tools/call", params) for number in range(10, 10 + CALLS + WARM)]
    first = json.loads(peer.ask(lines[0]))
    assert not first.get("result", {"isError": True}).get("isError"), first
    for line in lines[1:WARM]:
        peer.ask(line)
    before, times = peer.cpu(), []
    for line in lines[WARM:]:
        begun = time.perf_counter_ns()
        peer.ask(line)
        times.append((time.perf_counter_ns() - begun) / 1000)
    return statistics.median(times), statistics.quantiles(times, n=100)[98], (peer.cpu() - before) / CALLS * 1e6


def main():
    at = sys.argv.index("--")
    gateway, key, lease, tool, arguments = sys.argv[1:at]
    arguments = json.loads(arguments)
    direct = Peer(sys.argv[at + 1 :], dict(os.environ))
    meta = MODERN if "result" in json.loads(direct.ask(request(1, "server/discover", {"_meta": MODERN}))) else None
    if meta is None:
        hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
        direct.ask(request(2, "initialize", hello))
        os.write(direct.to, b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
    own = {"name": tool.split(".", 1)[1], "arguments": arguments} | ({"_meta": meta} if meta else {})
    leased = MODERN | {"dev.airlock/lease": lease, "dev.airlock/session": "s-1", "dev.airlock/intent": "look at the weather"}
    with tempfile.TemporaryDirectory() as ledger:
        behind = Peer([gateway], dict(os.environ) | {"AIRLOCK_KEY_FILE": key, "AIRLOCK_LEDGER_DIR": ledger})
        rounds = []
        # In turns, so that a busy machine is busy for both.
        for _ in range(3):
            rounds.append((measure(direct, own), measure(behind, {"name": tool, "arguments": arguments, "_meta": leased})))
        behind.process.stdin.close()
        behind.process.wait()
    direct.process.kill()
    for (p50, p99, _), (through50, through99, cpu) in rounds:
        print(f"direct {p50:7.1f} µs p50 {p99:7.1f} p99 · through {through50:7.1f} p50 {through99:7.1f} p99 · "
              f"{through50 / p50:.2f} ×, {through50 - p50:+.1f} µs, {cpu:.1f} µs CPU")


main()
