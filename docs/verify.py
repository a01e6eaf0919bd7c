#!/usr/bin/env python3
"""Verifies a ledger of MCP Airlock with the Python standard library alone, written from docs/ledger.md: nobody must trust our program.

    verify.py DIR [--key LOGKEY[,EPOCHKEY]] [--checkpoint FILE] [--seed-file FILE] [--open SEQ [FILE]]

Chain, genesis, segments, revocation marks, tree head, checkpoint (Ed25519), epoch keys, head, and with a seed the seal; --open checks that the arguments in FILE,
or those that evidence/ has, are those of entry SEQ; of an outcome, that the result is. Exit codes: 0 proven, 1 tampered, 2 usage, 3 weaker than asked, 4 truncated.
"""
import argparse, base64, functools, hashlib, hmac, json, pathlib, re, sys

LINE = re.compile(rb'\{"seq":(0|[1-9][0-9]*),"prev":"([0-9a-f]{64})","ts":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)",("t":"[ -~]*\})')
ROLL = re.compile(rb'"t":"keyroll","epoch":(0|[1-9][0-9]*),"epk":"([A-Za-z0-9+/]{43}=)","sig":"([A-Za-z0-9+/]{86}==)"(,"rv":".*)?\}')
STAMP = re.compile(rb',"rv":"([1-9][0-9]*):([0-9a-f]{64})"\}$')

class Bad(Exception):
    """What was found, and the exit code, which is 1 unless it is given."""

def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()

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
        raise Bad("a point of a signature is none")
    x = x if x & 1 == sign else P - x
    return (x, y, 1, x * y % P)

BASE = point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))

def signed(key, text, signature):
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= ORDER:
        return False
    h = int.from_bytes(hashlib.sha512(r + key + text).digest(), "little") % ORDER
    a, b = point_mul(s, BASE), point_add(point_of(r), point_mul(h, point_of(key)))
    return not ((a[0] * b[2] - b[0] * a[2]) % P or (a[1] * b[2] - b[1] * a[2]) % P)

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
    if not match or not has_signature(note, match[1], key):
        raise Bad("the checkpoint is not one, or not signed by the log key")
    return int(match[2]), base64.b64decode(match[3]), match[1]

def read_head(path):
    """The newer valid slot as a dictionary, or None."""
    best, data = None, path.read_bytes() if path.exists() else b""
    for slot in (data[:4096], data[4096:8192]):
        number = lambda k: int.from_bytes(slot[8 * k:8 * k + 8], "big")
        if len(slot) < 106 or slot[:8] not in (b"alkhead2", b"alkhead3"):
            continue
        flag = 105 + 32 * slot[104]
        seal = slot[flag + 1:flag + 73] if slot[flag] == 1 else b""
        end = flag + 1 + len(seal) + (56 if slot[:8] == b"alkhead3" else 0)
        if sha(slot[:end])[:8] == slot[end:end + 8] and not (best and best["generation"] > number(1)):
            best = {"generation": number(1), "n": number(2), "offset": number(3), "segment": number(6), "leaf": slot[72:104],
                    "seal": seal and (int.from_bytes(seal[:8], "big"), seal[8:40], seal[40:])}
    return best

def next_epoch(epoch, body, count, peaks):
    """The epoch that a keyroll line begins: the key of the one before has signed it, and all entries before it."""
    match = ROLL.fullmatch(body)
    if not epoch or not match or int(match[1]) != epoch[0] + 1:
        raise Bad(f"entry {count} rolls no epoch key of this ledger")
    key = base64.b64decode(match[2])
    text = b"airlock/keyroll/v1\0" + count.to_bytes(8, "big") + tree_head(peaks) + int(match[1]).to_bytes(8, "big") + key
    if not signed(epoch[1], text, base64.b64decode(match[3])):
        raise Bad(f"the key of epoch {epoch[0]} has not signed entry {count} and what is before it")
    return int(match[1]), key

