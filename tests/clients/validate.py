"""Validates every recorded message of the gateway with the official wire models and prints what it counted, as one JSON value.

    validate.py DIRECTORY

The directory holds `<process>.in` and `<process>.out`, the two directions of each connection. A message that the official
package does not accept for its revision ends the program with an error.
"""

import json
import sys
from collections import Counter
from pathlib import Path

from jsonschema import Draft202012Validator
from mcp_types.jsonrpc import jsonrpc_message_adapter
from mcp_types.methods import validate_server_result

VERSION = "io.modelcontextprotocol/protocolVersion"


def connection(sent, received, counts):
    """Checks the replies of one connection against its requests."""
    requests = {message["id"]: message for message in sent if "id" in message and "method" in message}
    legacy = next((m["result"]["protocolVersion"] for m in received if "protocolVersion" in m.get("result", {})), None)
    for message in received:
        jsonrpc_message_adapter.validate_python(message, by_name=False)
        assert message["jsonrpc"] == "2.0" and set(message) in ({"jsonrpc", "id", "result"}, {"jsonrpc", "id", "error"}), message
        request = requests.pop(message["id"])
        method = request["method"]
        if "error" in message:
            assert type(message["error"]["code"]) is int and type(message["error"]["message"]) is str, message
            counts["error"] += 1
            continue
        version = legacy or request["params"]["_meta"][VERSION]
        validate_server_result(method, version, message["result"])
        counts[f"{method} {version}"] += 1
        for tool in message["result"].get("tools", []):
            Draft202012Validator.check_schema(tool["inputSchema"])
            counts["schema"] += 1
    cancelled = {m["params"]["requestId"] for m in sent if m.get("method") == "notifications/cancelled"}
    assert set(requests) == cancelled, f"requests without a reply: {requests}"


def main():
    counts = Counter()
    for path in sorted(Path(sys.argv[1]).glob("*.out")):
        sent, received = ([json.loads(line) for line in p.read_text("utf-8").split("\n") if line] for p in (path.with_suffix(".in"), path))
        connection(sent, received, counts)
    print(json.dumps(counts))


main()
