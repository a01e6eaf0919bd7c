#!/usr/bin/env python3
"""What confinement costs: two gateways of one manifest, asked by turns, so that what else the machine does falls on both.

    benches/confine.py PLAIN CONFINED KEY_FILE

PLAIN is a build without confinement, CONFINED one with it; KEY_FILE fits both. Prints medians of the time from spawn to the first reply, and of
the round trip of a ping, in microseconds, for each of several rounds.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

SPAWNS = 100
PINGS = 5000
ROUNDS = 3


def old(number, method, params):
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode() + b"\n"


INITIALIZE = old(0, "initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}})


def start(program, key, ledger):
    env = {"AIRLOCK_KEY_FILE": key, "AIRLOCK_LEDGER_DIR": ledger}
    return subprocess.Popen([program], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)


def ask(process, data):
    process.stdin.write(data)
    answer = process.stdout.readline()
    assert b'"result"' in answer, answer
    return answer


def spawn(program, key, ledger):
    begun = time.perf_counter()
    process = start(program, key, ledger)
    ask(process, INITIALIZE)
    took = time.perf_counter() - begun
    process.kill()
    process.wait()
    return took * 1e6


def pings(program, key, ledger):
    process = start(program, key, ledger)
    ask(process, INITIALIZE)
    process.stdin.write(json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}).encode() + b"\n")
    times = []
    for number in range(1, PINGS):
        begun = time.perf_counter()
        ask(process, old(number, "ping", {}))
        times.append((time.perf_counter() - begun) * 1e6)
    process.kill()
    process.wait()
    return times


def main():
    plain, confined, key = sys.argv[1:]
    with tempfile.TemporaryDirectory() as scratch:
        places = {}
        for name, program in (("plain", plain), ("confined", confined)):
            places[name] = (program, key, os.path.join(scratch, name))
            spawn(*places[name])
        for turn in range(ROUNDS):
            starts = {name: [] for name in places}
            for _ in range(SPAWNS):
                for name, place in places.items():
                    starts[name].append(spawn(*place))
            calls = {name: pings(*place) for name, place in places.items()}
            for name in places:
                print(f"round {turn + 1} {name:9} first reply p50 {statistics.median(starts[name]):8.0f} min {min(starts[name]):8.0f}"
                      f"   ping p50 {statistics.median(calls[name]):6.1f} min {min(calls[name]):6.1f}")


if __name__ == "__main__":
    main()
