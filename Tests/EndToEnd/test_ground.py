"""The ground under the gateway as strangers meet it: floods, patience, descriptors, departures, the way out. Where
security.md has a row for it, the test names the row."""

import json
import os
import re
import signal
import resource
import socket
import ssl
import struct
import subprocess
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from conftest import ALL_SCOPES, begun_early
from gateway import Gateway, binary, patient, wait_until
from spec_agent import SpecAgent
from test_agent_abuse import LIMITS, call_fields, field, fine, http2, works
from test_lifecycle import Running

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + http2(4, 0, 0, b"")
DATA, HEADERS, PRIORITY, RESET, SETTINGS, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9


def dial_address(gateway) -> tuple[str, int]:
    host, port = gateway.address.rsplit(":", 1)
    return host, int(port)


def dial(gateway, timeout: float = 10) -> socket.socket:
    return socket.create_connection(dial_address(gateway), timeout=timeout)


def head(fields: list[tuple[str, str]], stream: int = 1, end: bool = False) -> bytes:
    return http2(HEADERS, 4 | end, stream, b"".join(field(*one) for one in fields))


def web(path: str, stream: int = 1, method: str = "GET", *more: tuple[str, str]) -> bytes:
    fields = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "g"), *more]
    return head(fields, stream, end=method == "GET")


def frames(data: bytes) -> list[tuple[int, int, int, bytes]]:
    """Whole frames as kind, flags, stream, payload."""
    found = []
    while len(data) >= 9 and len(data) >= 9 + (length := int.from_bytes(data[:3], "big")):
        found.append((data[3], data[4], struct.unpack(">I", data[5:9])[0], data[9:9 + length]))
        data = data[9 + length:]
    return found


def read_to_end(connection: socket.socket) -> bytes:
    """Everything up to the end, which may be a reset."""
    received = b""
    try:
        while more := connection.recv(1 << 16):
            received += more
    except ConnectionError:
        pass
    return received


def read_frames(connection: socket.socket, until) -> list[tuple[int, int, int, bytes]]:
    """Frames until one of them is what `until` wants."""
    received = b""
    while not any(until(frame) for frame in frames(received)):
        more = connection.recv(1 << 16)
        assert more, f"the connection ended: {frames(received)}"
        received += more
    return frames(received)


def descriptors(gateway) -> int:
    """Open sockets: files of the database come and go with its readers."""
    folder, count = f"/proc/{gateway.process.pid}/fd", 0
    for name in os.listdir(folder):
        try:
            count += os.readlink(f"{folder}/{name}").startswith("socket:")
        except FileNotFoundError:
            pass
    return count


