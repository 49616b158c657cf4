"""The newest official SDK, in the era with a handshake and in the one without."""

import asyncio
from contextlib import asynccontextmanager

import httpx2
import mcp.client.session
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from scenario import REVISION, play

MODERN = REVISION >= "2026"
if not MODERN:
    # What it asks for; it has no setting for that.
    mcp.client.session.LATEST_HANDSHAKE_VERSION = REVISION


@asynccontextmanager
async def connect(url, token):
    http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60)
    async with (
        http,
        Client(streamable_http_client(url, http_client=http), mode="auto" if MODERN else "legacy") as client,
    ):
        tools = [tool.name for tool in (await client.list_tools()).tools]

        async def call(tool, arguments):
            result = await client.call_tool(tool, arguments)
            return result.is_error, result.structured_content, result.content[0].text

        yield client.protocol_version, tools, call


asyncio.run(play(connect))
