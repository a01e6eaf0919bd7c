"""A verifier of leases, written from docs/lease.md alone with nothing but the standard library.

`judge(text, keys, now, aud, sid, intent, request)` gives "ok" or the code of the first check that fails. It is slow and short on
purpose: a second opinion on every vector, not a library.
"""

import base64
import hashlib
import hmac
import json
import re
import struct

B64 = re.compile(r"[A-Za-z0-9_-]*")
ROOT_KEYS = {"aud", "dep", "dom", "ep", "exp", "iat", "ih", "jti", "nbf", "pop", "risk", "sid", "sub", "tools", "uses", "v"}
CAVEAT_KEYS = {"appr", "call", "dom", "exp", "nbf", "pop", "risk", "to", "tools", "uses"}
NUMBERS, LISTS, NAMES = {"dep", "ep", "exp", "iat", "nbf", "uses", "v"}, {"dom", "tools"}, {"aud", "sid", "sub", "to"}
SIZES = {"ih": 32, "jti": 16, "call": 32}
SKEW = 30


class Refused(Exception):
    pass


def refuse_if(condition, code):
    if condition:
        raise Refused(code)


def unb64(text):
    """Strict: no padding, no other alphabet, zero trailing bits."""
    if not B64.fullmatch(text) or len(text) % 4 == 1:
        return None
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return raw if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == text else None


def mac(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def cut(text):
    """Prefix, key id, blocks, (ts, nonce) of the bound form or None, last part: all as text."""
    refuse_if(len(text.encode()) > 4096, "lease_length")
    spelling = "lease_spelling"
    refuse_if(not re.fullmatch(r"[A-Za-z0-9_.-]*", text), spelling)
    prefix, *parts = text.split(".")
    refuse_if(prefix not in ("alk1", "alp1"), spelling)
    behind = 3 if prefix == "alp1" else 1
    refuse_if(not 1 <= len(parts) - 1 - behind <= 9, spelling)
    kid, blocks, tail = parts[0], parts[1:-behind], parts[-behind:]
    refuse_if(not re.fullmatch(r"[a-z0-9-]{1,16}", kid), spelling)
    refuse_if(behind == 3 and not re.fullmatch(r"0|[1-9][0-9]{0,15}", tail[0]), spelling)
    return kid, blocks, tail


def parse(block, keys, mandatory):
    """A canonical block."""

    def once(pairs):
        refuse_if(len(dict(pairs)) != len(pairs), "lease_block")
        return dict(pairs)

    def never(_):
        raise Refused("lease_block")

    try:
        value = json.loads(block.decode(), object_pairs_hook=once, parse_float=never, parse_constant=never)
        again = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Refused("lease_block") from None
    refuse_if(type(value) is not dict, "lease_block")
    if mandatory and type(value.get("v")) is int and 0 <= value["v"] < 2**53 and value["v"] != 1:
        raise Refused("lease_version")
    refuse_if(again != block or not value or not mandatory <= set(value) or not set(value) <= keys, "lease_block")
    for key, item in value.items():
        refuse_if(not allowed(key, item), "lease_block")
    return value


def is_number(item, most=2**53 - 1):
    return type(item) is int and 0 <= item <= most


def is_string(item):
    return type(item) is str and len(item.encode()) <= 256


def is_list(item):
    return type(item) is list and len(item) <= 32 and all(map(is_string, item))


def allowed(key, item):
    if key in NUMBERS:
        return is_number(item)
    if key in LISTS:
        return is_list(item)
    if key in NAMES:
        return is_string(item) and item != ""
    if key in SIZES:
        return is_string(item) and (unb64(item) or b"").__len__() == SIZES[key]
    if key == "pop":
        return is_number(item, 1)
    if key == "risk":
        return is_number(item, 1000)
    members = {"k": is_list, "n": is_number, "r": lambda r: is_number(r, 1000), "ttl": is_number}
    return type(item) is dict and set(item) == set(members) and all(members[m](item[m]) for m in members)


def authentic(text, keys, request):
    """Blocks as bytes and the tail, once the MAC is right."""
    kid, blocks, tail = cut(text)
    refuse_if(kid not in keys, "lease_key")
    raw = [unb64(block) for block in blocks]
    refuse_if(any(b is None or not 1 <= len(b) <= 1536 for b in raw), "lease_spelling")
    last, nonce = unb64(tail[-1]), unb64(tail[1]) if len(tail) == 3 else None
    refuse_if(last is None or len(last) != 32 or (len(tail) == 3 and len(nonce or b"") != 16), "lease_spelling")
    first = kid.encode() + b"\0" + raw[0]
    tag = mac(keys[kid], b"airlock/lease/v1/root\0", struct.pack(">II", 0, len(first)), first)
    for index, block in enumerate(raw[1:], 1):
        tag = mac(tag, b"airlock/lease/v1/caveat\0", struct.pack(">II", index, len(block)), block)
    if len(tail) == 3:
        refuse_if(request is None, "lease_form")
        tag = mac(tag, b"airlock/lease/v1/use\0", struct.pack(">Q", int(tail[0])), nonce, request)
    refuse_if(not hmac.compare_digest(tag, last), "lease_mac")
    return raw, tail


def judge(text, keys, now, aud, sid, intent, request=None):
    try:
        raw, tail = authentic(text, keys, request)
        root = parse(raw[0], ROOT_KEYS | {"appr"}, ROOT_KEYS)
        blocks = [root] + [parse(block, CAVEAT_KEYS, set()) for block in raw[1:]]
        every = lambda key: [block[key] for block in blocks if key in block]
        refuse_if(len(blocks) - 1 > root["dep"], "lease_depth")
        refuse_if(now + SKEW < max(*every("nbf"), root["iat"]), "lease_not_yet")
        refuse_if(now >= min(every("exp")), "lease_expired")
        refuse_if(root["aud"] != aud, "lease_audience")
        refuse_if(root["sid"] != sid, "lease_session")
        refuse_if(unb64(root["ih"]) != intent, "lease_intent")
        refuse_if(len(tail) == 3 and abs(now - int(tail[0])) > SKEW, "lease_proof_time")
        refuse_if(len(tail) == 1 and 1 in every("pop"), "lease_possession")
    except Refused as refused:
        return refused.args[0]
    return "ok"
