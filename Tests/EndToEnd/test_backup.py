"""`nezha-gateway backup` of a gateway that runs, and `restore` of it elsewhere."""

import os
import shutil
import sqlite3
import stat
from contextlib import closing

import pytest

from gateway import Gateway, wait_until


@pytest.fixture
def saved(make_gateway, make_agent, tmp_path):
    """A running gateway with a server and its metrics, a token, and a backup of it."""
    gateway = make_gateway(settings={"tsdb": {"write_buffer_flush_interval": 1}})
    agent = make_agent(gateway)
    token = gateway.token("nezha:server:read", "nezha:inventory:read")
    file = tmp_path / "gateway.backup"

    def has_metrics() -> bool:
        with closing(sqlite3.connect(f"file:{gateway.folder}/tsdb/metrics.db?mode=ro", uri=True)) as database:
            return database.execute("SELECT count(*) FROM open_rows").fetchone()[0] > 0

    wait_until(has_metrics, what="metrics", seconds=60)
    done = gateway.command("backup", str(file))
    assert done.stdout.splitlines() == [
        str(gateway.config), str(gateway.database), str(gateway.folder / "tsdb" / "metrics.db")]
    return gateway, agent, token, file


def elsewhere(tmp_path) -> Gateway:
    return Gateway(tmp_path / "elsewhere")


def test_what_was_saved_goes_on_elsewhere_and_what_came_later_is_not_there(saved, tmp_path):
    gateway, agent, token, file = saved
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(name for name in os.listdir(tmp_path) if "backup" in name) == [file.name]
    later = gateway.token("nezha:server:read", name="later")
    assert gateway.call(later, "meta.whoami")["structuredContent"]
    gateway.stop()
    shutil.rmtree(gateway.folder)

    restored = elsewhere(tmp_path)
    done = restored.command("restore", str(file))
    assert len(done.stdout.splitlines()) == 3
    restored.start()
    try:
        assert restored.call(token, "meta.whoami")["structuredContent"]["username"] == "admin"
        names = [server["name"] for server in restored.api("GET", "/server", restored.login()).json()["data"]]
        assert len(names) == 1
        assert restored.rpc(later, "ping").status_code == 401
        metrics = restored.api(
            "GET", f"/server/{agent.server_id}/metrics?metric=cpu&period=1d", restored.login()).json()
        assert metrics["data"]["data_points"]
        # It can be saved again, over there, too.
        assert restored.command("backup", str(tmp_path / "again")).returncode == 0
    finally:
        assert restored.stop() == 0


def test_nothing_is_overwritten(saved, tmp_path):
    gateway, _, _, file = saved
    before = file.read_bytes()
    again = gateway.command("backup", str(file), check=False)
    assert (again.returncode, again.stdout) == (65, "")
    assert "is there already" in again.stderr
    assert file.read_bytes() == before
    onto = gateway.command("restore", str(file), check=False)
    assert (onto.returncode, onto.stdout) == (65, "")
    assert "is there already" in onto.stderr
    assert gateway.login()
    nowhere = elsewhere(tmp_path).command("backup", str(tmp_path / "nothing"), check=False)
    assert nowhere.returncode == 65 and "no such file" in nowhere.stderr
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("name", ["config.yaml", "sqlite.db", "metrics.db"])
def test_a_backup_that_is_damaged_restores_nothing(saved, tmp_path, name):
    _, _, _, file = saved
    # What a bad disk would do, without SQLite noticing.
    with closing(sqlite3.connect(file)) as backup, backup:
        content = bytearray(backup.execute("SELECT content FROM pieces WHERE name = ?", (name,)).fetchone()[0])
        content[len(content) // 2] ^= 1
        backup.execute("UPDATE pieces SET content = ? WHERE name = ? AND place = 0", (bytes(content), name))
    restored = elsewhere(tmp_path)
    done = restored.command("restore", str(file), check=False)
    assert (done.returncode, done.stdout) == (65, "")
    assert f"{name} is not what was written" in done.stderr
    left = [entry for _, _, entries in os.walk(restored.folder) for entry in entries]
    assert left == []


def test_what_is_no_backup_restores_nothing(saved, tmp_path):
    gateway, _, _, file = saved
    cut = tmp_path / "cut"
    cut.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    text = tmp_path / "text"
    text.write_text("no database")
    restored = elsewhere(tmp_path)
    for wrong in (cut, text, gateway.database, tmp_path / "missing"):
        done = restored.command("restore", str(wrong), check=False)
        assert done.returncode != 0 and done.stdout == "", wrong
        assert done.stderr.startswith("error: "), wrong
        assert not [entry for _, _, entries in os.walk(restored.folder) for entry in entries], wrong
