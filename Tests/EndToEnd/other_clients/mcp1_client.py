"""The official SDK before its second version. It speaks the eras with a handshake only."""

import asyncio
from contextlib import asynccontextmanager

import httpx
import mcp.types
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from scenario import REVISION, play

# What it asks for; it has no setting for that.
mcp.types.LATEST_PROTOCOL_VERSION = REVISION


@asynccontextmanager
async def connect(url, token):
    http = httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60)
    async with (
        http,
        streamable_http_client(url, http_client=http) as (read, write, _),
        ClientSession(read, write) as session,
    ):
        agreed = await session.initialize()
        tools = [tool.name for tool in (await session.list_tools()).tools]

        async def call(tool, arguments):
            result = await session.call_tool(tool, arguments)
            return result.isError, result.structuredContent, result.content[0].text

        await session.send_ping()
        yield agreed.protocolVersion, tools, call


asyncio.run(play(connect))
