"""Makes one call that needs its user's yes through the official Python client, and prints what happened as one JSON value.

    approve.py auto|legacy|2026-07-28 COMMAND [ARGUMENT ...]

Environment: that of the gateway, AIRLOCK_LEASE for the call, and AIRLOCK_ANSWER: accept, decline, nothing (the user never answers) or
none (the client cannot ask). With AIRLOCK_SIGNERS, the key files of approvers between colons, a call that needs signatures is made again
with those that AIRLOCK_CLI makes.
"""

import json
import os
import subprocess
import sys

import anyio
from mcp import Client, MCPError, StdioServerParameters
from mcp.types import ElicitResult

ANSWER = os.environ["AIRLOCK_ANSWER"]
asked = []


async def user(context, params):
    """The user: reads, and answers or does not."""
    asked.append(params.message)
    if ANSWER == "nothing":
        await anyio.sleep_forever()
    if ANSWER == "accept":
        return ElicitResult(action="accept", content={"approve": True})
    return ElicitResult(action="decline")


def sign(request, file):
    """What an approver does at another desk."""
    approve = [os.environ["AIRLOCK_CLI"], "approve", "--key-file", file]
    return subprocess.run(approve, input=request, capture_output=True, text=True, check=True).stdout.strip()


async def main():
    mode, command, *arguments = sys.argv[1:]
    passed = {name: value for name, value in os.environ.items() if name.startswith("AIRLOCK_")}
    gateway = StdioServerParameters(command=command, args=arguments, env=passed)
    callback = None if ANSWER == "none" else user
    meta = {"dev.airlock/lease": os.environ["AIRLOCK_LEASE"], "dev.airlock/session": "s-1", "dev.airlock/intent": "look at the weather"}
    async with Client(gateway, mode=mode, read_timeout_seconds=30, elicitation_callback=callback) as client:
        try:
            call = lambda: client.call_tool("http_get_json", {"url": "https://api.open-meteo.com/approved"}, meta=meta)
            result = await call()
            request = (result.structured_content or {}).get("approval_request")
            if request and "AIRLOCK_SIGNERS" in os.environ:
                meta["dev.airlock/approvals"] = [sign(request, file) for file in os.environ["AIRLOCK_SIGNERS"].split(":")]
                result = await call()
            reply = {"result": result.model_dump(mode="json", by_alias=True, exclude_unset=True)}
        except MCPError as error:
            reply = {"error": {"code": error.code, "message": error.message, "data": error.data}}
        # The connection is in order whatever the user did.
        tools = [tool.name for tool in (await client.list_tools()).tools]
        print(json.dumps({"version": client.protocol_version, "asked": asked, "reply": reply, "tools": tools}))


anyio.run(main)
