"""nezha-agent on machines as they are: few descriptors, bare environments, hung or read-only places, kill -9."""

import concurrent.futures
import ctypes
import os
import resource
import shutil
import signal
import stat
import subprocess
import time
import uuid

import pytest
import requests

from gateway import Agent, binary, surroundings, wait_until
from streams import open_socket, read_until, upload

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
            env=surroundings(agent.folder) if env is None else env, **more)
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
    # In force before a program's first instruction, however early it looks.
    for _ in range(5):
        usual = gateway.call(token, "server.exec", server_id=agent.server_id, cmd="sh", args=["-c", "ulimit -S -n"])
        assert usual["structuredContent"]["stdout"] == "64\n"

    def sleep(_):
        return gateway.call(token, "server.exec", server_id=agent.server_id, cmd="sleep", args=["1"])

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        results = list(pool.map(sleep, range(12)))
    failures = [text(result) for result in results if result.get("isError")]
    assert all("too many commands at once" in failure for failure in failures), failures
    assert bool(failures) == hard and len(failures) < 12
    assert not sleep(0).get("isError")


def test_the_users_own_files_hold_no_terminal_of_these_tests_up(gateway, start, tmp_path, monkeypatch):
    home = tmp_path / "of-the-user"
    home.mkdir()
    for name in (".bashrc", ".profile", ".bash_profile", ".zshrc"):
        (home / name).write_text("sleep 600\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", str(home), prepend=":")
    agent = start().wait_online(gateway.login())
    bearer = gateway.login()
    answer = gateway.api("POST", "/terminal", bearer, json={"server_id": agent.server_id}).json()
    with open_socket(gateway, "terminal", answer["data"]["session_id"], bearer) as page:
        page.send("echo m$((40+3)); echo $HOME\r")
        shown = read_until(page, b"m43")
        shown += read_until(page, b"/home") if b"/home" not in shown else b""
    assert b"of-the-user" not in shown


def test_a_bare_environment_is_enough(gateway, start):
    agent = start(env={}).wait_online(gateway.login())
    token = gateway.token(*SCOPES)
    done = gateway.call(token, "server.exec", server_id=agent.server_id, cmd="sh",
                        args=["-c", "echo $PATH; echo $HOME; echo $LANG"])
    path, home, lang = done["structuredContent"]["stdout"].splitlines()
    assert "/usr/bin" in path.split(":") and home and lang == "C.UTF-8"


@pytest.mark.skipif(not shutil.which("unshare"), reason="needs unshare")
def test_process_1_reaps_orphans_and_loses_no_exit_code(gateway, start):
    ways = (["unshare", "-pf", "--mount-proc", "--kill-child"], ["unshare", "-Urpf", "--mount-proc", "--kill-child"])
    way = next((way for way in ways if subprocess.run([*way, "true"], capture_output=True).returncode == 0), None)
    if not way:
        pytest.skip("no new process space to be had")
    agent = start(way).wait_online(gateway.login())
    token = gateway.token(*SCOPES)

    def sh(script):
        return gateway.call(token, "server.exec", server_id=agent.server_id, cmd="sh", args=["-c", script])[
            "structuredContent"]

    for code in range(8):
        assert sh(f"setsid sh -c 'sleep 0.1 &' & exit {code}")["exit_code"] == code
    # One that ended has no command line any more.
    count = "for f in /proc/[0-9]*/stat; do grep -c ') Z 1 ' $f; done | grep -c 1"
    wait_until(lambda: sh(count)["stdout"].strip() == "0", 15, 0.3, what="no zombie")


# What the system refuses, in its words: to the caller, and in the agent's log.

