"""Real processes for the end-to-end tests: gateways and agents, each with a folder of its own."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import requests
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
ADMIN_PASSWORD = "correct horse battery staple"


def test_file(name: str) -> Path:
    """A file of tests, in whatever folder of its target it lies."""
    target, *_, file = name.split("/")
    found = list((REPOSITORY / "Tests" / target).rglob(file))
    assert len(found) == 1, f"{name}: {len(found)} files"
    return found[0]


# No test itself, whatever its name.
test_file.__test__ = False


def binary(name: str) -> Path:
    """The built executable; NEZHA_BIN names another folder than the release build's."""
    folder = Path(os.environ.get("NEZHA_BIN", REPOSITORY / ".build" / "release"))
    path = folder / name
    assert path.exists(), f"{path} is missing: build first (./scripts/test does)"
    return path


class Stalls:
    """How long this machine stood still, as a virtual machine does that has to wait: by what the sleeps of a thread were
    too long. What is measured here must not be counted against a program."""

    PAUSE, USUAL = 0.02, 0.05

    def __init__(self):
        self.seconds, self.last = 0.0, time.monotonic()
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        while True:
            time.sleep(self.PAUSE)
            self.seconds, self.last = self.seconds + self.running(), time.monotonic()

    def running(self) -> float:
        """Of the sleep that lasts."""
        late = time.monotonic() - self.last - self.PAUSE
        return late if late > self.USUAL else 0.0


stalls = Stalls()


def patient() -> float:
    """`time.monotonic()` without the time in which the machine stood still, for upper bounds."""
    return time.monotonic() - stalls.seconds - stalls.running()


def wait_until(condition, seconds: float = 15, every: float = 0.05, what: str = "condition"):
    """The first true value of `condition()`; fails when none comes in time."""
    end = patient() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert patient() < end, f"{what}: not within {seconds} s"
        time.sleep(every)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def surroundings(folder: Path, **more: str) -> dict[str, str]:
    """What an agent and its shells find around them: a home, PATH and locale of their own, whatever the user's files say."""
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    return {"HOME": str(home), "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8", "NZ_RECONNECT_DELAY": "1"} | more


