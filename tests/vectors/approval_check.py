#!/usr/bin/env python3
"""A second implementation of signed approvals, from docs/approvals.md and RFC 8032 alone, with nothing but the standard library.

    approval_check.py           recompute every value in approvals.json and judge every signature in it; exit 1 on any difference
    approval_check.py --write   make approvals.json anew (after a deliberate change of the format)

The curve arithmetic is the one of RFC 8032, slow and short on purpose. The Rust tests run the first form and then judge the same file
with the real verifier.
"""

import base64
import hashlib
import json
import pathlib
import re
import sys

FILE = pathlib.Path(__file__).with_name("approvals.json")
NOW = 1_795_326_600
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def recover(y, sign):
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    return x if x % 2 == sign else P - x


def point(x, y):
    return x, y, 1, x * y % P


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = point(recover(BASE_Y, 0), BASE_Y)
ZERO = (0, 1, 1, 0)


def add(a, b):
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(k, a):
    total = ZERO
    while k:
        if k & 1:
            total = add(total, a)
        a, k = add(a, a), k >> 1
    return total


def same(a, b):
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def compress(a):
    z = pow(a[2], P - 2, P)
    return (a[1] * z % P | (a[0] * z % P & 1) << 255).to_bytes(32, "little")


def decompress(raw):
    y = int.from_bytes(raw, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    x = None if y >= P else recover(y, sign)
    return None if x is None else point(x, y)


def number(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def expand(seed):
    digest = bytearray(hashlib.sha512(seed).digest())
    digest[0] &= 248
    digest[31] = digest[31] & 127 | 64
    return int.from_bytes(digest[:32], "little"), bytes(digest[32:])


def public(seed):
    return compress(times(expand(seed)[0], BASE))


def sign(seed, message):
    secret, prefix = expand(seed)
    r = number(prefix, message) % L
    start = compress(times(r, BASE))
    k = number(start, public(seed), message) % L
    return start + ((r + k * secret) % L).to_bytes(32, "little")


def verify(key, message, signature):
    """Strict: canonical points, none of small order, s below the order of the group, no cofactor."""
    a, r, s = decompress(key), decompress(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L or same(times(8, a), ZERO) or same(times(8, r), ZERO):
        return False
    k = number(signature[:32], key, message) % L
    return same(times(s, BASE), add(r, times(k, a)))


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text):
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text) or len(text) % 4 == 1:
        return None
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return raw if b64(raw) == text else None


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def request_digest(note):
    call = {"args": note["args"], "sid": note["sid"], "srv": note["aud"], "tool": note["tool"]}
    return hashlib.sha256(b"airlock/request/v1\0" + canonical(call).encode()).hexdigest()


KEYS = ["aud", "pol", "log", "sub", "sid", "rid", "tool", "rq", "exp", "nonce"]
PLAIN = {"pol", "log", "rq", "exp"}


def lines(note):
    values = {**note, "rq": request_digest(note)}
    return [f"{key} {values[key] if key in PLAIN else canonical(values[key])}" for key in KEYS]


def note_text(note):
    return "".join(line + "\n" for line in ["airlock/approval/v1", *lines(note)])


def signed(name, text, seed=None):
    raw = text if isinstance(text, bytes) else text.encode()
    return ".".join(["als1", name, b64(raw), b64(sign(seed or SEEDS[name], raw))])


SEEDS = {"alice": b"\x01" * 32, "bob": b"\x02" * 32, "carol": b"\x03" * 32}
NOTE = {
    "aud": "tickets", "pol": "ab" * 32, "log": "cd" * 32, "sub": "agent:planner", "sid": "session-1", "rid": "0f5ec286752f1b875cf2380917d39ed6",
    "tool": "open_ticket", "args": {"title": "Broken door", "count": 3, "é": [True, None, 0.5]}, "exp": NOW + 900, "nonce": "00112233445566778899aabbccddeeff",
}  # fmt: skip


def good_signatures():
    for name in SEEDS:
        yield f"of {name}", signed(name, note_text(NOTE))
    yield "of a later time", signed("alice", note_text({**NOTE, "exp": NOW + 86400}))
    yield "of another request", signed("alice", note_text({**NOTE, "nonce": "f" * 32}))
    yield "of the end of time", signed("alice", note_text({**NOTE, "exp": 2**53 - 1}))


def hostile_signatures():
    """(name, code, text): all are judged for the call of NOTE."""
    text = note_text(NOTE)
    good = signed("alice", text)
    prefix, name, body, mark = good.split(".")
    raw = unb64(mark)
    for what, spelled in {
        "empty": "", "dots": "...", "prefix alone": "als1", "other version": "als2" + good[4:], "upper-case prefix": "ALS1" + good[4:],
        "a part more": good + ".", "a part less": f"{prefix}.{name}.{body}", "line end": good + "\n", "space": " " + good, "padded": good + "==",
        "signature of 63 bytes": f"{prefix}.{name}.{body}.{b64(raw[:63])}", "signature of 65 bytes": f"{prefix}.{name}.{body}.{b64(raw + b'!')}",
        "signature in hex": f"{prefix}.{name}.{body}.{raw.hex()}", "trailing bits": good[:-1] + chr(ord(good[-1]) + 1), "too long": good + "A" * 8192,
        "note not base64": f"{prefix}.{name}.!.{mark}", "a lease": "alk1.k1.e30." + b64(bytes(32)), "a request": "alr1.e30", "not UTF-8": signed("alice", b"\xff\xfe"),
    }.items():  # fmt: skip
        yield what, "signature_form", spelled
    for what, other in {"nobody": "dave", "upper case": "Alice", "empty name": "", "with a space": "alice "}.items():
        yield f"approver {what}", "signature_approver", f"{prefix}.{other}.{body}.{mark}"
    s = int.from_bytes(raw[32:], "little")
    for what, mark in {
        "of zeros": bytes(64), "one bit of R": bytes([raw[0] ^ 1]) + raw[1:], "one bit of s": raw[:32] + bytes([raw[32] ^ 1]) + raw[33:],
        "s beyond the order": raw[:32] + (s + L).to_bytes(32, "little"), "R neutral, s zero": compress(ZERO) + bytes(32),
        "R of small order": bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05") + raw[32:],
        "halves swapped": raw[32:] + raw[:32], "reversed": raw[::-1], "of another note": unb64(signed("alice", text + "\n").split(".")[3]),
        "R beyond the field": (P + 1).to_bytes(32, "little") + raw[32:], "of the digest alone": sign(SEEDS["alice"], request_digest(NOTE).encode()),
        "of the note's digest": sign(SEEDS["alice"], hashlib.sha512(text.encode()).digest()),
    }.items():  # fmt: skip
        yield f"signature {what}", "signature_invalid", f"{prefix}.alice.{body}.{b64(mark)}"
    # Made by the holder of the key, and right for a verifier that is not strict.
    neutral = compress(ZERO)
    k = number(neutral, public(SEEDS["alice"]), text.encode()) % L
    mark = neutral + (k * expand(SEEDS["alice"])[0] % L).to_bytes(32, "little")
    yield "signature with a neutral R", "signature_invalid", f"{prefix}.alice.{body}.{b64(mark)}"
    yield "signed by bob, said to be of alice", "signature_invalid", signed("alice", text, SEEDS["bob"])
    yield "note altered", "signature_invalid", f"{prefix}.alice.{b64(text.replace('door', 'wall').replace('agent', 'agenu').encode())}.{b64(raw)}"

    for code, what, changes in [
        ("signature_gateway", "another gateway", {"aud": "weather"}), ("signature_gateway", "gateway in upper case", {"aud": "Tickets"}),
        ("signature_gateway", "another policy", {"pol": "ac" * 32}), ("signature_gateway", "another ledger", {"log": "ce" * 32}),
        ("signature_lease", "another subject", {"sub": "agent:worker"}), ("signature_lease", "another lease", {"rid": "1f5ec286752f1b875cf2380917d39ed6"}),
        ("signature_lease", "no lease", {"rid": "none"}), ("signature_session", "another session", {"sid": "session-2"}),
        ("signature_session", "another session and lease", {"sid": "session-2", "rid": "1f5ec286752f1b875cf2380917d39ed6"}),
        ("signature_session", "session with a space", {"sid": "session-1 "}), ("signature_tool", "another tool", {"tool": "close_ticket"}),
        ("signature_arguments", "other arguments", {"args": {**NOTE["args"], "title": "Broken wall"}}),
        ("signature_arguments", "an argument more", {"args": {**NOTE["args"], "more": 1}}), ("signature_arguments", "no arguments", {"args": {}}),
        ("signature_arguments", "a number as text", {"args": {**NOTE["args"], "count": "3"}}),
        ("signature_expired", "now", {"exp": NOW}), ("signature_expired", "a second ago", {"exp": NOW - 1}), ("signature_expired", "in 1970", {"exp": 0}),
        ("signature_lease", "a subject that wants to end its line", {"sub": "agent:planner\nsid \"session-1\""}),
    ]:  # fmt: skip
        yield f"for {what}", code, signed("alice", note_text({**NOTE, **changes}))

    every = text.split("\n")[:-1]
    exp, nonce = every[9], every[10]
    for what, note in {
        "empty": "", "head alone": "airlock/approval/v1\n", "other head": text.replace("/v1", "/v2"), "no head": text.split("\n", 1)[1],
        "no line end": text[:-1], "two line ends": text + "\n", "carriage returns": text.replace("\n", "\r\n"), "a line more": text + "x 1\n",
        "last line missing": "\n".join(every[:-1]) + "\n", "last lines swapped": "\n".join([*every[:9], nonce, exp]) + "\n",
        "two spaces": text.replace("exp ", "exp  "), "exp with a zero": text.replace("exp ", "exp 0"), "exp with a sign": text.replace("exp ", "exp +"),
        "exp as text": text.replace(exp, f'exp "{NOW}"'), "exp beyond 64 bits": text.replace(exp, "exp " + "9" * 20), "exp negative": text.replace("exp ", "exp -"),
        "nonce without quotes": text.replace('"' + NOTE["nonce"] + '"', NOTE["nonce"]), "nonce of 31 digits": text.replace("ccddeeff", "ccddeef"),
        "nonce in upper case": text.replace("aabbccddeeff", "AABBCCDDEEFF"), "nonce of 33 digits": text.replace("ccddeeff", "ccddeeff0"),
        "key in upper case": text.replace("exp ", "EXP "), "JSON": canonical(NOTE), "first key missing": "\n".join([every[0], *every[2:]]) + "\n",
        "keys in another order": "\n".join([every[0], every[2], every[1], *every[3:]]) + "\n",
    }.items():  # fmt: skip
        yield f"note: {what}", "signature_form", signed("alice", note)


def judge(text, keys, note):
    """"ok" or the code of the first check that fails."""
    parts = text.split(".")
    if len(text.encode()) > 8192 or len(parts) != 4 or parts[0] != "als1":
        return "signature_form"
    _, name, body, mark = parts
    raw, mark = unb64(body), unb64(mark)
    try:
        text = None if raw is None else raw.decode()
    except UnicodeDecodeError:
        text = None
    if text is None or mark is None or len(mark) != 64:
        return "signature_form"
    if name not in keys:
        return "signature_approver"
    if not verify(keys[name], raw, mark):
        return "signature_invalid"
    if not text.endswith("\n"):
        return "signature_form"
    head, *given = text[:-1].split("\n")
    if head != "airlock/approval/v1":
        return "signature_form"
    code = {"aud": "gateway", "pol": "gateway", "log": "gateway", "sub": "lease", "sid": "session", "rid": "lease", "tool": "tool", "rq": "arguments"}
    exp = 0
    for at, (key, wanted) in enumerate(zip(KEYS, lines(note))):
        line = given[at] if at < len(given) else ""
        if not line.startswith(key + " "):
            return "signature_form"
        value = line[len(key) + 1 :]
        if key == "exp":
            if not re.fullmatch(r"0|[1-9][0-9]{0,19}", value) or int(value) >= 2**64:
                return "signature_form"
            exp = int(value)
        elif key == "nonce":
            if not re.fullmatch(r'"[0-9a-f]{32}"', value):
                return "signature_form"
        elif line != wanted:
            return f"signature_{code[key]}"
    if len(given) != len(KEYS):
        return "signature_form"
    return "signature_expired" if NOW >= exp else "ok"


def make():
    # RFC 8032, 7.1, test 2: the arithmetic here is that of the standard.
    seed = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    assert public(seed).hex() == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    assert b64(sign(seed, b"\x72")).startswith("kqAJqfDUyrhyDoILX2QlQKKye1QWUD-Ps3YiI-vbadoI")
    return {
        "now": NOW,
        "approvers": [{"name": name, "seed": b64(seed), "key": "ed25519:" + b64(public(seed))} for name, seed in SEEDS.items()],
        "call": NOTE,
        "rq": request_digest(NOTE),
        "note": note_text(NOTE),
        "signatures": [{"name": name, "text": text} for name, text in good_signatures()],
        "hostile": [{"name": name, "code": code, "text": text} for name, code, text in hostile_signatures()],
    }


def main():
    made = make()
    if sys.argv[1:] == ["--write"]:
        FILE.write_text(json.dumps(made, indent=1, ensure_ascii=True) + "\n")
        return 0
    stored = json.loads(FILE.read_text())
    wrong = [key for key in made if made[key] != stored.get(key)] + [key for key in stored if key not in made]
    keys = {approver["name"]: unb64(approver["key"].split(":")[1]) for approver in stored["approvers"]}
    for case in stored["signatures"] + stored["hostile"]:
        code = judge(case["text"], keys, stored["call"])
        if code != case.get("code", "ok"):
            wrong.append(f"{case['name']} is {code}, not {case.get('code', 'ok')}, and so")
    for what in wrong:
        print(f"approvals.json: {what} differs", file=sys.stderr)
    print(f"{len(stored['signatures'])} signatures, {len(stored['hostile'])} hostile texts")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
