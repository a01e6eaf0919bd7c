#!/usr/bin/env python3
"""A second implementation of the lease format, from docs/lease.md alone, with nothing but the standard library.

    lease_check.py           recompute every value in lease.json and compare; exit 1 on any difference
    lease_check.py --write   make lease.json anew (after a deliberate change of the format)

The Rust tests run the first form and then judge the same file with the real verifier.
"""

import base64
import hashlib
import hmac
import json
import pathlib
import re
import struct
import sys
import unicodedata

FILE = pathlib.Path(__file__).with_name("lease.json")
NOW = 1_795_326_600
ISSUER_KEY = bytes(range(32))
INTENT = "Plan a picnic in Zürich"


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def mac(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def audience_key(issuer_key, audience):
    return mac(issuer_key, b"airlock/aud/v1\0", audience.encode())


def commitment(key):
    return hashlib.sha256(b"airlock/key/v1\0" + key).digest()[:8].hex()


def canonical(block):
    return json.dumps(block, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def chain(key, kid, blocks):
    first = kid.encode() + b"\0" + blocks[0]
    tags = [mac(key, b"airlock/lease/v1/root\0", struct.pack(">II", 0, len(first)), first)]
    for index, block in enumerate(blocks[1:], 1):
        tags.append(mac(tags[-1], b"airlock/lease/v1/caveat\0", struct.pack(">II", index, len(block)), block))
    return tags


def rid(tag):
    return hashlib.sha256(b"airlock/lease/v1/id\0" + tag).digest()[:16].hex()


def text_of(kid, blocks, tag):
    return ".".join(["alk1", kid, *map(b64, blocks), b64(tag)])


def intent_hash(text):
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return hashlib.sha256(unicodedata.normalize("NFC", text).strip().encode()).digest()


def request_digest(request):
    jcs = json.dumps(request, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(b"airlock/request/v1\0" + jcs.encode()).hexdigest()


def covers(entry, host):
    return entry in ("*", host) or (entry.startswith("*.") and "." in host and host.split(".", 1)[1] == entry[2:])


def fold(blocks):
    """The conjunction of all blocks, as sets."""
    root, caveats = blocks[0], blocks[1:]
    every = lambda key: [b[key] for b in blocks if key in b]
    named = {host for b in blocks for host in b.get("dom", [])}
    return {
        "tools": sorted(set.intersection(*(set(t) for t in every("tools")))),
        "dom": sorted(e for e in named if all(any(covers(o, e) for o in dom) for dom in every("dom"))),
        "risk": min(every("risk")),
        "exp": min(every("exp")),
        "nbf": max(every("nbf")),
        "to": [b["to"] for b in caveats if "to" in b],
        "uses": [[i, b["uses"]] for i, b in enumerate(blocks) if "uses" in b],
    }


KA = audience_key(ISSUER_KEY, "weather")
ROOT = {
    "aud": "weather", "dep": 8, "dom": ["*.open-meteo.com", "example.com"], "ep": 0, "exp": NOW + 900, "iat": NOW,
    "ih": b64(intent_hash(INTENT)), "jti": b64(bytes(range(0xA0, 0xB0))), "nbf": NOW, "pop": 0, "risk": 600, "sid": "session-1",
    "sub": "agent:planner", "tools": ["http_get_json", "weather_hourly"], "uses": 100, "v": 1,
}  # fmt: skip


def good_leases():
    """(name, blocks)"""
    api = ["api.open-meteo.com"]
    yield "root alone", [ROOT]
    yield "one caveat", [ROOT, {"to": "agent:worker", "tools": ["weather_hourly"], "uses": 3}]
    yield "hosts within a wildcard", [ROOT, {"dom": [*api, "example.org"]}, {"dom": ["*.open-meteo.com", *api]}]
    yield "wider values change nothing", [ROOT, {"dom": ["*"], "exp": NOW + 9999, "nbf": 0, "risk": 1000, "uses": 10**9}]
    yield "eight caveats", [ROOT] + [{"risk": 599 - i, "uses": 50 - i} for i in range(8)]
    yield "nothing at all", [{**ROOT, "dep": 0, "dom": [], "risk": 0, "tools": [], "uses": 0}]
    yield "starts within the skew", [{**ROOT, "iat": NOW + 30, "nbf": NOW + 30}]
    yield "last second", [{**ROOT, "iat": NOW - 899, "nbf": NOW - 899, "exp": NOW + 1}]
    yield "escapes", [{**ROOT, "sub": 'a"\\\b\t\n\f\r\x01\x1f\x7fé\u2028😀'}, {"to": "\u0000"}]


def hostile_leases():
    """(name, code, text): first what is refused before the MAC, then the MAC, then authentic nonsense."""
    good = lambda *blocks, kid="k1", key=KA: text_of(kid, list(blocks), chain(key, kid, list(blocks))[-1])
    root, one, two = canonical(ROOT), canonical({"uses": 3}), canonical({"risk": 10})
    plain = good(root)
    _, _, b0, tag = plain.split(".")

    for name, text in {
        "empty": "", "dots": "...", "prefix alone": "alk1", "other version": "alk2" + plain[4:], "upper-case prefix": "ALK1" + plain[4:],
        "line end": plain + "\n", "space": " " + plain, "padding": plain + "=", "standard alphabet": plain.replace(b0, "+" + b0[1:]),
        "percent escape": plain.replace(".", "%2E"), "not ASCII": plain + "é", "NUL": plain + "\0", "full-width": plain.replace("k1.", "k１."),
        "no MAC": f"alk1.k1.{b0}", "no block": f"alk1.k1.{tag}", "nine caveats": good(root, *[one] * 9),
        "empty key id": plain.replace(".k1.", ".."), "upper-case key id": plain.replace(".k1.", ".K1."),
        "long key id": plain.replace(".k1.", "." + "k" * 17 + "."), "key id with _": plain.replace(".k1.", ".k_1."),
        "empty block": f"alk1.k1..{tag}", "empty MAC": f"alk1.k1.{b0}.", "MAC of 31 bytes": f"alk1.k1.{b0}.{b64(unb64(tag)[:31])}",
        "MAC of 33 bytes": f"alk1.k1.{b0}.{b64(unb64(tag) + b'!')}", "MAC with trailing bits": respelled(plain),
        "block of one character": f"alk1.k1.A.{tag}", "block of 1537 bytes": good(b"x" * 1537),
        "block with trailing bits": respelled_block(),
        "trailing dot": plain + ".",
    }.items():  # fmt: skip
        yield name, "lease_spelling", text
    yield "4097 bytes", "lease_length", plain + "A" * (4097 - len(plain))
    yield "bound form", "lease_form", "alp1" + plain[4:]
    yield "unknown key id", "lease_key", plain.replace(".k1.", ".k2.")
    yield "unknown key id and bad base64", "lease_key", plain.replace(".k1.", ".k2.").replace(tag, "A")
    yield "key id that starts like another", "lease_key", plain.replace(".k1.", ".k1-.")

    swapped = text_of("k1", [root, two, one], chain(KA, "k1", [root, one, two])[-1])
    other = canonical({**ROOT, "jti": b64(bytes(16))})
    for name, text in {
        "MAC bit": text_of("k1", [root], bytes([unb64(tag)[0] ^ 1]) + unb64(tag)[1:]), "MAC of zeros": text_of("k1", [root], bytes(32)),
        "root altered": text_of("k1", [canonical({**ROOT, "risk": 1000})], unb64(tag)), "caveats swapped": swapped,
        "caveat removed": text_of("k1", [root], chain(KA, "k1", [root, one])[-1]),
        "middle caveat removed": text_of("k1", [root, two], chain(KA, "k1", [root, one, two])[-1]),
        "caveat not signed": text_of("k1", [root, one], unb64(tag)),
        "caveat twice": text_of("k1", [root, one, one], chain(KA, "k1", [root, one])[-1]),
        "caveat of another lease": text_of("k1", [other, one], chain(KA, "k1", [root, one])[-1]),
        "caveat as root": text_of("k1", [one], chain(KA, "k1", [root, one])[-1]),
        "key of another gateway": good(root, key=audience_key(ISSUER_KEY, "files")), "issuer key itself": good(root, key=ISSUER_KEY),
        "another key id, same key": plain.replace(".k1.", ".k9."), "empty MAC key": good(root, key=b""),
        "plain hash": text_of("k1", [root], hashlib.sha256(root).digest()),
    }.items():  # fmt: skip
        yield name, "lease_mac", text

    def edited(old, new):
        assert old in root, old
        return root.replace(old, new)

    blocks = {
        "not JSON": b"x", "empty object": b"{}", "array": b"[]", "space": root.replace(b":", b": "), "line end": root + b"\n",
        "two objects": root + root, "not UTF-8": edited(b"planner", b"\xff"), "byte order mark": b"\xef\xbb\xbf" + root,
        "duplicate key": edited(b'"risk":600', b'"risk":600,"risk":1000'), "duplicate key, same value": edited(b'"v":1', b'"v":1,"v":1'),
        "keys out of order": edited(b'"uses":100,"v":1', b'"v":1,"uses":100'), "unknown key": edited(b'"v":1', b'"v":1,"z":1'),
        "escaped letter": edited(b'"session-1"', b'"\\u0073ession-1"'), "escaped slash": edited(b'"session-1"', b'"session\\/1"'),
        "escaped key": edited(b'"aud"', b'"\\u0061ud"'), "upper-case hex": edited(b"planner", b"\\u001F"),
        "raw control": edited(b"planner", b"\x01"), "lone surrogate": edited(b"planner", b"\\ud800"),
        "float risk": edited(b'"risk":600', b'"risk":0.6'), "integral float": edited(b'"risk":600', b'"risk":600.0'),
        "exponent": edited(b'"uses":100', b'"uses":1e2'), "leading zero": edited(b'"uses":100', b'"uses":0100'),
        "negative": edited(b'"uses":100', b'"uses":-1'), "minus zero": edited(b'"ep":0', b'"ep":-0'),
        "too large": edited(b'"uses":100', b'"uses":9007199254740992'), "far too large": edited(b'"uses":100', b'"uses":' + b"9" * 400),
        "bool": edited(b'"pop":0', b'"pop":false'), "null": edited(b'"uses":100', b'"uses":null'), "string number": edited(b'"uses":100', b'"uses":"100"'),
        "string for list": edited(b'["http_get_json","weather_hourly"]', b'"http_get_json"'), "number in list": edited(b'"example.com"', b"1"),
        "nested list": edited(b'"example.com"', b"[]"), "pop 2": edited(b'"pop":0', b'"pop":2'), "risk 1001": edited(b'"risk":600', b'"risk":1001'),
        "short intent hash": canonical({**ROOT, "ih": b64(bytes(31))}), "long intent hash": canonical({**ROOT, "ih": b64(bytes(33))}),
        "intent hash respelled": canonical({**ROOT, "ih": ROOT["ih"][:-1] + chr(ord(ROOT["ih"][-1]) + 1)}), "short jti": canonical({**ROOT, "jti": b64(bytes(15))}),
        "empty subject": canonical({**ROOT, "sub": ""}), "long string": canonical({**ROOT, "sub": "x" * 257}),
        "long list": canonical({**ROOT, "tools": [f"t{i}" for i in range(33)]}), "deep": b'{"appr":' * 150 + b"1" + b"}" * 150,
        "appr inside appr": canonical({**ROOT, "appr": {"k": {"a": 1}, "n": 1, "r": 1, "ttl": 1}}),
        "appr with an unknown key": canonical({**ROOT, "appr": {"k": [], "n": 1, "r": 1, "ttl": 1, "x": 1}}),
        "caveat key in root": canonical({**ROOT, "to": "x"}), "cut off": root[:-1],
    }  # fmt: skip
    for key in ROOT:
        blocks[f"without {key}"] = canonical({k: v for k, v in ROOT.items() if k != key})
    for name, block in blocks.items():
        yield f"root: {name}", "lease_block", good(block)
    caveats = {
        "empty": {}, "sub": {"sub": "agent:root"}, "dep": {"dep": 8}, "v": {"v": 1}, "risk as text": {"risk": "0"}, "risk 1001": {"risk": 1001},
        "call of 16 bytes": {"call": b64(bytes(16))}, "empty delegate": {"to": ""}, "null tools": {"tools": None}, "exp as float": {"exp": 1.5},
    }  # fmt: skip
    for name, caveat in caveats.items():
        yield f"caveat: {name}", "lease_block", good(root, canonical(caveat))
    yield "caveat: second is bad", "lease_block", good(root, one, b"{}")

    appr = {"k": ["alice"], "n": 1, "r": 300, "ttl": 300}
    for name, code, *chain_of in [
        ("version 2", "lease_version", {**ROOT, "v": 2}),
        ("version 0", "lease_version", {**ROOT, "v": 0}),
        ("more caveats than allowed", "lease_depth", {**ROOT, "dep": 1}, {"uses": 1}, {"uses": 1}),
        ("no caveat allowed", "lease_depth", {**ROOT, "dep": 0}, {"uses": 1}),
        ("not yet", "lease_not_yet", {**ROOT, "nbf": NOW + 31}),
        ("issued in the future", "lease_not_yet", {**ROOT, "iat": NOW + 31}),
        ("caveat not yet", "lease_not_yet", ROOT, {"nbf": NOW + 31}),
        ("expired now", "lease_expired", {**ROOT, "exp": NOW}),
        ("expired long ago", "lease_expired", {**ROOT, "exp": 0, "iat": 0, "nbf": 0}),
        ("caveat expired", "lease_expired", ROOT, {"exp": NOW}),
        ("expired and for another gateway", "lease_expired", {**ROOT, "exp": NOW, "aud": "files"}),
        ("for another gateway", "lease_audience", {**ROOT, "aud": "files"}),
        ("gateway name in upper case", "lease_audience", {**ROOT, "aud": "Weather"}),
        ("for another session", "lease_session", {**ROOT, "sid": "session-2"}),
        ("session with a space", "lease_session", {**ROOT, "sid": "session-1 "}),
        ("for another intent", "lease_intent", {**ROOT, "ih": b64(intent_hash("Plan a heist"))}),
        ("root demands possession", "lease_possession", {**ROOT, "pop": 1}),
        ("caveat demands possession", "lease_possession", ROOT, {"pop": 1}, {"pop": 0}),
        ("root demands approval", "lease_approval", {**ROOT, "appr": appr}),
        ("caveat demands approval", "lease_approval", ROOT, {"appr": appr}),
    ]:
        yield name, code, good(*map(canonical, chain_of))


def respelled(text):
    """The same bytes with non-zero trailing bits in the last character of the MAC."""
    assert unb64(text[-43:]) == unb64(text[-43:-1] + chr(ord(text[-1]) + 1))
    return text[:-1] + chr(ord(text[-1]) + 1)


def respelled_block():
    """A right MAC, and a root block of a length that leaves trailing bits, spelled with them."""
    for pad in range(3):
        block = canonical({**ROOT, "sub": "x" * (pad + 1)})
        if len(block) % 3 == 1:
            spelled = b64(block)
            return text_of("k1", [block], chain(KA, "k1", [block])[0]).replace(spelled, spelled[:-1] + chr(ord(spelled[-1]) + 1))
    raise AssertionError


def make():
    leases = []
    for name, blocks in good_leases():
        raw = [canonical(block) for block in blocks]
        tags = chain(KA, "k1", raw)
        leases.append({
            "name": name, "blocks": blocks, "lease": text_of("k1", raw, tags[-1]), "tags": [t.hex() for t in tags],
            "rid": [rid(t) for t in tags], "terms": fold(blocks),
        })  # fmt: skip
    requests = [
        {"srv": "weather", "sid": "session-1", "tool": "http_get_json", "args": args}
        for args in ({}, {"url": "https://api.open-meteo.com/v1"}, {"b": [1, -2, 0.5], "a": {"é": None, "A": True}, "c": "\"\\\n\x01€"})
    ]
    intents = [INTENT, "Plan a picnic", " \r\nline\rline\t\u00a0", "e\u0301", "日本語 😀"]
    return {
        "now": NOW, "issuer_key": b64(ISSUER_KEY), "kid": "k1", "aud": "weather", "audience_key": b64(KA), "commitment": commitment(KA),
        "sid": "session-1", "intent": INTENT,
        "intents": [{"text": text, "hash": intent_hash(text).hex()} for text in intents],
        "requests": [{"request": request, "digest": request_digest(request)} for request in requests],
        "leases": leases,
        "hostile": [{"name": name, "code": code, "lease": text} for name, code, text in hostile_leases()],
    }  # fmt: skip


def check_hostile(case):
    """A code from before the MAC is not looked into here; `lease_mac` has a wrong MAC, and every later code a right one."""
    if case["code"] in ("lease_spelling", "lease_length", "lease_form", "lease_key"):
        return True
    assert re.fullmatch(r"alk1\.k[19](\.[A-Za-z0-9_-]+){2,10}", case["lease"]), case["name"]
    _, kid, *parts, tag = case["lease"].split(".")
    right = chain(KA, kid, [unb64(part) for part in parts])[-1] == unb64(tag)
    return right != (case["code"] == "lease_mac")


def main():
    made = make()
    if sys.argv[1:] == ["--write"]:
        FILE.write_text(json.dumps(made, indent=1, ensure_ascii=True) + "\n")
        return 0
    stored = json.loads(FILE.read_text())
    wrong = [key for key in made if made[key] != stored.get(key)] + [key for key in stored if key not in made]
    wrong += [case["name"] for case in stored["hostile"] if not check_hostile(case)]
    for what in wrong:
        print(f"lease.json: {what} differs", file=sys.stderr)
    print(f"{len(stored['leases'])} leases, {len(stored['hostile'])} hostile texts")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
