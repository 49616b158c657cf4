"""nezha-agent in daily use: commands, TLS, reconnecting, rights, address services."""

import http.server
import json
import os
import pwd
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time
import uuid

import pytest
import yaml

from gateway import Agent, binary, server_of, surroundings, wait_until


def run(*arguments, **more) -> subprocess.CompletedProcess:
    return subprocess.run([str(binary("nezha-agent")), *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, **more)


# The command line


def test_the_service_is_a_unit_that_systemd_can_read(tmp_path):
    config = tmp_path / "agent 100%.yml"
    done = run("service", "install", "-c", config, "--unit-dir", tmp_path, "--user", "nezha")
    unit = tmp_path / "nezha-agent.service"
    assert done.returncode == 0 and str(unit) in done.stdout and "systemctl enable --now" in done.stdout
    text = unit.read_text()
    assert f'/nezha-agent" run -c "{tmp_path}/agent 100%%.yml"' in text
    assert "User=nezha" in text and "Restart=always" in text and "WantedBy=multi-user.target" in text
    if shutil.which("systemd-analyze"):
        checked = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=60)
        assert "ExecStart" not in checked.stderr, checked.stderr
    assert run("service", "install", "-c", config, "--unit-dir", tmp_path).returncode == 0
    assert "User=" not in unit.read_text()
    removed = run("service", "uninstall", "--unit-dir", tmp_path)
    assert removed.returncode == 0 and not unit.exists()
    again = run("service", "uninstall", "--unit-dir", tmp_path)
    assert again.returncode == 66 and str(unit) in again.stderr
    assert run("service", "install", "--unit-dir", tmp_path / "missing").returncode == 73
    injected = run("service", "install", "--unit-dir", tmp_path, "--user", "a\nExecStartPre=/bin/x")
    assert injected.returncode == 78 and not unit.exists()


def test_settings_are_set_and_checked_from_the_command_line(tmp_path):
    config = tmp_path / "agent.yml"
    assert run("config", "check", "-c", config).returncode == 66
    assert run("config", "set", "-c", config, "server=127.0.0.1:1", "client_secret=canary").returncode == 0
    assert oct(config.stat().st_mode & 0o777) == "0o600"
    checked = run("config", "check", "-c", config)
    assert checked.returncode == 0 and "is valid" in checked.stdout
    assert run("config", "set", "-c", config, "dns=192.0.2.1:53,192.0.2.2:53", "disable_nat=true").returncode == 0
    saved = yaml.safe_load(config.read_text())
    assert saved["dns"] == ["192.0.2.1:53", "192.0.2.2:53"] and saved["disable_nat"] is True
    assert saved["client_secret"] == "canary"
    before = config.read_text()
    for wrong, code in (("disable_nat=maybe", 78), ("nonsense=1", 64), ("report_delay=x", 78), ("noequals", 64)):
        refused = run("config", "set", "-c", config, wrong)
        assert refused.returncode == code and config.read_text() == before
        assert wrong.split("=")[0] in refused.stderr and "canary" not in refused.stderr
    assert run("config", "set", "-c", config, "report_delay=9").returncode == 0
    broken = run("config", "check", "-c", config)
    assert broken.returncode == 78 and "report_delay" in broken.stderr and "canary" not in broken.stderr


def test_settings_are_edited_in_an_editor_and_only_valid_ones_replace_the_file(tmp_path):
    config, draft = tmp_path / "agent.yml", tmp_path / "agent.yml.draft"
    config.write_text("# mine\nserver: 127.0.0.1:1\nclient_secret: canary\nreport_delay: 1\n")
    config.chmod(0o644)

    def edit(editor):
        return run("config", "edit", "-c", config, env=os.environ | {"EDITOR": editor, "VISUAL": ""})

    changed = edit("sed -i s/delay:.1/delay:\\ 2/")
    assert changed.returncode == 0 and "was changed" in changed.stdout, changed.stderr
    saved = yaml.safe_load(config.read_text())
    assert saved["report_delay"] == 2 and saved["client_secret"] == "canary" and uuid.UUID(saved["uuid"])
    assert oct(config.stat().st_mode & 0o777) == "0o600" and not draft.exists()
    unchanged = edit("true")
    assert unchanged.returncode == 0 and "was not changed" in unchanged.stdout and not draft.exists()
    # The editor is as if we had started nothing: filters in it end with their pipes, and its limits are the caller's.
    seen = tmp_path / "seen"
    edit(f"sh -c 'grep SigIgn /proc/self/status >{seen}; ulimit -Sn >>{seen}' x")
    ignored, limit = seen.read_text().split()[1:]
    assert not int(ignored, 16) & 1 << signal.SIGPIPE - 1
    assert int(limit) == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    before = config.read_text()
    failed = edit("false")
    assert failed.returncode == 69 and config.read_text() == before

    invalid = edit("sed -i s/delay:.2/delay:\\ 9/")
    assert invalid.returncode == 78 and "report_delay" in invalid.stderr and str(draft) in invalid.stderr
    assert "canary" not in invalid.stderr and config.read_text() == before
    assert oct(draft.stat().st_mode & 0o777) == "0o600"
    # The next time goes on from there.
    mended = edit("sed -i s/delay:.9/delay:\\ 3/")
    assert mended.returncode == 0 and yaml.safe_load(config.read_text())["report_delay"] == 3 and not draft.exists()


