"""Terminals and file managers as their users have them: REST to open, a WebSocket to attach."""

from __future__ import annotations

import json
import sqlite3
import struct
import uuid
from contextlib import closing, contextmanager

import yaml
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from gateway import Agent, Gateway, wait_until
from spec_agent import SpecAgent

TASKS = {"terminal": 8, "file": 11}


def open_socket(gateway: Gateway, kind: str, session: str, bearer: str | None, headers: dict | None = None,
                query: str = "", **more) -> ClientConnection:
    """Attaches to a stream; raises `InvalidStatus` when the gateway refuses."""
    headers = {"Authorization": f"Bearer {bearer}"} | (headers or {}) if bearer else headers
    return connect(
        f"ws://{gateway.address}/api/v1/ws/{kind}/{session}{query}", additional_headers=headers, max_size=None,
        proxy=None, compression=None, open_timeout=30, ping_interval=None, legacy=True, **more,
    )  # fmt: skip


class StreamWorld:
    """A gateway with an administrator's server (real agent) and a member's (contract agent)."""

    def __init__(self, folder):
        self.gateway = Gateway(folder / "gateway").start()
        self.admin = self.gateway.login()
        self.agent = Agent(self.gateway, folder / "agent", self.gateway.agent_secret(), str(uuid.uuid4())).start()
        self.add_user("member", role=1)
        self.member = wait_until(lambda: self.log_in("member"), what="member known")
        # The global secret speaks for servers of every owner.
        secret = yaml.safe_load(self.gateway.config.read_text())["agent_secret_key"]
        self.spec = SpecAgent(self.gateway.address, secret, str(uuid.uuid4())).connect()
        self.agent.wait_online(self.admin)
        self.real_server = self.agent.server_id
        self.spec_server = wait_until(self._spec_server, what="contract agent registered")
        self.give(self.spec_server, "member")

    def _spec_server(self):
        rows = self.sql("select id from servers where uuid = ?", self.spec.uuid)
        return rows and rows[0][0]

    def stop(self):
        self.spec.close()
        self.agent.stop()
        assert self.gateway.stop() == 0

    # People and servers, past the ways that are not built yet

    def sql(self, statement: str, *values) -> list:
        with closing(sqlite3.connect(self.gateway.database, timeout=10)) as database, database:
            return database.execute(statement, values).fetchall()

    def add_user(self, name: str, role: int) -> None:
        self.sql(
            "insert into users (username, password_hash, role, agent_secret_hash, agent_secret_sealed, reject_password,"
            " token_version, created_at, updated_at) values (?, 'x', ?, ?, x'', 0, 0, 1, 1)", name, role, name,
        )  # fmt: skip
        self.gateway.command("user", "set-password", name, input=f"password of {name}\n")

    def log_in(self, name: str) -> str | None:
        body = {"username": name, "password": f"password of {name}"}
        answer = self.gateway.api("POST", "/login", json=body).json()
        return answer["data"]["token"] if answer.get("success") else None

    def give(self, server: int, name: str) -> None:
        """Makes a server another user's, and waits until the gateway knows."""
        self.sql("update servers set user_id = (select id from users where username = ?) where id = ?", name, server)

        def known():
            servers = self.gateway.api("GET", "/server", self.admin).json()["data"]
            return any(one["id"] == server and one["owner"].get("username") == name for one in servers)

        wait_until(known, what=f"server {server} is {name}'s")

    # Streams

    def ask(self, kind: str, server: int, bearer: str) -> dict:
        """The answer to the request that opens a stream."""
        if kind == "terminal":
            body = {"server_id": server, "protocol": "ssh"}
            return self.gateway.api("POST", "/terminal", bearer, json=body).json()
        return self.gateway.api("POST", f"/file?id={server}", bearer).json()

    def open(self, kind: str, server: int, bearer: str) -> str:
        answer = self.ask(kind, server, bearer)
        assert answer.get("success") is True, answer
        if kind == "terminal":
            assert answer["data"]["server_id"] == server and answer["data"]["server_name"]
        return answer["data"]["session_id"]

    def socket(self, kind: str, session: str, bearer: str | None, **more) -> ClientConnection:
        return open_socket(self.gateway, kind, session, bearer, **more)

    def attached(self, kind: str, server: int, bearer: str, **more) -> ClientConnection:
        return self.socket(kind, self.open(kind, server, bearer), bearer, **more)

    def announced(self, session: str, kind: str = "terminal") -> None:
        """Waits until the contract agent was told of a stream."""
        def told():
            return any(task.type == TASKS[kind] and json.loads(task.data) == {"StreamID": session}
                       for task in list(self.spec.tasks))  # fmt: skip

        wait_until(told, what="announcement")

    @contextmanager
    def joined(self, kind: str, bearer: str):
        """A client and the contract agent at the two ends of a stream."""
        session = self.open(kind, self.spec_server, bearer)
        self.announced(session, kind)
        stream = self.spec.attach(session)
        try:
            with self.socket(kind, session, bearer) as client:
                yield client, stream
        finally:
            stream.close()


def refusal(attempt) -> tuple[int, str]:
    """Status and text of the answer to an upgrade that must be refused."""
    try:
        attempt().close()
    except InvalidStatus as error:
        return error.response.status_code, error.response.body.decode()
    raise AssertionError("the socket was opened")


def refused(attempt, status: int = 200, text: str = "permission denied") -> None:
    found, body = refusal(attempt)
    assert found == status and json.loads(body) == {"success": False, "error": text}, (found, body)


def closing_of(client: ClientConnection, seconds: float = 30) -> tuple[int, str]:
    """Code and reason of the close frame; what comes before it is dropped."""
    try:
        while True:
            client.recv(timeout=seconds)
    except ConnectionClosed as closed:
        assert closed.rcvd is not None, "the connection broke off without a close frame"
        return closed.rcvd.code, closed.rcvd.reason


def read_until(client: ClientConnection, wanted: bytes, seconds: float = 20) -> bytes:
    """Output up to and with `wanted`."""
    output = b""
    while wanted not in output:
        message = client.recv(timeout=seconds)
        assert isinstance(message, bytes)
        output += message
    return output


def typed(text: str) -> bytes:
    return b"\0" + text.encode()


def resized(columns: int, rows: int) -> bytes:
    return b"\1" + json.dumps({"Cols": columns, "Rows": rows}).encode()


def upload(size: int, path: str) -> bytes:
    return b"\2" + struct.pack(">Q", size) + path.encode()
