"""nezha-agent on machines as they are: few descriptors, bare environments, hung or read-only places, kill -9."""

import concurrent.futures
import os
import resource
import shutil
import signal
import subprocess
import time
import uuid

import pytest

from gateway import Agent, binary, wait_until

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may do this")
SCOPES = ("nezha:server:read", "nezha:server:write", "nezha:server:delete", "nezha:server:exec")
FAST = {"mcp_rate_limit_per_second": 10_000, "mcp_rate_limit_per_minute": 600_000}


@pytest.fixture
def gateway(make_gateway):
    return make_gateway(settings=FAST)


@pytest.fixture
def start(gateway, tmp_path):
    """Starts an agent by a command line of its own: `start([before…], env)`."""
    started = []

    def run(before=(), env=None, stderr=None, **more) -> Agent:
        agent = Agent(gateway, tmp_path / f"own-{len(started)}", gateway.agent_secret(), str(uuid.uuid4()))
        agent.folder.mkdir()
        (agent.folder / "agent.yml").write_text(
            f"server: '{gateway.address}'\nclient_secret: {agent.secret}\nuuid: {agent.uuid}\nreport_delay: '1'\n"
            "debug: true\n")
        agent.process = subprocess.Popen(
            [*before, str(binary("nezha-agent")), "-c", str(agent.folder / "agent.yml")], cwd=agent.folder,
            stdout=subprocess.DEVNULL, stderr=stderr or agent.log.open("ab"),
            env=os.environ | {"NZ_RECONNECT_DELAY": "1"} if env is None else env, **more)
        started.append(agent)
        return agent

    yield run
    for agent in started:
        agent.stop(signal.SIGKILL)


def text(result) -> str:
    return result["content"][0]["text"]


@pytest.mark.parametrize("hard", [False, True])
def test_few_descriptors_are_raised_and_too_many_commands_are_told(gateway, start, hard):
    limit = "ulimit -n 64" if hard else "ulimit -S -n 64"
    agent = start(["sh", "-c", limit + '; exec "$0" "$@"']).wait_online(gateway.login())
    token = gateway.token(*SCOPES)
    usual = gateway.call(token, "server.exec", server_id=agent.server_id, cmd="sh",
                         args=["-c", "sleep 0.5; ulimit -S -n"])
    assert usual["structuredContent"]["stdout"] == "64\n"

    def sleep(_):
        return gateway.call(token, "server.exec", server_id=agent.server_id, cmd="sleep", args=["1"])

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        results = list(pool.map(sleep, range(12)))
    failures = [text(result) for result in results if result.get("isError")]
    assert all("too many commands at once" in failure for failure in failures), failures
    assert bool(failures) == hard and len(failures) < 12
    assert not sleep(0).get("isError")


def test_a_bare_environment_is_enough(gateway, start):
    agent = start(env={}).wait_online(gateway.login())
    token = gateway.token(*SCOPES)
    done = gateway.call(token, "server.exec", server_id=agent.server_id, cmd="sh",
                        args=["-c", "echo $PATH; echo $HOME; echo $LANG"])
    path, home, lang = done["structuredContent"]["stdout"].splitlines()
    assert "/usr/bin" in path.split(":") and home and lang == "C.UTF-8"


@ROOT
@pytest.mark.skipif(not shutil.which("unshare"), reason="needs unshare")
def test_process_1_reaps_orphans_and_loses_no_exit_code(gateway, start):
    if subprocess.run(["unshare", "-pf", "--mount-proc", "true"]).returncode != 0:
        pytest.skip("no new process space to be had")
    agent = start(["unshare", "-pf", "--mount-proc", "--kill-child"]).wait_online(gateway.login())
    token = gateway.token(*SCOPES)

    def sh(script):
        return gateway.call(token, "server.exec", server_id=agent.server_id, cmd="sh", args=["-c", script])[
            "structuredContent"]

    for code in range(8):
        assert sh(f"setsid sh -c 'sleep 0.1 &' & exit {code}")["exit_code"] == code
    # One that ended has no command line any more.
    count = "for f in /proc/[0-9]*/stat; do grep -c ') Z 1 ' $f; done | grep -c 1"
    wait_until(lambda: sh(count)["stdout"].strip() == "0", 15, 0.3, what="no zombie")


