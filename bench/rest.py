"""REST with a thousand servers under a crowd of agents: `GET /server`, `POST /login`, and the fan-out of
`GET /ws/server` to a thousand watchers; each beside nginx that sends the same bytes as a constant, in the same run."""

from __future__ import annotations

import argparse
import base64
import json
import os
import resource
import selectors
import shutil
import socket
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Tests" / "EndToEnd"))
from agents import Crowd, Usage  # noqa: E402
from gateway import ADMIN_PASSWORD, Gateway, wait_until  # noqa: E402
from tools_call import COLUMNS, free_port, measure, nginx_process  # noqa: E402


@contextmanager
def nginx(folder: Path, files: dict[str, bytes]):
    """nginx that serves each of `files` at its path, whatever the method; and its workers' ids."""
    port, home = free_port(), folder / "nginx"
    (home / "files").mkdir(parents=True)
    for name, content in files.items():
        (home / "files" / name).write_bytes(content)
    locations = "".join(f"location = /{name} {{ error_page 405 =200 $uri; }}\n" for name in files)
    http = f"""
    keepalive_timeout 1h;
    open_file_cache max=100;
    server {{ listen 127.0.0.1:{port} backlog=4096; root {home}/files; {locations} }}
"""
    with nginx_process(home, port, http, "user root;" if os.geteuid() == 0 else "") as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        yield f"http://127.0.0.1:{port}", [int(pid) for pid in children]
    shutil.rmtree(home)


# Masked with zeros. Whoever is silent is taken for gone.
PONG = bytes([0x8A, 0x80, 0, 0, 0, 0])


class Audience:
    """Many connections whose bytes are read and thrown away, in a thread of its own."""

    def __init__(self, address: str) -> None:
        host, port = address.rsplit(":", 1)
        self.address = (host, int(port))
        self.sockets: list[socket.socket] = []
        self.selector = selectors.DefaultSelector()
        self.received: dict[socket.socket, int] = {}
        self.closed = 0
        self.running = True
        self.buffer = bytearray(1 << 20)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def join(self, head: bytes) -> None:
        opened = socket.create_connection(self.address, timeout=20)
        opened.sendall(head)
        opened.setblocking(False)
        self.received[opened] = 0
        self.sockets.append(opened)
        self.selector.register(opened, selectors.EVENT_READ)

    def say(self, text: bytes) -> None:
        for each in self.sockets:
            each.send(text)

    @property
    def total(self) -> int:
        return sum(self.received.values())

    def _read(self) -> None:
        while self.running:
            for key, _ in self.selector.select(0.2):
                try:
                    count = key.fileobj.recv_into(self.buffer)
                except BlockingIOError:
                    continue
                if count == 0:
                    self.selector.unregister(key.fileobj)
                    self.closed += 1
                self.received[key.fileobj] += count

    def leave(self) -> None:
        self.running = False
        self.thread.join(5)
        for each in self.sockets:
            each.close()


def handshake(gateway: Gateway, token: str | None) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    fields = [
        "GET /api/v1/ws/server HTTP/1.1", f"Host: {gateway.address}", "Connection: Upgrade", "Upgrade: websocket",
        "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}",
    ]
    if token:
        fields.append(f"Authorization: Bearer {token}")
    return ("\r\n".join(fields) + "\r\n\r\n").encode()


def first_message(gateway: Gateway) -> bytes:
    """The second message that a guest gets: the form of all that follow."""
    connection = socket.create_connection(gateway.address.rsplit(":", 1), timeout=20)
    connection.sendall(handshake(gateway, None))
    stream = connection.makefile("rb")
    while stream.readline().strip():
        pass
    message = b""
    for _ in range(2):
        head = stream.read(2)
        length = head[1]
        if length >= 126:
            length = int.from_bytes(stream.read(2 if length == 126 else 8), "big")
        message = stream.read(length)
    connection.close()
    return message


def cpu(pids: list[int]) -> float:
    return sum(usage.user + usage.system for usage in map(Usage, pids))


