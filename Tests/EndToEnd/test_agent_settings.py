"""Reading and changing agents' settings and telling them to update: rest.md 3, with nezha-agent and the contract agent."""

import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from conftest import begun_early
from gateway import wait_until
from spec_agent import SpecAgent, reply


def read(gateway, bearer, server):
    return gateway.api("GET", f"/server/config/{server}", bearer).json()


def apply(gateway, bearer, servers, config):
    text = config if isinstance(config, str) else json.dumps(config)
    return gateway.api("POST", "/server/config", bearer, json={"servers": servers, "config": text}).json()


@pytest.fixture
def contract_agent(gateway):
    """Connects contract agents that end with the test; answers with their server's id."""
    started = []

    def make(answer=None) -> tuple[SpecAgent, int]:
        agent = SpecAgent(gateway.address, gateway.agent_secret(), str(uuid.uuid4()), answer).connect()
        started.append(agent)
        servers = gateway.api("GET", "/server", gateway.login()).json()["data"]
        return agent, next(server["id"] for server in servers if server.get("uuid") == agent.uuid)

    yield make
    for agent in started:
        agent.close()


@pytest.fixture(scope="module", autouse=True)
def silence(request, gateway):
    """A contract agent that says nothing, asked from the first test on: what the caller hears takes ten seconds."""
    if not begun_early(request, "test_silence_and_refusal_of_the_contract_agent"):
        yield None
        return
    agent = SpecAgent(gateway.address, gateway.agent_secret(), str(uuid.uuid4())).connect()
    jwt = gateway.login()
    servers = gateway.api("GET", "/server", jwt).json()["data"]
    server = next(server["id"] for server in servers if server.get("uuid") == agent.uuid)

    def ask():
        began = time.monotonic()
        return read(gateway, jwt, server), time.monotonic() - began

    with ThreadPoolExecutor(1) as pool:
        yield server, pool.submit(ask)
    agent.close()


def test_nezha_agent_shows_its_settings_takes_a_change_and_goes_on(make_gateway, make_agent):
    gateway = make_gateway()
    agent = make_agent(gateway, report_delay=3, dns=["192.0.2.53:53"])
    jwt = gateway.login()
    server = agent.server_id
    settings = json.loads(read(gateway, jwt, server)["data"])
    assert settings["server"] == gateway.address and settings["uuid"] == agent.uuid
    assert settings["report_delay"] == 3 and settings["dns"] == ["192.0.2.53:53"]
    assert settings["tls"] is False and "custom_ip_api" not in settings
    # security.md, Secrets in answers: the secret speaks for every server of its owner.
    assert "client_secret" not in settings and agent.secret not in json.dumps(settings)

    assert apply(gateway, jwt, [server, 999_999], {"report_delay": 1}) == {"success": True, "data": {"success": [server]}}
    # A change waits ten seconds; until then the agent does not say what it will be.
    assert read(gateway, jwt, server) == {
        "success": False, "error": "get server config failed: another reload is in process"}

    def changed():
        answer = read(gateway, jwt, server)
        return answer.get("data") and json.loads(answer["data"])["report_delay"] == 1

    wait_until(changed, 40, 0.5, what="the new settings in force")
    saved = yaml.safe_load((agent.folder / "agent.yml").read_text())
    assert saved["report_delay"] == 1 and saved["client_secret"] == agent.secret
    token = gateway.token("nezha:server:exec")
    # It connects anew once it has said them.
    told = wait_until(
        lambda: gateway.call(token, "server.exec", server_id=server, cmd="echo", args=["on"]).get("structuredContent"),
        what="the agent is back")
    assert told["stdout"] == "on\n"


def test_nezha_agent_refuses_another_secret_and_says_that_it_does_not_replace_itself(gateway, agent):
    jwt, server = gateway.login(), agent.server_id
    canary = "canary" * 6
    for change in ({"client_secret": canary}, {"report_delay": 9}):
        assert apply(gateway, jwt, [server], change)["data"] == {"failure": [server]}, change
    assert json.loads(read(gateway, jwt, server)["data"])["report_delay"] == 1
    told = gateway.api("POST", "/force-update/server", jwt, json=[server, 999_999]).json()
    assert told == {"success": True, "data": {"failure": [server], "offline": [999_999]}}
    gateway_files = [gateway.log, gateway.database, gateway.database.with_name("sqlite.db-wal")]
    time.sleep(1.5)  # The audit log writes its rows within a second.
    for file in gateway_files:
        if file.exists():
            assert canary.encode() not in file.read_bytes(), file


