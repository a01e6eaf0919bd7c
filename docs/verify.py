#!/usr/bin/env python3
"""Verifies a ledger of MCP Airlock with the Python standard library alone, written from docs/ledger.md: nobody must trust our program.

    verify.py DIR [--key LOGKEY[,EPOCHKEY]] [--checkpoint FILE] [--seed-file FILE]

Exit codes: 0 proven, 1 tampered, 2 usage or no answer, 3 weaker than asked, 4 truncated. docs/open.py shows what an entry commits to.
"""
import argparse, base64, datetime, functools, hashlib, hmac, json, os, pathlib, re, stat, sys

LINE = re.compile(rb'\{"seq":(0|[1-9][0-9]*),"prev":"([0-9a-f]{64})","ts":"(\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3])(?::[0-5]\d){2}\.\d{6}Z)",("t":"[ -~]*\})')
ROLL = re.compile(rb'"t":"keyroll","epoch":([1-9][0-9]{0,18}),"epk":"([A-Za-z0-9+/]{43}=)","sig":"([A-Za-z0-9+/]{86}==)"(,"rv":".*)?\}')
STAMP = re.compile(rb',"rv":"([0-9]*:[ -~]{64})"\}$')

class Bad(Exception):
    """What was found, and the exit code, which is 1 unless it is given."""

def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()

def read(path, flags=os.O_NOFOLLOW):
    """The bytes of a regular file; of one of the ledger's, not through a link. A pipe keeps nobody waiting: there is no answer."""
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise Bad(f"{path} is not a regular file", 2)
        return file.read()

def keys_of(text, most=1, code=2):
    """Keys of 32 bytes in base64, with a comma between two; half a key is none."""
    if not re.fullmatch(r"\s*[A-Za-z0-9+/]{43}=(,[A-Za-z0-9+/]{43}=)?\s*", text) or text.count(",") >= most:
        raise Bad(f"{text.strip()!r} is no key of 32 bytes in base64", code)
    return [base64.b64decode(key) for key in text.split(",")]

# Ed25519 as RFC 8032 describes it; slow and plain.
P, ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
def point_add(a, b):
    (x1, y1, z1, t1), (x2, y2, z2, t2) = a, b
    c, d, e, f = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P, 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    e, f, g, h = d - c, f - e, f + e, d + c
    return (e * f % P, g * h % P, f * g % P, e * h % P)
def point_mul(s, point):
    half = point_mul(s >> 1, point_add(point, point)) if s else (0, 1, 1, 0)
    return point_add(half, point) if s & 1 else half
def point_of(data):
    sign, y = data[31] >> 7, int.from_bytes(data, "little") & ((1 << 255) - 1)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if (x * x - square) % P == 0 else x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        raise Bad("a key is none")
    x = x if x & 1 == sign else P - x
    return (x, y, 1, x * y % P)
BASE = point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
def signed(key, text, signature):
    s, h = (int.from_bytes(part, "little") for part in (signature[32:], hashlib.sha512(signature[:32] + key + text).digest()))
    x, y, z, t = point_mul(h % ORDER, point_of(key))
    x, y, z, t = point_add(point_mul(s % ORDER, BASE), (P - x, y, z, P - t))
    r = (y * pow(z, -1, P) % P | (x * pow(z, -1, P) % P & 1) << 255).to_bytes(32, "little")
    return len(signature) == 64 and s < ORDER and r == signature[:32]

def push(peaks, n, leaf):
    """Adds leaf n to the roots of perfect subtrees, largest first, of an RFC 6962 tree."""
    while n & 1:
        leaf, n = sha(b"\x01", peaks.pop(), leaf), n >> 1
    peaks.append(leaf)
def tree_head(peaks):
    return functools.reduce(lambda right, left: sha(b"\x01", left, right), reversed(peaks)) if peaks else sha()

def has_signature(note, name, key):
    """Has the note a line of this name and key? Of several one must hold."""
    lines = [line.split(" ")[1:] for line in note.split("\n\n")[1].splitlines()]
    blobs = [base64.b64decode(blob, validate=True) for label, blob in lines if label == name]
    blobs = [blob[4:] for blob in blobs if blob[:4] == sha(name.encode(), b"\n\x01", key)[:4]]
    if blobs and not any(signed(key, note.split("\n\n")[0].encode() + b"\n", blob) for blob in blobs):
        raise Bad(f"the signature of {name} is wrong")
    return bool(blobs)