def processor_seconds(gateway) -> float:
    numbers = open(f"/proc/{gateway.process.pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(numbers[11]) + int(numbers[12])) / os.sysconf("SC_CLK_TCK")


def serves(gateway) -> bool:
    return gateway.api("GET", "/setting").status_code == 200


# One port


def test_web_routes_answer_over_http2_beside_http1(gateway):
    with dial(gateway) as connection:
        connection.sendall(PREFACE + web("/api/v1/setting") + web("/nowhere", 3))
        got = read_frames(connection, lambda frame: frame[2] == 3 and frame[1] & 1)
    body = b"".join(payload for kind, _, stream, payload in got if kind == DATA and stream == 1)
    assert json.loads(body)["success"] is True
    assert gateway.api("GET", "/setting").json() == json.loads(body)


@pytest.mark.parametrize("value", ["-1S", "", "1", "S", "999999999S", "99999999999999999999H", "+1S", "1.5S", "1S,1S"])
def test_a_deadline_that_is_none_is_refused_and_stops_nothing(gateway, value):
    with dial(gateway) as connection:
        fields = call_fields(gateway, "/proto.NezhaService/RequestTask") + [("grpc-timeout", value)]
        connection.sendall(PREFACE + head(fields))
        got = read_frames(connection, lambda frame: frame[2] == 1 and (frame[0] == RESET or frame[1] & 1))
    assert any(kind == RESET or b"grpc-status" in payload or kind == HEADERS for kind, _, _, payload in got)
    assert gateway.process.poll() is None and serves(gateway)


# Floods


def test_an_agent_may_ping_and_send_settings_at_the_rate_of_a_fast_link(gateway, agent):
    """What grpc-go sends for 100 MiB and a minute of typing, many times over and at once."""
    secret = call_fields(gateway, "/proto.NezhaService/RequestTask", agent.uuid)
    with dial(gateway) as connection:
        connection.sendall(PREFACE + head(secret))
        # The head of the answer comes once the secret was believed.
        received = b""
        while not any(kind == HEADERS and stream == 1 for kind, _, stream, _ in frames(received)):
            more = connection.recv(1 << 16)
            assert more, "the connection ended"
            received += more
        for _ in range(40):
            connection.sendall(http2(PING, 0, 0, bytes(8)) * 50 + http2(SETTINGS, 0, 0, b"") * 7)
        while sum(kind == PING and flags & 1 for kind, flags, _, _ in frames(received)) < 2000:
            more = connection.recv(1 << 16)
            assert more, "the connection ended"
            received += more
        assert all(kind not in (GOAWAY, RESET) for kind, _, _, _ in frames(received))


FLOODS = {
    "PING": (b"", http2(PING, 0, 0, bytes(8))),
    "SETTINGS": (b"", http2(SETTINGS, 0, 0, b"")),
    "WINDOW_UPDATE of a stream": (head([(":method", "POST"), (":scheme", "http"), (":path", "/api/v1/login"),
                                        (":authority", "g")]), http2(WINDOW, 0, 1, b"\0\0\0\1")),
    "WINDOW_UPDATE of the connection": (b"", http2(WINDOW, 0, 0, b"\0\0\0\1")),
    "PRIORITY": (b"", http2(PRIORITY, 0, 3, b"\0\0\0\1\7")),
    "unknown frames": (b"", http2(99, 0, 0, b"")),
    "empty DATA": (head([(":method", "POST"), (":scheme", "http"), (":path", "/api/v1/login"), (":authority", "g")]),
                   http2(DATA, 0, 1, b"")),
    "CONTINUATION": (http2(HEADERS, 0, 1, field(":method", "GET")), http2(CONTINUATION, 0, 1, field("x", "y" * 100))),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_before_a_secret_ends_its_connection_in_bounded_memory(gateway, name):
    first, piece = FLOODS[name]
    assert serves(gateway)

    def flood():
        with dial(gateway, timeout=20) as connection:
            connection.sendall(PREFACE + first)
            end = time.monotonic() + 20
            try:
                while time.monotonic() < end:
                    connection.sendall(piece * 2000)
            except ConnectionError:
                return
        pytest.fail("the connection did not end")

    assert gateway.growth(flood) < 16
    assert serves(gateway)


def test_rapid_resets_before_a_secret_end_their_connection(gateway):
    """security.md: Rapid reset."""
    def flood():
        with dial(gateway, timeout=20) as connection:
            connection.sendall(PREFACE)
            try:
                for number in range(1, 200_000, 200):
                    connection.sendall(b"".join(
                        web("/api/v1/setting", stream) + http2(RESET, 0, stream, b"\0\0\0\10")
                        for stream in range(number, number + 200, 2)))
            except ConnectionError:
                return
        pytest.fail("the connection did not end")

    assert gateway.growth(flood) < 32
    assert serves(gateway)


# What is wrong with a stream whose request was whole. Only the first one has the server reset streams until it has had
# enough; the others end the connection with all calls on it.
FAULTS = {
    "window past 2^31": lambda stream: http2(WINDOW, 0, stream, b"\x7f\xff\xff\xff"),
    "increment 0": lambda stream: http2(WINDOW, 0, stream, bytes(4)),
    "DATA after END_STREAM": lambda stream: http2(DATA, 0, stream, b"x"),
    "self-dependent PRIORITY": lambda stream: http2(PRIORITY, 0, stream, struct.pack(">IB", stream, 9)),
}


def lives(connection: socket.socket) -> bool:
    """Whether two PINGs are answered: the answer to the first may leave together with the end."""
    try:
        for _ in range(2):
            connection.sendall(http2(PING, 0, 0, bytes(8)))
            received = b""
            while not any(kind == PING and flags & 1 for kind, flags, _, _ in frames(received)):
                more = connection.recv(1 << 16)
                if not more:
                    return False
                received += more
    except ConnectionError:
        return False
    return True


@pytest.mark.parametrize("fault", FAULTS)
def test_resets_that_the_server_is_made_to_send_end_their_calls_and_then_the_connection(make_gateway, fault):
    """security.md: Resets that the *server* makes. Of calls that their agent does not answer."""
    gateway = make_gateway(settings=LIMITS)
    agent = SpecAgent(gateway.address, gateway.agent_secret(), str(uuid.uuid4()), lambda task: hears(task)).connect()
    token, admin = gateway.token("nezha:server:exec"), {"Authorization": f"Bearer {gateway.token('nezha:admin:*')}"}
    server = gateway.asked("/server")["data"][0]["id"]
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "server.exec", "arguments": {"server_id": server, "cmd": "wait", "timeout_seconds": 120}}}).encode()
    told = threading.Semaphore(0)

    def hears(task):
        if task.type == 15 and json.loads(task.data)["cmd"] != "wait":
            return fine(task)
        return told.release() if task.type == 15 else None

    def running() -> int:
        text = requests.get(f"{gateway.url}/metrics", headers=admin, timeout=20).text
        return int(re.search(r"^nezha_gateway_running_calls (\d+)$", text, re.M)[1])

    def made_to_reset() -> int:
        """Calls on one connection until it ended."""
        with dial(gateway, timeout=20) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(PREFACE)
            for first in range(1, 2000, 100):
                streams = range(first, first + 100, 2)
                connection.sendall(b"".join(
                    web("/mcp", stream, "POST", ("authorization", f"Bearer {token}")) + http2(DATA, 1, stream, body)
                    for stream in streams))
                assert all(told.acquire(timeout=20) for _ in streams)
                assert running() <= 256
                connection.sendall(b"".join(map(FAULTS[fault], streams)))
                if not lives(connection):
                    return first // 2 + len(streams)
        pytest.fail("the connection did not end")

    def flood():
        count = 0
        while count < 10_000:
            count += made_to_reset()

    try:
        assert gateway.growth(flood) < 32
        wait_until(lambda: running() == 0, what="every call has ended")
        assert works(gateway, token, server)
    finally:
        agent.close()


