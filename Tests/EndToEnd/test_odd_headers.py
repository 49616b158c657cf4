"""Negative, huge and odd values in every field that something reads, over both protocols and in calls of agents: each is
answered or its connection ends, and nothing else happens."""

import random
import socket
from concurrent.futures import ThreadPoolExecutor

from conftest import ALL_SCOPES
from test_agent_abuse import http2
from test_ground import GOAWAY, HEADERS, PREFACE, RESET, dial, frames, serves

NUMBERS = ["-1", "0", "+1", "1.5", "1e9", "-9223372036854775808", "9223372036854775807", "9223372036854775808",
           "18446744073709551616", "9" * 400, "0x10", "1 1", "1,1", "", " ", "\t1", "NaN"]
TEXTS = ["\u0301" * 2000, "é" * 500, "\u0600/", "a" * 20_000, "\ufffd", ",,,,", ";;;=", '"', "\\", "*", "null", "%00%ff",
         "bytes=-1-", "bytes=0-" + "9" * 60, "-1S", "99999999H", "999999999n", "S", "=?utf-8?q?x?=", "a=b; " * 500]
NAMES = [
    "accept", "accept-encoding", "accept-language", "access-control-request-headers", "access-control-request-method",
    "authorization", "connection", "content-encoding", "content-length", "content-type", "cookie", "expect", "host",
    "if-none-match", "keep-alive", "last-event-id", "mcp-method", "mcp-name", "mcp-protocol-version", "mcp-session-id",
    "nz-realip", "origin", "range", "sec-fetch-site", "sec-websocket-extensions", "sec-websocket-key",
    "sec-websocket-protocol", "sec-websocket-version", "te", "trailer", "transfer-encoding", "upgrade", "user-agent",
    "x-csrf-token", "x-forwarded-for", "x-real-ip",
]
METADATA = [
    "client_secret", "client_uuid", "client-secret", "client-uuid", "content-type", "grpc-encoding",
    "grpc-accept-encoding", "grpc-timeout", "grpc-message-type", "nezha-gateway-extensions", "te", "user-agent",
    "content-length", "x-bin",
]
PLACES = [("GET", "/healthz"), ("GET", "/api/v1/setting"), ("POST", "/api/v1/login"), ("POST", "/mcp"),
          ("GET", "/api/v1/ws/terminal/x"), ("POST", "/api/v1/nothing"), ("OPTIONS", "/mcp"), ("GET", "/mcp/transfer/x")]
OTHER = "5a0e3c0e-0000-4000-8000-000000000001"
MCP = b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}'


def text(value: bytes) -> bytes:
    """A string of HPACK, of any length."""
    if len(value) < 127:
        return bytes([len(value)]) + value
    length, rest = b"\x7f", len(value) - 127
    while rest > 127:
        length, rest = length + bytes([rest % 128 + 128]), rest // 128
    return length + bytes([rest]) + value


def head(fields: list[tuple[str, str]], end: bool = True) -> bytes:
    """HEADERS of stream 1; what is longer than a frame is cut."""
    block = b"".join(b"\0" + text(name.encode()) + text(value.encode()[:6000]) for name, value in fields)
    return http2(HEADERS, 4 | end, 1, block)


def values(seed: int, path: str = "") -> list[str]:
    """All of the odd ones, and numbers made of the seed; a part of them where each costs a password hash."""
    source = random.Random(seed)
    made = [source.choice("-+ ") + str(source.getrandbits(source.choice([31, 32, 63, 64, 128]))) for _ in range(4)]
    return (NUMBERS + TEXTS + made)[::8 if path == "/api/v1/login" else 1]


def answered(connection: socket.socket, seconds: float) -> bool:
    """Whether an answer or the end comes."""
    connection.settimeout(seconds)
    try:
        while connection.recv(1 << 16):
            return True
        return True
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_over_http1(gateway, token):
    def attempt(case):
        name, value, text = case
        connection = dial(gateway)
        try:
            connection.sendall(text.encode() + b"\r\n" + MCP)
        except ConnectionError:
            pass
        # A longer body than was sent may be waited for.
        is_longer = name in ("content-length", "transfer-encoding")
        is_answered = answered(connection, 0.05 if is_longer else 5)
        connection.close()
        return is_answered or is_longer or (name, value[:40])

    cases = []
    for number, name in enumerate(NAMES):
        for method, path in {PLACES[number % len(PLACES)], ("POST", "/mcp")}:
            for value in values(number, path):
                fields = {"host": "g", "connection": "close", "content-length": str(len(MCP))}
                if path == "/mcp" and name != "authorization":
                    fields["authorization"] = f"Bearer {token}"
                if "/ws/" in path:
                    fields |= {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13",
                               "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA=="}
                fields[name] = value
                text = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{key}: {one}\r\n" for key, one in fields.items())
                cases.append((name, value, text))
    with ThreadPoolExecutor(8) as pool:
        silent = [result for result in pool.map(attempt, cases) if result is not True]
    assert not silent, silent
    assert gateway.process.poll() is None and serves(gateway)
    assert not gateway.call(token, "meta.whoami").get("isError")


def test_over_http2_and_in_calls_of_agents(make_gateway, make_agent):
    # Wrong secrets are strikes for this address, which would trouble others.
    gateway = make_gateway()
    agent, token = make_agent(gateway), gateway.token(*ALL_SCOPES)
    requests = []
    for number, name in enumerate(NAMES):
        method, path = PLACES[number % len(PLACES)]
        for value in values(number, path):
            fields = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "g"), (name, value)]
            requests.append(head(fields))
    for name in ["paths", ":method", ":scheme", ":authority", ":path"]:
        for value in values(1):
            fields = {":method": "GET", ":scheme": "http", ":path": "/healthz", ":authority": "g"}
            requests.append(head(list((fields | {name if name[0] == ":" else ":path": value}).items())))
    secret = gateway.agent_secret()
    for number, name in enumerate(METADATA):
        for method in ["ReportSystemState", "RequestTask", "IOStream", "ReportGeoIP", "x"]:
            for value in values(number)[::1 if method == "RequestTask" else 5]:
                fields = {":method": "POST", ":scheme": "http", ":path": f"/proto.NezhaService/{method}",
                          ":authority": "g", "content-type": "application/grpc", "te": "trailers",
                          "client-secret": secret, "client-uuid": OTHER}
                requests.append(head(list((fields | {name: value}).items()), end=False) +
                                http2(0, 1, 1, b"\0\0\0\0\0"))

    def attempt(request) -> bool:
        """Whether nothing came."""
        with dial(gateway) as connection:
            try:
                connection.sendall(PREFACE + request)
                connection.settimeout(0.5)
                received = b""
                while not any(kind in (HEADERS, RESET, GOAWAY) for kind, _, _, _ in frames(received)):
                    more = connection.recv(1 << 16)
                    if not more:
                        break
                    received += more
            except TimeoutError:
                return True
            except ConnectionError:
                pass
        return False

    with ThreadPoolExecutor(8) as pool:
        unanswered = sum(pool.map(attempt, requests))
    # Streams of an agent that are open have nothing to say.
    assert unanswered < len(requests) // 4, f"{unanswered} of {len(requests)}"
    assert gateway.process.poll() is None
    done = gateway.call(token, "server.exec", server_id=agent.server_id, cmd="true")
    assert done["structuredContent"]["exit_code"] == 0
