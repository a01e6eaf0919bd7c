"""Runs the steps of session.json through the official Python client and prints what it was told, as one JSON value.

    session.py auto|legacy|2026-07-28 COMMAND [ARGUMENT ...]

Environment: AIRLOCK_KEY_FILE and AIRLOCK_LEDGER_DIR for the gateway, AIRLOCK_SESSION for the session id,
AIRLOCK_OPERATOR_LEASE for the lease that the operator issued.
"""

import json
import os
import sys
from pathlib import Path

import anyio
from mcp import Client, MCPError, StdioServerParameters

SESSION = json.loads(Path(__file__).with_name("session.json").read_text(encoding="utf-8"))
SESSION["session"] = os.environ["AIRLOCK_SESSION"]
# Longest wait for one reply, seconds: far beyond what any step takes.
PATIENCE = 30


def request(step, leases, **more):
    """Arguments and `_meta` of a call."""
    filled = json.dumps(step["arguments"]).replace("{session}", SESSION["session"]).replace("{intent}", SESSION["intent"])
    arguments = json.loads(filled) | more
    session, intent = step.get("session", SESSION["session"]), step.get("intent", SESSION["intent"])
    lease = leases.get(step.get("lease"))
    if lease and step.get("spoil"):
        middle = len(lease) // 2
        lease = lease[:middle] + ("B" if lease[middle] == "A" else "A") + lease[middle + 1 :]
    if step["carry"] == "meta":
        return arguments, {"dev.airlock/lease": lease, "dev.airlock/session": session, "dev.airlock/intent": intent}
    if step["carry"] == "arguments":
        arguments |= {"_capability": lease, "_context": {"session_id": session, "intent": intent}}
    return arguments, None


async def call(client, step, leases, **more):
    """One call and what came back, result or protocol error."""
    arguments, meta = request(step, leases, **more)
    try:
        result = await client.call_tool(step["tool"], arguments, meta=meta)
    except MCPError as error:
        return {"error": {"code": error.code, "message": error.message, "data": error.data}}
    return {"result": result.model_dump(mode="json", by_alias=True, exclude_unset=True)}


async def perform(client, step, leases):
    """One step."""
    match step["do"]:
        case "negotiate":
            return {
                "version": client.protocol_version,
                # A pinned client asks nothing before its first call, so it knows the version and nothing else.
                "server": client.server_info and client.server_info.name,
                "instructions": client.instructions,
                "capabilities": client.server_capabilities.model_dump(mode="json", by_alias=True, exclude_none=True),
            }
        case "list":
            listed = await client.list_tools()
            return {"tools": [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in listed.tools]}
        case "call":
            reply = await call(client, step, leases)
            if "save" in step:
                leases[step["save"]] = reply["result"]["structuredContent"]["lease"]
            return reply
        case "together":
            replies = [None] * len(step["hours"])

            async def one(place, hours):
                replies[place] = await call(client, step, leases, hours=hours)

            async with anyio.create_task_group() as group:
                for place, hours in enumerate(step["hours"]):
                    group.start_soon(one, place, hours)
            return {"replies": replies}
        case "cancel":
            with anyio.move_on_after(0.2) as given_up:
                return await call(client, step, leases)
            return {"cancelled": given_up.cancelled_caught}


async def main():
    mode, command, *arguments = sys.argv[1:]
    passed = {name: value for name, value in os.environ.items() if name.startswith("AIRLOCK_")}
    gateway = StdioServerParameters(command=command, args=arguments, env=passed)
    leases = {"operator": os.environ["AIRLOCK_OPERATOR_LEASE"]}
    account = []
    async with Client(gateway, mode=mode, read_timeout_seconds=PATIENCE) as client:
        for step in SESSION["steps"]:
            account.append({"step": step.get("label", step["do"])} | await perform(client, step, leases))
    print(json.dumps(account))


anyio.run(main)