def test_bodies_before_a_secret_are_held_in_bounded_memory(gateway):
    """Two connections with forty calls each, all of which want to send 20 MiB before a secret was looked at."""
    fields = [(":method", "POST"), (":scheme", "http"), (":path", "/proto.NezhaService/ReportSystemInfo2"),
              (":authority", "g"), ("content-type", "application/grpc"), ("te", "trailers")]

    def fill():
        with dial(gateway) as connection:
            connection.settimeout(0.5)
            connection.sendall(PREFACE)
            try:
                for stream in range(1, 80, 2):
                    connection.sendall(head(fields, stream) + http2(DATA, 0, stream, b"\0" + struct.pack(">I", 20 << 20)))
                for _ in range(40):
                    for stream in range(1, 80, 2):
                        connection.sendall(http2(DATA, 0, stream, bytes(16384)))
            except (ConnectionError, TimeoutError):
                return

    def both():
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda _: fill(), range(2)))

    assert gateway.growth(both) < 24
    assert serves(gateway)


def test_unfinished_log_ins_are_held_in_bounded_memory(gateway):
    """Five hundred of 1 MiB, each but for its last byte."""
    begin = b"POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (1 << 20)
    body = b'{"username":"' + b"a" * ((1 << 20) - 20)

    def fill():
        held = []
        try:
            for _ in range(500):
                held.append(connection := dial(gateway))
                connection.setblocking(False)
                try:
                    connection.sendall(begin + body)
                except (BlockingIOError, ConnectionError):
                    pass
            assert serves(gateway)
        finally:
            for connection in held:
                connection.close()

    # 64 MiB by the limit of all bodies without a credential, and what a connection takes.
    assert gateway.growth(fill) < 128
    assert serves(gateway)


# Patience


def trickle(connection: socket.socket, piece: bytes, limit: float, pause: float = 1) -> tuple[float, bytes]:
    """Sends a piece again and again until the other side ends.
    :return: after how many seconds, and what it said."""
    began, received = patient(), b""
    connection.settimeout(pause)
    while (passed := patient() - began) < limit:
        try:
            if piece:
                connection.sendall(piece)
            more = connection.recv(1 << 16)
            if not more:
                return passed, received
            received += more
        except TimeoutError:
            pass
        except ConnectionError:
            return passed, received
    pytest.fail(f"still open after {limit} s: {received!r}")