def read_checkpoint(note, key):
    """(entries, root, origin) of a signed note."""
    match = re.fullmatch(r"([!-~]+)\n(0|[1-9][0-9]*)\n([A-Za-z0-9+/]{43}=)\n\n((?:\u2014 \S+ \S+\n)+)", note)
    if not match or len(note.encode()) > 65536 or not has_signature(note, match[1], key):
        raise Bad("the checkpoint is not one, or not signed by the log key")
    return int(match[2]), base64.b64decode(match[3]), match[1]

def read_head(data):
    """The newer valid slot: generation, entries, leaf, entries under the seal, key and aggregate of that, segment and length; or None."""
    slots = []
    for slot in (data[:4096], data[4096:8192]):
        number = lambda k: int.from_bytes(slot[8 * k:8 * k + 8], "big")
        if len(slot) > 105 and slot[:8] in (b"alkhead2", b"alkhead3") and slot[104] == number(2).bit_count():
            flag = 105 + 32 * slot[104]
            seal = slot[flag + 1:flag + 73] if slot[flag:flag + 1] > b"\0" else b""
            end = flag + 1 + len(seal) + (56 if slot[:8] == b"alkhead3" else 0)
            if sha(slot[:end])[:8] == slot[end:end + 8]:
                slots.append((number(1), number(2), slot[72:104], int.from_bytes(seal[:8], "big"), (seal[8:40], seal[40:]), (number(6), number(3))))
    return max(slots, key=lambda slot: slot[0], default=None)

class Chain:
    """What the lines so far imply for the next one."""
    def __init__(self, line, seed):
        names, pairs = ("v", "origin", "pk", "pol", "durability", "seal", "epk"), json.loads(line, object_pairs_hook=list)
        members = [pair for pair in pairs if pair[0] in names and pair[1] is not None]
        genesis, is_genesis = dict(members), line[118:].startswith(b'"t":"genesis",')
        version = genesis["v"] if len(genesis) == len(members) and is_genesis and set(names[:5]) <= set(genesis) else None  # each once
        if type(version) is not int or version != 1 or not all(isinstance(genesis[name], str) for name in genesis if name != "v"):
            raise Bad("entry 0 is not a genesis of this version")
        self.origin, (self.key,), self.seed = genesis["origin"], keys_of(genesis["pk"], code=1), genesis.get("seal")
        self.prev, self.peaks, self.count = sha(b"airlock/ledger/v1\0", self.origin.encode(), b"\0", self.key), [], 0
        self.epoch = (0, *keys_of(genesis["epk"], code=1)) if "epk" in genesis else None
        self.newest, self.ended, self.mark, self.seal = "1970-01-01T00:00:00.000000Z", False, b"", (seed, bytes(32))
    def take(self, raw):
        """Goes behind the line, if it is the next one."""
        match, stamp, n = LINE.fullmatch(raw), STAMP.search(raw), self.count.to_bytes(8, "big")
        fits = match and len(raw) <= 16384 and (int(match[1]), match[2]) == (self.count, self.prev.hex().encode()) and not self.ended
        if not fits or match[3].decode() < self.newest or (stamp[1] if stamp else b"") != self.mark:
            raise Bad(f"entry {self.count} is not of the form, or does not follow from those before: hash, time or revocations")
        body, ts, roll = match[4], match[3].decode(), ROLL.fullmatch(match[4])
        datetime.date.fromisoformat(ts[:10])  # a day that does not exist is a ValueError
        if body.startswith(b'"t":"rotate",') and not body.startswith(f'"t":"rotate","next":{self.count + 1}'.encode()):
            raise Bad(f"entry {self.count} ends its segment and names another entry than the next")
        if body.startswith(b'"t":"keyroll",'):  # the key of the epoch before has signed the next one, and all entries before this
            number, key, signature = (int(roll[1]), *map(base64.b64decode, roll.group(2, 3))) if roll else (0, b"", b"")
            text = b"airlock/keyroll/v1\0" + n + tree_head(self.peaks) + number.to_bytes(8, "big") + key
            if not self.epoch or number != self.epoch[0] + 1 or not signed(self.epoch[1], text, signature):
                raise Bad(f"entry {self.count} rolls no epoch key of this ledger, or an entry before it was changed")
            self.epoch = (number, key)
        if body.startswith((b'"t":"revoke",', b'"t":"kill",')):
            self.mark = b"%d:%s" % (int(self.mark.split(b":")[0] or b"0") + 1, sha(b"airlock/revoked/v1\0", body).hex().encode())
        self.prev, self.newest, self.ended = sha(b"\0", raw), ts, body.startswith(b'"t":"rotate",')
        if self.seal[0]:
            tag = hmac.digest(self.seal[0], b"airlock/seal/v1\0" + n + self.prev, "sha256")
            self.seal = sha(b"airlock/next/v1\0", self.seal[0]), sha(b"airlock/agg/v1\0", self.seal[1], tag)
        push(self.peaks, self.count, self.prev)
        self.count += 1

