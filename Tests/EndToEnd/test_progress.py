"""Progress in a single-response event stream, and the tools beyond the ten, through the official client and by hand."""

import asyncio
import json
import socket
import threading
import time
import uuid

import httpx2
import jsonschema
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from conftest import ALL_SCOPES
from gateway import Agent, Gateway, wait_until
from spec_agent import SpecAgent, reply

TOOLSETS = ["core", "fleet", "audit", "files", "metrics"]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    """A gateway with every toolset and one online agent."""
    folder = tmp_path_factory.mktemp("fleet")
    settings = {
        "mcp_toolsets": TOOLSETS, "mcp_rate_limit_per_second": 10_000, "mcp_rate_limit_per_minute": 600_000,
    }  # fmt: skip
    gateway = Gateway(folder / "gateway", settings=settings).start()
    agent = Agent(gateway, folder / "agent", gateway.agent_secret(), str(uuid.uuid4()))
    try:
        agent.start()
        agent.wait_online(gateway.login())
        yield gateway, agent.server_id, gateway.token(*ALL_SCOPES, name="everything")
    finally:
        agent.stop()
        gateway.stop()


@pytest.fixture(params=["legacy", "auto"])
def mode(request):
    return request.param


def run(fleet, mode, work):
    """Runs `work(client, call)`; `call` checks each result against the tool's own output schema."""
    gateway, _, token = fleet

    async def main():
        http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60)
        async with http, Client(streamable_http_client(f"{gateway.url}/mcp", http_client=http), mode=mode) as client:
            schemas = {tool.name: tool.output_schema for tool in (await client.list_tools()).tools}

            async def call(tool, /, progress=None, **arguments):
                result = await client.call_tool(tool, arguments, progress_callback=progress)
                assert not result.is_error, result.content
                jsonschema.Draft202012Validator(schemas[tool]).validate(result.structured_content)
                return result.structured_content

            return await work(client, call)

    return asyncio.run(main())


def recorder():
    """A progress callback and what it was told."""
    steps = []

    async def note(progress, total, _message):
        steps.append((progress, total, time.monotonic()))

    return note, steps


def test_exec_tells_the_seconds_while_the_command_runs(fleet, mode, tmp_path):
    async def work(_, call):
        mark, began = tmp_path / "mark", time.monotonic()
        note, steps = recorder()

        async def told(progress, total, message):
            await note(progress, total, message)
            # It ends by what was told while it runs.
            if progress == 2:
                mark.touch()

        script = f"until [ -e {mark} ]; do sleep 0.1; done; echo done"
        done = await call("server.exec", told, server_id=fleet[1], cmd="sh", args=["-c", script])
        assert done["stdout"] == "done\n"
        assert len(steps) >= 2
        assert [(step, total) for step, total, _ in steps] == [(number, None) for number in range(1, len(steps) + 1)]
        assert steps[1][2] - began > 1.9

    run(fleet, mode, work)


def test_exec_many_tells_the_finished_servers(fleet, mode):
    async def work(_, call):
        note, steps = recorder()
        ids = [fleet[1], 1_000_001, 1_000_002]
        done = await call("server.exec_many", note, server_ids=ids, cmd="echo", args=["x"], concurrency=2)
        assert [entry["server_id"] for entry in done["results"]] == ids
        assert (done["succeeded"], done["failed"]) == (1, 2)
        assert done["results"][0]["result"]["stdout"] == "x\n"
        assert [(step, total) for step, total, _ in steps] == [(1, 3), (2, 3), (3, 3)]

    run(fleet, mode, work)


ENTRY = {"name": "x", "type": "file", "size": 1, "mode": "0644", "mtime": 7}
FILE_TOOLS = {
    # Tool → more arguments, what the agent answers.
    "fs.list": ({}, {"entries": [ENTRY]}),
    "fs.read": ({}, {"content": "x", "encoding": "utf8", "size": 1, "sha256": "0" * 64}),
    "fs.write": ({"content": "x"}, {"size": 1, "sha256": "0" * 64}),
    "fs.delete": ({}, {"deleted_count": 1}),
    "fs.stat": ({}, {"entries": [ENTRY]}),
}
NUMBERS = {16: "fs.list", 17: "fs.read", 18: "fs.write", 19: "fs.delete"}


