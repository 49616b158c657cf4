"""The yardstick: the same two tools on the official Python MCP SDK, as an operator would write them."""

import asyncio
import sys
import time

import uvicorn
from mcp.server.mcpserver import MCPServer
from pydantic import BaseModel

server = MCPServer("yardstick", log_level="ERROR")


class Whoami(BaseModel):
    user_id: int
    is_admin: bool
    token_id: int
    token_name: str
    scopes: list[str]


class ExecResult(BaseModel):
    exit_code: int
    stdout: str
    stderr: str
    duration_ms: int


@server.tool(name="meta.whoami")
def whoami() -> Whoami:
    """Which token, scopes and servers this connection holds."""
    return Whoami(user_id=1, is_admin=True, token_id=1, token_name="bench", scopes=["nezha:server:exec"])


@server.tool(name="server.exec")
async def exec_(server_id: int, cmd: str, args: list[str] | None = None) -> ExecResult:
    """Runs one program. Without an agent in between: the child process is this server's own."""
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        cmd, *(args or []), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    stdout, stderr = await process.communicate()
    return ExecResult(
        exit_code=process.returncode,
        stdout=stdout.decode(),
        stderr=stderr.decode(),
        duration_ms=int((time.monotonic() - began) * 1000),
    )


if __name__ == "__main__":
    app = server.streamable_http_app(json_response=True, stateless_http=True)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error", access_log=False)
