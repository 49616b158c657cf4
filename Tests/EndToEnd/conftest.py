"""Fixtures. One gateway with one agent serves all tests that leave no trace; the others start their own."""

import subprocess
import uuid

import pytest

from gateway import Agent, Gateway, free_port

ALL_SCOPES = (
    "nezha:inventory:read",
    "nezha:server:read",
    "nezha:server:write",
    "nezha:server:delete",
    "nezha:server:exec",
)


# The files that take longest. They begin first, so that none of them is left alone at the end of a run of several at a
# time (`-n 3 --dist loadfile --no-loadscope-reorder`).
LONGEST = ["test_agent_abuse", "test_busy_agent", "test_ground", "test_schema_agreement", "test_chaos", "test_terminal",
           "test_agent_settings", "test_watchers", "test_ownership", "test_openapi_requests", "test_agent_daily",
           "test_front_ends", "test_odd_headers", "test_compat_checklist", "test_monitoring_toolset", "test_mcp_clients"]


def pytest_collection_modifyitems(items) -> None:
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))


def begun_early(request, *tests: str) -> bool:
    """Whether one of these tests of the module is to run, so that what it waits long for may as well begin with the first
    test and go on meanwhile."""
    here = {item.originalname for item in request.session.items if item.path == request.path}
    return not here.isdisjoint(tests)


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
def certificate(tmp_path):
    """The files of a certificate for localhost, that nobody vouches for, and of its key."""
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True, timeout=60)
    return certificate, key


@pytest.fixture
def tls_gateway(make_gateway, certificate):
    """A gateway, its TLS port, and the file of its certificate."""
    port = free_port()
    gateway = make_gateway(settings={
        "https": {"listen_port": port, "tls_cert_path": str(certificate[0]), "tls_key_path": str(certificate[1])}})
    return gateway, port, certificate[0]


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