REFUSED = {
    "E2BIG, an argument": ("server.exec", {"cmd": "true", "args": ["A" * 140_000]}, "argument list too long"),
    "E2BIG, the environment": ("server.exec", {"cmd": "true", "env": {"A": "A" * 140_000}}, "argument list too long"),
    "ENOTDIR, write": ("fs.write", {"path": "/dev/null/x", "content": "x"}, "not a directory"),
    "ENOTDIR, list": ("fs.list", {"path": "/dev/null"}, "not a directory"),
    "ENAMETOOLONG, read": ("fs.read", {"path": "/" + "b" * 256}, "file name too long"),
    "ENAMETOOLONG, write": ("fs.write", {"path": "/tmp/" + "b" * 256, "content": "x"}, "file name too long"),
    "ENAMETOOLONG, list": ("fs.list", {"path": "/" + "b" * 256}, "file name too long"),
    "ENAMETOOLONG, delete": ("fs.delete", {"path": "/tmp/" + "b" * 256}, "file name too long"),
    "a device": ("fs.write", {"path": "/dev/null", "content": "x"}, "path is not a regular file"),
}


def test_the_words_of_the_system_reach_the_caller_and_the_log(gateway, start):
    agent = start().wait_online(gateway.login())
    token = gateway.token(*SCOPES)
    for name, (tool, arguments, words) in REFUSED.items():
        before = agent.log.read_text().count(words)
        told = gateway.call(token, tool, server_id=agent.server_id, **arguments)
        assert told["isError"] and words in text(told), (name, told)
        wait_until(lambda: agent.log.read_text().count(words) > before, 10, what=f"{name} in the log")  # noqa: B023
    assert os.path.exists("/dev/null") and not os.path.isfile("/dev/null")


def in_own_mounts(*commands: str) -> list[str]:
    """A command line that starts what follows it where it alone sees these mounts; skips where nobody may mount."""
    script = " && ".join(commands)
    for way in (["unshare", "-m"], ["unshare", "-Urm"]):
        try:
            if subprocess.run([*way, "sh", "-c", script], capture_output=True).returncode == 0:
                return [*way, "sh", "-c", script + ' && exec "$0" "$@"']
        except FileNotFoundError:
            break
    pytest.skip("nothing can be mounted here")


def test_full_read_only_and_busy_places_are_told_in_words(gateway, start, tmp_path):
    full, fixed = tmp_path / "full", tmp_path / "fixed"
    full.mkdir(), fixed.mkdir()
    agent = start(in_own_mounts(f"mount -t tmpfs -o size=64k tmpfs '{full}'", f"touch '{fixed}/old'",
                                f"mount --bind '{fixed}' '{fixed}'", f"mount -o remount,ro,bind '{fixed}'"))
    agent.wait_online(gateway.login())
    token = gateway.token(*SCOPES)
    no_space, read_only = "no space left on device", "read-only file system"

    def call(tool, **arguments):
        return gateway.call(token, tool, server_id=agent.server_id, **arguments)

    def refused(words, tool, **arguments):
        told = call(tool, **arguments)
        assert told["isError"] and text(told) == words, (tool, arguments, told)
        wait_until(lambda: f"error={words} " in agent.log.read_text(), 10, what=f"{words} in the log")

    refused(no_space, "fs.write", path=f"{full}/x", content="x" * 200_000)
    refused(read_only, "fs.write", path=f"{fixed}/new", content="x")
    refused(read_only, "fs.write", path=f"{fixed}/old", content="x")
    refused(read_only, "fs.write", path=f"{fixed}/made/new", content="x", create_dirs=True)
    refused(read_only, "fs.delete", path=f"{fixed}/old")
    refused("device or resource busy", "fs.delete", path=str(full))
    for place, words in ((full, no_space), (fixed, read_only)):
        url = call("fs.upload_url", path=f"{place}/x")["structuredContent"]["url"]
        answer = requests.post(url, data=b"x" * 200_000, timeout=20)
        assert (answer.status_code, answer.text) == (502, words)
    # Nothing of it stays.
    listed = [call("fs.list", path=str(place), show_hidden=True)["structuredContent"]["entries"] for place in (full, fixed)]
    assert [[entry["name"] for entry in entries] for entries in listed] == [[], ["old"]]

    bearer = gateway.login()
    session = gateway.api("POST", f"/file?id={agent.server_id}", bearer).json()["data"]["session_id"]
    with open_socket(gateway, "file", session, bearer) as page:
        for path, content, words in ((f"{fixed}/y", b"x", read_only), (f"{full}/y", b"x" * 200_000, no_space)):
            page.send(upload(len(content), path))
            page.send(content)
            assert page.recv(timeout=20) == b"NERR" + words.encode()
            wait_until(lambda: f"file manager failed error={words}\n" in agent.log.read_text(), 10,  # noqa: B023
                       what=f"{words} in the log")


