#!/usr/bin/env python3
"""Checks a ledger directory against expected.json with the Python standard library alone.

Chain, genesis binding, Merkle tree head, checkpoint text, key id and one argument commitment. The Ed25519 signature is left to
tools that have the curve (any C2SP signed-note verifier, given `verifier_key`).
"""
import base64
import hashlib
import json
import pathlib
import sys


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def tree_head(leaves):
    """RFC 6962, section 2.1, written as the definition reads."""
    if not leaves:
        return sha()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return sha(b"\x01", tree_head(leaves[:split]), tree_head(leaves[split:]))


def main():
    here = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    expected = json.loads((here / "expected.json").read_text())
    key = base64.b64decode(expected["key"])
    lines = (here / "seg-00000000000000000000.jsonl").read_bytes().split(b"\n")
    assert lines.pop() == b"", "the last line has no line feed"

    prev, newest, leaves = sha(b"airlock/ledger/v1\0", expected["origin"].encode(), b"\0", key), "", []
    for seq, line in enumerate(lines):
        assert all(0x20 <= byte <= 0x7E for byte in line), f"line {seq} is not printable ASCII"
        entry = json.loads(line)
        assert list(entry)[:4] == ["seq", "prev", "ts", "t"], f"line {seq} begins otherwise"
        assert entry["seq"] == seq and entry["prev"] == prev.hex(), f"line {seq} does not follow"
        assert entry["ts"] >= newest, f"line {seq} goes back in time"
        prev, newest = sha(b"\0", line), entry["ts"]
        leaves.append(prev)
    assert len(lines) == expected["entries"] and tree_head(leaves).hex() == expected["root"]

    genesis = json.loads(lines[0])
    assert (genesis["t"], genesis["v"], genesis["origin"], genesis["pk"]) == ("genesis", 1, expected["origin"], expected["key"])

    case = expected["commitment"]
    salt, arguments = bytes.fromhex(case["salt"]), case["arguments"].encode()
    commitment = sha(b"airlock/commit/v1\0", salt, len(arguments).to_bytes(8, "big"), arguments)
    assert json.loads(lines[case["seq"]])["ac"] == commitment.hex()

    text, signature = (here / "checkpoint").read_text().split("\n\n")
    assert text.split("\n") == [expected["origin"], str(len(lines)), base64.b64encode(tree_head(leaves)).decode()]
    dash, name, blob = signature.rstrip("\n").split(" ")
    key_id = sha(name.encode(), b"\n\x01", key)[:4]
    assert dash == "\u2014" and name == expected["origin"] and base64.b64decode(blob)[:4] == key_id
    assert expected["verifier_key"] == f"{name}+{key_id.hex()}+{base64.b64encode(bytes([1]) + key).decode()}"
    print(f"{len(lines)} entries, tree head {expected['root']}")


main()
