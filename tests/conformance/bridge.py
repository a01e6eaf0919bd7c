"""Streamable HTTP on one side, an MCP server on stdin and stdout on the other: the conformance suite speaks HTTP alone.

    bridge.py COMMAND…

Prints the port that it listens on. What is of HTTP (headers, Host and Origin, status codes) is the bridge's; so the few checks of the suite
that look at it test the bridge. Everything else passes as it is, but for ids and tokens, which several connections of the suite may
have alike. Revision 2026-07-28: one process for all. Earlier: one for each session.

AIRLOCK_LEASE, if it is set, goes into `_meta` of every call of a tool, AIRLOCK_OFFERS_LEASE into that of reads and prompts, with the session and the
intent that the tests' leases name.
"""

import itertools
import json
import os
import queue
import subprocess
import sys
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION = "io.modelcontextprotocol/protocolVersion"
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"
NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri", "tasks/get": "taskId"}
LOCAL = ("localhost", "127.0.0.1", "[::1]")
# Of a modern server: errors that have a status of their own.
STATUS = {-32601: 404, -32020: 400, -32021: 400, -32022: 400}
LEASES = {"tools/call": os.environ.get("AIRLOCK_LEASE"), **dict.fromkeys(["prompts/get", "resources/read", "completion/complete", "resources/subscribe"], os.environ.get("AIRLOCK_OFFERS_LEASE"))}


class Child:
    """One process, and the requests that are open on it."""

    def __init__(self):
        self.process = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lock = threading.Lock()
        self.ids = itertools.count(1)
        self.open = {}
        self.tokens = {}
        threading.Thread(target=self.read, daemon=True).start()

    def send(self, message):
        with self.lock:
            self.process.stdin.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")
            self.process.stdin.flush()

    def put(self, number, message):
        if entry := self.open.get(number):
            entry[1].put(message)

    def read(self):
        for line in self.process.stdout:
            message = json.loads(line)
            params = message.get("params") or {}
            meta = params.get("_meta") or {}
            if "method" not in message:
                self.answered(message)
            elif params.get("progressToken") in self.tokens:
                number, params["progressToken"] = self.tokens[params["progressToken"]]
                self.put(number, message)
            elif SUBSCRIPTION in meta:
                number = meta[SUBSCRIPTION]
                if number in self.open:
                    meta[SUBSCRIPTION] = self.open[number][0]
                    self.put(number, message)
            elif self.open:
                # Log messages and requests of a server name no request; the newest open one is meant.
                self.put(max(self.open), message)
        for _, entry in list(self.open.values()):
            entry.put(None)

    def answered(self, message):
        if message.get("id") in self.open:
            message["id"], waits = self.open.pop(message["id"])
            waits.put(message)
            waits.put(None)

    def request(self, message):
        number, waits = next(self.ids), queue.Queue()
        self.open[number] = (message["id"], waits)
        params = dict(message.get("params") or {})
        meta = dict(params["_meta"]) if isinstance(params.get("_meta"), dict) else None
        if meta is not None and "progressToken" in meta:
            token = f"token-{number}"
            self.tokens[token] = (number, meta["progressToken"])
            meta["progressToken"] = token
        if lease := LEASES.get(message["method"]):
            leased = {"dev.airlock/lease": lease, "dev.airlock/session": "s-1", "dev.airlock/intent": "look at the weather"}
            meta = {**(meta or {}), **leased}
        if meta is not None:
            params["_meta"] = meta
        self.send({**message, "id": number, "params": params} if params or "params" in message else {**message, "id": number})
        return number, waits

    def end(self):
        self.process.stdin.close()


shared, sessions, starting = None, {}, threading.Lock()


