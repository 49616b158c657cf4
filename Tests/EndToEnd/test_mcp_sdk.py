"""The official Python SDK as the client: every tool of issue one, in both eras of the protocol."""

import asyncio
import hashlib
import json

import httpx2
import jsonschema
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

TOOLS = [
    "meta.whoami", "server.list", "server.get", "server.exec", "fs.list", "fs.read", "fs.write", "fs.delete",
    "fs.download_url", "fs.upload_url",
]  # fmt: skip


class Checked:
    """A client whose every structured result must satisfy the tool's own output schema, checked by `jsonschema`."""

    def __init__(self, client: Client, schemas: dict):
        self.client = client
        self.schemas = schemas

    async def call(self, tool: str, **arguments) -> dict:
        result = await self.client.call_tool(tool, arguments)
        assert not result.is_error, result.content
        jsonschema.Draft202012Validator(self.schemas[tool]).validate(result.structured_content)
        assert json.loads(result.content[0].text) == result.structured_content
        return result.structured_content

    async def error(self, tool: str, **arguments) -> str:
        result = await self.client.call_tool(tool, arguments)
        assert result.is_error
        assert result.structured_content is None
        return result.content[0].text


def with_client(gateway, token, mode, work):
    """Runs `work(client)` on a fresh connection of the official client."""

    async def run():
        http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60)
        async with http, Client(streamable_http_client(f"{gateway.url}/mcp", http_client=http), mode=mode) as client:
            schemas = {tool.name: tool.output_schema for tool in (await client.list_tools()).tools}
            return await work(client, Checked(client, schemas))

    return asyncio.run(run())


@pytest.fixture(params=["legacy", "auto"])
def mode(request):
    return request.param


def test_the_official_client_connects_and_lists_ten_tools(gateway, token, mode):
    async def work(client, _):
        tools = (await client.list_tools()).tools
        assert [tool.name for tool in tools] == TOOLS
        for tool in tools:
            assert tool.title and tool.description and tool.annotations
            jsonschema.Draft202012Validator.check_schema(tool.input_schema)
            jsonschema.Draft202012Validator.check_schema(tool.output_schema)
        assert client.server_info.name == "nezha-mcp"
        expected = "2025-11-25" if mode == "legacy" else "2026-07-28"
        assert client.protocol_version == expected

    with_client(gateway, token, mode, work)


def test_the_eight_tools_work_on_a_real_agent(gateway, agent, token, mode, tmp_path):
    server = agent.server_id

    async def work(_, checked):
        who = await checked.call("meta.whoami")
        assert who["is_admin"] is True and "nezha:server:exec" in who["scopes"]

        listed = await checked.call("server.list", online_only=True)
        assert listed["count"] == len(listed["servers"])
        assert server in [entry["id"] for entry in listed["servers"]]

        detail = await checked.call("server.get", server_id=server)
        assert detail["host"]["mem_total"] > 0 and detail["state"]["uptime"] > 0

        done = await checked.call(
            "server.exec", server_id=server, cmd="sh", args=["-c", "cat; echo $MARK >&2; exit 3"],
            stdin="from stdin", env={"MARK": "from env"}, cwd=str(tmp_path),
        )
        assert (done["exit_code"], done["stdout"], done["stderr"]) == (3, "from stdin", "from env\n")

        folder, content = tmp_path / "deep" / "er", "häßlich\n"
        file = folder / "note.txt"
        digest = hashlib.sha256(content.encode()).hexdigest()
        written = await checked.call(
            "fs.write", server_id=server, path=str(file), content=content, mode="0640", create_dirs=True
        )
        assert written == {"size": len(content.encode()), "sha256": digest}
        read = await checked.call("fs.read", server_id=server, path=str(file))
        assert (read["content"], read["encoding"], read["sha256"]) == (content, "utf8", digest)
        entries = (await checked.call("fs.list", server_id=server, path=str(folder)))["entries"]
        assert [(e["name"], e["type"], e["size"], e["mode"]) for e in entries] == [
            ("note.txt", "file", len(content.encode()), "0640")
        ]
        # Upper-case digests are as good as lower-case ones.
        await checked.call(
            "fs.write", server_id=server, path=str(file), content="2", if_match_sha256=digest.upper()
        )
        text = await checked.error(
            "fs.write", server_id=server, path=str(file), content="3", if_match_sha256=digest
        )
        assert "if_match precondition failed" in text
        deleted = await checked.call("fs.delete", server_id=server, path=str(tmp_path / "deep"), recursive=True)
        assert deleted == {"deleted_count": 3}
        assert not folder.exists()

    with_client(gateway, token, mode, work)


def test_a_bad_token_fails_to_connect(gateway, mode):
    async def work(*_):
        pytest.fail("connected")

    with pytest.raises(BaseException) as caught:
        with_client(gateway, "nzp_" + "0" * 32, mode, work)
    assert "connected" not in str(caught.value)


def test_failures_come_as_tool_errors_without_structured_content(gateway, agent, token, mode):
    async def work(_, checked):
        assert "server_id required" in await checked.error("server.get")
        assert "timeout_seconds" in await checked.error(
            "server.exec", server_id=agent.server_id, cmd="true", timeout_seconds=301
        )
        assert "does not exist" in await checked.error(
            "fs.read", server_id=agent.server_id, path="/no/such/file"
        )
        assert "unknown encoding" in await checked.error(
            "fs.read", server_id=agent.server_id, path="/etc/hostname", encoding="latin1"
        )

    with_client(gateway, token, mode, work)
