"""What every client does, whatever library it is made with. Runs in an environment of its own, without pytest.

A script beside this one wraps its library in `connect`, and prints the report as one JSON document:

    python <script>.py <JSON: address, tokens, servers, folder …, made by test_mcp_other_clients.py>
"""

import asyncio
import json
import sys
import urllib.request
from pathlib import Path

WORLD = json.loads(sys.argv[1])
REVISION = WORLD["revision"]


async def play(connect) -> None:
    """`connect(url, token)` is a context that gives revision, names of tools, and `call(tool, arguments)`, which gives
    (is it an error, structured content, text) or raises."""
    async with connect(WORLD["url"], WORLD["token"]) as (revision, tools, call):
        report = {
            "revision": revision,
            "tools": tools,
            "done": await everything(call),
            "failed": await failures(call),
            "switch": {},
        }
        await during(report["switch"], call, lambda: switch(False))
        switch(True)
        report["switch"]["again"] = await answer(call, "meta.whoami")
    async with connect(WORLD["url"], WORLD["poor_token"]) as (_, _, call):
        report["failed"]["scope"] = {tool: await answer(call, tool, **arguments)
                                     for tool, arguments in needs(WORLD["server"]).items()}  # fmt: skip
    async with connect(WORLD["limited_url"], WORLD["limited_token"]) as (_, _, call):
        report["limited"] = [await answer(call, "meta.whoami") for _ in range(WORLD["limit"] + 1)]
    report["revocation"] = {}
    try:
        async with connect(WORLD["url"], WORLD["token"]) as (_, _, call):
            await during(report["revocation"], call, revoke)
    except Exception as error:  # noqa: BLE001
        # The first version of the SDK ends the connection where it is refused.
        report["revocation"]["ended"] = repr(error)
    json.dump(report, sys.stdout)


async def answer(call, tool: str, /, **arguments) -> dict:
    try:
        failed, structured, text = await asyncio.wait_for(call(tool, arguments), 20)
    except Exception as error:  # noqa: BLE001
        return {"raised": str(error), "kind": type(error).__name__, "code": code(error)}
    return {"failed": failed, "structured": structured, "text": text}


def code(error) -> int | None:
    return getattr(getattr(error, "error", error), "code", None)


async def everything(call) -> dict:
    """Each tool with success."""
    server, folder = WORLD["server"], WORLD["folder"]
    file = f"{folder}/made/note.txt"
    steps = {
        "meta.whoami": {},
        "server.list": {"online_only": True},
        "server.get": {"server_id": server},
        "server.exec": {"server_id": server, "cmd": "sh", "args": ["-c", "cat; exit 3"], "stdin": "häßlich"},
        "fs.write": {"server_id": server, "path": file, "content": "äöü\n", "create_dirs": True},
        "fs.read": {"server_id": server, "path": file},
        "fs.list": {"server_id": server, "path": f"{folder}/made"},
        "fs.stat": {"server_id": server, "path": file},
        "fs.download_url": {"server_id": server, "path": file},
        "fs.upload_url": {"server_id": server, "path": f"{file}.2", "ttl_seconds": 30},
        "fs.delete": {"server_id": server, "path": f"{folder}/made", "recursive": True},
        "server.metrics": {"server_id": server},
        "server.exec_many": {"server_ids": [server, WORLD["offline"], WORLD["foreign"]], "cmd": "echo", "args": ["x"]},
        "audit.list": {"tool": "server.exec", "limit": 5},
    }
    return {tool: await answer(call, tool, **arguments) for tool, arguments in steps.items()}


def needs(server: int) -> dict:
    """Arguments for every tool that needs a right, right in all respects."""
    place = {"server_id": server, "path": f"{WORLD['folder']}/none"}
    return {
        "server.list": {}, "server.get": {"server_id": server}, "server.metrics": {"server_id": server},
        "server.exec": {"server_id": server, "cmd": "true"},
        "server.exec_many": {"server_ids": [server], "cmd": "true"},
        "fs.list": place, "fs.read": place, "fs.stat": place, "fs.write": place | {"content": ""}, "fs.delete": place,
        "fs.download_url": place, "fs.upload_url": place,
    }  # fmt: skip


WRONG = {
    "server.list": {"online_only": "yes"}, "server.get": {"server_id": 0}, "server.metrics": {"server_id": "x"},
    "server.exec_many": {"server_ids": [], "cmd": "true"}, "server.exec": {"cmd": "true", "timeout_seconds": 301},
    "fs.list": {"path": ""}, "fs.read": {"path": "/x", "offset": -1}, "fs.stat": {"path": ""},
    "fs.write": {"path": "/x", "content": "", "if_match_sha256": "x"}, "fs.delete": {"path": "/x", "recursive": 1},
    "fs.download_url": {"path": ""}, "fs.upload_url": {"path": "/x", "mode": 644}, "audit.list": {"limit": 0},
}  # fmt: skip
ON_SERVER = ["server.get", "server.metrics", "server.exec", "fs.list", "fs.read", "fs.stat", "fs.write", "fs.delete",
             "fs.download_url", "fs.upload_url"]  # fmt: skip
# URLs are made without the agent, but only for one that can serve them.
BY_AGENT = ["server.exec", "fs.list", "fs.read", "fs.stat", "fs.write", "fs.delete"]
TO_AGENT = [*BY_AGENT, "fs.download_url", "fs.upload_url"]


async def failures(call) -> dict:
    """Kind → tool → answer."""
    server = {"server_id": WORLD["server"]}

    async def each(tools, number) -> dict:
        return {tool: await answer(call, tool, **needs(WORLD[number])[tool]) for tool in tools}

    return {
        "foreign": await each(ON_SERVER, "foreign"),
        "offline": await each(BY_AGENT, "offline"),
        "unsupported": await each(TO_AGENT, "outdated"),
        "agent": await each(BY_AGENT, "failing"),
        "invalid": {
            tool: await answer(call, tool, **(server if tool in TO_AGENT else {}) | arguments)
            for tool, arguments in WRONG.items()
        },
        "unknown": {name: await answer(call, name) for name in ("server.explode", "token.create", "meta whoami", "ü")},
    }


# Changes during a session


async def during(report: dict, call, change) -> None:
    """What a running call and the next one get when the world changes."""
    mark = Path(WORLD["folder"], "mark")
    command = {"server_id": WORLD["server"], "cmd": "sh", "args": ["-c", f"touch {mark}; exec sleep 15"]}
    running = asyncio.create_task(answer(call, "server.exec", **command))
    while not mark.exists() and not running.done():
        await asyncio.sleep(0.02)
    mark.unlink()
    change()
    report["running"] = await running
    report["next"] = await answer(call, "meta.whoami")


def switch(on: bool) -> None:
    rest("PATCH", "/setting", {"enable_mcp": on})


def revoke() -> None:
    rest("DELETE", f"/api-tokens/{WORLD['token_id']}")


def rest(method: str, path: str, body=None) -> None:
    request = urllib.request.Request(
        WORLD["url"].removesuffix("/mcp") + "/api/v1" + path, method=method, data=body and json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {WORLD['jwt']}", "Content-Type": "application/json"},
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=10) as done:
        assert json.load(done)["success"] is True
