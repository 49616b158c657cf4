"""Moving in from a Nezha dashboard: `nezha-gateway import` on a data folder that the reference wrote, and its answers.

The folder is not in the repository; NEZHA_IMPORT names it (default: ../shared/import). Without it these tests are left out.
"""

import hashlib
import json
import os
import re
import sqlite3
from pathlib import Path

import pytest
import requests
import yaml

from gateway import REPOSITORY, Agent, Gateway, wait_until

SOURCE = Path(os.environ.get("NEZHA_IMPORT", REPOSITORY.parent / "shared" / "import"))
pytestmark = pytest.mark.skipif(not (SOURCE / "data" / "sqlite.db").exists(), reason=f"no data folder in {SOURCE}")

PASSWORDS = {"admin": "admin", "second-admin": "second-admin-pass-1", "mira": "mira-pass-1"}
TOKENS = {
    "pat-all": "nzp_KOBpzjqgFkR91N1dhYMxxhkr0E6AfWX6",
    "pat-read-one": "nzp_GpLrK4jNXtphhs5zQoFmEunisgHDvIvK",
    "exec": "nzp_evzc376pgEAyDdzxAOj74mdPaadGkKsW",
    "legacy": "nzp_g8bEw5pXyAcKxiuOjx2vLlda2YXgLf2y",
}
# Times, what an agent or a probe has said since, and what each program says of itself.
VOLATILE = re.compile(
    r"(_at|_active|^expire|^login_ip|^version|^frontend_templates|^cron_job_id|^host|^state|^geoip"
    r"|^tsdb_enabled|^current_up|^current_down|^total_up|^total_down|^delay|^up|^down|^next_update|^transfer|^from|^to)$"
)
HISTORY = re.compile(r"/history|/metrics|/server/\d+/service")


def digest(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir() if file.is_file()}


def plain(value):
    """Without what is volatile, and without members that are empty: the reference leaves those out (`rest-details.md` 1)."""
    if isinstance(value, dict):
        members = {key: plain(member) for key, member in value.items() if not VOLATILE.search(key)}
        return {key: member for key, member in members.items() if member not in (None, "", 0, False, [], {})}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


class Moved(Gateway):
    """A gateway on what was imported. The dashboard was behind a proxy, which says who the client is."""

    def call(self, path: str, bearer: str | None, ip: str) -> requests.Response:
        method, _, path = path.partition(" ")
        return self.api(method, path.removeprefix("/api/v1"), bearer, headers={"X-Real-IP": ip})

    def session(self, name: str, ip: str) -> str:
        body = {"username": name, "password": PASSWORDS[name]}
        answer = requests.post(
            f"{self.url}/api/v1/login", json=body, headers={"X-Real-IP": ip}, timeout=20
        ).json()
        assert answer["success"], answer
        return answer["data"]["token"]


@pytest.fixture(scope="module")
def moved(tmp_path_factory):
    gateway = Moved(tmp_path_factory.mktemp("moved") / "gateway")
    before = digest(SOURCE / "data")
    gateway.report = gateway.command("import", "--from", str(SOURCE / "data")).stdout
    assert digest(SOURCE / "data") == before
    settings = yaml.safe_load(gateway.config.read_text())
    gateway.config.write_text(yaml.safe_dump(settings | {"listen_port": 0}))
    gateway.start()
    yield gateway
    assert gateway.stop() == 0


def test_what_came_and_what_stayed_is_told(moved):
    for line in ("3 users", "3 servers", "3 server groups", "4 API tokens", "1 server transfers", "1 blocked addresses"):
        assert f"  {line}\n" in moved.report, moved.report
    assert "log-ins: everybody logs in again" in moved.report
    assert "  3 hours of traffic\n" in moved.report
    assert "metrics (tsdb): their history stays behind" in moved.report
    assert "admin" not in moved.report and "nzp_" not in moved.report


def test_the_files_are_for_their_owner_alone(moved):
    assert moved.config.stat().st_mode & 0o777 == 0o600
    assert moved.database.stat().st_mode & 0o777 == 0o600
    assert not [file for file in moved.folder.iterdir() if ".import" in file.name]


