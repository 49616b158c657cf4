"""The client of fastmcp, in the era with a handshake and in the one without."""

import asyncio
from contextlib import asynccontextmanager

import mcp.client.session
from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport

from scenario import REVISION, play

MODERN = REVISION >= "2026"
if not MODERN:
    # What it asks for; it has no setting for that.
    mcp.client.session.LATEST_HANDSHAKE_VERSION = REVISION


@asynccontextmanager
async def connect(url, token):
    transport = StreamableHttpTransport(url, headers={"Authorization": f"Bearer {token}"})
    async with Client(transport, mode="auto" if MODERN else "legacy", timeout=60) as client:
        tools = [tool.name for tool in await client.list_tools()]

        async def call(tool, arguments):
            result = await client.call_tool(tool, arguments, raise_on_error=False)
            return result.is_error, result.structured_content, result.content[0].text

        yield client.protocol_version, tools, call


asyncio.run(play(connect))
