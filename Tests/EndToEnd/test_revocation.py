"""Rights that end while something runs under them: a command, a download and an upload at once, for each way to lose them
(mcp.md section 6; security.md: deleted while in use), and what the audit log then says of the agent's part.
"""

import json
import sqlite3
import threading
import time
import uuid
from contextlib import contextmanager

import pytest
import requests
import yaml

from conftest import ALL_SCOPES
from gateway import Agent, Gateway, patient, wait_until
from spec_agent import SpecAgent, reply
from test_lifecycle import Running, audit_rows, within_a_second
from test_mcp_endpoint import alive
from test_transfers import AT_ONCE, SlowDownload, SlowUpload, Transfers, sql

TOLD = "the agent was told to stop"
UNTOLD = "the agent cannot be told to stop, so the work goes on there until its own time is up"
CLOSED = "the agent's stream was closed, which ends its work"
# More than the buffers of two sockets hold.
SIZE = 16 << 20


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A gateway and an agent with the global secret, which speaks for a server whoever owns it."""
    folder = tmp_path_factory.mktemp("revocation")
    settings = {
        "mcp_rate_limit_per_second": 10_000, "mcp_rate_limit_per_minute": 600_000, "mcp_toolsets": ["core", "fleet"],
    }  # fmt: skip
    gateway = Gateway(folder / "gateway", settings=settings).start()
    secret = yaml.safe_load(gateway.config.read_text())["agent_secret_key"]
    agent = Agent(gateway, folder / "agent", secret, str(uuid.uuid4())).start()
    try:
        yield gateway, agent.wait_online(gateway.login())
    finally:
        agent.stop()
        assert gateway.stop() == 0


class Owner:
    """A user of this test alone, who owns the server (or administrates it) and has one token. Everything about them is
    made and changed as another process would: in the database."""

    def __init__(self, place, administrator: bool):
        self.gateway, self.agent = place
        self.name = f"owner-{uuid.uuid4()}"
        self.sql(
            "insert into users (username, password_hash, role, agent_secret_hash, agent_secret_sealed, reject_password,"
            " token_version, created_at, updated_at) values (?, 'x', ?, '', x'', 0, 0, 1, 1)",
            self.name, 0 if administrator else 1,
        )  # fmt: skip
        self.user_id = self.sql("select id from users where username = ?", self.name)[0][0]
        self.own_server(1 if administrator else self.user_id)
        self.token = self.gateway.token(*ALL_SCOPES, user=self.name, name=self.name)
        self.token_id = self.sql("select id from api_tokens where name = ?", self.name)[0][0]
        wait_until(self.may_see_server, what="the new owner's rights")

    def sql(self, statement: str, *values) -> list:
        return sql(self.gateway, statement, *values)

    def own_server(self, user_id: int) -> None:
        self.sql("update servers set user_id = ? where id = ?", user_id, self.agent.server_id)

    def may_see_server(self) -> bool:
        listed = self.gateway.call(self.token, "server.list").get("structuredContent", {})
        return self.agent.server_id in [server["id"] for server in listed.get("servers", [])]

    def rows(self, tool: str) -> list[dict]:
        return [row for row in audit_rows(self.gateway, tool) if row["token_id"] == self.token_id]


# Ways to lose rights; each returns the moment from which on they are lost.


def kill_switch(owner):
    jwt, began = owner.gateway.login(), patient()
    assert owner.gateway.api("PATCH", "/setting", jwt, json={"enable_mcp": False}).json()["success"] is True
    return began


def revoked(owner):
    began = patient()
    owner.gateway.command("token", "revoke", str(owner.token_id))
    return began


def revoked_over_rest(owner):
    jwt, began = owner.gateway.login(), patient()
    assert owner.gateway.api("DELETE", f"/api-tokens/{owner.token_id}", jwt).json()["success"] is True
    return began


def expires(owner):
    """Its time comes while everything runs."""
    owner.sql("update api_tokens set expires_at = ? where id = ?", int((time.time() + 1.5) * 1000), owner.token_id)
    time.sleep(1.5)
    return patient()


def expired(owner):
    owner.sql("update api_tokens set expires_at = 1 where id = ?", owner.token_id)
    return patient()


def deleted(owner):
    """With all that refers to them."""
    with sqlite3.connect(owner.gateway.database, timeout=10) as database:
        database.execute("pragma foreign_keys = on")
        database.execute("delete from users where id = ?", (owner.user_id,))
    return patient()


def demoted(owner):
    owner.sql("update users set role = 1 where id = ?", owner.user_id)
    return patient()


def moved(owner):
    owner.own_server(1)
    return patient()


LOSSES = [kill_switch, revoked, revoked_over_rest, expires, expired, deleted, demoted, moved]


@contextmanager
def owner_before(loss, place):
    owner = Owner(place, administrator=loss is demoted)
    try:
        yield owner
    finally:
        owner.gateway.api("PATCH", "/setting", owner.gateway.login(), json={"enable_mcp": True})
        owner.own_server(1)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)
def test_everything_that_runs_ends_at_once(place, loss, tmp_path):
    def attempt(number):
        folder = tmp_path / str(number)
        folder.mkdir()
        with owner_before(loss, place) as owner:
            return seconds_until_all_has_ended(owner, loss, folder)

    within_a_second(attempt)


def seconds_until_all_has_ended(owner, loss, tmp_path) -> float:
    """From the loss to the end of a command, an upload and a download that were running."""
    gateway, agent = owner.gateway, owner.agent
    folder = tmp_path / "files"
    folder.mkdir()
    source, target = tmp_path / "source", folder / "file"
    with source.open("wb") as file:
        file.truncate(SIZE)
    target.write_bytes(b"old")
    transfers = Transfers(gateway, agent, owner.token, folder)
    unused = transfers.download_url(source)

    command = Running(gateway, agent, owner.token, tmp_path / "mark")
    download = SlowDownload(transfers.download_url(source))
    upload = SlowUpload(transfers.upload_url(target), 1_000_000, b"x" * 300_000)
    wait_until(lambda: len(list(folder.iterdir())) == 2, what="temporary file of the upload")
    began = loss(owner)

    text, outcome = ("MCP is disabled", "mcp_disabled") if loss is kill_switch else ("revoked", "revoked")
    status, answer = upload.answer()
    assert status == 502 and text in answer, (status, answer)
    assert patient() - began < AT_ONCE
    command.assert_ended(began, text)
    expected = {
        "server.exec": [(outcome, TOLD)],
        "fs.upload": [(outcome, CLOSED)],
        # Its file was fetched long ago: there is nothing left that the agent could be doing.
        "fs.download": [(outcome, "")],
    }
    notes = lambda row: row["error_msg"].partition("; ")[2]  # noqa: E731
    found = lambda: {tool: [(row["outcome"], notes(row)) for row in owner.rows(tool)] for tool in expected}  # noqa: E731
    # Only the row tells when the download was stopped, which nobody reads meanwhile.
    wait_until(lambda: found() == expected, AT_ONCE, every=0.02, what="audit rows")
    ended = patient()
    assert download.rest() < SIZE
    transfers.assert_untouched(target, b"old")
    assert requests.get(unused, timeout=20).status_code == 401
    return ended - began


def test_each_server_of_exec_many_has_its_row(place, tmp_path):
    """One agent that can be told, one that cannot."""
    gateway, agent = place
    name = f"many-{uuid.uuid4()}"
    token = gateway.token(*ALL_SCOPES, name=name)
    number = sql(gateway, "select id from api_tokens where name = ?", name)[0][0]
    other = SpecAgent(gateway.address, gateway.agent_secret(), str(uuid.uuid4())).connect()
    try:
        second = sql(gateway, "select id from servers where uuid = ?", other.uuid)[0][0]
        mark = tmp_path / "mark"
        answers = []
        call = threading.Thread(target=lambda: answers.append(gateway.call(
            token, "server.exec_many", server_ids=[agent.server_id, second], cmd="sh", timeout_seconds=60,
            args=["-c", f"echo $$ > {mark}; exec sleep 58"])))  # fmt: skip
        call.start()
        pid = wait_until(lambda: mark.exists() and mark.read_text().strip(), what="command started")
        wait_until(lambda: any(task.type == 15 for task in other.tasks), what="task of the other agent")
        gateway.command("token", "revoke", str(number))
        call.join(10)
        assert answers and answers[0]["isError"] is True
        wait_until(lambda: not alive(pid), 5, what="process group killed")

        def rows():
            return {row["server_id"]: row["error_msg"] for row in audit_rows(gateway, "server.exec")
                    if row["token_id"] == number}

        found = wait_until(lambda: (found := rows()) and len(found) == 2 and found, what="rows of both servers")
        assert found[agent.server_id].endswith(TOLD) and found[second].endswith(UNTOLD), found
        # Told only where it was agreed on.
        assert not any(task.type == 10001 for task in other.tasks)
    finally:
        other.close()


@pytest.mark.parametrize("extension", [True, False])
def test_an_agent_is_told_by_the_contract_or_not_at_all(place, extension):
    """agent-link.md section 6, with an agent that was written from it."""
    gateway, _ = place
    secret, name = gateway.agent_secret(), str(uuid.uuid4())
    metadata = [("client-secret", secret), ("client-uuid", name)]
    metadata += [("nezha-gateway-extensions", "cancel")] if extension else []
    agent = SpecAgent(gateway.address, secret, name, metadata=metadata).connect()
    try:
        server = sql(gateway, "select id from servers where uuid = ?", name)[0][0]
        label = f"told-{uuid.uuid4()}"
        token = gateway.token(*ALL_SCOPES, name=label)
        number = sql(gateway, "select id from api_tokens where name = ?", label)[0][0]
        call = threading.Thread(target=lambda: gateway.call(token, "server.exec", server_id=server, cmd="sleep"))
        call.start()
        task = wait_until(lambda: next((task for task in agent.tasks if task.type == 15), None), what="task")
        began = patient()
        gateway.command("token", "revoke", str(number))
        call.join(10)
        assert not call.is_alive() and patient() - began < AT_ONCE
        row = wait_until(lambda: [row for row in audit_rows(gateway, "server.exec") if row["token_id"] == number],
                         what="audit row")[0]
        assert row["error_msg"].endswith(TOLD if extension else UNTOLD)
        if extension:
            cancel = wait_until(lambda: next((task for task in agent.tasks if task.type == 10001), None), what="cancel")
            assert cancel.id == 0 and json.loads(cancel.data) == {"id": task.id}
        else:
            time.sleep(0.5)
            assert not any(task.type == 10001 for task in agent.tasks)
        # Late, and nobody's: it must hurt nobody.
        agent.results.put(reply(task, {"exit_code": 0, "stdout": "", "stderr": "", "duration_ms": 1}))
        agent.report()
    finally:
        agent.close()


def test_a_time_out_says_it_too(place):
    """An agent that lacks the extension and does not answer: told to the audit log, not to the caller."""
    gateway, _ = place
    agent = SpecAgent(gateway.address, gateway.agent_secret(), str(uuid.uuid4())).connect()
    try:
        server = sql(gateway, "select id from servers where uuid = ?", agent.uuid)[0][0]
        name = f"late-{uuid.uuid4()}"
        token = gateway.token(*ALL_SCOPES, name=name)
        number = sql(gateway, "select id from api_tokens where name = ?", name)[0][0]
        answer = gateway.call(token, "server.exec", server_id=server, cmd="sleep", timeout_seconds=1)
        assert answer["content"][0]["text"] == "agent did not respond within timeout"
        row = wait_until(lambda: [row for row in audit_rows(gateway, "server.exec") if row["token_id"] == number],
                         what="audit row")[0]
        assert row["outcome"] == "agent_timeout"
        assert row["error_msg"] == f"agent did not respond within timeout; {UNTOLD}"
    finally:
        agent.close()