def test_the_words_of_the_system_reach_the_caller_and_the_log(gateway, start):
    agent = start().wait_online(gateway.login())
    token = gateway.token(*SCOPES)
    for tool, arguments, words in (
        ("server.exec", {"cmd": "true", "args": ["A" * 140_000]}, "argument list too long"),
        ("fs.write", {"path": "/dev/null/x", "content": "x"}, "not a directory"),
        ("fs.read", {"path": "/" + "b" * 255 + "b"}, "file name too long"),
        ("fs.write", {"path": "/dev/null", "content": "x"}, "path is not a regular file"),
    ):
        assert words in text(gateway.call(token, tool, server_id=agent.server_id, **arguments))
        wait_until(lambda: words in agent.log.read_text(), 10, what=words)
    if os.path.ismount("/dev/shm") and os.geteuid() == 0:
        full = agent.folder / "full"
        full.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", full]).returncode == 0:
            try:
                told = gateway.call(token, "fs.write", server_id=agent.server_id, path=str(full / "x"),
                                    content="x" * 200_000)
                assert text(told) == "no space left on device" and not os.listdir(full)
            finally:
                subprocess.run(["umount", full])


def test_names_that_are_no_text_are_listed_and_opened(gateway, start, tmp_path):
    folder = os.fsencode(tmp_path) + b"/names"
    os.mkdir(folder)
    for name in (b"\xd6\xd0.txt", b"\xd6\xd1.txt", "\uefd6.txt".encode()):
        with open(folder + b"/" + name, "wb") as file:
            file.write(name)
    agent = start().wait_online(gateway.login())
    token = gateway.token(*SCOPES)
    path = os.fsdecode(folder)
    rows = gateway.call(token, "fs.list", server_id=agent.server_id, path=path)["structuredContent"]["entries"]
    assert len({row["name"] for row in rows}) == 3
    import base64
    for row in rows:
        read = gateway.call(token, "fs.read", server_id=agent.server_id, path=f"{path}/{row['name']}",
                            encoding="base64")["structuredContent"]
        assert read["content"] == row["name_base64"] and base64.b64decode(read["content"]).endswith(b".txt")


def test_root_is_refused_behind_marks_that_join_with_a_slash(gateway, start):
    agent = start().wait_online(gateway.login())
    token = gateway.token(*SCOPES)
    for path in ("/\u0600/..", "/\u0301/../", "/tmp/\u0600/../.."):
        told = gateway.call(token, "fs.delete", server_id=agent.server_id, path=path, recursive=True)
        assert told["isError"] and text(told) == "refusing to delete root"


def test_a_replaced_file_keeps_its_mode_and_a_deep_tree_goes(gateway, start, tmp_path):
    agent = start().wait_online(gateway.login())
    resource.prlimit(agent.process.pid, resource.RLIMIT_NOFILE, (200, 200))
    token = gateway.token(*SCOPES)
    secret = tmp_path / ".env"
    secret.write_text("KEY=1")
    secret.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(secret, 1234, 1234)
    gateway.call(token, "fs.write", server_id=agent.server_id, path=str(secret), content="KEY=2")
    assert secret.read_text() == "KEY=2" and oct(secret.stat().st_mode & 0o777) == "0o600"
    assert os.geteuid() != 0 or secret.stat().st_uid == 1234

    here, deep = os.getcwd(), tmp_path / "deep"
    deep.mkdir()
    try:
        os.chdir(deep)
        for _ in range(3000):
            os.mkdir("d")
            os.chdir("d")
    finally:
        os.chdir(here)
    done = gateway.call(token, "fs.delete", server_id=agent.server_id, path=str(deep), recursive=True)
    assert done["structuredContent"]["deleted_count"] == 3001 and not deep.exists()


