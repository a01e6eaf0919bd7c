#!/usr/bin/env python3
"""Shows that the arguments of a call, or its result, are those that its entry commits to. Verifies the ledger first, as verify.py does.

    open.py DIR --seq SEQ [--file FILE] [--key LOGKEY[,EPOCHKEY]] [--checkpoint FILE] [--seed-file FILE]

FILE has the arguments as docs/ledger.md ("Formulas") writes them, or the result; without it, those that evidence/ has. Exit codes as of verify.py.
"""
import base64, json, pathlib, re, sys
import verify as ledger

def lines_of(folder, name):
    """The lines of a file of evidence; none if there is no file. A writer that was killed leaves half a line behind."""
    path = folder / "evidence" / name
    return ledger.read(path).splitlines() if path.exists() or path.is_symlink() else []

def kept_of(line, seq):
    """What a line of evidence holds of an entry; nothing if it is none of ours."""
    try:
        kept = json.loads(line)
        return kept if isinstance(kept, dict) and kept.get("seq") == seq else {}
    except (ValueError, RecursionError):
        return {}

def opened(args):
    weak = ledger.verify(args)
    if not re.fullmatch("[0-9]{1,19}", args.seq or ""):
        raise ledger.Bad(f"{args.seq!r} is no number of an entry", 2)
    seq, folder = int(args.seq), pathlib.Path(args.dir)
    segment = max(path for path in folder.iterdir() if re.fullmatch(r"seg-[0-9]{20}\.jsonl", path.name) and int(path.name[4:24]) <= seq)
    lines, at = ledger.read(segment).split(b"\n"), seq - int(segment.name[4:24])
    if not lines[at:at + 1] or not ledger.LINE.fullmatch(lines[at]):
        raise ledger.Bad(f"there is no entry {seq}", 2)
    line = json.loads(lines[at])
    what = "result" if line["t"] == "outcome" else "args"
    kept = [kept_of(text, seq) for text in lines_of(folder, segment.name)]
    salts = [bytes.fromhex(entry["salt"]) for entry in kept if re.fullmatch("[0-9a-f]{64}", str(entry.get("salt")))]
    texts = [base64.b64decode(entry[what]) for entry in kept if "-" not in str(entry.get(what, "-")) and "cut" not in entry]
    for text in texts if args.file is None else [ledger.read(args.file, 0)]:
        if what == "result" and line.get("result") == ledger.sha(text).hex():
            return print(f"entry {seq} had this result") or weak
        commitments = [ledger.sha(b"airlock/commit/v1\0", salt, len(text).to_bytes(8, "big"), text).hex() for salt in salts]
        if what == "args" and line.get("ac") in commitments:
            return print(f"entry {seq} was called with these arguments") or weak
    if args.file is None and not texts:
        rest = [word for word in (what + "_redacted", "cut", "left") if any(word in entry for entry in kept)]
        raise ledger.Bad(f"nothing that opens entry {seq} is kept ({', '.join(rest) or 'no text'})", 2)
    raise ledger.Bad(f"these are not the arguments or the result of entry {seq}, or its salt is gone")

if __name__ == "__main__":
    sys.exit(ledger.answer(opened, "--seq", "--file"))
