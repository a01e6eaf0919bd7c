"""The server that the official conformance suite calls: each tool, resource and prompt by the name that the suite gives it.

    fixture.py ERA

ERA: modern (2026-07-28 alone) or legacy (what begins with `initialize`). Without an argument the variable `ERA` says it. Both have the
same definitions; what a tool does is what its revision has for it. Standard library alone, one thread for each request.
"""

import hashlib
import json
import os
import queue
import sys
import threading
import time

ERA = sys.argv[1] if len(sys.argv) > 1 else os.environ["ERA"]
IS_MODERN = ERA == "modern"
MODERN, LEGACY = "2026-07-28", "2025-11-25"
VERSION = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
LOG_LEVEL = "io.modelcontextprotocol/logLevel"
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"
INFO = {"name": "fixture", "version": "1"}
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA="


class Refused(Exception):
    """A JSON-RPC error: its code, its message, its data."""


# ------------------------------------------------------------------------------------------------ what there is


def schema(required=(), **properties):
    return {"type": "object", "properties": properties, "required": list(required)}


TEXT = {"type": "string"}
PLAIN = [
    "test_simple_text",
    "test_image_content",
    "test_audio_content",
    "test_embedded_resource",
    "test_multiple_content_types",
    "test_error_handling",
    "test_tool_with_progress",
    "test_tool_with_logging",
    "test_logging_tool",
    "test_missing_capability",
    "test_streaming_elicitation",
    "test_trigger_tool_change",
    "test_trigger_prompt_change",
    "test_elicitation_sep1034_defaults",
    "test_elicitation_sep1330_enums",
    "test_input_required_result_elicitation",
    "test_input_required_result_sampling",
    "test_input_required_result_list_roots",
    "test_input_required_result_request_state",
    "test_input_required_result_multiple_inputs",
    "test_input_required_result_multi_round",
    "test_input_required_result_tampered_state",
    "test_input_required_result_capabilities",
]
# Every keyword of it must come through as it is.
SCHEMA_2020_12 = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {"address": {"$anchor": "addressDef", "type": "object", "properties": {"street": TEXT, "city": TEXT}}},
    "properties": {
        "name": TEXT,
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": TEXT,
        "email": TEXT,
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


def tools():
    listed = [{"name": name, "description": f"{name} of the suite.", "inputSchema": schema()} for name in PLAIN]
    more = {
        "test_sampling": schema(["prompt"], prompt=TEXT),
        "test_elicitation": schema(["message"], message=TEXT),
        "json_schema_2020_12_tool": SCHEMA_2020_12,
    }
    return listed + [{"name": name, "description": f"{name} of the suite.", "inputSchema": it} for name, it in more.items()]


RESOURCES = {
    "test://static-text": {"mimeType": "text/plain", "text": "This is the content of the static text resource."},
    "test://static-binary": {"mimeType": "image/png", "blob": PNG},
    "test://watched-resource": {"mimeType": "text/plain", "text": "Nothing happens to it."},
}


def argument(name):
    return {"name": name, "description": f"{name} of the suite", "required": True}


PROMPTS = {
    "test_simple_prompt": [],
    "test_prompt_with_arguments": [argument("arg1"), argument("arg2")],
    "test_prompt_with_embedded_resource": [argument("resourceUri")],
    "test_prompt_with_image": [],
    "test_input_required_result_prompt": [],
}


# ------------------------------------------------------------------------------------------------ messages

out = threading.Lock()
asked = {}
streams = {}
level = None


def send(**message):
    line = json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":"))
    with out:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def text(words, **more):
    return {"content": [{"type": "text", "text": words}], **more}


def whole(result, cacheable=False):
    if not IS_MODERN:
        return result
    hints = {"ttlMs": 0, "cacheScope": "private"} if cacheable else {}
    return {"resultType": "complete", **result, **hints, "_meta": {"io.modelcontextprotocol/serverInfo": INFO}}


class Request:
    def __init__(self, message):
        self.id = message["id"]
        self.method = message["method"]
        self.params = message.get("params") or {}
        self.meta = self.params.get("_meta") or {}
        self.answers = self.params.get("inputResponses") or {}
        self.asked = 0

    def notify(self, method, **params):
        send(method=method, params=params)

    def progress(self, done, total):
        token = self.meta.get("progressToken")
        if token is not None:
            self.notify("notifications/progress", progressToken=token, progress=done, total=total)

    def log(self, words):
        wanted = self.meta.get(LOG_LEVEL) if IS_MODERN else level
        if wanted:
            self.notify("notifications/message", level="info", logger="fixture", data=words)

    def capability(self, name):
        return name in (self.meta.get(CAPABILITIES) or {}) if IS_MODERN else name in client

    def ask(self, method, params):
        """A request of ours, where the revision has such."""
        self.asked += 1
        key = f"ask-{self.id}-{self.asked}"
        return self.ask_all({key: {"method": method, "params": params}})[key]

    def ask_all(self, wanted):
        """Several at once, each under its own name."""
        for key, one in wanted.items():
            if not self.capability(NEEDS[one["method"]]):
                raise Refused(-32602, f"the client does not declare what {one['method']} needs", None)
            asked[key] = queue.Queue()
        for key, one in wanted.items():
            send(id=key, **one)
        answers = {key: asked[key].get(timeout=20) for key in wanted}
        if any("error" in answer for answer in answers.values()):
            raise Refused(-32603, "the client refused", None)
        return {key: answer["result"] for key, answer in answers.items()}


