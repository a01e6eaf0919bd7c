"""An agent that knows nothing about leases: it calls two tools through the official Python client and prints what came back.

    ambient.py calls|wait|keep=FILE COMMAND

`keep` copies the lease file first, as a thief would. `wait` says that it is ready and waits for its end.
"""

import json
import os
import shutil
import signal
import sys

import anyio
from mcp import Client, StdioServerParameters

# Longest wait for one reply, seconds.
PATIENCE = 30


async def main():
    mode, command = sys.argv[1:]
    if mode.startswith("keep="):
        shutil.copy(os.environ["AIRLOCK_LEASE_FILE"], mode.removeprefix("keep="))
    # What the entry of a client's settings has: the variables by name, and nothing about sessions, intents or leases.
    passed = {name: value for name, value in os.environ.items() if name.startswith("AIRLOCK_")}
    replies = {}
    async with Client(StdioServerParameters(command=command, args=[], env=passed), read_timeout_seconds=PATIENCE) as client:
        for tool in ["airlock_usage_stats", "airlock_audit_tail"]:
            result = await client.call_tool(tool, {})
            replies[tool] = {"refused": result.is_error, "text": result.content[0].text}
    print(json.dumps(replies), flush=True)
    if mode == "wait":
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.pause()
    sys.exit(7)


anyio.run(main)
