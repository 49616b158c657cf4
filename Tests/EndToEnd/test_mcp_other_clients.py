"""Clients that cannot live in one Python environment with the newest SDK: its first version, and fastmcp's.

Each gets an environment of its own in pytest's cache, made once. Every revision of the protocol that a client speaks is
a run of the same scenario (`other_clients/scenario.py`) against a real agent.
"""

import hashlib
import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway import REPOSITORY
from test_mcp_sdk import TOOLS

SCRIPTS = Path(__file__).parent / "other_clients"
LEGACY = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
# The first version of the SDK gets corrections only, so the newest of them is taken.
CLIENTS = {"mcp1": ["mcp>=1.30,<2"], "fastmcp": ["fastmcp==4.1.2"]}
RUNS = [("mcp1", revision) for revision in LEGACY] + [("fastmcp", revision) for revision in [*LEGACY, "2026-07-28"]]

# What pip says when there is no way to the package index, as opposed to a package that is not there.
UNREACHABLE = ("NewConnectionError", "NameResolutionError", "ConnectTimeoutError", "Max retries exceeded", "ProxyError",
               "ReadTimeoutError", "Temporary failure in name resolution")  # fmt: skip


@pytest.fixture(scope="session")
def environment(pytestconfig):
    """Makes the Python of a client, once for all runs: `environment("mcp1")`."""

    def make(name: str) -> Path:
        requirements = CLIENTS[name]
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
        if any(sign in installed.stderr for sign in UNREACHABLE):
            pytest.skip(f"the package index cannot be reached: {requirements} is not tested")
        assert installed.returncode == 0, installed.stderr
        done.touch()
        return python

    return make


def run(python: Path, script: str, *arguments) -> subprocess.CompletedProcess:
    return subprocess.run([str(python), str(SCRIPTS / script), *map(str, arguments)], capture_output=True, text=True,
                          timeout=90, cwd=REPOSITORY)  # fmt: skip


@pytest.mark.timeout(300)
@pytest.mark.parametrize("client, revision", RUNS)
def test_the_client_can_use_every_tool(environment, gateway, agent, token, tmp_path, client, revision):
    folder, server = tmp_path / "files", agent.server_id
    folder.mkdir()
    done = run(environment(client), f"{client}_client.py", f"{gateway.url}/mcp", token, revision, server, folder)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report.pop("protocol") == revision
    assert report.pop("tools") == TOOLS

    errors = {name: report.pop(name) for name in ("missing", "invalid", "foreign")}
    for name, text in (("missing", "does not exist"), ("invalid", "timeout_seconds"), ("foreign", "")):
        assert errors[name]["failed"] is True and errors[name]["structured"] is None
        assert text in errors[name]["text"] and errors[name]["text"]

    for name, result in report.items():
        assert not result["failed"], f"{name}: {result}"
        assert json.loads(result["text"]) == result["structured"], name
    seen = {name: result["structured"] for name, result in report.items()}
    assert seen["whoami"]["is_admin"] is True
    assert server in [entry["id"] for entry in seen["list"]["servers"]]
    assert seen["get"]["id"] == server
    assert (seen["exec"]["exit_code"], seen["exec"]["stdout"]) == (3, "häßlich")
    content = "äöü\n".encode()
    digest = hashlib.sha256(content).hexdigest()
    assert seen["write"] == {"size": len(content), "sha256": digest}
    assert (seen["read"]["content"], seen["read"]["sha256"]) == (content.decode(), digest)
    assert [entry["name"] for entry in seen["entries"]["entries"]] == ["note.txt"]
    for name, method in (("download", "GET"), ("upload", "POST")):
        assert seen[name]["method"] == method and seen[name]["url"].startswith(f"{gateway.url}/mcp/{name}/")
        assert datetime.fromisoformat(seen[name]["expires_at"]) > datetime.now(UTC)
    assert seen["delete"] == {"deleted_count": 2}
    assert list(folder.iterdir()) == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("credential", ["nzp_" + "0" * 32, "no-token-at-all"])
def test_the_client_fails_to_connect_with_a_bad_token(environment, gateway, tmp_path, client, credential):
    done = run(environment(client), f"{client}_client.py", f"{gateway.url}/mcp", credential, "2025-11-25", 1, tmp_path)
    assert done.returncode != 0 and not done.stdout
    # The newer library does not tell the status, but that there was an answer.
    assert "401 Unauthorized" in done.stderr or "Server returned an error response" in done.stderr
