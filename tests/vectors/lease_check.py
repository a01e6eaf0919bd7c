#!/usr/bin/env python3
"""A second implementation of the lease format, from docs/lease.md alone, with nothing but the standard library: this makes the vectors,
and lease_verify.py beside it judges them.

    lease_check.py           recompute every value in leases.json and compare; exit 1 on any difference
    lease_check.py --write   make leases.json anew (after a deliberate change of the format)

The Rust tests run the first form and then judge the same file with the real verifier.
"""

import base64
import hashlib
import hmac
import json
import pathlib
import struct
import sys
import unicodedata

import lease_verify

FILE = pathlib.Path(__file__).with_name("leases.json")
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
        "appr": every("appr"),
        "uses": [[i, b["uses"]] for i, b in enumerate(blocks) if "uses" in b],
    }


KA = audience_key(ISSUER_KEY, "weather")
ROOT = {
    "aud": "weather", "dep": 8, "dom": ["*.open-meteo.com", "example.com"], "ep": 0, "exp": NOW + 900, "iat": NOW,
    "ih": b64(intent_hash(INTENT)), "jti": b64(bytes(range(0xA0, 0xB0))), "nbf": NOW, "pop": 0, "risk": 600, "sid": "session-1",
    "sub": "agent:planner", "tools": ["http_get_json", "weather_hourly"], "uses": 100, "v": 1,
}  # fmt: skip
APPR = {"k": ["alice"], "n": 1, "r": 300, "ttl": 300}


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
    yield "all numbers at their end", [{**ROOT, "ep": 2**53 - 1, "exp": 2**53 - 1, "risk": 1000, "uses": 2**53 - 1}]
    yield "32 tools", [{**ROOT, "tools": [f"tool_{i}" for i in range(32)]}, {"tools": ["tool_31", "tool_0", "other"]}]
    yield "a tool twice", [{**ROOT, "tools": ["b", "a", "b"]}]
    yield "a name of 256 bytes", [{**ROOT, "sub": "x" * 256}, {"to": "é" * 128}]
    yield "any public host, then fewer", [{**ROOT, "dom": ["*"]}, {"dom": ["*.open-meteo.com"]}, {"dom": [*api, "b.open-meteo.com"]}]
    yield "wildcards of different depth share nothing", [{**ROOT, "dom": ["*.x.com"]}, {"dom": ["*.a.x.com", "x.com", "a.b.x.com"]}]
    yield "no host in common", [ROOT, {"dom": ["example.org"]}]
    yield "no tool in common", [ROOT, {"tools": ["other"]}]
    yield "one call", [ROOT, {"call": b64(bytes(32))}]
    yield "two calls, so none", [ROOT, {"call": b64(bytes(32))}, {"call": b64(bytes(31) + b"1")}]
    yield "path of delegation", [ROOT, {"to": "agent:a"}, {"to": "agent:b"}, {"uses": 1}, {"to": "agent:a"}]
    yield "possession not demanded", [ROOT, {"pop": 0}]
    yield "shorter and shorter", [ROOT, {"exp": NOW + 60}, {"exp": NOW + 30}, {"exp": NOW + 600}]
    yield "caveat starts within the skew", [ROOT, {"nbf": NOW + 30}]
    yield "no use left below", [ROOT, {"uses": 0}]
    yield "caveat of every key", [ROOT, {"dom": api, "exp": NOW + 5, "nbf": NOW, "pop": 0, "risk": 1, "to": "x", "tools": [], "uses": 1}]
    yield "as many caveats as allowed", [{**ROOT, "dep": 2}, {"uses": 2}, {"uses": 1}]
    yield "combining characters stay as they are", [{**ROOT, "sub": "e\u0301 \u00e9 \u202e"}]
    yield "signatures demanded", [ROOT, {"appr": APPR}, {"appr": {**APPR, "k": ["alice", "bob"], "n": 2, "r": 0}}]
    yield "signatures of nobody", [ROOT, {"appr": {"k": [], "n": 0, "r": 1000, "ttl": 0}}]
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
        "trailing dot": plain + ".", "a million dots": "alk1" + "." * 4000, "leading dot": "." + plain,
        "carriage return": plain + "\r", "tab": plain.replace(".k1", ".\tk1"), "zero-width space": plain + "\u200b", "plus": plain[:-1] + "+",
        "slash": plain[:-1] + "/", "quote": '"' + plain + '"', "url": "https://" + plain, "comma": plain.replace(".", ","),
        "MAC in hex": f"alk1.k1.{b0}.{unb64(tag).hex()}", "MAC padded": plain + "A", "MAC cut": plain[:-1], "only dots and prefix": "alk1....",
        "key id of dots": plain.replace(".k1.", "...."), "block of 3 MACs": f"alk1.k1.{b0}.{tag}.{tag}x",
        "second block empty": f"alk1.k1.{b0}..{tag}", "block of 1537 bytes in a caveat": good(root, b"x" * 1537), "ten blocks": good(*[root] * 2, *[one] * 9),
        "bound form without its parts": "alp1" + plain[4:], "bound form without nonce": f"alp1.k1.{b0}.{NOW}.{tag}",
        "bearer form with the parts of the bound one": f"alk1.k1.{b0}.{NOW}.{b64(bytes(16))}.{tag}"[:-1] + "_",
    }.items():  # fmt: skip
        yield name, "lease_spelling", text
    yield "4097 bytes", "lease_length", plain + "A" * (4097 - len(plain))
    yield "4097 bytes of dots", "lease_length", "." * 4097
    yield "4097 bytes outside the alphabet", "lease_length", "é" * 2049
    yield "unknown key id", "lease_key", plain.replace(".k1.", ".k2.")
    yield "unknown key id and bad base64", "lease_key", plain.replace(".k1.", ".k2.").replace(tag, "A")
    yield "key id that starts like another", "lease_key", plain.replace(".k1.", ".k1-.")
    yield "two prefixes", "lease_key", "alk1." + plain
    yield "key id with a dot", "lease_key", plain.replace(".k1.", ".k.1.")

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
        "every bit of the first byte": text_of("k1", [root], bytes([unb64(tag)[0] ^ 0xFF]) + unb64(tag)[1:]),
        "last bit": text_of("k1", [root], unb64(tag)[:-1] + bytes([unb64(tag)[-1] ^ 1])), "MAC reversed": text_of("k1", [root], unb64(tag)[::-1]),
        "MAC of the root as bearer of a caveat": text_of("k1", [root, one], chain(KA, "k1", [root])[-1]),
        "blocks joined": text_of("k1", [root + one], chain(KA, "k1", [root, one])[-1]),
        "blocks divided elsewhere": text_of("k1", [root[:-1], root[-1:] + one], chain(KA, "k1", [root, one])[-1]),
        "no key id in the MAC": text_of("k1", [root], mac(KA, b"airlock/lease/v1/root\0", struct.pack(">II", 0, len(root)), root)),
        "no length in the MAC": text_of("k1", [root], mac(KA, b"airlock/lease/v1/root\0", b"k1\0" + root)),
        "caveat's label": text_of("k1", [root], mac(KA, b"airlock/lease/v1/caveat\0", struct.pack(">II", 0, len(root) + 3), b"k1\0" + root)),
        "caveat counted from 0": text_of("k1", [root, one], mac(unb64(tag), b"airlock/lease/v1/caveat\0", struct.pack(">II", 0, len(one)), one)),
        "caveat under the key, not the MAC before": text_of("k1", [root, one], mac(KA, b"airlock/lease/v1/caveat\0", struct.pack(">II", 1, len(one)), one)),
        "little-endian length": text_of("k1", [root], mac(KA, b"airlock/lease/v1/root\0", struct.pack("<II", 0, len(root) + 3), b"k1\0" + root)),
        "rid for MAC": text_of("k1", [root], hashlib.sha256(b"airlock/lease/v1/id\0" + unb64(tag)).digest()),
        "commitment for key": good(root, key=hashlib.sha256(b"airlock/key/v1\0" + KA).digest()),
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
        "long list": canonical({**ROOT, "tools": [f"t{i}" for i in range(33)]}), "appr without n": canonical({**ROOT, "appr": {"k": [], "r": 1, "ttl": 1}}),
        "appr with a risk of 1001": canonical({**ROOT, "appr": {**APPR, "r": 1001}}), "deep": b'{"appr":' * 150 + b"1" + b"}" * 150,
        "appr inside appr": canonical({**ROOT, "appr": {"k": {"a": 1}, "n": 1, "r": 1, "ttl": 1}}),
        "appr with an unknown key": canonical({**ROOT, "appr": {"k": [], "n": 1, "r": 1, "ttl": 1, "x": 1}}),
        "aud as list": canonical({**ROOT, "aud": ["weather"]}), "tab in the number": edited(b'"uses":100', b'"uses":\t100'),
        "plus sign": edited(b'"uses":100', b'"uses":+100'), "hexadecimal": edited(b'"uses":100', b'"uses":0x64'), "infinity": edited(b'"uses":100', b'"uses":Infinity'),
        "comment": edited(b'"v":1', b'"v":1/**/'), "trailing comma": edited(b'"v":1', b'"v":1,'), "single quotes": edited(b'"aud"', b"'aud'"),
        "key in upper case": edited(b'"aud"', b'"AUD"'), "key with a NUL": edited(b'"aud"', b'"aud\\u0000"'), "escaped solidus in a host": edited(b"example.com", b"example\\/com"),
        "surrogate pair escaped": edited(b"planner", b"\\ud83d\\ude00"), "DEL escaped": edited(b"planner", b"\\u007f"), "overlong UTF-8": edited(b"planner", b"\xc0\xaf"),
        "surrogate in UTF-8": edited(b"planner", b"\xed\xa0\x80"), "v as text": edited(b'"v":1', b'"v":"1"'), "v missing its value": edited(b'"v":1', b'"v":'),
        "object for a name": canonical({**ROOT, "sub": {"a": 1}}), "appr as list": canonical({**ROOT, "appr": []}),
        "caveat key in root": canonical({**ROOT, "to": "x"}), "cut off": root[:-1],
    }  # fmt: skip
    for key in ROOT:
        blocks[f"without {key}"] = canonical({k: v for k, v in ROOT.items() if k != key})
    for name, block in blocks.items():
        yield f"root: {name}", "lease_block", good(block)
    caveats = {
        "empty": {}, "sub": {"sub": "agent:root"}, "dep": {"dep": 8}, "v": {"v": 1}, "risk as text": {"risk": "0"}, "risk 1001": {"risk": 1001},
        "call of 16 bytes": {"call": b64(bytes(16))}, "empty delegate": {"to": ""}, "null tools": {"tools": None}, "exp as float": {"exp": 1.5},
        "aud": {"aud": "files"}, "sid": {"sid": "s"}, "iat": {"iat": 0}, "ih": {"ih": ROOT["ih"]}, "jti": {"jti": ROOT["jti"]}, "ep": {"ep": 0},
        "33 hosts": {"dom": [f"h{i}" for i in range(33)]}, "pop 2": {"pop": 2}, "uses negative": {"uses": -1}, "unknown": {"note": "hello"},
    }  # fmt: skip
    for name, caveat in caveats.items():
        yield f"caveat: {name}", "lease_block", good(root, canonical(caveat))
    yield "caveat: second is bad", "lease_block", good(root, one, b"{}")

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
        ("root demands possession and approval", "lease_possession", {**ROOT, "pop": 1, "appr": APPR}),
        ("expired a second ago", "lease_expired", {**ROOT, "exp": NOW - 1}),
        ("version and depth", "lease_version", {**ROOT, "v": 3, "dep": 0}, {"uses": 1}),
        ("not yet and expired", "lease_not_yet", {**ROOT, "nbf": NOW + 31, "exp": NOW}),
        ("for another gateway and session", "lease_audience", {**ROOT, "aud": "files", "sid": "session-2"}),
        ("for another session and intent", "lease_session", {**ROOT, "sid": "session-2", "ih": b64(bytes(32))}),
        ("gateway name with a NUL", "lease_audience", {**ROOT, "aud": "weather\0"}),
        ("session in another normal form", "lease_session", {**ROOT, "sid": "se\u0301ssion-1"}),
    ]:
        yield name, code, good(*map(canonical, chain_of))


