"""Who watches the servers live (`GET /ws/server`), over sockets of their own."""

import base64
import json
import os
import socket
import sqlite3
import time

import pytest
from websockets.sync.client import connect

from gateway import stalls, wait_until
from streams import refusal

# Masked with zeros.
PONG = bytes([0x8A, 0x80, 0, 0, 0, 0])


def url(gateway):
    return f"ws://{gateway.address}/api/v1/ws/server"


def test_guests_watch_nothing_where_everybody_must_log_in(make_gateway):
    gateway = make_gateway(settings={"force_auth": True})
    status, body = refusal(lambda: connect(url(gateway), proxy=None))
    assert (status, json.loads(body)) == (200, {"success": False, "error": "ApiErrorUnauthorized"})
    token = gateway.token("nezha:inventory:read")
    for bearer in (gateway.login(), token):
        with connect(url(gateway), additional_headers={"Authorization": f"Bearer {bearer}"}, proxy=None) as watcher:
            assert json.loads(watcher.recv(10))["online"] == 1
    listed = gateway.command("token", "list").stdout.splitlines()
    gateway.command("token", "revoke", next(line.split("\t")[0] for line in listed if "\ttest\t" in line))
    wait_until(lambda: gateway.api("GET", "/server", token).status_code == 401, what="the token revoked")
    headers = {"Authorization": f"Bearer {token}"}
    assert refusal(lambda: connect(url(gateway), additional_headers=headers, proxy=None))[0] == 401


def fill(gateway, count, size):
    """Servers whose names make a message large."""
    with sqlite3.connect(gateway.database) as database:
        database.executemany(
            "INSERT INTO servers (user_id, uuid, name, note, public_note, display_index, hide_for_guest, enable_ddns,"
            " ddns_profiles, override_ddns_domains, created_at, updated_at)"
            " VALUES (1, ?, ?, '', '', 0, 0, 0, '[]', '{}', 0, 0)",
            ((f"uuid {number}", f"{number} " + "n" * size) for number in range(count)))


def handshake(gateway):
    """A socket that reads as little as it can, and has read the answer's head."""
    host, port = gateway.address.rsplit(":", 1)
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    opened.settimeout(20)
    opened.connect((host, int(port)))
    key = base64.b64encode(os.urandom(16)).decode()
    opened.sendall(
        (f"GET /api/v1/ws/server HTTP/1.1\r\nHost: {gateway.address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
         f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n").encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += opened.recv(1)
    assert head.startswith(b"HTTP/1.1 101 "), head
    return opened


def resident(gateway):
    with open(f"/proc/{gateway.process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) << 10


@pytest.mark.timeout(120)
def test_slow_watchers_are_let_go_nothing_is_queued_for_them_and_others_notice_nothing(make_gateway):
    """security.md: Unbounded streams. They go on answering pings, so that silence is not what ends them."""
    gateway = make_gateway()
    fill(gateway, 1000, 1200)
    slow = []
    with connect(url(gateway), proxy=None, max_size=None) as watcher:
        wait_until(lambda: len(message := watcher.recv(10)) > 1_000_000 and message, what="large messages")
        before = resident(gateway)
        slow = [handshake(gateway) for _ in range(20)]
        moments, online, highest, last, still = [], [], before, time.monotonic(), stalls.seconds
        deadline = last + 60
        while time.monotonic() < deadline:
            message = json.loads(watcher.recv(15))
            moments.append(message["now"])
            online.append(message["online"])
            highest = max(highest, resident(gateway))
            for each in slow:
                try:
                    each.sendall(PONG)
                except OSError:
                    pass  # It was let go.
            if max(online) == 21 and online[-1] == 1:
                break
        assert max(online) == 21 and online[-1] == 1, online
        # No tick is left out for who does read, and all share one message: twenty queues would grow by 26 MB each tick.
        gaps = [later - earlier for earlier, later in zip(moments, moments[1:])]
        # Only a machine that stood still has a longer one.
        longest = 3000 if stalls.seconds - still < 1 else 60_000
        assert all(gap in range(1000, longest + 1, 1000) for gap in gaps), gaps
        assert highest - before < 100 << 20, (before, highest)
    for each in slow:
        each.close()
    assert gateway.api("GET", "/setting").json()["success"]