@pytest.mark.parametrize("path", ["/proc/meminfo", "/sys/class/net/lo/mtu"])
def test_files_of_the_kernel_are_downloaded_whole(gateway, start, path):
    import requests
    agent = start().wait_online(gateway.login())
    token = gateway.token(*SCOPES)
    url = gateway.call(token, "fs.download_url", server_id=agent.server_id, path=path)["structuredContent"]["url"]
    answer = requests.get(url, timeout=20)
    assert answer.status_code == 200 and len(answer.content) > 3 and answer.content.endswith(b"\n")


@pytest.mark.parametrize("place", ["pipe", "full", "closed"])
def test_logs_that_nobody_can_write_end_nothing(gateway, start, place):
    if place == "pipe":
        reader, writer = os.pipe()
        agent = start(stderr=writer)
        os.close(writer)
        os.close(reader)
    elif place == "full":
        agent = start(stderr=open("/dev/full", "wb"))
    else:
        agent = start(["sh", "-c", 'exec "$0" "$@" 2>&-'])
    agent.log.touch()
    agent.wait_online(gateway.login())
    token = gateway.token(*SCOPES)
    # Each failure is a line of the log.
    for _ in range(5):
        gateway.call(token, "fs.read", server_id=agent.server_id, path="/no/such/file")
    assert agent.process.poll() is None
    assert agent.stop() == 0


def test_answers_that_nobody_can_read_end_with_74(tmp_path):
    config = tmp_path / "agent.yml"
    config.write_text("server: 127.0.0.1:1\nclient_secret: x\n")
    for arguments in (["config", "check", "-c", config], ["--version"], ["--help"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([binary("nezha-agent"), *arguments], stdout=full, stderr=subprocess.PIPE, timeout=20)
        assert done.returncode == 74, (arguments, done.stderr)
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([binary("nezha-agent"), *arguments], stdout=writer, stderr=subprocess.PIPE, timeout=20)
        os.close(writer)
        assert done.returncode == 74, (arguments, done.stderr)


def test_what_a_killed_agent_left_of_an_upload_is_swept(gateway, start, tmp_path):
    import requests
    agent = start().wait_online(gateway.login())
    token = gateway.token(*SCOPES)
    place = tmp_path / "uploads"
    place.mkdir()
    url = gateway.call(token, "fs.upload_url", server_id=agent.server_id, path=str(place / "big"))[
        "structuredContent"]["url"]

    def body():
        yield b"x" * 3_000_000
        wait_until(lambda: os.listdir(place), 15, what="a temporary file")
        agent.process.kill()
        yield b"x" * 3_000_000

    class Sized:
        def __init__(self):
            self.parts = body()

        def __iter__(self):
            return self.parts

        def __len__(self):
            return 6_000_000

    try:
        requests.post(url, data=Sized(), timeout=30)
    except (requests.RequestException, ConnectionError):
        pass
    if agent.process.poll() is None:
        agent.process.kill()
    agent.process.wait(10)
    left = os.listdir(place)
    if not left:
        pytest.skip("the upload had not begun yet")
    again = subprocess.Popen([str(binary("nezha-agent")), "-c", str(agent.folder / "agent.yml")], cwd=agent.folder,
                             stderr=agent.log.open("ab"))
    try:
        wait_until(lambda: not os.listdir(place), 15, what="the sweep")
    finally:
        again.terminate()
        again.wait(15)


@ROOT
def test_a_mounted_file_is_written_over(gateway, start, tmp_path):
    agent = start().wait_online(gateway.login())
    token = gateway.token(*SCOPES)
    real, seen = tmp_path / "real", tmp_path / "seen"
    real.write_text("old and longer")
    seen.touch()
    if subprocess.run(["mount", "--bind", real, seen]).returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        done = gateway.call(token, "fs.write", server_id=agent.server_id, path=str(seen), content="new")
        assert not done.get("isError"), text(done)
        assert real.read_text() == "new"
    finally:
        subprocess.run(["umount", seen])