CALL = {"srv": "weather", "sid": "session-1", "tool": "http_get_json", "args": {"url": "https://api.open-meteo.com/v1"}}
NONCE = bytes(range(16))


def presented(blocks, ts=NOW, nonce=NONCE, call=CALL, key=KA, kid="k1", proof=None):
    """The bound form of a lease for one call."""
    last = chain(key, kid, blocks)[-1]
    proof = proof or mac(last, b"airlock/lease/v1/use\0", struct.pack(">Q", ts), nonce, bytes.fromhex(request_digest(call)))
    return ".".join(["alp1", kid, *map(b64, blocks), str(ts), b64(nonce), b64(proof)])


def good_presentations():
    """(name, blocks, ts, nonce)"""
    yield "of a root", [{**ROOT, "pop": 1}], NOW, NONCE
    yield "of a lease that does not demand it", [ROOT], NOW, NONCE
    yield "demanded by a caveat", [ROOT, {"pop": 1}, {"uses": 1}], NOW, NONCE
    yield "30 seconds old", [{**ROOT, "pop": 1}], NOW - 30, NONCE
    yield "30 seconds ahead", [{**ROOT, "pop": 1}], NOW + 30, NONCE
    yield "nonce of zeros", [{**ROOT, "pop": 1}], NOW, bytes(16)
    yield "eight caveats", [{**ROOT, "pop": 1}] + [{"uses": 9 - i} for i in range(8)], NOW, NONCE


