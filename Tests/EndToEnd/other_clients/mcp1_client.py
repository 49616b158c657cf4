"""The official SDK before its second version. It speaks the eras with a handshake only."""

import asyncio
import sys

import httpx
import mcp.types
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from scenario import play


async def main():
    url, token, protocol = sys.argv[1:4]
    # What it asks for; it has no setting for that.
    mcp.types.LATEST_PROTOCOL_VERSION = protocol
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
        await play(agreed.protocolVersion, tools, call)


asyncio.run(main())