def test_a_device_is_never_replaced(gateway, start, tmp_path):
    """Nor is a FIFO, where nobody may make devices."""
    place = tmp_path / "node"
    try:
        os.mknod(place, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError:
        os.mkfifo(place)
    kind = stat.S_IFMT(place.lstat().st_mode)
    agent = start().wait_online(gateway.login())
    token = gateway.token(*SCOPES)
    told = gateway.call(token, "fs.write", server_id=agent.server_id, path=str(place), content="x")
    assert told["isError"] and text(told) == "path is not a regular file"
    url = gateway.call(token, "fs.upload_url", server_id=agent.server_id, path=str(place))["structuredContent"]["url"]
    assert requests.post(url, data=b"x", timeout=20).status_code == 502
    assert stat.S_IFMT(place.lstat().st_mode) == kind


# Paths are bytes


def test_a_zero_byte_is_refused_everywhere(gateway, start, tmp_path):
    """The system would see only what stands before it: another file, another command."""
    (tmp_path / "file").write_text("content")
    agent = start().wait_online(gateway.login())
    token = gateway.token(*SCOPES)
    path = f"{tmp_path}/file\0.txt"
    for tool, arguments in (
        ("fs.list", {"path": f"{tmp_path}\0x"}), ("fs.read", {"path": path}), ("fs.write", {"path": path, "content": "x"}),
        ("fs.delete", {"path": path}), ("fs.delete", {"path": f"{tmp_path}\0x", "recursive": True}),
        ("fs.download_url", {"path": path}), ("fs.upload_url", {"path": path}),
        ("server.exec", {"cmd": "true\0x"}), ("server.exec", {"cmd": "echo", "args": ["a\0b"]}),
        ("server.exec", {"cmd": "true", "cwd": "/\0x"}), ("server.exec", {"cmd": "true", "env": {"A": "b\0c"}}),
        ("server.exec", {"cmd": "true", "env": {"A\0": "b"}}),
    ):
        told = gateway.call(token, tool, server_id=agent.server_id, **arguments)
        assert told["isError"] and "internal" not in text(told), (tool, arguments, told)
    bearer = gateway.login()
    session = gateway.api("POST", f"/file?id={agent.server_id}", bearer).json()["data"]["session_id"]
    with open_socket(gateway, "file", session, bearer) as page:
        for command in (b"\0" + f"{tmp_path}\0x".encode(), b"\1" + path.encode(), upload(0, path)):
            page.send(command)
            assert page.recv(timeout=20)[:4] == b"NERR", command
    assert (tmp_path / "file").read_text() == "content"


def test_the_file_manager_opens_what_it_lists_whatever_the_bytes(gateway, start, tmp_path):
    folder = os.fsencode(tmp_path) + b"/\xd6\xd0"
    os.mkdir(folder)
    for name in (b"\xd6\xd0.txt", "\uefd6.txt".encode()):
        with open(folder + b"/" + name, "wb") as file:
            file.write(name)
    agent = start().wait_online(gateway.login())
    bearer = gateway.login()
    session = gateway.api("POST", f"/file?id={agent.server_id}", bearer).json()["data"]["session_id"]
    with open_socket(gateway, "file", session, bearer) as page:
        page.send(b"\0" + folder)
        listed = page.recv(timeout=20)
        assert listed[8:8 + int.from_bytes(listed[4:8], "big")] == folder
        for name in (b"\xd6\xd0.txt", "\uefd6.txt".encode()):
            assert bytes([0, len(name)]) + name in listed
            page.send(b"\1" + folder + b"/" + name)
            assert page.recv(timeout=20) == b"NZTD" + len(name).to_bytes(8, "big")
            assert page.recv(timeout=20) == name
        # Files that say they are empty and are not.
        page.send(b"\1/proc/self/mounts")
        head = page.recv(timeout=20)
        assert head[:4] == b"NZTD" and int.from_bytes(head[4:], "big") == len(page.recv(timeout=20)) > 0
        page.send(b"\2" + (3).to_bytes(8, "big") + folder + b"/\xff")
        page.send(b"new")
        assert page.recv(timeout=20) == b"NZUP"
    with open(folder + b"/\xff", "rb") as file:
        assert file.read() == b"new"


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


@pytest.fixture(params=["fuseblk", "fuse"])
def dead_mount(request, tmp_path):
    """A mount on which every question waits for ever, as on one whose server has gone: a FUSE that nobody serves. One
    counts as a disk of this machine, the other is somebody else's."""
    place, image = tmp_path / "dead mount", tmp_path / "image"
    place.mkdir()
    image.write_bytes(bytes(1 << 20))
    libc = ctypes.CDLL(None, use_errno=True)
    source, device, is_mounted = "remote:", -1, False
    try:
        if request.param == "fuseblk":
            looped = subprocess.run(["losetup", "-f", "--show", image], capture_output=True, text=True)
            if looped.returncode != 0:
                pytest.skip("no block device to be had")
            source = looped.stdout.strip()
        device = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={device},rootmode=40000,user_id=0,group_id=0"
        is_mounted = libc.mount(source.encode(), os.fsencode(place), request.param.encode(), 0, options.encode()) == 0
        if not is_mounted:
            pytest.skip("nothing can be mounted here")
        yield request.param, place
    except (FileNotFoundError, PermissionError):
        pytest.skip("no FUSE here")
    finally:
        if device >= 0:
            # Whoever waits gets an error.
            os.close(device)
        if is_mounted:
            libc.umount2(os.fsencode(place), 2)
        if source != "remote:":
            subprocess.run(["losetup", "-d", source])


def test_a_dead_mount_holds_no_report_up_and_is_named(gateway, start, dead_mount):
    kind, place = dead_mount
    agent = start().wait_online(gateway.login())
    bearer, token = gateway.login(), gateway.token(*SCOPES)

    def uptime():
        return next(server["state"]["uptime"] for server in gateway.api("GET", "/server", bearer).json()["data"])

    before = uptime()
    # Reports go on while it hangs, and so do commands.
    wait_until(lambda: uptime() >= before + 2, 20, 0.2, what="more reports")
    done = gateway.call(token, "server.exec", server_id=agent.server_id, cmd="true")
    assert done["structuredContent"]["exit_code"] == 0
    began = time.monotonic()
    assert agent.stop() == 0 and time.monotonic() - began < 10
    lines = [line for line in agent.log.read_text().splitlines() if "does not answer" in line]
    assert [str(place) in line for line in lines] == ([True] if kind == "fuseblk" else []), lines


@pytest.mark.parametrize("path", ["/proc/meminfo", "/sys/class/net/lo/mtu"])
def test_files_of_the_kernel_are_downloaded_whole(gateway, start, path):
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
        closed = subprocess.run(["sh", "-c", 'exec "$0" "$@" >&-', binary("nezha-agent"), *arguments], timeout=20,
                                stderr=subprocess.PIPE)
        assert closed.returncode == 74, (arguments, closed.stderr)


def test_what_cannot_be_answered_is_undone(tmp_path):
    config, unit = tmp_path / "agent.yml", tmp_path / "nezha-agent.service"
    config.write_text("server: 127.0.0.1:1\nclient_secret: x\nuuid: 5b1c2f80-0000-4000-8000-000000000001\n")
    install = ["service", "install", "-c", config, "--unit-dir", tmp_path]

    def unheard(*arguments, **more):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([binary("nezha-agent"), *arguments], stdout=full, stderr=subprocess.PIPE, timeout=20,
                                  **more)
        assert done.returncode == 74, (arguments, done.stderr)

    unheard(*install)
    assert os.listdir(tmp_path) == [config.name]
    subprocess.run([binary("nezha-agent"), *install, "--user", "nezha"], check=True, timeout=20)
    before = unit.read_text()
    unheard(*install)
    unheard("service", "uninstall", "--unit-dir", tmp_path)
    assert unit.read_text() == before

    before = config.read_text()
    editor = {"EDITOR": "sed -i s/secret:.x/secret:\\ y/", "VISUAL": ""}
    unheard("config", "edit", "-c", config, env=os.environ | editor)
    assert config.read_text() == before
    assert "client_secret: y" in (tmp_path / "agent.yml.draft").read_text()


def test_what_a_killed_agent_left_of_an_upload_is_swept(gateway, start, tmp_path):
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


def test_a_mounted_file_is_written_over(gateway, start, tmp_path):
    real, seen = tmp_path / "real", tmp_path / "seen"
    real.write_text("old and longer")
    seen.touch()
    agent = start(in_own_mounts(f"mount --bind '{real}' '{seen}'")).wait_online(gateway.login())
    token = gateway.token(*SCOPES)
    done = gateway.call(token, "fs.write", server_id=agent.server_id, path=str(seen), content="new")
    assert not done.get("isError"), text(done)
    assert real.read_text() == "new" and seen.read_text() == ""


def test_a_mounted_file_in_a_read_only_folder_is_written_over(gateway, start, tmp_path):
    real, folder = tmp_path / "real", tmp_path / "folder"
    real.write_text("old and longer")
    folder.mkdir()
    (folder / "seen").touch()
    (folder / "fixed").write_text("fixed")
    seen = folder / "seen"
    agent = start(in_own_mounts(f"mount --bind '{folder}' '{folder}'", f"mount -o remount,ro,bind '{folder}'",
                                f"mount --bind '{real}' '{seen}'")).wait_online(gateway.login())
    token = gateway.token(*SCOPES)
    done = gateway.call(token, "fs.write", server_id=agent.server_id, path=str(seen), content="new")
    assert not done.get("isError"), text(done)
    assert real.read_text() == "new"
    grant = gateway.call(token, "fs.upload_url", server_id=agent.server_id, path=str(seen))
    answer = requests.post(grant["structuredContent"]["url"], data=b"x" * 300_000, timeout=30)
    assert answer.status_code == 200, answer.text
    assert real.read_bytes() == b"x" * 300_000
    # What is read-only itself stays, and so does the folder's list.
    refused = gateway.call(token, "fs.write", server_id=agent.server_id, path=str(folder / "fixed"), content="new")
    assert refused["isError"] and "read-only file system" in text(refused)
    assert sorted(os.listdir(folder)) == ["fixed", "seen"] and (folder / "fixed").read_text() == "fixed"


def test_the_settings_of_an_agent_may_be_a_mounted_file_in_a_read_only_folder(tmp_path):
    real, folder = tmp_path / "real.yml", tmp_path / "folder"
    real.write_text("server: '127.0.0.1:1'\nclient_secret: s\n# " + "long " * 100 + "\n")
    folder.mkdir()
    (folder / "agent.yml").touch()
    way = in_own_mounts(f"mount --bind '{folder}' '{folder}'", f"mount -o remount,ro,bind '{folder}'",
                        f"mount --bind '{real}' '{folder}/agent.yml'")
    done = subprocess.run(
        [*way, str(binary("nezha-agent")), "config", "set", "-c", str(folder / "agent.yml"), "report_delay=2"],
        capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    assert "report_delay: 2" in real.read_text()