# What is sent at first and each second, and between how many seconds the end comes.
SLOW = {
    "says nothing": (b"", b"", 9, 13),
    "half a preface": (PREFACE[:10], b"", 9, 13),
    "half a head": (b"GET /api/v1/setting HTTP/1.1\r\nHost: x\r\n", b"", 28, 35),
    "a head that trickles": (b"GET /api/v1/setting HTTP/1.1\r\nHost: x\r\n", b"a", 28, 35),
    "a body that trickles": (b"POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n", b"a", 28, 45),
    "a chunk that trickles": (b"POST /api/v1/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n", b"a",
                              28, 45),
    "HTTP/2 without a credential": (PREFACE, b"", 20, 35),
    "HTTP/2 with requests of nobody": (PREFACE + web("/api/v1/setting"), b"", 20, 35),
    "HTTP/2 with a call that has no secret": (
        PREFACE + head([(":method", "POST"), (":scheme", "http"), (":path", "/proto.NezhaService/RequestTask"),
                        (":authority", "g"), ("content-type", "application/grpc"), ("te", "trailers")]), b"", 0, 35),
}


@pytest.fixture(scope="module", autouse=True)
def slow(request, tmp_path_factory):
    """A gateway with all of them at once, from the first test on: it takes half a minute, in which the others run."""
    if not begun_early(request, "test_whoever_shows_nothing_or_is_slow_is_let_go_in_time"):
        yield None
        return
    gateway = Gateway(tmp_path_factory.mktemp("slow") / "gateway").start()

    def visit(name):
        first, piece, least, most = SLOW[name]
        # Nothing that the machine does can make this shorter, and the other time longer.
        began = time.monotonic()
        with dial(gateway) as connection:
            connection.sendall(first)
            seconds, received = trickle(connection, piece, most + 5)
        least -= time.monotonic() - began - seconds
        if name.startswith("HTTP/2"):
            assert any(kind == GOAWAY for kind, _, _, _ in frames(received)), name
        return name, least <= seconds <= most, round(seconds, 1), received[:100]

    before = descriptors(gateway)
    with ThreadPoolExecutor(len(SLOW)) as pool:
        yield gateway, before, [pool.submit(visit, name) for name in SLOW]
    assert gateway.stop() == 0


# Descriptors


@pytest.fixture
def narrow(make_gateway, tmp_path, monkeypatch):
    """A gateway that may have 256 descriptors."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "nezha-gateway"
    program.write_text(f"#!/bin/sh\nulimit -n 256\nexec '{binary('nezha-gateway')}' \"$@\"\n")
    program.chmod(0o755)
    monkeypatch.setenv("NEZHA_BIN", str(folder))
    return make_gateway()


def test_a_gateway_whose_descriptors_are_used_up_serves_on_and_does_not_spin(narrow):
    """Accepting stops 128 below the limit: who is in is served, who waits comes in when others leave."""
    request = b"GET /api/v1/setting HTTP/1.1\r\nHost: x\r\n\r\n"
    held = [dial(narrow) for _ in range(400)]
    try:
        for connection in held:
            connection.sendall(request)
        wait_until(lambda: "no descriptors are left" in narrow.log.read_text(), 10, what="the log says so")
        assert descriptors(narrow) < 256 - 100
        inside = held[0]
        assert inside.recv(1 << 16).startswith(b"HTTP/1.1 200")
        before, began = processor_seconds(narrow), time.monotonic()
        time.sleep(3)
        assert (processor_seconds(narrow) - before) / (time.monotonic() - began) < 0.2
        inside.sendall(request)
        assert inside.recv(1 << 16).startswith(b"HTTP/1.1 200")
    finally:
        for connection in held:
            connection.close()
    wait_until(lambda: serves(narrow), 15, what="served again")
    assert narrow.stop() == 0


@pytest.fixture
def wide():
    """This process may have as many descriptors as it can."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_an_address_has_so_many_connections_and_a_user_so_many_more_and_others_are_not_held_up(make_gateway, wide):
    """2,048 without a credential that was believed, whatever they show, and 1,024 of a user."""
    gateway = make_gateway()
    known = f"Authorization: Bearer {gateway.login()}\r\n".encode()
    held = []

    def answer(connection, path: bytes, fields: bytes) -> bytes:
        connection.sendall(b"GET /api/v1/%s HTTP/1.1\r\nHost: x\r\n%s\r\n" % (path, fields))
        try:
            return connection.recv(1 << 16)
        except ConnectionError:
            return b""

    def holds(count: int, path: bytes, fields: bytes) -> int:
        for number in range(count):
            held.append(dial(gateway))
            if not answer(held[-1], path, fields):
                return number
        return count

    try:
        assert holds(1024, b"profile", known) == 1024
        # Those of strangers are there beside them: by now all of the address's have come, but for a few of this test.
        strangers = holds(2100, b"setting", b"Cookie: nz-jwt=unknown\r\n")
        assert 2000 <= strangers <= 2048
        # The user's connection that comes now would be one too many, too; those that are there go on.
        assert holds(1, b"profile", known) == 0
        assert b" 200 " in answer(held[0], b"profile", known)
        with socket.create_connection(dial_address(gateway), 10, source_address=("127.0.0.2", 0)) as other:
            assert b" 200 " in answer(other, b"setting", b"")
        # One of the user's goes: it makes room for the user, not for the address.
        held[0].close()
        assert holds(1, b"setting", b"") == 0
        held[1030].close()
        wait_until(lambda: holds(1, b"setting", b"") == 1, 10, what="there is room again")
    finally:
        for connection in held:
            connection.close()
    wait_until(lambda: serves(gateway), 15, what="served again")
    assert gateway.stop() == 0