def fan_out(folder: Path, gateway: Gateway, chosen) -> None:
    """CPU of the gateway for its watchers, over that for agents alone; beside nginx asked as often for such a message."""
    pid = [gateway.process.pid]
    began = cpu(pid)
    time.sleep(chosen.watch)
    idle = (cpu(pid) - began) / chosen.watch

    message = first_message(gateway)
    audience = Audience(gateway.address)
    for _ in range(chosen.watchers):
        audience.join(handshake(gateway, None))
    wait_until(lambda: min(audience.received.values()) > 0, 60, 0.2, "the first messages")
    time.sleep(4)
    audience.say(PONG)
    began, bytes_before, start = cpu(pid), audience.total, time.monotonic()
    while (rest := start + chosen.watch - time.monotonic()) > 0:
        time.sleep(min(6, rest))
        audience.say(PONG)
    took = time.monotonic() - start
    ours, sent = (cpu(pid) - began) / took, (audience.total - bytes_before) / took
    assert audience.closed == 0, f"{audience.closed} watchers were let go"
    audience.leave()
    each = sent * 2 / chosen.watchers
    assert each > len(message) * 0.9, f"{each:.0f} bytes in 2 s to each watcher, of {len(message)}"

    with nginx(folder, {"message": message}) as (url, workers):
        crowd = Audience(url.removeprefix("http://"))
        request = b"GET /message HTTP/1.1\r\nHost: nginx\r\n\r\n"
        for _ in range(chosen.watchers):
            crowd.join(request)
        wait_until(lambda: min(crowd.received.values()) >= len(message), 60, 0.2, "the first answers")
        began, bytes_before, start = cpu(workers), crowd.total, time.monotonic()
        while time.monotonic() - start < chosen.watch:
            beat = time.monotonic()
            crowd.say(request)
            time.sleep(max(0, 2 - (time.monotonic() - beat)))
        took = time.monotonic() - start
        theirs, theirs_sent = (cpu(workers) - began) / took, (crowd.total - bytes_before) / took
        crowd.leave()
    print(
        f"ws/server: {chosen.watchers} watchers, {len(message)} bytes each 2 s: {100 * ours:.1f} % of a core in all, "
        f"{100 * idle:.1f} % without watchers, {100 * (ours - idle):.1f} % for them ({sent / 1e6:.0f} MB/s); nginx "
        f"{100 * theirs:.1f} % ({theirs_sent / 1e6:.0f} MB/s); nginx in ratio to ours {theirs / (ours - idle):.2f}",
        flush=True,
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--servers", type=int, default=1000)
    options.add_argument("--watchers", type=int, default=1000)
    options.add_argument("--seconds", type=int, default=8, help="length of one measurement of requests")
    options.add_argument("--watch", type=int, default=20, help="seconds for which watchers are measured")
    options.add_argument("--rounds", type=int, default=3, help="measurements of each, alternating")
    options.add_argument("--connections", type=int, nargs="+", default=[1, 16])
    options.add_argument("--only", choices=["server", "login", "fan-out"], nargs="+")
    chosen = options.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    folder = Path(tempfile.mkdtemp(prefix="nezha-bench."))
    gateway = Gateway(folder / "gateway", arguments=["--log-level", "warning"]).start()
    crowd = None
    try:
        crowd = Crowd(gateway.address, gateway.agent_secret(), chosen.servers)
        crowd.wait(chosen.servers, 300)
        time.sleep(3)
        session = gateway.login()
        only = chosen.only or ["server", "login", "fan-out"]
        if "fan-out" in only:
            fan_out(folder, gateway, chosen)
        print(f"{'':18}{COLUMNS}")
        headers = {"Authorization": f"Bearer {session}"}
        answer = gateway.api("GET", "/server", bearer=session).content
        assert len(json.loads(answer)["data"]) == chosen.servers
        login = json.dumps({"username": "admin", "password": ADMIN_PASSWORD})
        logged_in = gateway.api("POST", "/login", json=json.loads(login)).content
        with nginx(folder, {"server": answer, "login": logged_in}) as (url, _):
            for connections in chosen.connections:
                if "server" in only:
                    sides = {"ours": (f"{gateway.url}/api/v1/server", headers), "nginx": (f"{url}/server", headers)}
                    measure(folder, "GET /server", "", connections, sides, chosen, "GET")
                if "login" in only:
                    fields = {"Content-Type": "application/json"}
                    sides = {"ours": (f"{gateway.url}/api/v1/login", fields), "nginx": (f"{url}/login", fields)}
                    measure(folder, "POST /login", login, connections, sides, chosen)
        assert crowd.last["lost"] == 0, crowd.last
    finally:
        if crowd and crowd.process.poll() is None:
            crowd.process.kill()
        gateway.stop(seconds=60)
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