# Connections


def test_an_agent_that_is_connecting_ends_at_once(tmp_path):
    """The peer takes the connection and says nothing."""
    config, log = tmp_path / "agent.yml", tmp_path / "log"
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        silent.settimeout(20)
        config.write_text(f"server: 127.0.0.1:{silent.getsockname()[1]}\nclient_secret: canary\nuuid: {uuid.uuid4()}\n")
        config.chmod(0o600)
        with log.open("wb") as lines:
            agent = subprocess.Popen([binary("nezha-agent"), "-c", config], stderr=lines, env=surroundings(tmp_path))
        connection, _ = silent.accept()
        with connection:
            connection.settimeout(20)
            assert connection.recv(3) == b"PRI"
            began = time.monotonic()
            agent.terminate()
            assert agent.wait(20) == 0 and time.monotonic() - began < 5
    assert "agent stopped" in log.read_text()


def test_tls_without_insecure_tls_refuses_an_unknown_certificate(tls_gateway, make_agent):
    gateway, port, _ = tls_gateway
    agent = make_agent(gateway, online=False, server=f"localhost:{port}", tls=True)
    wait_until(lambda: agent.log.read_text().count("connection lost") >= 2, 60, what="two refusals")
    assert server_of(gateway, agent) == {} and agent.process.poll() is None
    insecure = make_agent(gateway, server=f"localhost:{port}", tls=True, insecure_tls=True)
    token = gateway.token("nezha:server:exec")
    done = gateway.call(token, "server.exec", server_id=insecure.server_id, cmd="echo", args=["safe"])
    assert done["structuredContent"]["stdout"] == "safe\n"
    # Neither without TLS on the TLS port, nor with it on the other.
    for settings in ({"server": f"localhost:{port}"}, {"tls": True, "insecure_tls": True}):
        wrong = make_agent(gateway, online=False, **settings)
        wait_until(lambda: "connection lost" in wrong.log.read_text(), 60, what="a refusal")
        assert server_of(gateway, wrong) == {}


def test_an_agent_that_finds_nobody_tries_on_with_growing_pauses(make_gateway, make_agent):
    gateway = make_gateway()
    secret = gateway.agent_secret()
    agent = make_agent(gateway, report_delay=1)
    port = int(gateway.address.rsplit(":", 1)[1])
    gateway.stop()
    wait_until(lambda: agent.log.read_text().count("connection lost") >= 3, 60, what="three tries")
    assert agent.process.poll() is None and secret not in agent.log.read_text()
    gateway.config.write_text(yaml.safe_dump(yaml.safe_load(gateway.config.read_text()) | {"listen_port": port}))
    gateway.start()
    agent.wait_online(gateway.login(), 60)
    token = gateway.token("nezha:server:exec")
    done = gateway.call(token, "server.exec", server_id=agent.server_id, cmd="echo", args=["back"])
    assert done["structuredContent"]["stdout"] == "back\n"


def test_the_report_delay_is_kept(make_gateway, make_agent):
    gateway = make_gateway()
    agents = {delay: make_agent(gateway, report_delay=delay) for delay in (1, 2)}
    seen, began = {delay: set() for delay in agents}, time.monotonic()

    def enough() -> bool:
        for delay, agent in agents.items():
            seen[delay].add(server_of(gateway, agent)["last_active"])
        return all(len(moments) >= 5 for moments in seen.values())

    wait_until(enough, 60, 0.1, what="five reports of each")
    # Never more often than asked for; a busy machine may make it less often.
    for delay, moments in seen.items():
        assert len(moments) <= (time.monotonic() - began) / delay + 2