client = {}


# ------------------------------------------------------------------------------------------------ input that is needed


def form(message, required=(), **properties):
    return {"method": "elicitation/create", "params": {"mode": "form", "message": message, "requestedSchema": schema(required, **properties)}}


def sampling(words, most):
    message = {"role": "user", "content": {"type": "text", "text": words}}
    return {"method": "sampling/createMessage", "params": {"messages": [message], "maxTokens": most}}


NEEDS = {"elicitation/create": "elicitation", "sampling/createMessage": "sampling", "roots/list": "roots"}
ROOTS = {"method": "roots/list", "params": {}}
ROUNDS = {
    "test_input_required_result_elicitation": ([{"user_name": form("What is your name?", ["name"], name=TEXT)}], False),
    "test_input_required_result_sampling": ([{"capital_question": sampling("What is the capital of France?", 100)}], False),
    "test_input_required_result_list_roots": ([{"client_roots": ROOTS}], False),
    "test_input_required_result_request_state": ([{"confirm": form("Please confirm", ["ok"], ok={"type": "boolean"})}], True),
    "test_input_required_result_multiple_inputs": (
        [{"user_name": form("What is your name?", ["name"], name=TEXT), "greeting": sampling("Generate a greeting", 50), "client_roots": ROOTS}],
        True,
    ),
    "test_input_required_result_multi_round": (
        [
            {"step1": form("Step 1: What is your name?", ["name"], name=TEXT)},
            {"step2": form("Step 2: What is your favorite color?", ["color"], color=TEXT)},
        ],
        True,
    ),
    "test_input_required_result_tampered_state": ([{"confirm": form("Please confirm", ["ok"], ok={"type": "boolean"})}], True),
    "test_input_required_result_prompt": ([{"user_context": form("What context should the prompt use?", ["context"], context=TEXT)}], False),
    "test_streaming_elicitation": ([{"confirm": form("Go on?", ["ok"], ok={"type": "boolean"})}], False),
}


def state(name, number):
    seal = hashlib.sha256(f"fixture {name} {number}".encode()).hexdigest()
    return f"{number}.{seal}"


def asked_first(request, name):
    """The same by requests, as revisions with a handshake have it: what is asked together at once, under the same names."""
    for step in ROUNDS[name][0]:
        request.ask_all(step)


def answered(request, wanted, told):
    """What a tool says that asks one thing: by a request of its own, or by its result and the answer that comes with the next request."""
    if not IS_MODERN:
        return text(told(request.ask(wanted["method"], wanted["params"])))
    answer = request.answers.get("asked")
    if not isinstance(answer, dict):
        return {"resultType": "input_required", "inputRequests": {"asked": wanted}}
    return whole(text(told(answer)))


def rounds(request, name):
    """What is asked now, or nothing when all was answered."""
    steps, has_state = ROUNDS[name]
    number = 0
    if has_state and "requestState" in request.params:
        given = request.params["requestState"]
        number = next((at for at in range(len(steps)) if state(name, at) == given), None)
        if number is None:
            raise Refused(-32602, "Invalid or expired requestState", {"reason": "invalid_request_state"})
    if all(isinstance(request.answers.get(key), dict) for key in steps[number]):
        number += 1
    if number == len(steps):
        return None
    result = {"resultType": "input_required", "inputRequests": steps[number]}
    if has_state:
        result["requestState"] = state(name, number)
    return result


def asked_rounds(request, name):
    return rounds(request, name) if IS_MODERN else asked_first(request, name)


# ------------------------------------------------------------------------------------------------ what tools do