def verify(args):
    folder, weak = pathlib.Path(args.dir), []
    head = read_head(folder / "head")
    segments = sorted(path for path in folder.iterdir() if re.fullmatch(r"seg-[0-9]{20}\.jsonl", path.name))
    if not segments:
        raise Bad("there is no segment", 2)
    genesis = json.loads(segments[0].read_bytes().split(b"\n")[0])
    key = base64.b64decode(genesis["pk"], validate=True)
    epoch = (0, base64.b64decode(genesis["epk"], validate=True)) if "epk" in genesis else None
    if (genesis["seq"], genesis["t"], genesis["v"]) != (0, "genesis", 1):
        raise Bad("entry 0 is not a genesis")
    pinned = [base64.b64decode(text) for text in (args.key or "").split(",") if text]
    if pinned and pinned != [key, epoch and epoch[1]][:len(pinned)]:
        raise Bad("entry 0 names another log key, or another first epoch key")
    seed = base64.b64decode(pathlib.Path(args.seed_file).read_text()) if args.seed_file else None
    if seed and genesis.get("seal") != sha(b"airlock/seed/v1\0", seed).hex():
        raise Bad("entry 0 does not name this seed")
    notes = [path for path in (folder / "checkpoint", args.checkpoint and pathlib.Path(args.checkpoint)) if path and path.exists()]
    claims = [read_checkpoint(path.read_bytes().decode(), key) + (path,) for path in notes]
    prev, newest, count, peaks = sha(b"airlock/ledger/v1\0", genesis["origin"].encode(), b"\0", key), "", 0, []
    mark, mac, mu, roots, leaf_of_head, seal_at_head = (0, ""), seed, bytes(32), {}, None, None
    for segment in segments:
        if int(segment.name[4:24]) != count:
            raise Bad(f"{segment.name} does not begin with entry {count}")
        lines, ended, at = segment.read_bytes().split(b"\n"), False, 0
        tail = lines.pop()
        for raw in lines:
            match, committed = LINE.fullmatch(raw), head is None or (head["segment"], head["offset"]) > (int(segment.name[4:24]), at)
            stamp = STAMP.search(raw)
            fits = match and len(raw) <= 16384 and int(match[1]) == count and match[2] == prev.hex().encode() and not ended
            if not fits or match[3].decode() < newest or (stamp and (int(stamp[1]), stamp[2].decode()) or (0, "")) != mark:
                if committed or segment != segments[-1]:
                    raise Bad(f"entry {count} does not fit in {segment.name}")
                tail = b"bad"
                break
            body, newest = match[4], match[3].decode()
            epoch = next_epoch(epoch, body, count, peaks) if body.startswith(b'"t":"keyroll",') else epoch
            if body.startswith((b'"t":"revoke",', b'"t":"kill",')):
                mark = (mark[0] + 1, sha(b"airlock/revoked/v1\0", body).hex())
            ended = body.startswith(b'"t":"rotate",')
            if ended and not body.startswith(f'"t":"rotate","next":{count + 1}'.encode()):
                raise Bad(f"entry {count} ends its segment and names another entry than the next")
            prev = sha(b"\0", raw)
            if seed:
                tag = hmac.digest(mac, b"airlock/seal/v1\0" + count.to_bytes(8, "big") + prev, "sha256")
                mu, mac = sha(b"airlock/agg/v1\0", mu, tag), sha(b"airlock/next/v1\0", mac)
            push(peaks, count, prev)
            count, at = count + 1, at + len(raw) + 1
            if any(count == claim[0] for claim in claims):
                roots[count] = (tree_head(peaks), epoch)
            leaf_of_head = prev if head and count == head["n"] else leaf_of_head
            seal_at_head = (mac, mu) if head and head["seal"] and count == head["seal"][0] else seal_at_head
        if segment != segments[-1] and (tail or not ended):
            raise Bad(f"{segment.name} has no end")
        weak += ["there are bytes behind the last entry"] if tail else []
    for n, root, origin, path in claims:
        if n > count:
            raise Bad(f"{path.name} covers {n} entries, there are {count}", 4)
        if n and roots[n][0] != root or origin != genesis["origin"]:
            raise Bad(f"the first {n} entries are not those of {path.name}")
        signer = n and roots[n][1]
        if signer and not has_signature(path.read_bytes().decode(), f"{origin}/epoch-{signer[0]}", signer[1]) and path.parent == folder:
            raise Bad(f"{path.name} is not signed by the key of its epoch")
    if head and head["n"] > count:
        raise Bad(f"the head names {head['n']} entries, there are {count}", 4)
    if head and (leaf_of_head != head["leaf"] or seed and head["seal"] and seal_at_head != head["seal"][1:]):
        raise Bad(f"entry {head['n'] - 1} is not the one that the head names, or the seal does not hold")
    trusted = max([n for n, _, _, path in claims if args.key or path != folder / "checkpoint"], default=0)
    if (args.key or args.checkpoint) and trusted < count or not (args.key or args.checkpoint or seed):
        weak.append(f"no trusted checkpoint covers the last {count - trusted} entries")
    if seed and not (head and head["seal"] and head["seal"][0] == count):
        weak.append("the seal does not cover the last entries")
    print(f"{count} entries, tree head {tree_head(peaks).hex()}")
    if args.open:
        opened(folder, segments, int(args.open[0]), *(pathlib.Path(file).read_bytes() for file in args.open[1:2]))
    return weak