# What it says and may see


def test_the_address_of_the_own_service_becomes_the_servers(make_gateway, make_agent):
    asked = []

    class Service(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, dict(self.headers)))
            text = {"/json": '{"ip":"203.0.113.77"}', "/text": "2001:db8::77\n"}.get(self.path, "sorry")
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    service = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{service.server_port}"
    gateway = make_gateway()
    agent = make_agent(gateway, custom_ip_api=["http://127.0.0.1:1/", f"{base}/none", f"{base}/json", f"{base}/text"])
    wait_until(lambda: server_of(gateway, agent)["geoip"]["ip"], 30, what="the address")
    assert server_of(gateway, agent)["geoip"]["ip"] == {"ipv4_addr": "203.0.113.77", "ipv6_addr": "2001:db8::77"}
    assert {path for path, _ in asked} >= {"/none", "/json", "/text"}
    assert agent.secret not in json.dumps(asked) and agent.uuid not in json.dumps(asked)
    service.shutdown()
    plain = make_agent(gateway)
    wait_until(lambda: server_of(gateway, plain)["geoip"]["ip"], 30, what="the address of the connection")
    assert server_of(gateway, plain)["geoip"]["ip"] == {"ipv4_addr": "127.0.0.1"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs setpriv")
def test_an_agent_without_rights_reports_and_says_what_it_may_not(make_gateway, tmp_path_factory):
    gateway = make_gateway()
    nobody = pwd.getpwnam("nobody")
    # Nobody may enter neither the build nor pytest's folders, so it gets a place of its own.
    folder = tmp_path_factory.mktemp("nobody")
    import tempfile
    home = tempfile.mkdtemp(prefix="nezha-nobody-")
    process = None
    try:
        os.chmod(home, 0o755)
        program = os.path.join(home, "nezha-agent")
        shutil.copy(binary("nezha-agent"), program)
        own = os.path.join(home, "own")
        os.mkdir(own)
        config = os.path.join(own, "agent.yml")
        agent = Agent(gateway, folder, gateway.agent_secret(), str(uuid.uuid4()))
        with open(config, "w") as file:
            yaml.safe_dump({"server": gateway.address, "client_secret": agent.secret, "uuid": agent.uuid,
                            "report_delay": 1}, file)
        for path in (own, config):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
        os.chmod(config, 0o600)
        process = agent.process = subprocess.Popen(
            ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups", program, "-c", config],
            stdout=subprocess.DEVNULL, stderr=agent.log.open("ab"), env=os.environ | {"HOME": own}, cwd="/")
        agent.wait_online(gateway.login())
        server = server_of(gateway, agent)
        assert server["host"]["platform"] and server["host"]["mem_total"] > 0 and server["host"]["disk_total"] > 0
        assert server["state"]["mem_used"] > 0 and server["state"]["process_count"] > 0

        secret = os.path.join(home, "secret")
        with open(secret, "w") as file:
            file.write("canary")
        os.chmod(secret, 0o600)
        token = gateway.token("nezha:server:read", "nezha:server:write", "nezha:server:delete", "nezha:server:exec")

        def text(tool, **more):
            result = gateway.call(token, tool, server_id=agent.server_id, **more)
            assert result["isError"] is True
            return result["content"][0]["text"]

        assert gateway.call(token, "server.exec", server_id=agent.server_id, cmd="id", args=["-un"])[
            "structuredContent"]["stdout"] == "nobody\n"
        assert text("fs.read", path=secret) == "permission denied"
        assert text("fs.write", path=os.path.join(home, "new"), content="x") == "permission denied"
        assert text("fs.delete", path=secret) == "permission denied"
        assert text("fs.list", path="/root") == "permission denied"
        assert "permission denied" in text("server.exec", cmd=secret)
        assert os.path.exists(secret)
        done = gateway.call(token, "fs.write", server_id=agent.server_id, path=os.path.join(own, "mine"), content="x")
        assert done["structuredContent"]["size"] == 1
    finally:
        if process:
            process.terminate()
            process.wait(15)
        shutil.rmtree(home)
