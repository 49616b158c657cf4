"""What every client does, whatever library it is made with. Runs in an environment of its own, without pytest.

A script beside this one connects, wraps its library in two coroutines, and prints the report as one JSON document:

    python <script>.py <url> <token> <protocol revision> <server id> <empty folder>
"""

import json
import sys


async def play(protocol: str, tools: list, call) -> None:
    """`call(tool, arguments)` gives (is it an error, structured content, text)."""
    server, folder = int(sys.argv[4]), sys.argv[5]
    file = f"{folder}/made/note.txt"

    async def result(tool, **arguments):
        failed, structured, text = await call(tool, arguments)
        return {"failed": failed, "structured": structured, "text": text}

    report = {
        "protocol": protocol,
        "tools": tools,
        "whoami": await result("meta.whoami"),
        "list": await result("server.list", online_only=True),
        "get": await result("server.get", server_id=server),
        "exec": await result("server.exec", server_id=server, cmd="sh", args=["-c", "cat; exit 3"], stdin="häßlich"),
        "write": await result("fs.write", server_id=server, path=file, content="äöü\n", create_dirs=True),
        "read": await result("fs.read", server_id=server, path=file),
        "entries": await result("fs.list", server_id=server, path=f"{folder}/made"),
        "download": await result("fs.download_url", server_id=server, path=file),
        "upload": await result("fs.upload_url", server_id=server, path=f"{file}.2", ttl_seconds=30),
        "delete": await result("fs.delete", server_id=server, path=f"{folder}/made", recursive=True),
        "missing": await result("fs.read", server_id=server, path=file),
        "invalid": await result("server.exec", server_id=server, cmd="true", timeout_seconds=301),
        "foreign": await result("server.get", server_id=4711),
    }
    json.dump(report, sys.stdout)