def opened(folder, segments, seq, given=None):
    segment = max(path for path in segments if int(path.name[4:24]) <= seq)
    line = json.loads(segment.read_bytes().split(b"\n")[seq - int(segment.name[4:24])])
    what = "result" if line["t"] == "outcome" else "args"
    lines = (folder / "evidence" / segment.name).read_bytes().splitlines()  # a writer that was killed leaves half a line behind
    kept = [json.loads(text) for text in lines if text.startswith(b'{"seq":%d,' % seq) and text.endswith(b"}")]
    salts = [bytes.fromhex(entry["salt"]) for entry in kept if "salt" in entry]
    texts = [base64.b64decode(entry[what]) for entry in kept if "-" not in entry.get(what, "-") and "cut" not in entry] if given is None else [given]
    for text in texts:
        if what == "result" and line.get("result") == sha(text).hex():
            return print(f"entry {seq} had this result")
        if any(line.get("ac") == sha(b"airlock/commit/v1\0", salt, len(text).to_bytes(8, "big"), text).hex() for salt in salts):
            return print(f"entry {seq} was called with these arguments")
    if given is None and not texts:
        rest = [word for word in (what + "_redacted", "cut", "left") if any(word in entry for entry in kept)]
        raise Bad(f"nothing that opens entry {seq} is kept ({', '.join(rest) or 'no text'})", 2)
    raise Bad(f"these are not the arguments or the result of entry {seq}, or its salt is gone")

def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    [parser.add_argument(name) for name in ("dir", "--key", "--checkpoint", "--seed-file")]
    parser.add_argument("--open", nargs="+", metavar="SEQ [FILE]")
    try:
        weak = verify(parser.parse_args())
    except Bad as bad:
        code = bad.args[1] if len(bad.args) > 1 else 1
        print({1: "TAMPERED", 2: "NO ANSWER", 4: "TRUNCATED"}[code] + f": {bad.args[0]}")
        return code
    except OSError as error:
        return print(f"NO ANSWER: {error}") or 2
    except (KeyError, ValueError, TypeError, IndexError) as error:
        return print(f"TAMPERED: not of this format: {error!r}") or 1
    print("".join(f"WEAKER: {reason}\n" for reason in weak), end="")
    return 3 if weak else 0

if __name__ == "__main__":
    sys.exit(main())