def modern():
    """The process of revision 2026-07-28. Its first request is a right one, so that no wrong one of the suite decides its era."""
    global shared
    with starting:
        if shared is None:
            shared = Child()
            meta = {VERSION: "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
            shared.request({"jsonrpc": "2.0", "id": 0, "method": "tools/list", "params": {"_meta": meta}})[1].get(timeout=60)
    return shared


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body=None, headers=()):
        text = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if text:
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def refuse(self, status, id, code, words):
        self.reply(status, {"jsonrpc": "2.0", **({} if id is None else {"id": id}), "error": {"code": code, "message": words}})

    def is_local(self):
        host = (self.headers.get("Host") or "").rsplit(":", 1)[0]
        origin = self.headers.get("Origin")
        return host in LOCAL and (origin is None or origin.split("://")[-1].rsplit(":", 1)[0] in LOCAL)

    def do_GET(self):
        self.reply(405)

    def do_DELETE(self):
        child = sessions.pop(self.headers.get("Mcp-Session-Id", ""), None)
        if child:
            child.end()
        self.reply(200 if child else 404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self.is_local():
            return self.refuse(403, None, -32600, "Host or Origin is not of this machine")
        try:
            message = json.loads(body)
        except ValueError:
            return self.refuse(400, None, -32700, "Parse error")
        session = self.headers.get("Mcp-Session-Id")
        meta = (message.get("params") or {}).get("_meta")
        meta = meta if isinstance(meta, dict) else {}
        begins = message.get("method") == "initialize" and VERSION not in meta and not self.headers.get("Mcp-Method")
        if session or begins or self.headers.get("MCP-Protocol-Version", "2026") < "2026":
            return self.legacy(message, session)
        return self.modern(message, meta)

    def modern(self, message, meta):
        if "id" not in message:
            modern().send(message)
            return self.reply(202)
        id, method, params = message["id"], message.get("method"), message.get("params") or {}
        if VERSION in meta:
            name = NAMED.get(method)
            for header, value in [
                ("MCP-Protocol-Version", meta[VERSION]),
                ("Mcp-Method", method),
                ("Mcp-Name", params.get(name) if name else None),
            ]:
                if value is not None and (self.headers.get(header) or "").strip() != value:
                    return self.refuse(400, id, -32020, f"the header {header} is not what the body says")
        child = modern()
        number, waits = child.request(message)
        self.pass_on(child, number, waits, is_modern=True)

    def legacy(self, message, session):
        headers = []
        if message.get("method") == "initialize":
            session = uuid.uuid4().hex
            sessions[session] = Child()
            headers = [("Mcp-Session-Id", session)]
        child = sessions.get(session)
        if child is None:
            return self.refuse(404 if session else 400, message.get("id"), -32600, "no session")
        if "method" not in message or "id" not in message:
            child.send(message)
            return self.reply(202)
        number, waits = child.request(message)
        self.pass_on(child, number, waits, headers=headers)

    def pass_on(self, child, number, waits, headers=(), is_modern=False):
        first = waits.get()
        if first is None:
            return self.refuse(500, None, -32603, "the server has ended")
        if "method" not in first:
            return self.reply(status(first) if is_modern else 200, first, headers)
        self.send_response(200)
        for name, value in [*headers, ("Content-Type", "text/event-stream"), ("Connection", "close")]:
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = True
        message = first
        try:
            while message is not None:
                self.wfile.write(b"event: message\ndata: " + json.dumps(message).encode() + b"\n\n")
                self.wfile.flush()
                message = self.next(waits)
        except OSError:
            # Nobody reads any more: over HTTP that is how a request is cancelled.
            if child.open.pop(number, None):
                child.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": number}})

    def next(self, waits):
        while True:
            try:
                return waits.get(timeout=0.2)
            except queue.Empty:
                # Finds out whether somebody still reads.
                self.wfile.write(b": \n\n")
                self.wfile.flush()


def status(message):
    error = message.get("error") or {}
    is_envelope = error.get("code") == -32602 and "_meta" in error.get("message", "")
    return 400 if is_envelope else STATUS.get(error.get("code"), 200)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


server = Server(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
# Ends with whoever started it.
sys.stdin.read()
children = [child for child in [shared, *sessions.values()] if child]
for child in children:
    child.end()
# What they still write, they write before anybody removes their directory.
for child in children:
    child.process.wait(timeout=20)
