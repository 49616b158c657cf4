"""The histories of servers, and what the gateway tells of itself."""

import contextlib
import signal
import sqlite3
import subprocess
import time

import pytest
import requests

from gateway import free_port, wait_until

METRICS = ["cpu", "memory", "swap", "disk", "net_in_speed", "net_out_speed", "net_in_transfer", "net_out_transfer",
           "load1", "load5", "load15", "tcp_conn", "udp_conn", "process_count", "temperature", "uptime", "gpu"]


def points(gateway, server: int, metric: str, period: str = "1d") -> list[dict]:
    answer = gateway.asked(f"/server/{server}/metrics", params={"metric": metric, "period": period})
    assert answer["success"], answer
    return answer["data"]["data_points"]


def test_every_metric_has_points_and_survives_a_kill(make_gateway, make_agent):
    gateway = make_gateway(settings={"tsdb": {"write_buffer_flush_interval": 1}})
    agent = make_agent(gateway)
    for metric in METRICS:
        wait_until(lambda: points(gateway, agent.server_id, metric), what=metric)
    assert points(gateway, agent.server_id, "memory")[0]["value"] > 1 << 20
    for period, step in (("7d", 1_800_000), ("30d", 7_200_000)):
        found = points(gateway, agent.server_id, "uptime", period)
        assert found[-1]["ts"] % step == 0 and found[-1]["value"] > 0
    folder = gateway.database.parent / "tsdb"
    assert (folder / "metrics.db").stat().st_mode & 0o777 == 0o600
    wait_until(lambda: (folder / "metrics.db-wal").stat().st_size > 0, what="a flush")
    before = points(gateway, agent.server_id, "uptime")
    # Longer than the flush interval: nothing that was measured before is lost.
    time.sleep(3)
    gateway.stop(signal.SIGKILL)
    gateway.start()
    after = points(gateway, agent.server_id, "uptime")
    assert [point["ts"] for point in after][: len(before)] == [point["ts"] for point in before]


