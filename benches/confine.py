#!/usr/bin/env python3
"""What confinement costs: two gateways of one manifest, asked by turns, so that what else the machine does falls on both.

    benches/confine.py build AIRLOCK MANIFEST DIR
    benches/confine.py PLAIN CONFINED KEY_FILE

The first compiles both into DIR: `confined` as `airlock build` makes it, and `plain` of the same sources with a few lines changed so that no process
puts a filter or Landlock in force or gives up a capability, and that there is no clerk. Both are compiled by the same command with the same
flags. It takes some minutes. The second measures them; KEY_FILE fits both. It prints median and least time, in microseconds, from spawn to
the first reply, of a ping, and of a call that is refused and recorded, for each of several rounds, and then the median of the rounds' differences.
"""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

SPAWNS = 100
PINGS = 5000
# Fewer than are recorded one by one.
CALLS = 1500
# Asked of one gateway before the other has its turn.
TURN = 50
ROUNDS = 7


def old(number, method, params):
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode() + b"\n"


# What makes a gateway of the same sources one without confinement: file, text, what stands there instead.
PLAIN = [
    ("confine/install.rs", "pub(crate) fn for_all_threads(table: &[Insn]) -> Result<(), Fault> {\n", "    if std::hint::black_box(true) { return Ok(()); }\n"),
    ("confine/paths.rs", "pub(super) fn restrict(left: &Left<'_>) -> Result<(), Fault> {\n", "    if std::hint::black_box(true) { return Ok(()); }\n"),
    ("confine/hygiene.rs", "pub(crate) fn disarm(keep: CapabilitySet) -> Result<(), String> {\n", "    if std::hint::black_box(true) { return Ok(()); }\n"),
    ("start.rs", "let clerk = crate::clerk::Started::start(policy)?;", None),
    ("start.rs", "clerk.give(&ledger_dir)?;", None),
    ("start.rs", "let (desk, clerk) = clerk.desk();", "let clerk = crate::clerk::Watch::default();"),
    ("start.rs", "let opened = opened.with(desk).map_err(unopened)?;", None),
]


# Of the recipe in docs/build.md, what changes the code. Without the back end a gateway would read /dev/urandom, which its filter refuses.
FLAGS = (
    "-Ctarget-feature=+crt-static -Crelocation-model=pic -Cforce-unwind-tables=no -Cllvm-args=-inline-threshold=60 "
    '--cfg getrandom_backend="linux_getrandom" --cfg curve25519_dalek_backend="serial"'
)


def build(airlock, manifest, place):
    place = pathlib.Path(place).resolve()
    cache = place / "cache"
    subprocess.run([airlock, "build", manifest, "-o", place / "built", "--offline", "--cache-dir", cache], check=True)
    # Another crate beside it, with an empty policy, is what the libraries are compiled for beforehand.
    [made] = [path for path in (cache / "ws").glob("*/*/Cargo.toml") if (path.parent / "policy/policy.json").stat().st_size]
    [link] = [path for path in made.parent.iterdir() if path.is_symlink()]
    environment = {**os.environ, "RUSTFLAGS": FLAGS}
    for name in ("plain", "confined"):
        sources, crate = place / f"{name}-sources", place / f"{name}-crate"
        for old_one in (sources, crate):
            shutil.rmtree(old_one, ignore_errors=True)
        shutil.copytree(link.resolve(), sources)
        shutil.copytree(made.parent, crate, symlinks=True)
        (crate / link.name).unlink()
        (crate / link.name).symlink_to(sources)
        for file, text, instead in PLAIN if name == "plain" else []:
            path = sources / "airlock-runtime" / "src" / file
            before = path.read_text()
            assert before.count(text) == 1, f"{file} has not, once: {text}"
            after = text + instead if text.endswith("\n") else instead or "let () = ();"
            path.chmod(0o644)
            path.write_text(before.replace(text, after))
        command = ["cargo", "build", "--release", "--offline", "--target", "x86_64-unknown-linux-gnu", "--manifest-path", crate / "Cargo.toml"]
        # A directory for each: to cargo both are one crate, whose sources look unchanged.
        target = place / f"{name}-target"
        subprocess.run(command, env={**environment, "CARGO_TARGET_DIR": str(target)}, check=True)
        shutil.copy(target / "x86_64-unknown-linux-gnu/release/gateway", place / name)
    if (place / "plain").read_bytes() == (place / "confined").read_bytes():
        raise SystemExit("both gateways are the same file")


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


def asked(places):
    """Times of pings, and of calls that are refused and recorded, of both gateways by turns of some dozens."""
    refused = old(0, "tools/call", {"name": "airlock_usage_stats", "arguments": {}})
    ready = b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n'
    processes = {name: start(*place) for name, place in places.items()}
    for process in processes.values():
        ask(process, INITIALIZE)
        process.stdin.write(ready)
    times = {name: {"ping": [], "call": []} for name in places}
    for kind, message, count in (("ping", old(0, "ping", {}), PINGS), ("call", refused, CALLS)):
        for _ in range(count // TURN):
            for name, process in processes.items():
                for _ in range(TURN):
                    begun = time.perf_counter()
                    ask(process, message)
                    times[name][kind].append((time.perf_counter() - begun) * 1e6)
    for process in processes.values():
        process.kill()
        process.wait()
    return times


def main():
    if sys.argv[1] == "build":
        return build(*sys.argv[2:])
    plain, confined, key = sys.argv[1:]
    differences = {}
    with tempfile.TemporaryDirectory() as scratch:
        for turn in range(ROUNDS):
            # New ledgers: refusals are recorded one by one only so many times.
            places = {name: (program, key, os.path.join(scratch, f"{name}-{turn}")) for name, program in (("plain", plain), ("confined", confined))}
            for place in places.values():
                spawn(*place)
            times = {name: {"first reply": []} for name in places}
            for _ in range(SPAWNS):
                for name, place in places.items():
                    times[name]["first reply"].append(spawn(*place))
            for name, asked_for in asked(places).items():
                times[name].update(asked_for)
            for kind in ("first reply", "ping", "call"):
                told = []
                for name in places:
                    told.append(f"{name} p50 {statistics.median(times[name][kind]):8.1f} min {min(times[name][kind]):8.1f}")
                more = statistics.median(times["confined"][kind]) - statistics.median(times["plain"][kind])
                differences.setdefault(kind, []).append(more)
                print(f"round {turn + 1} {kind:11} " + "   ".join(told) + f"   difference of p50 {more:+8.1f}")
    print("difference of p50, median of the rounds: " + ", ".join(f"{kind} {statistics.median(more):+.1f} us" for kind, more in differences.items()))


if __name__ == "__main__":
    main()