def content(name):
    resource = {"type": "resource", "resource": {"uri": "test://embedded-resource", "mimeType": "text/plain", "text": "This is an embedded resource content."}}
    mixed = {"uri": "test://mixed-content-resource", "mimeType": "application/json", "text": '{"test":"data","value":123}'}
    image = {"type": "image", "data": PNG, "mimeType": "image/png"}
    return {
        "test_simple_text": [{"type": "text", "text": "This is a simple text response for testing."}],
        "test_image_content": [image],
        "test_audio_content": [{"type": "audio", "data": WAV, "mimeType": "audio/wav"}],
        "test_embedded_resource": [resource],
        "test_multiple_content_types": [{"type": "text", "text": "Multiple content types test:"}, image, {"type": "resource", "resource": mixed}],
    }.get(name)


def elicited(request, message, properties, required=()):
    def told(answer):
        return f"Elicitation completed: action={answer['action']}, content={json.dumps(answer.get('content'))}"

    return answered(request, form(message, required, **properties), told)


def askable(request):
    """What the client of this call can be asked; a server with a handshake finds out by asking."""
    wanted = {"form": form("Which one?", ["name"], name=TEXT), "sample": sampling("Which one?", 50)}
    if IS_MODERN:
        wanted = {key: one for key, one in wanted.items() if request.capability(NEEDS[one["method"]])}
        return {"resultType": "input_required", "inputRequests": wanted} if wanted else whole(text("nothing can be asked"))
    for one in wanted.values():
        try:
            request.ask(one["method"], one["params"])
        except Refused:
            pass
    return text("asked")


def enums():
    titled = [{"const": f"value{n}", "title": f"{word} Option"} for n, word in enumerate(["First", "Second", "Third"], 1)]
    return {
        "untitledSingle": {"type": "string", "enum": ["option1", "option2", "option3"]},
        "titledSingle": {"type": "string", "oneOf": titled},
        "legacyEnum": {"type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": ["Option One", "Option Two", "Option Three"]},
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": ["option1", "option2", "option3"]}},
        "titledMulti": {"type": "array", "items": {"anyOf": titled}},
    }


DEFAULTS = {
    "name": {"type": "string", "default": "John Doe"},
    "age": {"type": "integer", "default": 30},
    "score": {"type": "number", "default": 95.5},
    "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    "verified": {"type": "boolean", "default": True},
}


def call(request):
    name, arguments = request.params.get("name"), request.params.get("arguments") or {}
    if name in ROUNDS:
        return asked_rounds(request, name) or whole(text("state-ok"))
    if blocks := content(name):
        return whole({"content": blocks})
    match name:
        case "test_error_handling":
            return whole(text("This tool intentionally returns an error for testing", isError=True))
        case "test_tool_with_progress":
            for done in (0, 50, 100):
                request.progress(done, 100)
                time.sleep(0.05)
            return whole(text("done"))
        case "test_tool_with_logging" | "test_logging_tool":
            for words in ("Tool execution started", "Tool processing data", "Tool execution completed"):
                request.log(words)
                time.sleep(0.05)
            return whole(text("done"))
        case "test_missing_capability":
            if IS_MODERN and not request.capability("sampling"):
                raise Refused(-32021, "Missing required client capability", {"requiredCapabilities": {"sampling": {}}})
            if not IS_MODERN:
                # A server with a handshake finds out by asking.
                wanted = sampling("Is anybody there?", 10)
                request.ask(wanted["method"], wanted["params"])
            return whole(text("it has it"))
        case "test_trigger_tool_change" | "test_trigger_prompt_change":
            changed("tools" if "tool_change" in name else "prompts")
            return whole(text("changed"))
        case "test_input_required_result_capabilities":
            return askable(request)
        case "test_sampling":
            return answered(request, sampling(arguments["prompt"], 100), lambda answer: f"LLM response: {answer['content']['text']}")
        case "test_elicitation":
            properties = {"username": {**TEXT, "description": "User's response"}, "email": {**TEXT, "description": "User's email address"}}
            return elicited(request, arguments["message"], properties, ["username", "email"])
        case "test_elicitation_sep1034_defaults":
            return elicited(request, "Please check your data", DEFAULTS)
        case "test_elicitation_sep1330_enums":
            return elicited(request, "Please choose", enums())
    raise Refused(-32602, f"Unknown tool: {name}", None)


def changed(what):
    if not IS_MODERN:
        return send(method=f"notifications/{what}/list_changed")
    for id, wanted in list(streams.items()):
        if wanted.get(f"{what}ListChanged"):
            send(method=f"notifications/{what}/list_changed", params={"_meta": {SUBSCRIPTION: id}})


# ------------------------------------------------------------------------------------------------ the rest


def read(request):
    uri = request.params.get("uri", "")
    found = RESOURCES.get(uri)
    if uri.startswith("test://template/") and uri.endswith("/data"):
        id = uri.split("/")[3]
        found = {"mimeType": "application/json", "text": json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})}
    if found is None:
        raise Refused(-32602 if IS_MODERN else -32002, "Resource not found", {"uri": uri})
    return whole({"contents": [{"uri": uri, **found}]}, cacheable=True)


