"""Two machines that report under one UUID, as clones of a disk do: a destructive command must not hit the wrong one."""

import uuid

import pytest
import yaml

from conftest import ALL_SCOPES
from gateway import wait_until
from spec_agent import Outbox, SpecAgent, reply

RAN = {"exit_code": 0, "stdout": "ran", "stderr": "", "duration_ms": 1}


@pytest.fixture
def clones(make_gateway):
    gateway = make_gateway(settings={"mcp_toolsets": ["core", "fleet"]})
    secret, name = yaml.safe_load(gateway.config.read_text())["agent_secret_key"], str(uuid.uuid4())
    agents = [SpecAgent(gateway.address, secret, name, lambda task: reply(task, RAN)) for _ in range(2)]
    agents[0].connect()
    for turn in range(1, 4):
        # Each takes the place of the other, which reported a moment ago.
        taker, other = agents[turn % 2], agents[(turn + 1) % 2]
        taker.task_ended.clear()
        taker.results = Outbox()
        taker.connect() if turn == 1 else taker.open_tasks()
        wait_until(other.task_ended.is_set, what="the place is taken")
    yield gateway, gateway.token(*ALL_SCOPES), agents
    for agent in agents:
        agent.close()


def test_clones_are_noticed_and_commands_wait_for_a_caller_who_does_not_mind(clones):
    gateway, token, agents = clones
    server = gateway.call(token, "server.list")["structuredContent"]["servers"][0]["id"]
    log = wait_until(lambda: "two machines" in gateway.log.read_text() and gateway.log.read_text(), what="a log line")
    assert sum("two machines" in line and f"server={server}" in line for line in log.splitlines()) == 1, log
    shown = gateway.call(token, "server.get", server_id=server)["structuredContent"]
    assert "true" in str([value for key, value in shown.items() if "dupl" in key]).lower(), shown

    refused = gateway.call(token, "server.exec", server_id=server, cmd="true")
    assert refused["isError"] and "two machines report under the UUID" in refused["content"][0]["text"]
    many = gateway.call(token, "server.exec_many", server_ids=[server], cmd="true")["structuredContent"]
    assert many["failed"] == 1 and "two machines report" in many["results"][0]["error"]
    assert all(task.type != 15 for agent in agents for task in agent.tasks)

    done = gateway.call(token, "server.exec", server_id=server, cmd="true", any_machine=True)
    assert done["structuredContent"]["stdout"] == "ran"
    many = gateway.call(token, "server.exec_many", server_ids=[server], cmd="true", any_machine=True)
    assert many["structuredContent"]["succeeded"] == 1, many
