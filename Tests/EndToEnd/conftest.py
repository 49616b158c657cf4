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
def gateway(tmp_path_factory) -> Gateway:
    """A gateway with generous rate limits, shared by all tests that only read or clean up."""
    gateway = Gateway(
        tmp_path_factory.mktemp("shared") / "gateway",
        settings={"mcp_rate_limit_per_second": 10_000, "mcp_rate_limit_per_minute": 600_000},
    ).start()
    yield gateway
    assert gateway.stop() == 0


@pytest.fixture(scope="session")
def agent(gateway, tmp_path_factory) -> Agent:
    """An online agent of the shared gateway."""
    folder = tmp_path_factory.mktemp("shared") / "agent"
    agent = Agent(gateway, folder, gateway.agent_secret(), str(uuid.uuid4())).start()
    try:
        yield agent.wait_online(gateway.login())
    finally:
        agent.stop()


@pytest.fixture(scope="session")
def token(gateway) -> str:
    """A token with every scope that the ten tools need."""
    return gateway.token(*ALL_SCOPES, name="everything")