@pytest.fixture(params=["embedded", "victoriametrics"])
def engine(request, tmp_path):
    """The settings of an engine that is there."""
    if request.param == "embedded":
        yield {}
        return
    port = free_port()
    server = subprocess.Popen(
        ["victoria-metrics", f"-storageDataPath={tmp_path}/victoria", f"-httpListenAddr=127.0.0.1:{port}",
         "-retentionPeriod=100y", "-memory.allowedBytes=64MB"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"

    def listens():
        assert server.poll() is None, server.returncode
        with contextlib.suppress(requests.ConnectionError):
            return requests.get(f"{url}/health", timeout=5).status_code == 200

    wait_until(listens, 60, what="VictoriaMetrics")
    yield {"engine": "victoriametrics", "write_url": url, "read_url": url}
    server.terminate()
    server.wait(20)


def test_mcp_shows_the_same_history(make_gateway, make_agent, engine):
    gateway = make_gateway(settings={
        "mcp_toolsets": ["core", "metrics"], "tsdb": engine | {"write_buffer_flush_interval": 1},
        "mcp_rate_limit_per_second": 1000, "mcp_rate_limit_per_minute": 10_000})
    agent = make_agent(gateway)
    token = gateway.token("nezha:server:read", "nezha:inventory:read")
    wait_until(lambda: points(gateway, agent.server_id, "cpu"), what="a point")
    for metric in METRICS:
        for period in ("1d", "7d", "30d"):
            def shown():
                result = gateway.call(token, "server.metrics", server_id=agent.server_id, metric=metric, period=period)
                return result["structuredContent"]["data_points"]

            # A row may come between the two questions.
            found = wait_until(
                lambda: (mine := points(gateway, agent.server_id, metric, period)) == shown() and mine, what=f"{metric} {period}")
            assert found


def test_maintenance_compacts_the_metrics_file_too(make_gateway):
    gateway = make_gateway()
    gateway.stop()
    file = gateway.database.parent / "tsdb" / "metrics.db"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.executescript("""
            CREATE TABLE filler (text TEXT);
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
            INSERT INTO filler SELECT hex(randomblob(500)) FROM n;
            DROP TABLE filler;""")
    assert file.stat().st_size > 4 << 20
    gateway.start()
    assert gateway.api("POST", "/maintenance", gateway.login()).json()["success"]
    gateway.stop()
    assert file.stat().st_size < 1 << 20


def test_without_a_store_there_are_no_points(make_gateway, make_agent):
    gateway = make_gateway(settings={"tsdb": {"engine": "none"}})
    agent = make_agent(gateway)
    assert gateway.api("GET", "/setting").json()["data"]["tsdb_enabled"] is False
    assert points(gateway, agent.server_id, "cpu") == []
    assert not (gateway.database.parent / "tsdb").exists()


@pytest.mark.parametrize("settings, key", [
    ({"tsdb": {"engine": "mysql"}}, "tsdb.engine"),
    ({"tsdb": {"engine": "victoriametrics"}}, "tsdb.write_url"),
    ({"tsdb": {"engine": "victoriametrics", "write_url": "http://127.0.0.1:8428"}}, "tsdb.read_url"),
    ({"tsdb": {"min_free_disk_space_gb": "much"}}, "tsdb.min_free_disk_space_gb"),
    ({"metrics_listen": "9108"}, "metrics_listen"),
    ({"metrics_listen": "127.0.0.1:70000"}, "metrics_listen"),
])
def test_a_bad_setting_stops_the_start(make_gateway, settings, key):
    gateway = make_gateway(settings=settings, start=False).start(wait=False)
    assert gateway.process.wait(20) == 78
    assert key in gateway.log.read_text()


def test_the_gateway_tells_prometheus_of_itself(make_gateway, make_agent):
    gateway = make_gateway()
    agent = make_agent(gateway)
    token = gateway.token("nezha:server:exec", "nezha:server:read")
    assert not gateway.call(token, "server.exec", server_id=agent.server_id, cmd="true").get("isError")
    admin = gateway.token("nezha:admin:*", name="prometheus")

    def scrape(bearer=None):
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        return requests.get(f"{gateway.url}/metrics", headers=headers, timeout=10)

    assert scrape().status_code == 401
    assert scrape("nzp_" + "0" * 32).status_code == 401
    assert scrape(token).status_code == 403
    answer = scrape(admin)
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    assert 'nezha_gateway_calls_total{tool="server.exec",outcome="ok"} 1' in lines
    assert 'nezha_gateway_call_seconds_count{tool="server.exec"} 1' in lines
    assert "nezha_gateway_agents 1" in lines
    assert "nezha_gateway_audit_rows_lost_total 0" in lines
    for queue in ("audit", "metrics", "notifications", "tasks", "monitors", "addresses"):
        assert f'nezha_gateway_queue_dropped_total{{queue="{queue}"}} 0' in lines
        assert any(line.startswith(f'nezha_gateway_queue_length{{queue="{queue}"}} ') for line in lines)
    assert "nezha_gateway_metrics_accepting 1" in lines
    for engine in ("monitors", "tasks"):
        assert f'nezha_gateway_refused_results_total{{engine="{engine}"}} 0' in lines
    sizes = {line.split('"')[1]: int(line.split()[-1]) for line in lines if line.startswith("nezha_gateway_file_bytes{")}
    assert sizes.keys() == {"database", "metrics"} and min(sizes.values()) > 4096
    # Each family has its help and its type, once, before its samples.
    kinds = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(kinds) == len(set(kinds)) and len(kinds) == len([line for line in lines if line.startswith("# HELP")])
    assert token not in answer.text and admin not in answer.text


def test_metrics_have_a_listen_address_of_their_own(make_gateway):
    gateway = make_gateway(settings={"metrics_listen": "127.0.0.1:0"})
    line = wait_until(
        lambda: next((l for l in (gateway.folder / "gateway.out").read_text().splitlines() if l.startswith("metrics on ")), None), what="the port")
    url = "http://" + line.removeprefix("metrics on ")
    assert "nezha_gateway_info" in requests.get(f"{url}/metrics", timeout=10).text
    assert requests.get(f"{url}/api/v1/setting", timeout=10).status_code == 404
    assert requests.post(f"{url}/metrics", timeout=10).status_code == 404


def test_readiness(make_gateway):
    gateway = make_gateway()
    wait_until(lambda: requests.get(f"{gateway.url}/readyz", timeout=10).status_code == 200, what="readiness")
    assert requests.get(f"{gateway.url}/readyz", timeout=10).text == "ok"
