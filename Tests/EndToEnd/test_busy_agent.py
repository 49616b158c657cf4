"""An agent on grpc-go answers what it receives with PING (an estimate of the bandwidth) and SETTINGS (as its window
grows): 193 and 7 for 100 MiB, one for each key that somebody types. Here a real agent does, through a proxy that puts such
frames between its own."""

import hashlib
import socket
import threading
import time
import uuid

import pytest
import requests

from conftest import ALL_SCOPES
from gateway import Agent, wait_until
from streams import open_socket

HUNDRED = 100 << 20
DATA, SETTINGS, PING, GOAWAY = 0, 4, 6, 7
OURS = b"estimate"


class GoLike:
    """A proxy of one agent's connection. `ask` says how many PINGs and SETTINGS follow a frame of data from the gateway."""

    def __init__(self, gateway):
        host, port = gateway.address.rsplit(":", 1)
        self.target = host, int(port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.connections, self.said_goodbye, self.pings, self.settings, self.answers = 0, False, 0, 0, 0
        self.received = 0
        # Bytes of data to a PING and to a SETTINGS frame.
        self.every_ping, self.every_settings = 1, 1 << 40
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.listener.getsockname()[1]}"

    def _serve(self) -> None:
        while True:
            try:
                agent = self.listener.accept()[0]
            except OSError:
                return
            self.connections += 1
            gateway = socket.create_connection(self.target)
            turn = threading.Lock()
            for source, sink, carry in [(agent, gateway, self._from_agent), (gateway, agent, self._from_gateway)]:
                threading.Thread(target=self._carry, args=(carry, source, sink, gateway, turn), daemon=True).start()

    @staticmethod
    def _carry(carry, *ends) -> None:
        try:
            carry(*ends)
        except OSError:
            pass
        for end in ends[:2]:
            end.close()

    @staticmethod
    def _whole(source) -> bytes:
        """One frame."""
        frame = GoLike._exactly(source, 9)
        return frame + GoLike._exactly(source, int.from_bytes(frame[:3], "big"))

    @staticmethod
    def _exactly(source, count: int) -> bytes:
        parts = []
        while count:
            part = source.recv(count)
            if not part:
                raise ConnectionError
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _from_agent(self, source, sink, gateway, turn) -> None:
        sink.sendall(self._exactly(source, 24))
        while True:
            frame = self._whole(source)
            with turn:
                sink.sendall(frame)

    def _from_gateway(self, source, sink, gateway, turn) -> None:
        to_swallow = pinged = settled = 0
        while True:
            frame = self._whole(source)
            kind, flags = frame[3], frame[4]
            if kind == GOAWAY:
                self.said_goodbye = True
            if kind == PING and flags & 1 and frame[9:] == OURS:
                self.answers += 1
                continue
            if kind == SETTINGS and flags & 1 and to_swallow:
                to_swallow -= 1
                continue
            sink.sendall(frame)
            if kind == DATA:
                self.received += len(frame) - 9
                with turn:
                    if self.received - pinged >= self.every_ping:
                        pinged, self.pings = self.received, self.pings + 1
                        gateway.sendall(b"\0\0\x08\x06\0\0\0\0\0" + OURS)
                    if self.received - settled >= self.every_settings:
                        settled, self.settings, to_swallow = self.received, self.settings + 1, to_swallow + 1
                        gateway.sendall(b"\0\0\0\x04\0\0\0\0\0")


@pytest.fixture
def busy(make_gateway, tmp_path):
    gateway = make_gateway()
    proxy = GoLike(gateway)
    # The agent dials the proxy, whose port stands where the gateway's stood.
    agent = Agent(gateway, tmp_path / "agent", gateway.agent_secret(), str(uuid.uuid4()), {"server": proxy.address})
    agent.start().wait_online(gateway.login())
    yield gateway, agent, proxy
    agent.stop()
    proxy.listener.close()


def test_a_hundred_mebibytes_each_way_and_a_minute_of_typing_stay_connected(busy, tmp_path):
    gateway, agent, proxy = busy
    token = gateway.token(*ALL_SCOPES)
    proxy.every_ping, proxy.every_settings = HUNDRED // 1000, HUNDRED // 10
    content = hashlib.sha256(b"seed").digest() * (HUNDRED // 32)
    place = tmp_path / "large"
    grant = gateway.call(token, "fs.upload_url", server_id=agent.server_id, path=str(place))["structuredContent"]
    answer = requests.post(grant["url"], data=content, timeout=100)
    assert answer.status_code == 200, answer.text
    assert proxy.pings >= 193 and proxy.settings >= 7, (proxy.pings, proxy.settings)
    grant = gateway.call(token, "fs.download_url", server_id=agent.server_id, path=str(place))["structuredContent"]
    assert requests.get(grant["url"], timeout=100).content == content

    # Sixty seconds of thirty keys each: a PING for each.
    proxy.every_ping = 1
    bearer, before = gateway.login(), proxy.pings
    session = gateway.api("POST", "/terminal", bearer, json={"server_id": agent.server_id}).json()["data"]["session_id"]
    with open_socket(gateway, "terminal", session, bearer) as page:
        drained = threading.Thread(target=lambda: [None for _ in page], daemon=True)
        drained.start()
        start = time.monotonic()
        for key in range(1800):
            sent = proxy.pings
            page.send("x" if key % 60 else "\x15")
            # What waits together goes out together: so that each key has a PING, the next waits for the last one's.
            wait_until(lambda: proxy.pings > sent, every=0.001, what="a PING for a key")
            time.sleep(max(0, start + key / 30 - time.monotonic()))
    assert proxy.pings - before >= 1800, proxy.pings - before
    done = gateway.call(token, "server.exec", server_id=agent.server_id, cmd="true")
    assert done["structuredContent"]["exit_code"] == 0
    assert (proxy.connections, proxy.said_goodbye) == (1, False)
    wait_until(lambda: proxy.answers >= proxy.pings - 5, what="answers to PING")
