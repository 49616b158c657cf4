"""What the machine may do to a gateway: kills, signals, locks and logs of databases, and limits that are too low."""

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
from contextlib import closing

import pytest
import requests

from conftest import ALL_SCOPES
from gateway import ADMIN_PASSWORD, Gateway, binary, patient, wait_until
from test_lifecycle import Running, audit_rows


def group(gateway, name: str) -> None:
    answer = gateway.api("POST", "/server-group", gateway.login(), json={"name": name, "servers": []}).json()
    assert answer["success"], answer


def groups(gateway) -> list[str]:
    answer = gateway.api("GET", "/server-group", gateway.login()).json()
    return [row["group"]["name"] for row in answer["data"]]


@pytest.fixture
def killed(make_gateway, tmp_path):
    """A gateway that was killed after its backup: what came later is in its log alone."""
    gateway = make_gateway()
    group(gateway, "before")
    backup = tmp_path / "backup"
    gateway.command("backup", str(backup))
    group(gateway, "after")
    gateway.stop(signal.SIGKILL)
    assert os.path.getsize(f"{gateway.database}-wal") > 0
    return gateway, backup


@pytest.mark.parametrize("command", ["restore", "import"])
def test_the_log_of_the_database_before_is_not_replayed_into_a_new_one(killed, tmp_path, command):
    gateway, backup = killed
    gateway.database.unlink()
    gateway.config.unlink()
    arguments = [str(backup)] if command == "restore" else ["--from", str(tmp_path / "dashboard")]
    if command == "import":
        (tmp_path / "dashboard").mkdir()
        for name in ("sqlite.db", "config.yaml"):
            (tmp_path / "dashboard" / name).touch()
    refused = gateway.command(command, *arguments, check=False)
    assert refused.returncode == 65 and f"{gateway.database}-wal" in refused.stderr, refused.stderr
    assert not gateway.database.exists() and not gateway.config.exists()
    if command == "restore":
        # Nor into the metrics.
        os.unlink(f"{gateway.database}-wal")
        refused = gateway.command(command, *arguments, check=False)
        assert refused.returncode == 65 and "metrics.db" in refused.stderr, refused.stderr
        assert not gateway.database.exists() and not gateway.config.exists()
        shutil.rmtree(gateway.folder / "tsdb")
        gateway.command(command, *arguments)
        gateway.start()
        assert groups(gateway) == ["before"]


def test_a_running_gateway_keeps_its_place_and_says_that_its_file_has_gone(killed, tmp_path):
    gateway, backup = killed
    gateway.start()
    shutil.move(gateway.database, tmp_path / "moved")
    gateway.config.rename(tmp_path / "config")
    refused = gateway.command("restore", str(backup), check=False)
    assert refused.returncode == 75 and "another gateway" in refused.stderr, refused.stderr
    wait_until(lambda: "moved, removed or replaced" in gateway.log.read_text(), what="a line of the log")
    wait_until(lambda: requests.get(f"{gateway.url}/readyz", timeout=10).status_code == 503, what="not ready")


def test_what_a_killed_start_left_half_done_is_taken_back(make_gateway):
    gateway = make_gateway()
    group(gateway, "kept")
    assert gateway.stop() == 0
    # A writer with a rollback journal that is killed in the middle of a transaction.
    script = ("import os, sqlite3, sys; d = sqlite3.connect(sys.argv[1], isolation_level=None);"
              "d.execute('PRAGMA journal_mode = DELETE'); d.execute('PRAGMA cache_size = 1'); d.execute('BEGIN IMMEDIATE');"
              "[d.execute('INSERT INTO server_groups (user_id, name, created_at, updated_at) VALUES (1, ?, 1, 1)',"
              " ('x' * 500,)) for _ in range(500)]; os._exit(1)")
    subprocess.run(["python3", "-c", script, gateway.database], check=False, timeout=60)
    assert os.path.getsize(f"{gateway.database}-journal") > 0
    gateway.start()
    assert groups(gateway) == ["kept"]


def test_the_end_does_not_wait_for_a_database_that_takes_nothing(make_gateway):
    gateway = make_gateway(settings={"mcp_rate_limit_per_second": 10_000, "mcp_rate_limit_per_minute": 600_000})
    token = gateway.token(*ALL_SCOPES)
    assert not gateway.call(token, "meta.whoami").get("isError")
    with closing(sqlite3.connect(gateway.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(1200):
            gateway.call(token, "meta.whoami")
        began = patient()
        # Each try waits for five seconds, and there are three batches.
        assert gateway.stop(seconds=60) == 0
        assert patient() - began < 15
    assert "audit rows lost" in gateway.log.read_text()


def test_a_terminal_that_closes_ends_both_programs_in_good_order(make_gateway, make_agent, tmp_path):
    gateway = make_gateway()
    agent = make_agent(gateway)
    call = Running(gateway, agent, gateway.token(*ALL_SCOPES), tmp_path / "mark")
    assert gateway.stop(signal.SIGHUP) == 0
    call.thread.join(10)
    assert [row["outcome"] for row in audit_rows(gateway, "server.exec")] == ["cancelled"]
    agent.process.send_signal(signal.SIGHUP)
    assert agent.process.wait(20) == 0


def test_whoever_has_the_signal_ignored_keeps_it_so(make_gateway, tmp_path):
    gateway = Gateway(tmp_path / "nohup")
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        gateway.start()
    finally:
        signal.signal(signal.SIGHUP, before)
    try:
        gateway.process.send_signal(signal.SIGHUP)
        assert gateway.login()
    finally:
        assert gateway.stop() == 0


def started(gateway, limits: dict[int, int]) -> subprocess.CompletedProcess:
    """What a start under limits comes to; it must end by itself."""
    def limit():
        for kind, value in limits.items():
            resource.setrlimit(kind, (value, value))

    return subprocess.run(
        [binary("nezha-gateway"), "serve", *gateway.files()], capture_output=True, text=True, timeout=30,
        preexec_fn=limit, env=os.environ | {"NZ_ADMIN_PASSWORD": ADMIN_PASSWORD})


def test_a_start_under_limits_that_are_too_low_says_so(make_gateway):
    gateway = make_gateway()
    assert gateway.stop() == 0
    done = started(gateway, {resource.RLIMIT_NOFILE: 140})
    assert done.returncode == 69 and "limit of open files, 140," in done.stderr, (done.returncode, done.stderr)
    assert "listening" not in done.stdout
    done = started(gateway, {resource.RLIMIT_FSIZE: 4096})
    assert done.returncode > 0 and done.stderr.startswith(("error: ", "20")), (done.returncode, done.stderr)


@pytest.mark.parametrize("content, reason", [(b"site_name: caf\xe9\n", "not UTF-8"), (b"#" * ((16 << 20) + 1), "larger than")],
                         ids=["encoding", "size"])
def test_a_configuration_says_why_it_cannot_be_read(tmp_path, content, reason):
    gateway = Gateway(tmp_path / "data")
    gateway.folder.mkdir()
    gateway.config.write_bytes(content)
    done = started(gateway, {})
    assert done.returncode == 78 and reason in done.stderr, (done.returncode, done.stderr)