def verify(args):
    folder, seen, names = pathlib.Path(args.dir), {}, ("checkpoint", "witnessed", "--checkpoint")
    head, *notes = [read(folder / name) if os.path.lexists(folder / name) else None for name in ("head", *names[:2])]
    notes.append(None if args.checkpoint is None else read(args.checkpoint, 0))
    pinned = [] if args.key is None else keys_of(args.key, 2)
    seed = None if args.seed_file is None else keys_of(read(args.seed_file, 0).decode())[0]
    segments = sorted(path for path in folder.iterdir() if re.fullmatch(r"seg-[0-9]{20}\.jsonl", path.name) and int(path.name[4:24]) < 1 << 64)
    if not segments or not all(stat.S_ISREG(path.lstat().st_mode) for path in segments):
        raise Bad("there is no segment, or one is no regular file", 2)
    chain, head = Chain(read(segments[0]).split(b"\n")[0], seed), read_head(head or b"")
    if pinned and pinned != [chain.key, chain.epoch and chain.epoch[1]][:len(pinned)] or seed and chain.seed != sha(b"airlock/seed/v1\0", seed).hex():
        raise Bad("entry 0 names another log key, first epoch key or seed")
    notes = {name: note.decode() for name, note in zip(names, notes) if note is not None}
    facts = [(name, 0, *read_checkpoint(note, chain.key)) for name, note in notes.items()]
    facts += [("head", 1, *head[1:3], chain.origin), ("seal", 2, *(head[3:5] if seed else (0, None)), chain.origin)] if head else []
    wanted = {fact[2] for fact in facts}
    for segment in segments:
        first, at, is_last, chain.ended = int(segment.name[4:24]), 0, segment == segments[-1], False
        if first != chain.count:
            raise Bad(f"{segment.name} does not begin with entry {chain.count}")
        *lines, tail = read(segment).split(b"\n")
        for raw in lines + [tail] * (len(tail) > 16384):
            try:
                chain.take(raw)
            except (Bad, ValueError):
                if not is_last or not head or head[5] > (first, at):
                    raise
                tail = b"bad"  # what no head describes was never acknowledged
                break
            at += len(raw) + 1
            if chain.count in wanted:
                seen[chain.count] = tree_head(chain.peaks), chain.prev, chain.seal, chain.epoch
        if not is_last and (tail or not chain.ended):
            raise Bad(f"{segment.name} has no end")
    for name, what, n, value, named in facts:
        if named != chain.origin or n in seen and seen[n][what] != value:
            raise Bad(f"the first {n} entries are not those of the {name}")
        epoch = seen[n][3] if n in seen and name in names else None
        if epoch and not has_signature(notes[name], f"{named}/epoch-{epoch[0]}", epoch[1]) and name != "--checkpoint":
            raise Bad(f"the {name} is not signed by the key of its epoch")
    for name, _, n, _, _ in facts:
        if n > chain.count:
            raise Bad(f"the {name} is of {n} entries, there are {chain.count}", 4)
    print(f"{chain.count} entries, tree head {tree_head(chain.peaks).hex()}")
    trusted = max([fact[2] for fact in facts if fact[0] in names and pinned or fact[0] == "--checkpoint"], default=0)
    weak = {"there are bytes behind the last entry": tail, "the seal does not cover the last entries": seed and not (head and head[3] == chain.count)}
    weak[f"no trusted checkpoint covers the last {chain.count - trusted} entries"] = trusted < chain.count and (pinned or "--checkpoint" in notes or not seed)
    return [reason for reason, is_so in weak.items() if is_so]

def answer(work, *more):
    """Does the work that the command line asks for, says what came of it, and gives the exit code."""
    parser = argparse.ArgumentParser()
    [parser.add_argument(name) for name in ("dir", *more, "--key", "--checkpoint", "--seed-file")]
    try:
        weak = work(parser.parse_args())
    except (Bad, OSError, KeyError, ValueError, TypeError, IndexError, RecursionError) as fault:
        found, code = (*fault.args, 1)[:2] if isinstance(fault, Bad) else (repr(fault), 2 if isinstance(fault, OSError) else 1)
        print({1: "TAMPERED", 2: "NO ANSWER", 4: "TRUNCATED"}[code] + f": {found}")
        return code
    print("".join(f"WEAKER: {reason}\n" for reason in weak), end="")
    return 3 if weak else 0

if __name__ == "__main__":
    sys.exit(answer(verify))