def hostile_presentations():
    """(name, code, text): all come with the call CALL."""
    root, one = canonical({**ROOT, "pop": 1}), canonical({"uses": 1})
    good = presented([root, one])
    _, _, b0, b1, ts, nonce, proof = good.split(".")
    node = chain(KA, "k1", [root, one])[-1]
    rq = bytes.fromhex(request_digest(CALL))
    for name, text in {
        "time with a leading zero": good.replace(ts, "0" + ts), "time with a sign": good.replace(ts, "-" + ts), "no time": good.replace(ts, ""),
        "time of 17 digits": good.replace(ts, "1" * 17), "time in hex": good.replace(ts, hex(NOW)), "time with a point": good.replace(ts, "1.5"),
        "nonce of 15 bytes": good.replace(nonce, b64(NONCE[:15])), "nonce of 17 bytes": good.replace(nonce, b64(NONCE + b"x")), "no nonce": good.replace(nonce, ""),
        "nonce with trailing bits": good.replace(nonce, nonce[:-1] + chr(ord(nonce[-1]) + 1)), "nonce padded": good.replace(nonce, nonce + "=="),
        "proof of 31 bytes": good.replace(proof, b64(unb64(proof)[:31])), "no proof": good.replace(proof, ""), "nine caveats": presented([root] + [one] * 9),
        "no block": ".".join(["alp1", "k1", ts, nonce, proof]), "part behind": good + "." + b64(bytes(32)), "time and nonce swapped": good.replace(f"{ts}.{nonce}", f"{nonce}.{ts}"),
    }.items():  # fmt: skip
        yield name, "lease_spelling", text
    yield "unknown key id", "lease_key", good.replace(".k1.", ".k2.")
    other = lambda **changes: presented([root, one], call={**CALL, **changes})
    for name, text in {
        "other arguments": other(args={"url": "https://api.open-meteo.com/v2"}), "no arguments": other(args={}), "other tool": other(tool="weather_hourly"),
        "other session": other(sid="session-2"), "other gateway": other(srv="files"), "time moved": good.replace(ts, str(NOW + 1)),
        "nonce changed": good.replace(nonce, b64(bytes(16))), "proof is the MAC of the node": good.replace(proof, b64(node)),
        "proof by the root": presented([root, one], proof=mac(chain(KA, "k1", [root])[-1], b"airlock/lease/v1/use\0", struct.pack(">Q", NOW), NONCE, rq)),
        "proof by the key": presented([root, one], proof=mac(KA, b"airlock/lease/v1/use\0", struct.pack(">Q", NOW), NONCE, rq)),
        "proof without nonce": presented([root, one], proof=mac(node, b"airlock/lease/v1/use\0", struct.pack(">Q", NOW), rq)),
        "proof without call": presented([root, one], proof=mac(node, b"airlock/lease/v1/use\0", struct.pack(">Q", NOW), NONCE)),
        "proof without label": presented([root, one], proof=mac(node, struct.pack(">Q", NOW), NONCE, rq)), "proof of zeros": presented([root, one], proof=bytes(32)),
        "proof over the time as text": presented([root, one], proof=mac(node, b"airlock/lease/v1/use\0", str(NOW).encode(), NONCE, rq)),
        "caveat taken off": good.replace("." + b1, ""), "caveat put on": good.replace(b1, b1 + "." + b1), "bit of the proof": presented([root, one], proof=bytes([unb64(proof)[0] ^ 1]) + unb64(proof)[1:]),
        "key of another gateway": presented([root, one], key=audience_key(ISSUER_KEY, "files")),
    }.items():  # fmt: skip
        yield name, "lease_mac", text
    yield "sent as bearer", "lease_mac", ".".join(["alk1", "k1", b0, b1, proof])
    yield "the lease itself", "lease_possession", text_of("k1", [root, one], node)
    yield "31 seconds old", "lease_proof_time", presented([root], ts=NOW - 31)
    yield "31 seconds ahead", "lease_proof_time", presented([root], ts=NOW + 31)
    yield "of the year 1970", "lease_proof_time", presented([root], ts=0)
    yield "expired", "lease_expired", presented([canonical({**ROOT, "pop": 1, "exp": NOW})])
    yield "expired and old", "lease_expired", presented([canonical({**ROOT, "pop": 1, "exp": NOW})], ts=NOW - 99)
    yield "of another session", "lease_session", presented([canonical({**ROOT, "sid": "session-2"})])
    yield "not canonical", "lease_block", presented([root + b" "])
    yield "longer than 4096 bytes", "lease_length", good + "A" * 4096


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
        "call": CALL,
        "presented": [
            {"name": name, "lease": presented([canonical(block) for block in blocks], ts, nonce), "ts": ts, "nonce": b64(nonce)}
            for name, blocks, ts, nonce in good_presentations()
        ],
        "hostile_presented": [{"name": name, "code": code, "lease": text} for name, code, text in hostile_presentations()],
    }  # fmt: skip


