"""Fixtures. One gateway with one agent serves all tests that leave no trace; the others start their own."""

import uuid

import pytest

from gateway import Agent, Gateway

ALL_SCOPES = (
    "nezha:inventory:read",
    "nezha:server:read",
    "nezha:server:write",
    "nezha:server:delete",
    "nezha:server:exec",
)


@pytest.fixture
def make_gateway(tmp_path):
    """Starts gateways that end with the test: `make_gateway(settings={…})`."""
    started = []

    def make(name: str = "gateway", start: bool = True, **more) -> Gateway:
        gateway = Gateway(tmp_path / name, **more)
        started.append(gateway)
        return gateway.start() if start else gateway

    yield make
    for gateway in started:
        gateway.stop()


@pytest.fixture
def make_agent(tmp_path):
    """Starts agents that end with the test."""
    started = []

    def make(gateway: Gateway, online: bool = True, **settings) -> Agent:
        name = f"agent-{len(started)}"
        agent = Agent(gateway, tmp_path / name, gateway.agent_secret(), str(uuid.uuid4()), settings)
        started.append(agent)
        agent.start()
        return agent.wait_online(gateway.login()) if online else agent

    yield make
    for agent in started:
        agent.stop()


@pytest.fixture(scope="session")
def fleet(tmp_path_factory):
    """A gateway with generous rate limits and one online agent, shared by all tests that only read or clean up."""
    folder = tmp_path_factory.mktemp("fleet")
    gateway = Gateway(
        folder / "gateway", settings={"mcp_rate_limit_per_second": 10_000, "mcp_rate_limit_per_minute": 600_000}
    ).start()
    agent = Agent(gateway, folder / "agent", gateway.agent_secret(), str(uuid.uuid4())).start()
    try:
        agent.wait_online(gateway.login())
        yield gateway, agent
    finally:
        agent.stop()
        gateway.stop()


@pytest.fixture(scope="session")
def gateway(fleet) -> Gateway:
    return fleet[0]


@pytest.fixture(scope="session")
def agent(fleet) -> Agent:
    return fleet[1]


@pytest.fixture(scope="session")
def token(gateway) -> str:
    """A token with every scope that the ten tools need."""
    return gateway.token(*ALL_SCOPES, name="everything")