def prompt(request):
    name, arguments = request.params.get("name"), request.params.get("arguments") or {}
    if name not in PROMPTS:
        raise Refused(-32602, f"Unknown prompt: {name}", None)
    if name in ROUNDS:
        if ask := asked_rounds(request, name):
            return ask

    def user(block):
        return {"role": "user", "content": block}

    words = {
        "test_prompt_with_arguments": "Prompt with arguments: arg1='{arg1}', arg2='{arg2}'",
        "test_prompt_with_image": "Please analyze the image above.",
        "test_prompt_with_embedded_resource": "Please process the embedded resource above.",
    }.get(name, "This is a simple prompt for testing.")
    messages = [user({"type": "text", "text": words.format(**arguments)})]
    if name == "test_prompt_with_image":
        messages.insert(0, user({"type": "image", "data": PNG, "mimeType": "image/png"}))
    if name == "test_prompt_with_embedded_resource":
        resource = {"uri": arguments["resourceUri"], "mimeType": "text/plain", "text": "Embedded resource content for testing."}
        messages.insert(0, user({"type": "resource", "resource": resource}))
    return whole({"messages": messages})


def capabilities():
    lists = {"listChanged": True}
    own = {"tools": lists, "prompts": lists, "resources": {"subscribe": True}, "completions": {}}
    return own if IS_MODERN else {**own, "logging": {}}


def serve(request):
    global level
    method = request.method
    if IS_MODERN:
        check(request)
    match method:
        case "server/discover" if IS_MODERN:
            return whole({"supportedVersions": [MODERN], "capabilities": capabilities()}, cacheable=True)
        case "initialize" if not IS_MODERN:
            client.update(request.params.get("capabilities") or {})
            version = request.params.get("protocolVersion")
            known = version if version in ("2025-06-18", LEGACY) else LEGACY
            return {"protocolVersion": known, "serverInfo": INFO, "capabilities": capabilities()}
        case "ping" | "resources/subscribe" | "resources/unsubscribe" if not IS_MODERN:
            return {}
        case "logging/setLevel" if not IS_MODERN:
            level = request.params["level"]
            return {}
        case "tools/list":
            return whole({"tools": tools()}, cacheable=True)
        case "tools/call":
            return call(request)
        case "resources/list":
            listed = [{"uri": uri, "name": uri[7:], "description": "of the suite", "mimeType": it["mimeType"]} for uri, it in RESOURCES.items()]
            return whole({"resources": listed}, cacheable=True)
        case "resources/templates/list":
            template = {"uriTemplate": "test://template/{id}/data", "name": "template", "mimeType": "application/json"}
            return whole({"resourceTemplates": [template]}, cacheable=True)
        case "resources/read":
            return read(request)
        case "prompts/list":
            listed = [{"name": name, "description": f"{name} of the suite", "arguments": it} for name, it in PROMPTS.items()]
            return whole({"prompts": listed}, cacheable=True)
        case "prompts/get":
            return prompt(request)
        case "completion/complete":
            return whole({"completion": {"values": [], "total": 0, "hasMore": False}})
    raise Refused(-32601, f"Method not found: {method}", None)


def check(request):
    absent = [key for key in (VERSION, CAPABILITIES) if key not in request.meta]
    if absent:
        raise Refused(-32602, f"params._meta is missing the required envelope key(s): {', '.join(absent)}", None)
    if request.meta[VERSION] != MODERN:
        raise Refused(-32022, "Unsupported protocol version", {"supported": [MODERN], "requested": request.meta[VERSION]})


def listen(request):
    check(request)
    honoured = ("toolsListChanged", "promptsListChanged", "resourceSubscriptions")
    known = {key: on for key, on in (request.params.get("notifications") or {}).items() if key in honoured}
    streams[request.id] = known
    send(method="notifications/subscriptions/acknowledged", params={"notifications": known, "_meta": {SUBSCRIPTION: request.id}})


def work(message):
    request = Request(message)
    try:
        if IS_MODERN and request.method == "subscriptions/listen":
            return listen(request)
        send(id=request.id, result=serve(request))
    except Refused as refused:
        code, words, data = refused.args
        error = {"code": code, "message": words} if data is None else {"code": code, "message": words, "data": data}
        send(id=request.id, error=error)


for line in sys.stdin:
    message = json.loads(line)
    if "method" not in message:
        if waits := asked.get(message.get("id")):
            waits.put(message)
    elif "id" in message:
        threading.Thread(target=work, args=(message,), daemon=True).start()
    elif message["method"] == "notifications/cancelled":
        streams.pop(message["params"].get("requestId"), None)