def test_work_on_files_tells_the_seconds_while_a_slow_agent_works(fleet, mode):
    """The agent answers only when the client has been told twice."""
    gateway = fleet[0]
    told = {f"/{tool}/x": threading.Event() for tool in FILE_TOOLS}

    def answer(task):
        path = json.loads(task.data)["path"]
        # fs.stat looks into the directory of its path.
        waited = told["/fs.stat/x" if path == "/fs.stat" else path].wait(30)
        return reply(task, FILE_TOOLS[NUMBERS[task.type]][1] if waited else "nobody was told", waited)

    agent = SpecAgent(gateway.address, gateway.agent_secret(), str(uuid.uuid4()), answer).connect()
    try:
        server = wait_until(lambda: [server["id"] for server in gateway.api("GET", "/server", gateway.login()).json()[
            "data"] if server["uuid"] == agent.uuid], what="slow server")[0]

        async def work(_, call):
            async def slow(tool):
                note, steps = recorder()
                path, (more, expected) = f"/{tool}/x", FILE_TOOLS[tool]

                async def noted(*step):
                    await note(*step)
                    if len(steps) == 2:
                        told[path].set()

                found = await call(tool, noted, server_id=server, path=path, **more)
                if tool == "fs.stat":
                    expected = {"path": path, "exists": True, "size": 1, "mtime": 7}
                assert found.items() >= expected.items(), (tool, found)
                assert [(step, total) for step, total, _ in steps[:2]] == [(1, None), (2, None)], tool

            await asyncio.gather(*map(slow, FILE_TOOLS))

        run(fleet, mode, work)
    finally:
        agent.close()


def test_the_tools_beyond_the_ten_work_on_a_real_agent(fleet, mode, tmp_path):
    server = fleet[1]
    (tmp_path / "file").write_text("12345")
    (tmp_path / "file").chmod(0o640)
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / ".hidden").write_text("1")
    (tmp_path / "link").symlink_to("real")

    async def work(client, call):
        names = [tool.name for tool in (await client.list_tools()).tools]
        assert {"server.metrics", "audit.list", "server.exec_many", "fs.stat"} <= set(names) and len(names) == 14

        stat = await call("fs.stat", server_id=server, path=str(tmp_path / "file"))
        assert (stat["type"], stat["size"], stat["mode"]) == ("file", 5, "0640")
        assert abs(stat["mtime"] - time.time()) < 600
        link = await call("fs.stat", server_id=server, path=str(tmp_path / "link"))
        assert (link["type"], link["is_symlink"], link["link_target"]) == ("symlink", True, "real")
        behind = await call("fs.stat", server_id=server, path=str(tmp_path / "link" / ".hidden"))
        assert behind["size"] == 1
        missing = await call("fs.stat", server_id=server, path=str(tmp_path / "none" / "x"))
        assert missing["exists"] is False
        assert (await call("fs.stat", server_id=server, path="/"))["type"] == "dir"

        metrics = await call("server.metrics", server_id=server)
        assert metrics["online"] is True and 0 < metrics["values"]["memory"]["percent"] <= 100

        await asyncio.sleep(1)
        rows = (await call("audit.list", limit=200, tool="fs.stat"))["rows"]
        assert server in {row["server_id"] for row in rows} and {row["outcome"] for row in rows} == {"ok"}

    run(fleet, mode, work)


def request(fleet, tool, arguments, meta, accept="application/json, text/event-stream"):
    """The bytes of one `tools/call`, for a client that reads the answer itself."""
    gateway, _, token = fleet
    params = {"name": tool, "arguments": arguments, "_meta": meta}
    body = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params})
    host = gateway.url.removeprefix("http://")
    head = (
        f"POST /mcp HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nAccept: {accept}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    address, port = host.rsplit(":", 1)
    connection = socket.create_connection((address, int(port)), timeout=20)
    connection.sendall((head + body).encode())
    return connection


def read_until(connection, mark: bytes) -> bytes:
    seen = b""
    while mark not in seen:
        chunk = connection.recv(65536)
        assert chunk, seen
        seen += chunk
    return seen


def test_the_stream_has_the_headers_that_proxies_need_and_ends_with_the_response(fleet):
    arguments = {"server_id": fleet[1], "cmd": "true"}
    with request(fleet, "server.exec", arguments, {"progressToken": "p"}) as connection:
        answer = read_until(connection, b"\r\n0\r\n\r\n").decode()
    head, body = answer.split("\r\n\r\n", 1)
    lines = [line.lower() for line in head.split("\r\n")]
    assert lines[0].startswith("http/1.1 200")
    for line in ("content-type: text/event-stream", "cache-control: no-cache", "x-accel-buffering: no"):
        assert line in lines
    assert "event: message\n" in body and '"id":7' in body


def test_without_a_token_the_answer_is_plain_json(fleet):
    with request(fleet, "server.exec", {"server_id": fleet[1], "cmd": "true"}, {}) as connection:
        head = read_until(connection, b"\r\n\r\n").decode().lower()
    assert "content-type: application/json" in head


def test_a_client_that_leaves_ends_its_command(fleet, tmp_path):
    alive = tmp_path / "alive"
    script = f"while :; do date +%s%N > {alive}; sleep 0.1; done"
    arguments = {"server_id": fleet[1], "cmd": "sh", "args": ["-c", script], "timeout_seconds": 120}
    connection = request(fleet, "server.exec", arguments, {"progressToken": 1})
    read_until(connection, b"notifications/progress")
    wait_until(lambda: alive.exists() and alive.read_text(), what="the command runs")
    connection.close()
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        before = alive.read_text()
        time.sleep(1)
        if alive.read_text() == before:
            return
    pytest.fail("the command still runs")