# Departures


def departures(gateway) -> dict[str, bytes]:
    """A request of each protocol, whole."""
    body = json.dumps({"username": "nobody", "password": "wrong"}).encode()
    chunked = b"%x;a=b\r\n%s\r\n0\r\nT: x\r\n\r\n" % (len(body), body)
    return {
        "HTTP/1.1": b"POST /api/v1/setting HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked
        + b"GET /api/v1/setting HTTP/1.1\r\nHost: x\r\n\r\n",
        "HTTP/2": PREFACE + web("/api/v1/setting", 1, "POST", ("content-length", "4")) + http2(DATA, 1, 1, b"null")
        + web("/api/v1/setting", 3),
        "gRPC": PREFACE + head(call_fields(gateway, name="5b1c2f80-0000-4000-8000-00000000dead"))
        + http2(DATA, 1, 1, bytes(5)),
        "WebSocket": b"GET /api/v1/ws/terminal/none HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    }


@pytest.mark.parametrize("protocol", ["HTTP/1.1", "HTTP/2", "gRPC", "WebSocket"])
def test_a_peer_that_leaves_at_every_byte_leaves_nothing_behind(gateway, protocol):
    """security.md: A handle of libuv closed twice. FIN and RST at every byte of a request and of its answer."""
    request = departures(gateway)[protocol]

    def leave(visit):
        count, answer, resets = visit
        with dial(gateway) as connection:
            connection.sendall(request[:count])
            while answer > 0 and (more := connection.recv(answer)):
                answer -= len(more)
            if resets:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    assert serves(gateway)
    # An agent's secret is found by a request of its own.
    time.sleep(0.3)
    before = descriptors(gateway)
    visits = [(count, 0, resets) for count in range(len(request) + 1) for resets in (False, True)]
    # Shorter than any of the answers.
    visits += [(len(request), answer, resets) for answer in range(1, 100) for resets in (False, True)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(leave, visits))
    wait_until(lambda: descriptors(gateway) <= before, 40, what=f"descriptors back to {before}")
    assert gateway.process.poll() is None and serves(gateway)


def test_windows_past_their_end_ten_thousand_times_cost_nothing(gateway):
    """security.md: A session that said GOAWAY is never let go."""
    before = descriptors(gateway)

    def push(_):
        with dial(gateway) as connection:
            connection.sendall(PREFACE + http2(WINDOW, 0, 0, b"\x7f\xff\xff\xff"))
            assert any(kind == GOAWAY for kind, _, _, _ in frames(read_to_end(connection)))

    def all_of_them():
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(push, range(10_000)))

    assert gateway.growth(all_of_them) < 16
    wait_until(lambda: descriptors(gateway) <= before, 10, what="descriptors back")