def judged(stored):
    """Names of the cases on which the verifier beside this script has another opinion."""
    keys = {"k1": KA, "k9": KA}
    judge = lambda case, call: lease_verify.judge(case["lease"], keys, NOW, "weather", "session-1", intent_hash(INTENT), call)
    digest = bytes.fromhex(request_digest(CALL))
    for part, call in [("leases", None), ("hostile", None), ("presented", digest), ("hostile_presented", digest)]:
        for case in stored[part]:
            code = judge(case, call)
            if code != case.get("code", "ok"):
                yield f"{part}: {case['name']} is {code}, not {case.get('code', 'ok')}, and so"


def main():
    made = make()
    if sys.argv[1:] == ["--write"]:
        FILE.write_text(json.dumps(made, indent=1, ensure_ascii=True) + "\n")
        return 0
    stored = json.loads(FILE.read_text())
    wrong = [key for key in made if made[key] != stored.get(key)] + [key for key in stored if key not in made]
    wrong += judged(stored)
    for what in wrong:
        print(f"leases.json: {what} differs", file=sys.stderr)
    parts = ["leases", "hostile", "presented", "hostile_presented"]
    good, bad = (sum(len(stored[part]) for part in parts[at::2]) for at in (0, 1))
    print(f"{good} leases, {bad} hostile texts")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