@dataclass
class Gateway:
    """A running `nezha-gateway serve` on a free port."""

    folder: Path
    settings: dict = field(default_factory=dict)
    environment: dict = field(default_factory=dict)
    arguments: list = field(default_factory=list)
    process: subprocess.Popen | None = None
    address: str = ""
    known_session: str = ""

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def database(self) -> Path:
        return self.folder / "sqlite.db"

    @property
    def log(self) -> Path:
        return self.folder / "gateway.log"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def files(self) -> list[str]:
        return ["-c", str(self.config), "-db", str(self.database)]

    def start(self, wait: bool = True) -> "Gateway":
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.config.exists():
            settings = {"listen_host": "127.0.0.1", "listen_port": 0, "enable_mcp": True} | self.settings
            # Port 0 is a setting that only tests use; each start gets another port.
            self.config.write_text(yaml.safe_dump(settings))
            self.config.chmod(0o600)
        output = (self.folder / "gateway.out").open("wb")
        self.process = subprocess.Popen(
            [str(binary("nezha-gateway")), "serve", *self.files(), *self.arguments],
            stdout=output,
            stderr=self.log.open("ab"),
            env=os.environ | {"NZ_ADMIN_PASSWORD": ADMIN_PASSWORD} | self.environment,
        )
        output.close()
        if wait:
            self.address = wait_until(self._announced, what="listening line")
        return self

    def _announced(self) -> str | None:
        text = (self.folder / "gateway.out").read_text()
        found = re.search(r"^listening on (\S+)$", text, re.M)
        if not found and self.process.poll() is not None:
            raise AssertionError(f"gateway ended with {self.process.returncode}:\n{self.log.read_text()}")
        return found.group(1) if found else None

    def stop(self, how: int = signal.SIGTERM, seconds: float = 20) -> int:
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(seconds)
        return self.process.returncode if self.process else 0

    def command(self, *arguments: str, check: bool = True, **more) -> subprocess.CompletedProcess:
        """Runs another command of the program on the same data, such as `token create`."""
        done = subprocess.run(
            [str(binary("nezha-gateway")), *arguments, *self.files()],
            capture_output=True,
            text=True,
            timeout=60,
            **more,
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    def token(self, *scopes: str, servers: list[int] = (), days: int | None = None, user: str | None = None,
              name: str = "test") -> str:
        arguments = ["token", "create", "--name", name, "--scopes", ",".join(scopes)]
        if servers:
            arguments += ["--server-ids", ",".join(map(str, servers))]
        if days is not None:
            arguments += ["--expires-in-days", str(days)]
        if user is not None:
            arguments += ["--user", user]
        secret = self.command(*arguments).stdout.strip()
        assert re.fullmatch(r"nzp_[0-9A-Za-z]{32}", secret), secret
        return secret

    def login(self, username: str = "admin", password: str = ADMIN_PASSWORD) -> str:
        answer = requests.post(
            f"{self.url}/api/v1/login", json={"username": username, "password": password}, timeout=10
        ).json()
        assert answer.get("success") is True, answer
        return answer["data"]["token"]

    def api(self, method: str, path: str, bearer: str | None = None, **more) -> requests.Response:
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        headers |= more.pop("headers", {})
        return requests.request(method, f"{self.url}/api/v1{path}", headers=headers, timeout=20, **more)

    def asked(self, path: str, **more) -> dict:
        """The answer to a GET of the administrator, for what only has to be known: a log-in takes a while, so one serves
        until it is over."""
        answer = self.api("GET", path, self.known_session, **more).json() if self.known_session else {}
        if not answer.get("success"):
            self.known_session = self.login()
            answer = self.api("GET", path, self.known_session, **more).json()
        return answer

    def agent_secret(self) -> str:
        return self.asked("/profile")["data"]["agent_secret"]

    def rpc(self, bearer: str | None, method: str, params=None, id=1, **more) -> requests.Response:
        """One JSON-RPC message to `POST /mcp`; `id=None` makes it a notification."""
        message = {"jsonrpc": "2.0", "method": method}
        if id is not None:
            message["id"] = id
        if params is not None:
            message["params"] = params
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        headers |= more.pop("headers", {})
        return requests.post(f"{self.url}/mcp", json=message, headers=headers, timeout=more.pop("timeout", 60), **more)

    def growth(self, work) -> float:
        """MiB by which the resident memory, at its peak during `work()`, stood above where it was before."""
        folder = Path(f"/proc/{self.process.pid}")

        def mebibytes(key: str) -> float:
            return int(re.search(rf"^{key}:\s+(\d+) kB$", (folder / "status").read_text(), re.M).group(1)) / 1024

        # Sets the peak to what is resident now (proc(5)).
        (folder / "clear_refs").write_text("5")
        before = mebibytes("VmRSS")
        work()
        return mebibytes("VmHWM") - before

    def call(self, bearer: str, tool: str, **arguments) -> dict:
        """The `result` of one tool call."""
        answer = self.rpc(bearer, "tools/call", {"name": tool, "arguments": arguments}).json()
        assert "result" in answer, answer
        return answer["result"]


@dataclass
class Agent:
    """A running `nezha-agent`."""

    gateway: Gateway
    folder: Path
    secret: str
    uuid: str
    settings: dict = field(default_factory=dict)
    process: subprocess.Popen | None = None
    server_id: int = 0

    @property
    def log(self) -> Path:
        return self.folder / "agent.log"

    def start(self) -> "Agent":
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "agent.yml"
        config.write_text(
            yaml.safe_dump(
                {"server": self.gateway.address, "client_secret": self.secret, "uuid": self.uuid, "report_delay": 1}
                | self.settings
            )
        )
        self.process = subprocess.Popen(
            [str(binary("nezha-agent")), "-c", str(config)],
            stdout=subprocess.DEVNULL,
            stderr=self.log.open("ab"),
            env=surroundings(self.folder),
        )
        return self

    def wait_online(self, bearer: str, seconds: float = 20) -> "Agent":
        def found():
            assert self.process.poll() is None, self.log.read_text()
            answer = self.gateway.api("GET", "/server", bearer).json()
            for server in answer["data"]:
                if server.get("uuid") == self.uuid and server["state"] and server["host"]:
                    return server["id"]
            return None

        self.server_id = wait_until(found, seconds, what=f"agent {self.uuid} online")
        return self

    def stop(self, how: int = signal.SIGTERM) -> int:
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(15)
        return self.process.returncode if self.process else 0


def server_of(gateway: Gateway, agent) -> dict:
    """The server of an agent as the administrator sees it; empty while there is none."""
    servers = gateway.asked("/server")["data"]
    return next((server for server in servers if server.get("uuid") == agent.uuid), {})
