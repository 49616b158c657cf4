"""The client of fastmcp, in the era with a handshake and in the one without."""

import asyncio
import sys

import mcp.client.session
from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport

from scenario import play


async def main():
    url, token, protocol = sys.argv[1:4]
    modern = protocol >= "2026"
    if not modern:
        # What it asks for; it has no setting for that.
        mcp.client.session.LATEST_HANDSHAKE_VERSION = protocol
    transport = StreamableHttpTransport(url, headers={"Authorization": f"Bearer {token}"})
    async with Client(transport, mode="auto" if modern else "legacy", timeout=60) as client:
        tools = [tool.name for tool in await client.list_tools()]

        async def call(tool, arguments):
            result = await client.call_tool(tool, arguments, raise_on_error=False)
            return result.is_error, result.structured_content, result.content[0].text

        await play(client.protocol_version, tools, call)


asyncio.run(main())