# TLS


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_no_tls_session_is_resumed(tls_gateway, version):
    """security.md: TLS that costs the server: the session cache is off."""
    _, port, certificate = tls_gateway
    context = ssl.create_default_context(cafile=certificate)
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]

    def visit(session):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
            with context.wrap_socket(plain, server_hostname="localhost", session=session) as connection:
                connection.sendall(b"GET /api/v1/setting HTTP/1.1\r\nHost: x\r\n\r\n")
                # A ticket of TLS 1.3 comes before the answer.
                assert b" 200 " in connection.recv(1 << 16)
                return connection.session, connection.session_reused

    session, _ = visit(None)
    assert not session.has_ticket and visit(session)[1] is False


# The way out


def test_sigterm_answers_what_is_in_flight_over_http1_and_http2(make_gateway, make_agent, tmp_path):
    gateway = make_gateway()
    agent = make_agent(gateway)
    token = gateway.token(*ALL_SCOPES)
    over_http1 = Running(gateway, agent, token, tmp_path / "one")
    mark = tmp_path / "two"
    arguments = {"server_id": agent.server_id, "cmd": "sh", "args": ["-c", f"echo $$ > {mark}; exec sleep 58"],
                 "timeout_seconds": 60}
    body = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/call",
                       "params": {"name": "server.exec", "arguments": arguments}}).encode()
    with dial(gateway, timeout=20) as connection:
        connection.sendall(PREFACE + web(
            "/mcp", 1, "POST", ("content-type", "application/json"), ("authorization", f"Bearer {token}"))
            + http2(DATA, 1, 1, body))
        wait_until(lambda: mark.exists() and mark.read_text().strip(), what="command started")
        gateway.process.send_signal(signal.SIGTERM)
        got = frames(read_to_end(connection))
    assert gateway.stop() == 0
    over_http1.thread.join(10)
    assert over_http1.answer["isError"] is True, over_http1.answer
    kinds = [kind for kind, _, _, _ in got]
    assert GOAWAY in kinds
    answer = json.loads(b"".join(payload for kind, _, stream, payload in got if kind == DATA and stream == 1))
    assert answer["id"] == 7 and answer["result"]["isError"] is True


# What is shipped


def needed(name: str) -> set[str]:
    """The names of the shared libraries that a program is started with."""
    text = subprocess.run(["ldd", binary(name)], capture_output=True, text=True, check=True).stdout
    return {Path(line.split()[0]).name for line in text.splitlines()}


GLIBC = re.compile(r"^(linux-vdso|ld-linux[-\w]*|libc|libm|libpthread|libdl|librt|libresolv|libutil)\.so\.?\d*$")


def test_shipped_programs_need_glibc_alone():
    """`scripts/release` links everything else in; programs of another build say nothing about it."""
    for program in ("nezha-agent", "nezha-gateway"):
        libraries = needed(program)
        if any(name.startswith("libswift") for name in libraries):
            pytest.skip("these programs are not those of scripts/release")
        assert not [name for name in libraries if not GLIBC.match(name)]


def test_libcurl_is_loaded_when_something_is_asked_for(make_gateway):
    gateway = make_gateway(settings={"notification_allow_private": ["127.0.0.0/8"]})
    maps = Path(f"/proc/{gateway.process.pid}/maps")
    assert "libcurl.so" not in maps.read_text()
    form = {"name": "hook", "url": f"{gateway.url}/healthz", "request_method": 1, "request_type": 1,
            "request_header": "", "request_body": "", "verify_tls": False, "skip_check": False}
    assert gateway.api("POST", "/notification", gateway.login(), json=form).json()["success"]
    assert "libcurl.so.4" in maps.read_text()


def test_libcurl_finds_nothing_of_the_openssl_that_is_linked_in():
    """Two copies that call one another would crash (docs/ground.md)."""
    if any(name.startswith("libswift") for name in needed("nezha-agent")):
        pytest.skip("these programs are not those of scripts/release")
    text = subprocess.run(["readelf", "--dyn-syms", "-W", binary("nezha-gateway")], capture_output=True, text=True,
                          check=True).stdout
    ours = [line.split()[-1] for line in text.splitlines() if " UND " not in line and "FUNC" in line]
    assert not [name for name in ours if name.startswith(("SSL_", "CRYPTO_", "EVP_", "nghttp2_", "ERR_"))]


# Patience: what became of it


def test_whoever_shows_nothing_or_is_slow_is_let_go_in_time(slow):
    gateway, before, visits = slow
    results = [visit.result(60) for visit in visits]
    assert not [result for result in results if not result[1]]
    wait_until(lambda: descriptors(gateway) <= before + 2, 10, what="descriptors back")
