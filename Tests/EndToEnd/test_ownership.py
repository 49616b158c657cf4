"""Servers that change hands, with real agents: over TLS that the agent trusts it works, without it comes back; changes
and deletion of servers; who watches what live."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
import uuid

import pytest
import yaml
from websockets.sync.client import connect

from gateway import Agent, binary, surroundings, wait_until


def next_message(watcher) -> dict:
    """The first message that was made after this call; one made before it may still come."""
    moment = time.time() * 1000
    while (message := json.loads(watcher.recv(10)))["now"] < moment:
        pass
    return message


class TrustingAgent(Agent):
    """An agent that trusts one certificate more."""

    certificate = ""

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "agent.yml"
        if not config.exists():
            config.write_text(yaml.safe_dump(
                {"server": self.gateway.address, "client_secret": self.secret, "uuid": self.uuid, "report_delay": 1}
                | self.settings))
        self.process = subprocess.Popen(
            [str(binary("nezha-agent")), "-c", str(config)], stdout=subprocess.DEVNULL, stderr=self.log.open("ab"),
            env=surroundings(self.folder, SSL_CERT_FILE=self.certificate))
        return self

    @property
    def own_secret(self) -> str:
        return yaml.safe_load((self.folder / "agent.yml").read_text())["client_secret"]


@pytest.fixture
def tls_world(tls_gateway, tmp_path):
    gateway, port, certificate = tls_gateway
    agents = []

    def agent(**settings):
        made = TrustingAgent(
            gateway, tmp_path / f"agent-{len(agents)}", gateway.agent_secret(), str(uuid.uuid4()),
            {"server": f"localhost:{port}", "tls": True} | settings)
        made.certificate = str(certificate)
        agents.append(made)
        made.start().wait_online(gateway.login(), 40)
        return made

    yield gateway, agent
    for each in agents:
        each.stop()


def post(gateway, path, bearer, body=None):
    return gateway.api("POST", path, bearer, json=body).json()


def member(gateway, admin, name="member"):
    id = post(gateway, "/user", admin, {"username": name, "password": "a password", "role": 1})["data"]
    return id, gateway.login(name, "a password")


def server(gateway, bearer, id):
    return next(iter(s for s in gateway.api("GET", "/server", bearer).json()["data"] if s["id"] == id), None)


def transfers(gateway, bearer):
    return gateway.api("GET", "/transfer", bearer).json()["data"]


def test_a_server_is_handed_over_to_another_owner(tls_world):
    gateway, make = tls_world
    agent = make()
    admin = gateway.login()
    target, bearer = member(gateway, admin)
    former = agent.own_secret
    moved = post(gateway, "/batch-move/server", admin, {"ids": [agent.server_id], "to_user": target})["data"]
    assert [m["status"] for m in moved] == ["pending"]
    assert server(gateway, bearer, agent.server_id)["owner"] == {"id": target, "username": "member"}
    assert transfers(gateway, bearer)[0]["status"] == 0
    # The agent waits ten seconds before it takes the secret, and connects anew.
    wait_until(lambda: transfers(gateway, bearer)[0]["status"] == 1, 60, 0.5, "the proof")
    assert transfers(gateway, bearer)[0]["acked_at"]
    wait_until(lambda: agent.own_secret != former and len(agent.own_secret) == 32, what="the secret in its file")
    token = gateway.token("nezha:server:exec", user="member")

    def answers():
        done = gateway.call(token, "server.exec", server_id=agent.server_id, cmd="echo", args=["mine"])
        return not done.get("isError") and done["structuredContent"]["stdout"] == "mine\n"

    wait_until(answers, 30, 0.5, "the agent attached")
    # It stays so when either starts again.
    agent.stop()
    gateway.stop()
    text = yaml.safe_load(gateway.config.read_text()) | {"listen_port": int(gateway.address.rsplit(":", 1)[1])}
    gateway.config.write_text(yaml.safe_dump(text))
    gateway.start()
    agent.start()
    wait_until(answers, 60, 0.5, "the agent attached after both started anew")
    assert transfers(gateway, gateway.login())[0]["status"] == 1
    log = agent.log.read_text() + gateway.log.read_text()
    assert agent.own_secret not in log and former not in log


def test_an_agent_without_tls_keeps_its_owner(make_gateway, make_agent):
    gateway = make_gateway()
    agent = make_agent(gateway)
    admin = gateway.login()
    target, _ = member(gateway, admin)
    with connect(f"ws://{gateway.address}/api/v1/ws/transfer", additional_headers={"Authorization": f"Bearer {admin}"},
                 proxy=None) as events:
        post(gateway, "/batch-move/server", admin, {"ids": [agent.server_id], "to_user": target})
        first, second = json.loads(events.recv(20)), json.loads(events.recv(20))
    assert (first["status"], second["status"]) == (0, 2) and "tls" in second["last_error"].lower()
    assert server(gateway, admin, agent.server_id)["owner"]["id"] != target
    # Its own secret is good as before.
    agent.stop()
    agent.start()
    agent.wait_online(admin, 40)


def test_a_hand_over_outlives_a_restart_and_can_be_cancelled(make_gateway, make_agent):
    gateway = make_gateway()
    agent = make_agent(gateway)
    agent.stop()
    admin = gateway.login()
    target, bearer = member(gateway, admin)
    id = post(gateway, "/batch-move/server", admin, {"ids": [agent.server_id], "to_user": target})["data"][0][
        "transfer_id"]
    gateway.stop()
    gateway.start()
    admin, bearer = gateway.login(), gateway.login("member", "a password")
    assert transfers(gateway, bearer)[0]["status"] == 0 and server(gateway, bearer, agent.server_id)
    assert post(gateway, f"/transfer/{id}/cancel", bearer)["error"] == "permission denied"
    assert post(gateway, f"/transfer/{id}/cancel", admin)["data"]["status"] == 4
    assert server(gateway, bearer, agent.server_id) is None


def test_deleted_servers_are_gone_at_once_and_a_running_agent_comes_anew(make_gateway, make_agent):
    gateway = make_gateway()
    agent = make_agent(gateway)
    admin = gateway.login()
    with connect(f"ws://{gateway.address}/api/v1/ws/server", proxy=None) as guest:
        assert [s["id"] for s in json.loads(guest.recv(10))["servers"]] == [agent.server_id]
        gone = agent.server_id
        assert post(gateway, "/batch-delete/server", admin, [gone, 999999]) == {"success": True}
        assert gone not in [s["id"] for s in next_message(guest)["servers"]]
        agent.wait_online(admin, 40)
        assert agent.server_id != gone


def test_guests_watch_what_is_not_hidden_and_a_hidden_server_leaves_at_once(make_gateway, make_agent):
    gateway = make_gateway()
    agent = make_agent(gateway)
    admin = gateway.login()
    headers = {"Authorization": f"Bearer {admin}"}
    with contextlib.ExitStack() as watchers:
        guest, owner = [], []
        for page, more in ((guest, {}), (owner, {"additional_headers": headers})):
            page.append(watchers.enter_context(connect(f"ws://{gateway.address}/api/v1/ws/server", proxy=None, **more)))
            # The first message counts who watches by then.
            page.append(json.loads(page[0].recv(10)))
        (guest, seen), (owner, full) = guest, owner
        assert seen["online"] == 1 and full["online"] == 2
        assert "version" not in seen["servers"][0]["host"] and "version" in full["servers"][0]["host"]
        gateway.api("PATCH", f"/server/{agent.server_id}", admin, json={"name": "cellar", "hide_for_guest": True})
        assert next_message(guest)["servers"] == []
        assert [s["name"] for s in next_message(owner)["servers"]] == ["cellar"]
    with connect(f"ws://{gateway.address}/api/v1/ws/server", proxy=None) as guest:
        assert json.loads(guest.recv(10))["servers"] == []
