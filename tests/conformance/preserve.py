"""A client of the suite's mock server, which has a tool with a rich schema and one that takes a schema and says it back.

    preserve.py record FILE URL       asks the mock itself; its definitions go into FILE
    preserve.py through GATEWAY URL   asks a gateway, whose upstream is the next line, with the lease in AIRLOCK_LEASE
    preserve.py serve                 an MCP server on stdin and stdout that passes everything on to the URL in MOCK_URL

The suite adds the URL to the command that it is given. Revision 2026-07-28 throughout.
"""

import http.client
import json
import os
import subprocess
import sys
import urllib.parse

REVISION = "2026-07-28"
VERSION = "io.modelcontextprotocol/protocolVersion"
META = {VERSION: REVISION, "io.modelcontextprotocol/clientCapabilities": {}, "io.modelcontextprotocol/clientInfo": {"name": "preserve", "version": "1"}}
LEASED = {"dev.airlock/lease": os.environ.get("AIRLOCK_LEASE", ""), "dev.airlock/session": "s-1", "dev.airlock/intent": "look at the weather"}


def post(url, message):
    """The answer of the mock, which comes as JSON or as one event."""
    place = urllib.parse.urlparse(url)
    params = message.get("params", {})
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    headers |= {"MCP-Protocol-Version": params.get("_meta", {}).get(VERSION, REVISION), "Mcp-Method": message["method"]}
    if "name" in params:
        headers["Mcp-Name"] = params["name"]
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=20)
    connection.request("POST", place.path, json.dumps(message), headers)
    body = connection.getresponse().read().decode()
    data = [line[5:] for line in body.splitlines() if line.startswith("data:")]
    return json.loads("".join(data) or body)


def serve():
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message:
            print(json.dumps(post(os.environ["MOCK_URL"], message)), flush=True)


def session(ask):
    """Lists the tools and has the one say back the schema of the other; the list."""
    listed = ask("tools/list", {})["tools"]
    schema = next(tool["inputSchema"] for tool in listed if tool["name"] != "json_schema_echo")
    ask("tools/call", {"name": "json_schema_echo", "arguments": {"schema": schema}})
    return listed


def record(file, url):
    def ask(method, params):
        return post(url, {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": META}})["result"]

    with open(file, "w") as out:
        json.dump(session(ask), out)


def through(gateway, url):
    child = subprocess.Popen([gateway], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "MOCK_URL": url})
    ids = iter(range(1, 100))

    def ask(method, params):
        meta = {**META, **LEASED} if method == "tools/call" else META
        message = {"jsonrpc": "2.0", "id": next(ids), "method": method, "params": {**params, "_meta": meta}}
        child.stdin.write(json.dumps(message) + "\n")
        child.stdin.flush()
        return json.loads(child.stdout.readline())["result"]

    session(ask)
    child.stdin.close()
    child.wait()


match sys.argv[1:]:
    case ["serve"]:
        serve()
    case ["record", file, url]:
        record(file, url)
    case ["through", gateway, url]:
        through(gateway, url)
