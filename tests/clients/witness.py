"""A small witness (c2sp.org/tlog-witness): cosigns checkpoints of one log that grow from what it has seen. Prints its verifier key and its port.

    witness.py LOG-KEY-BASE64 SEED-BYTE [CERTIFICATE KEY]

With a certificate and its key (PEM) it is asked by https.
"""
import base64
import hashlib
import http.server
import importlib.util
import pathlib
import ssl
import sys
import time

spec = importlib.util.spec_from_file_location("ledger", pathlib.Path(__file__).parents[2] / "docs" / "verify.py")
ledger = importlib.util.module_from_spec(spec)
spec.loader.exec_module(ledger)

NAME = f"witness.example/{sys.argv[2]}"
LOG_KEY = base64.b64decode(sys.argv[1].split(",")[0])
EXPANDED = hashlib.sha512(bytes([int(sys.argv[2])]) * 32).digest()
SECRET = int.from_bytes(EXPANDED[:32], "little") & ((1 << 254) - 8) | (1 << 254)
SEEN = {}


def packed(point):
    inverse = pow(point[2], ledger.P - 2, ledger.P)
    x, y = point[0] * inverse % ledger.P, point[1] * inverse % ledger.P
    return (y | (x & 1) << 255).to_bytes(32, "little")


PUBLIC = packed(ledger.point_mul(SECRET, ledger.BASE))


def sign(text):
    number = lambda *parts: int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % ledger.ORDER
    r = number(EXPANDED[32:], text)
    point = packed(ledger.point_mul(r, ledger.BASE))
    return point + ((r + number(point, PUBLIC, text) * SECRET) % ledger.ORDER).to_bytes(32, "little")


def grew(old, old_root, new, new_root, path):
    """RFC 9162, section 2.1.4.2."""
    if old == new or old == 0:
        return not path and (old == 0 or old_root == new_root)
    path = list(path) if old & (old - 1) else [old_root] + path
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    if not path:
        return False
    a = b = path[0]
    for node in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            a, b = ledger.sha(b"\x01", node, a), ledger.sha(b"\x01", node, b)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            b = ledger.sha(b"\x01", b, node)
        at, last = at >> 1, last >> 1
    return last == 0 and a == old_root and b == new_root


class Witness(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path != "/add-checkpoint":
            return self.answer(404, "")
        head, _, note = body.partition("\n\n")
        first, *hashes = head.split("\n")
        if not first.startswith("old ") or not first[4:].isdigit() or len(hashes) > 63:
            return self.answer(400, "")
        try:
            size, root, origin = ledger.read_checkpoint(note, LOG_KEY)
        except ledger.Bad:
            return self.answer(403, "")
        seen, seen_root = SEEN.get(origin, (0, b""))
        if int(first[4:]) > size:
            return self.answer(400, "")
        if int(first[4:]) != seen or size == seen and root != seen_root:
            return self.answer(409, f"{seen}\n")
        if not grew(seen, seen_root, size, root, [base64.b64decode(text) for text in hashes]):
            return self.answer(422, "")
        SEEN[origin] = (size, root)
        now = int(time.time())
        signature = sign(f"cosignature/v1\ntime {now}\n".encode() + note.split("\n\n")[0].encode() + b"\n")
        blob = ledger.sha(NAME.encode(), b"\n\x04", PUBLIC)[:4] + now.to_bytes(8, "big") + signature
        return self.answer(200, f"\u2014 {NAME} {base64.b64encode(blob).decode()}\n")

    def answer(self, code, text):
        self.send_response(code)
        self.send_header("Content-Type", "text/x.tlog.size" if code == 409 else "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Witness)
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
    server.socket = context.wrap_socket(server.socket, server_side=True)
key_id = ledger.sha(NAME.encode(), b"\n\x04", PUBLIC)[:4].hex()
print(f"{NAME}+{key_id}+{base64.b64encode(bytes([4]) + PUBLIC).decode()}", server.server_port, flush=True)
server.serve_forever()
