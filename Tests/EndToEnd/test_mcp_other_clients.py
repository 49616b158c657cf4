"""The official SDK, newest and first version, and fastmcp's client: every tool with success and every way to fail that
a client can see, in each revision of the protocol that the client speaks.

A run is a script (`other_clients/scenario.py`) in an environment that holds the one client, made once and kept in
pytest's cache; the newest SDK is in that of these tests.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from conftest import ALL_SCOPES
from gateway import REPOSITORY, Agent, Gateway, wait_until
from spec_agent import SpecAgent, reply
from test_mcp_sdk import TOOLS
from test_transfers import sql

SCRIPTS = Path(__file__).parent / "other_clients"
LEGACY = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
MODERN = "2026-07-28"
# The first version of the SDK gets corrections only, so the newest of them is taken.
CLIENTS = {"mcp1": ["mcp>=1.30,<2"], "mcp2": [], "fastmcp": ["fastmcp==4.2.3"]}
RUNS = [
    (client, revision) for client in CLIENTS for revision in [*LEGACY, MODERN] if (client, revision) != ("mcp1", MODERN)
]

TOOLSETS = ["core", "fleet", "audit", "files", "metrics"]
MORE_TOOLS = {"server.exec_many", "server.metrics", "audit.list", "fs.stat"}
# Calls a minute of the gateway that is there to be asked too often.
LIMIT = 10

# What pip says when there is no way to the package index, as opposed to a package that is not there.
UNREACHABLE = ("NewConnectionError", "NameResolutionError", "ConnectTimeoutError", "Max retries exceeded", "ProxyError",
               "ReadTimeoutError", "Temporary failure in name resolution")  # fmt: skip


@pytest.fixture(scope="session")
def environment(pytestconfig):
    """Makes the Python of a client, once for all runs: `environment("mcp1")`."""

    def make(name: str) -> Path:
        requirements = CLIENTS[name]
        if not requirements:
            return Path(sys.executable)
        key = hashlib.sha256(f"{sys.version} {requirements}".encode()).hexdigest()[:12]
        folder = Path(pytestconfig.cache.mkdir("clients")) / f"{name}-{key}"
        python, done = folder / "bin" / "python", folder / "complete"
        if done.exists():
            return python
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
        pip = [
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(python),
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]
        installed = subprocess.run([*pip, "--retries", "2", *requirements], capture_output=True, text=True)
        # At home work goes on without the index; what says that a client works must not say it untested.
        if any(sign in installed.stderr for sign in UNREACHABLE) and not os.environ.get("CI"):
            pytest.skip(f"the package index cannot be reached: {requirements} is not tested")
        assert installed.returncode == 0, installed.stderr
        done.touch()
        return python

    return make


class World:
    """A gateway with all tools, and a server for each way to fail."""

    def __init__(self, folder: Path):
        plenty = {"mcp_rate_limit_per_second": 10_000, "mcp_rate_limit_per_minute": 600_000}
        self.gateway = Gateway(folder / "gateway", settings=plenty | {"mcp_toolsets": TOOLSETS}).start()
        self.limited = Gateway(folder / "limited", settings={"mcp_rate_limit_per_minute": LIMIT}).start()
        secret = yaml.safe_load(self.gateway.config.read_text())["agent_secret_key"]
        self.agent = Agent(self.gateway, folder / "agent", self.gateway.agent_secret(), str(uuid.uuid4())).start()
        self.spec_agents = [
            SpecAgent(self.gateway.address, secret, str(uuid.uuid4()), **more).connect()
            for more in ({"version": "v2.0.9"}, {"answer": self.fail})
        ]
        self.jwt = self.gateway.login()
        server = self.agent.wait_online(self.jwt).server_id
        outdated, failing = (self.row("select id from servers where uuid = ?", one.uuid) for one in self.spec_agents)
        self.servers = {
            "server": server, "outdated": outdated, "failing": failing, "offline": self.silent(),
            "foreign": self.silent(),
        }  # fmt: skip

    @staticmethod
    def fail(task):
        return reply(task, {"exit_code": -1, "stdout": "", "stderr": "", "duration_ms": 1, "error": "made-up failure"})

    def row(self, statement: str, *values) -> int:
        return sql(self.gateway, statement, *values)[0][0]

    def silent(self) -> int:
        """A server whose agent never came."""
        number = self.row(
            "insert into servers (user_id, uuid, name, note, public_note, display_index, hide_for_guest, enable_ddns,"
            " ddns_profiles, override_ddns_domains, created_at, updated_at) values (1, lower(hex(randomblob(16))),"
            " 'away', '', '', 0, 0, 0, '[]', '{}', 1, 1) returning id"
        )  # fmt: skip
        token = self.gateway.token("nezha:server:read")
        wait_until(lambda: "structuredContent" in self.gateway.call(token, "server.get", server_id=number),
                   what="new server")  # fmt: skip
        return number

    def briefing(self, revision: str, folder: Path) -> dict:
        """What the script is told; its tokens are its own."""
        mine = [number for name, number in self.servers.items() if name != "foreign"]
        token = self.gateway.token(*ALL_SCOPES, servers=mine, name=str(folder))
        return self.servers | {
            "url": f"{self.gateway.url}/mcp", "token": token, "revision": revision, "folder": str(folder),
            "token_id": self.row("select id from api_tokens where name = ?", str(folder)), "jwt": self.jwt,
            "poor_token": self.gateway.token("nezha:notification:read", name="poor"),
            "limited_url": f"{self.limited.url}/mcp", "limited_token": self.limited.token("nezha:server:read"),
            "limit": LIMIT,
        }  # fmt: skip

    def stop(self) -> None:
        for agent in self.spec_agents:
            agent.close()
        self.agent.stop()
        assert (self.gateway.stop(), self.limited.stop()) == (0, 0)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("clients"))
    yield world
    world.stop()


@pytest.fixture(scope="module", params=RUNS, ids="-".join)
def told(request, environment, world, tmp_path_factory):
    """Client, revision, what the script was told, and its report."""
    client, revision = request.param
    folder = tmp_path_factory.mktemp("files")
    briefing = world.briefing(revision, folder)
    done = run(environment(client), client, briefing)
    assert done.returncode == 0, done.stderr
    return client, revision, briefing, json.loads(done.stdout)


def run(python: Path, client: str, briefing: dict) -> subprocess.CompletedProcess:
    return subprocess.run([str(python), str(SCRIPTS / f"{client}_client.py"), json.dumps(briefing)],
                          capture_output=True, text=True, timeout=90, cwd=REPOSITORY)  # fmt: skip


def succeeded(answer: dict):
    assert answer["failed"] is False, answer
    assert json.loads(answer["text"]) == answer["structured"]
    return answer["structured"]


def failed(answer: dict, text: str) -> None:
    """A tool error as strict clients want it: nothing that could be held against the schema of success."""
    assert answer.get("failed") is True and answer["structured"] is None, answer
    assert text in answer["text"], answer


@pytest.mark.timeout(300)
def test_the_client_sees_every_tool_in_the_revision_that_it_asked_for(told):
    _, revision, _, report = told
    assert report["revision"] == revision
    assert [name for name in report["tools"] if name not in MORE_TOOLS] == TOOLS
    assert set(report["tools"]) == {*TOOLS, *MORE_TOOLS} and len(report["tools"]) == 14


@pytest.mark.timeout(300)
def test_the_client_can_use_every_tool(told, world):
    _, revision, briefing, report = told
    assert set(report["done"]) == {*TOOLS, *MORE_TOOLS}
    seen = {tool: succeeded(answer) for tool, answer in report["done"].items()}
    server = briefing["server"]
    assert seen["meta.whoami"]["is_admin"] is True and seen["meta.whoami"]["protocol_version"] == revision
    assert server in [entry["id"] for entry in seen["server.list"]["servers"]]
    assert seen["server.get"]["id"] == server
    assert (seen["server.exec"]["exit_code"], seen["server.exec"]["stdout"]) == (3, "häßlich")
    content = "äöü\n".encode()
    digest = hashlib.sha256(content).hexdigest()
    assert seen["fs.write"] == {"size": len(content), "sha256": digest}
    assert (seen["fs.read"]["content"], seen["fs.read"]["sha256"]) == (content.decode(), digest)
    assert [entry["name"] for entry in seen["fs.list"]["entries"]] == ["note.txt"]
    assert (seen["fs.stat"]["type"], seen["fs.stat"]["size"]) == ("file", len(content))
    for tool, method in (("download", "GET"), ("upload", "POST")):
        made = seen[f"fs.{tool}_url"]
        assert made["method"] == method and made["url"].startswith(f"{world.gateway.url}/mcp/{tool}/")
        assert datetime.fromisoformat(made["expires_at"]) > datetime.now(UTC)
    assert seen["fs.delete"] == {"deleted_count": 2} and list(Path(briefing["folder"]).iterdir()) == []
    assert seen["server.metrics"]["online"] is True
    each = {entry["server_id"]: entry for entry in seen["server.exec_many"]["results"]}
    assert each[server]["result"]["stdout"] == "x\n"
    codes = {number: entry.get("error_code") for number, entry in each.items()}
    assert codes == {server: None, briefing["offline"]: "server_offline", briefing["foreign"]: "permission_denied"}
    assert all(row["tool"] == "server.exec" for row in seen["audit.list"]["rows"])


SCOPES = {
    "server.list": "inventory:read", "server.get": "server:read", "server.metrics": "server:read",
    "server.exec": "server:exec", "server.exec_many": "server:exec", "fs.list": "server:read", "fs.read": "server:read",
    "fs.stat": "server:read", "fs.write": "server:write", "fs.delete": "server:delete",
    "fs.download_url": "server:read", "fs.upload_url": "server:write",
}  # fmt: skip
BROKEN_RULES = {
    "server.list": "online_only", "server.get": "server_id required", "server.metrics": "server_id",
    "server.exec_many": "server_ids", "server.exec": "timeout_seconds out of range", "fs.list": "path required",
    "fs.read": "offset must be >= 0", "fs.stat": "path required", "fs.write": "if_match_sha256 must be 64 hex chars",
    "fs.delete": "recursive", "fs.download_url": "path required", "fs.upload_url": "mode", "audit.list": "limit",
}  # fmt: skip
BY_AGENT = {"server.exec", "fs.list", "fs.read", "fs.stat", "fs.write", "fs.delete"}
URLS = {"fs.download_url", "fs.upload_url"}


@pytest.mark.timeout(300)
def test_every_failure_of_a_tool_is_an_error_result(told):
    found = told[3]["failed"]
    assert set(found) == {"scope", "foreign", "offline", "unsupported", "agent", "invalid", "unknown"}
    # The one error with structured content: it is a whole result of the tool.
    failure = found["agent"]["server.exec"]
    assert failure["failed"] is True and failure["text"] == "agent_error: made-up failure"
    assert failure["structured"] == {
        "exit_code": -1, "stdout": "", "stderr": "", "duration_ms": 1, "error": "made-up failure",
    }  # fmt: skip
    expected = {
        "scope": {tool: f"missing required scope: nezha:{scope}" for tool, scope in SCOPES.items()},
        "foreign": dict.fromkeys(BY_AGENT | URLS | {"server.get", "server.metrics"}, "permission denied"),
        "offline": dict.fromkeys(BY_AGENT, "agent offline"),
        "unsupported": dict.fromkeys(BY_AGENT | URLS, "agent does not support this MCP capability"),
        "agent": dict.fromkeys(BY_AGENT - {"server.exec"}, "made-up failure"),
        "invalid": BROKEN_RULES,
    }
    for kind, texts in expected.items():
        answers = {tool: answer for tool, answer in found[kind].items() if answer is not failure}
        assert set(answers) == set(texts), kind
        for tool, text in texts.items():
            failed(answers[tool], text)


@pytest.mark.timeout(300)
def test_an_unknown_tool_is_an_error_of_the_protocol(told):
    _, revision, _, report = told
    for name, answer in report["failed"]["unknown"].items():
        assert answer.get("raised") == f"unknown tool: {name}", answer
        assert answer["code"] == (-32602 if revision == MODERN else -32601)


@pytest.mark.timeout(300)
def test_a_call_over_the_budget_is_an_error_result(told):
    limited = told[3]["limited"]
    passed = [answer["failed"] for answer in limited].index(True)
    assert 1 <= passed < LIMIT
    for answer in limited[:passed]:
        succeeded(answer)
    for answer in limited[passed:]:
        failed(answer, "rate limit exceeded for this token")


@pytest.mark.timeout(300)
def test_the_switch_ends_the_running_call_and_refuses_the_next_until_it_is_back(told):
    _, revision, _, report = told
    failed(report["switch"]["running"], "MCP is disabled by the dashboard administrator")
    refused = report["switch"]["next"]
    assert refused.get("raised") == "MCP is disabled by the dashboard administrator", refused
    assert refused["code"] == (-31002 if revision == MODERN else -32002)
    succeeded(report["switch"]["again"])


@pytest.mark.timeout(300)
def test_a_revoked_token_ends_the_running_call_and_refuses_the_next(told):
    client, _, _, report = told
    seen = report["revocation"]
    failed(seen["running"], "revoked")
    if client == "mcp1":
        # It gives up the connection over the status.
        assert "401 Unauthorized" in seen["ended"] and "next" not in seen
    else:
        # It does not tell the status, but that it was refused.
        assert seen["next"].get("raised") == "Server returned an error response", seen
        assert "ended" not in seen


@pytest.mark.timeout(300)
@pytest.mark.parametrize("client, revision", [run for run in RUNS if run[1] >= LEGACY[-1]])
@pytest.mark.parametrize("credential", ["nzp_" + "0" * 32, "no-token-at-all"])
def test_the_client_fails_to_connect_with_a_bad_token(environment, gateway, tmp_path, client, revision, credential):
    briefing = {"url": f"{gateway.url}/mcp", "token": credential, "revision": revision, "folder": str(tmp_path)}
    done = run(environment(client), client, briefing)
    assert done.returncode != 0 and not done.stdout
    # The newer library does not tell the status, but that there was an answer.
    text = "401 Unauthorized" if client == "mcp1" else "Server returned an error response"
    assert text in done.stderr
