"""Makes calls through the official Python client and prints what came back, as one JSON value.

    compare.py auto|legacy COMMAND [ARGUMENT ...]

Environment: AIRLOCK_CALLS has the calls, a JSON list of {"tool", "arguments"}; AIRLOCK_LEASE the lease, without which none is sent.
Every variable that begins with AIRLOCK_, and MEMORY_FILE_PATH, is passed on to the command.
"""

import json
import os
import sys

import anyio
from mcp import Client, MCPError, StdioServerParameters

# Longest wait for one reply, seconds: far beyond what any step takes.
PATIENCE = 30


async def main():
    mode, command, *arguments = sys.argv[1:]
    passed = {name: value for name, value in os.environ.items() if name.startswith("AIRLOCK_") or name == "MEMORY_FILE_PATH"}
    server = StdioServerParameters(command=command, args=arguments, env=passed)
    lease = os.environ.get("AIRLOCK_LEASE")
    meta = lease and {"dev.airlock/lease": lease, "dev.airlock/session": "s-1", "dev.airlock/intent": "look at the weather"}
    replies = []
    async with Client(server, mode=mode, read_timeout_seconds=PATIENCE) as client:
        for call in json.loads(os.environ["AIRLOCK_CALLS"]):
            try:
                result = await client.call_tool(call["tool"], call["arguments"], meta=meta)
                replies.append(result.model_dump(mode="json", by_alias=True, exclude_unset=True))
            except MCPError as error:
                replies.append({"error": error.code})
    print(json.dumps(replies))


anyio.run(main)