@pytest.mark.parametrize("viewer", ["admin", "mira", "guest", "pat-all", "pat-read-one"])
def test_the_answers_are_those_of_the_dashboard(moved, viewer):
    answers = json.loads((SOURCE / "answers" / f"{viewer}.json").read_text())
    # An address of its own for each log-in, as sessions are bound to it.
    ip = f"198.51.100.{len(viewer)}"
    bearer = TOKENS.get(viewer) or (None if viewer == "guest" else moved.session(viewer, ip))
    differences = {}
    for path, expected in answers.items():
        if HISTORY.search(path):
            continue
        answer = moved.call(path, bearer, ip)
        body, wanted = plain(answer.json()), plain(expected["body"])
        if path == "GET /api/v1/waf" and "data" in body:
            # Whoever was refused since is here as well.
            rows = {row["ip"] for row in body["data"]["value"]}
            assert "127.0.0.9" in rows
            continue
        if path == "GET /api/v1/service/server" and "data" in wanted:
            body["data"], wanted["data"] = sorted(body["data"]), sorted(wanted["data"])
        if (answer.status_code, body) != (expected["status"], wanted):
            differences[path] = {"ours": (answer.status_code, body), "theirs": (expected["status"], wanted)}
    assert not differences, json.dumps(differences, indent=1, ensure_ascii=False)


@pytest.mark.parametrize("name", PASSWORDS)
def test_old_passwords_log_in_and_become_new_hashes(moved, name):
    for _ in range(2):
        moved.session(name, "198.51.100.200")
    connection = sqlite3.connect(f"file:{moved.database}?mode=ro", uri=True)
    (kept,) = connection.execute("SELECT password_hash FROM users WHERE username = ?", (name,)).fetchone()
    connection.close()
    assert kept.startswith("$argon2id$")
    wrong = requests.post(
        f"{moved.url}/api/v1/login", json={"username": name, "password": "wrong"},
        headers={"X-Real-IP": f"203.0.113.{len(name)}"}, timeout=20,
    ).json()
    assert wrong["error"] == "ApiErrorUnauthorized"


@pytest.mark.parametrize("name", TOKENS)
def test_old_tokens_are_good(moved, name):
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "meta.whoami"}}
    headers = {"Authorization": f"Bearer {TOKENS[name]}", "X-Real-IP": "198.51.100.201"}
    answer = requests.post(f"{moved.url}/mcp", json=body, headers=headers, timeout=20)
    assert answer.json()["result"]["structuredContent"]["token_name"] in ("all", "read one", "exec", "legacy")
    changed = TOKENS[name][:-1] + ("A" if TOKENS[name][-1] != "A" else "B")
    headers |= {"Authorization": f"Bearer {changed}", "X-Real-IP": f"203.0.113.{100 + len(name)}"}
    assert requests.post(f"{moved.url}/mcp", json=body, headers=headers, timeout=20).status_code == 401


def test_agents_come_with_their_old_secrets(moved, tmp_path):
    session = moved.session("admin", "198.51.100.202")
    secret = moved.call("GET /api/v1/profile", moved.session("mira", "198.51.100.203"), "198.51.100.203").json()["data"]
    cases = {2: (secret["agent_secret"], "33333333-3333-4333-8333-333333333333"),
             1: ("parityAgentSecret0123456789abcdef", "11111111-1111-4111-8111-111111111111")}
    agents = [Agent(moved, tmp_path / f"agent-{id}", *case).start() for id, case in cases.items()]
    try:
        def online():
            servers = moved.call("GET /api/v1/server", session, "198.51.100.202").json()["data"]
            return {server["id"] for server in servers if not server["last_active"].startswith("0001")} == set(cases)

        wait_until(online, seconds=30, what="both agents")
    finally:
        for agent in agents:
            agent.stop()


def test_a_second_run_and_a_dry_run_write_nothing(moved, tmp_path):
    before = moved.config.read_bytes()
    again = moved.command("import", "--from", str(SOURCE / "data"), check=False)
    assert again.returncode != 0 and "is there already" in again.stderr
    assert moved.config.read_bytes() == before
    dry = Gateway(tmp_path / "dry")
    told = dry.command("import", "--from", str(SOURCE / "data"), "--dry-run")
    assert told.stdout.startswith("would bring:\n  3 users\n")
    assert not dry.folder.exists() or not list(dry.folder.iterdir())


def test_what_is_no_data_folder_is_refused(tmp_path):
    gateway = Gateway(tmp_path / "new")
    (tmp_path / "empty").mkdir()
    refused = gateway.command("import", "--from", str(tmp_path / "empty"), check=False)
    assert refused.returncode != 0 and "no such file" in refused.stderr
    (tmp_path / "empty" / "config.yaml").write_text("site_name: x\n")
    (tmp_path / "empty" / "sqlite.db").write_bytes(b"no database" * 100)
    refused = gateway.command("import", "--from", str(tmp_path / "empty"), check=False)
    assert refused.returncode != 0 and "no database of a Nezha dashboard" in refused.stderr
    assert not gateway.config.exists() and not gateway.database.exists()