@pytest.mark.parametrize("config", ["", "[]", "null", "{", "report_delay: 1", '{"a":1,"a":2}'])
def test_settings_that_are_no_json_object_reach_no_agent(gateway, contract_agent, config):
    agent, server = contract_agent()
    answer = apply(gateway, gateway.login(), [server], config)
    assert answer["success"] is False
    assert answer["error"].startswith("invalid arguments: /config: must be the text of a JSON object")
    assert not [task for task in agent.tasks if task.type == 13]


def test_the_contract_agent_is_asked_and_its_words_come_back(gateway, contract_agent):
    settings = '{ "debug": false , "x": "ü" }'

    def answer(task):
        if task.type == 12:
            return reply(task, settings)
        if task.type == 13:
            return reply(task, "no" if "refuse" in task.data else "", successful="refuse" not in task.data)
        return None  # An upgrade succeeds in silence.

    agent, server = contract_agent(answer)
    jwt = gateway.login()
    assert read(gateway, jwt, server) == {"success": True, "data": settings}
    assert apply(gateway, jwt, [server], '{ "debug":true }')["data"] == {"success": [server]}
    assert apply(gateway, jwt, [server], '{"refuse":1}')["data"] == {"failure": [server]}
    told = gateway.api("POST", "/force-update/server", jwt, json=[server]).json()
    assert told["data"] == {"success": [server]}
    asked = [(task.type, task.data) for task in agent.tasks if task.type != 7]
    assert asked == [(12, ""), (13, '{ "debug":true }'), (13, '{"refuse":1}'), (6, "")]
    assert len({task.id for task in agent.tasks if task.type != 7}) == 4


def test_silence_and_refusal_of_the_contract_agent(gateway, contract_agent, silence):
    server, asked = silence
    answer, seconds = asked.result(30)
    assert answer == {"success": False, "error": "operation timeout"} and 9 < seconds < 20
    jwt = gateway.login()
    assert apply(gateway, jwt, [server], {"debug": True})["data"] == {"success": [server]}

    refusing, other = contract_agent(lambda task: reply(task, "not now", successful=False) if task.type == 12 else None)
    assert read(gateway, jwt, other)["error"] == "get server config failed: not now"
    refusing.close()
    wait_until(lambda: read(gateway, jwt, other) == {"success": True, "data": ""}, what="offline")
    assert apply(gateway, jwt, [other], {"debug": True})["data"] == {"offline": [other]}
    assert gateway.api("POST", "/force-update/server", jwt, json=[other]).json()["data"] == {"offline": [other]}


def test_tokens_need_the_scope_and_their_list_holds(gateway, agent, contract_agent):
    """security.md: Indirect reference; Empty-set trap."""
    other, foreign = contract_agent(lambda task: reply(task, "{}") if task.type == 12 else None)
    jwt, server = gateway.login(), agent.server_id
    reader = gateway.token("nezha:server:read", "nezha:server:exec", name="reader")
    writer = gateway.token("nezha:server:write", servers=[server], name="writer")
    for method, path, body in (("GET", f"/server/config/{server}", None),
                               ("POST", "/server/config", {"servers": [server], "config": "{}"}),
                               ("POST", "/force-update/server", [server])):
        answer = gateway.api(method, path, reader, json=body)
        assert answer.status_code == 403
        assert answer.json()["error"] == "ApiErrorForbidden: api token lacks scope nezha:server:write"
    assert json.loads(read(gateway, writer, server)["data"])["uuid"] == agent.uuid
    for id in (foreign, 999_999):
        assert read(gateway, writer, id) == {"success": False, "error": "permission denied"}
        assert gateway.api("POST", "/server/config", writer,
                           json={"servers": [server, id], "config": "{}"}).status_code == 403
    told = gateway.api("POST", "/force-update/server", writer, json=[foreign, 999_999]).json()
    assert told["data"] == {"offline": [foreign, 999_999]}
    for bearer in (writer, jwt):
        assert apply(gateway, bearer, [], {"debug": True}) == {"success": True, "data": {}}
        assert gateway.api("POST", "/force-update/server", bearer, json=[]).json() == {"success": True, "data": {}}
    assert not [task for task in other.tasks if task.type in (6, 12, 13)]
    assert read(gateway, jwt, 999_999) == {"success": True, "data": ""}
    for body in ({}, {"servers": [server]}, {"config": "{}"}, {"servers": ["1"], "config": "{}"}):
        answer = gateway.api("POST", "/server/config", jwt, json=body).json()
        assert answer["success"] is False and "servers" in answer["error"] or "config" in answer["error"]
    assert gateway.api("POST", "/force-update/server", jwt, json={"ids": [server]}).json()["success"] is False
    assert gateway.api("GET", "/server/config/x", jwt).json()["success"] is False
