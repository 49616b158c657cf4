"""Hostile traffic for test_chaos.py, in a process of its own: `python hostile.py ADDRESS SECRET SEED SECONDS`.

Each turn is one of many ways to trouble a server, from an address of its own where the system lets it choose one. Whatever
the gateway does with it is right, so failures of the turn itself are no failures; the count of turns is printed."""

from __future__ import annotations

import json
import os
import random
import socket
import struct
import sys
import time
import uuid

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS, PING, WINDOW, DATA, HEADERS, RESET, CONTINUATION = 4, 6, 8, 0, 1, 3, 9


def frame(kind: int, flags: int, stream: int, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + body


def field(name: str, value: str) -> bytes:
    return b"\0" + b"".join(bytes([len(text)]) + text for text in (name.encode()[:126], value.encode()[:126]))


class Hostile:
    def __init__(self, address: str, secret: str, seed: int):
        host, port = address.rsplit(":", 1)
        self.target = host, int(port)
        self.secret, self.random = secret, random.Random(seed)
        # Few machines, so that few are registered.
        self.machines = [str(uuid.UUID(int=self.random.getrandbits(128), version=4)) for _ in range(4)]
        self.kept: list[socket.socket] = []

    def dial(self) -> socket.socket:
        source = (f"127.0.{self.random.randrange(1, 4)}.{self.random.randrange(1, 250)}", 0)
        try:
            connection = socket.create_connection(self.target, 2, source)
        except OSError:
            connection = socket.create_connection(self.target, 2)
        connection.settimeout(0.3)
        return connection

    def noise(self, count: int) -> bytes:
        return self.random.randbytes(count)

    def say(self, *parts: bytes, keep: bool = False, read: bool = True) -> None:
        connection = self.dial()
        try:
            for part in parts:
                connection.sendall(part)
            if read:
                connection.recv(1 << 14)
        except OSError:
            pass
        if keep and len(self.kept) < 300:
            return self.kept.append(connection)
        connection.close()

    # HTTP/1.1

    def half_head(self):
        self.say(b"GET /api/v1/setting HTTP/1.1\r\nHost: g\r\nX: " + b"y" * self.random.randrange(60_000), keep=True,
                 read=False)

    def large_head(self):
        self.say(b"GET / HTTP/1.1\r\nHost: g\r\n" + b"".join(b"n%d: %s\r\n" % (i, b"v" * 100) for i in range(900)))

    def bad_lines(self):
        self.say(self.random.choice([b"GET  / HTTP/1.1\r\n\r\n", b"\0\0\0", b"GET / HTTP/9.9\r\nHost: g\r\n\r\n",
                                     b"POST /mcp HTTP/1.1\r\nHost: g\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
                                     b"POST /mcp HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
                                     b"GET http://[::1/ HTTP/1.1\r\nHost: g\r\n\r\n", self.noise(300)]))

    def unfinished_body(self):
        self.say(b"POST /api/v1/login HTTP/1.1\r\nHost: g\r\nContent-Type: application/json\r\nContent-Length: 16000\r\n"
                 b"\r\n" + b"{" * self.random.randrange(15_000), keep=True, read=False)

    def chunks_without_end(self):
        self.say(b"POST /mcp HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer nzp_x\r\nTransfer-Encoding: chunked\r\n\r\n",
                 *[b"400\r\n" + b"[" * 1024 + b"\r\n" for _ in range(50)])

    def pipeline_without_reading(self):
        self.say(b"GET /api/v1/setting HTTP/1.1\r\nHost: g\r\n\r\n" * 500, keep=True, read=False)

    def marks(self):
        body = json.dumps({"u" + "\u0301" * 5000: 1, "username": "\u0600" * 3000}, ensure_ascii=False).encode()
        self.say(b"POST /api/v1/login HTTP/1.1\r\nHost: g\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                 % len(body) + body)

    def wrong_log_in(self):
        body = b'{"username":"admin","password":"%d"}' % self.random.randrange(10)
        self.say(b"POST /api/v1/login HTTP/1.1\r\nHost: g\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                 % len(body) + body)

    def wrong_token(self):
        body = b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}'
        self.say(b"POST /mcp HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer nzp_%d\r\nContent-Length: %d\r\n\r\n"
                 % (self.random.randrange(1000), len(body)) + body)

    def guessed_transfer(self):
        self.say(b"GET /mcp/transfer/%s HTTP/1.1\r\nHost: g\r\n\r\n" % self.noise(16).hex().encode())

    # WebSocket

    def web_socket(self):
        kind = self.random.choice(["terminal/x", "file/" + str(uuid.uuid4()), "server"])
        opening = (f"GET /api/v1/ws/{kind} HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                   "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n").encode()
        self.say(opening, self.random.choice([
            bytes([0x81, 0x05]) + b"hello", bytes([0x82, 0xFF]) + b"\xff" * 8, bytes([0xF1, 0x80, 1, 2, 3, 4]),
            bytes([0x89, 0xFE, 0xFF, 0xFF]) + self.noise(100), self.noise(500)]), keep=True)

    # HTTP/2

    def flood(self):
        piece = self.random.choice([
            frame(PING, 0, 0, bytes(8)), frame(SETTINGS, 0, 0), frame(WINDOW, 0, 0, b"\0\0\0\1"), frame(99, 0, 0),
            frame(2, 0, 3, b"\0\0\0\1\7")])
        self.say(PREFACE + frame(SETTINGS, 0, 0), piece * 2000)

    def rapid_resets(self):
        one = [(":method", "GET"), (":scheme", "http"), (":path", "/api/v1/setting"), (":authority", "g")]
        block = b"".join(field(*each) for each in one)
        self.say(PREFACE + frame(SETTINGS, 0, 0), b"".join(
            frame(HEADERS, 5, stream, block) + frame(RESET, 0, stream, b"\0\0\0\x08") for stream in range(1, 1000, 2)))

    def endless_fields(self):
        self.say(PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, 0, 1, field(":method", "GET")),
                 frame(CONTINUATION, 0, 1, field("x", "y" * 100) * 100) * 60)

    def shut_window(self):
        fields = [(":method", "GET"), (":scheme", "http"), (":path", "/api/v1/setting"), (":authority", "g")]
        block = b"".join(field(*each) for each in fields)
        self.say(PREFACE + frame(SETTINGS, 0, 0, b"\0\4\0\0\0\0") +
                 b"".join(frame(HEADERS, 5, stream, block) for stream in range(1, 200, 2)), keep=True)

    def frames_of_noise(self):
        self.say(PREFACE + frame(SETTINGS, 0, 0), b"".join(
            frame(self.random.randrange(12), self.random.randrange(256), self.random.randrange(9),
                  self.noise(self.random.randrange(200))) for _ in range(40)))

    # gRPC

    def call(self, method: str, secret: str, body: bytes, timeout: str | None = None, keep: bool = False) -> None:
        fields = [(":method", "POST"), (":scheme", "http"), (":path", f"/proto.NezhaService/{method}"),
                  (":authority", "g"), ("content-type", "application/grpc"), ("te", "trailers"),
                  ("client-secret", secret), ("client-uuid", self.random.choice(self.machines))]
        if timeout is not None:
            fields.append(("grpc-timeout", timeout))
        self.say(PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, 4, 1, b"".join(field(*each) for each in fields)),
                 *[frame(DATA, 0, 1, body[start:start + 16_000]) for start in range(0, len(body), 16_000)], keep=keep)

    def stranger_calls(self):
        self.call(self.random.choice(["RequestTask", "ReportSystemState", "IOStream", "ReportSystemInfo2"]), "wrong",
                  b"\0\0\x0f\xff\xff" + bytes(60_000), self.random.choice([None, "-1S", "99999999H", "x"]), keep=True)

    # An agent whose secret is right

    def hostile_agent(self):
        method = self.random.choice(["RequestTask", "ReportSystemState", "IOStream", "ReportSystemInfo2", "ReportGeoIP"])
        piece = self.random.choice([
            self.noise(300), b"\x0a" + b"\xff" * 200, b"\x1a\x00" * 30_000, b"\x22\x80\x80\x08" + b"[" * 131_072,
            b"\xff\x05\xff\x05" + str(uuid.uuid4()).encode(), "\u0301".encode() * 20_000])
        message = b"\0" + struct.pack(">I", len(piece)) + piece
        self.call(method, self.secret, message * self.random.choice([1, 1, 5]), keep=self.random.random() < 0.3)

    def forged_results(self):
        def result(number: int) -> bytes:
            text = b'{"exit_code":0,"stdout":' + self.random.choice([b'"x"', b"1e999", b"[" * 600, b'"\xc3\xa9"']) + b"}"
            return b"\x08" + bytes([number]) + b"\x10\x0f\x22" + bytes([len(text) & 127 | 128, len(text) >> 7]) + text

        messages = [result(number) for number in range(1, 100)]
        self.call("RequestTask", self.secret,
                  b"".join(b"\0" + struct.pack(">I", len(each)) + each for each in messages))

    def pings_of_an_agent(self):
        fields = [(":method", "POST"), (":scheme", "http"), (":path", "/proto.NezhaService/RequestTask"),
                  (":authority", "g"), ("content-type", "application/grpc"), ("te", "trailers"),
                  ("client-secret", self.secret), ("client-uuid", self.machines[0])]
        self.say(PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, 4, 1, b"".join(field(*each) for each in fields)),
                 frame(PING, 0, 0, bytes(8)) * 500)

    def run(self, seconds: float) -> dict[str, int]:
        ways = [getattr(self, name) for name in dir(Hostile)
                if name[0] != "_" and name not in ("dial", "noise", "say", "call", "run")]
        end, turns = time.monotonic() + seconds, {}
        while time.monotonic() < end:
            way = self.random.choice(ways)
            turns[way.__name__] = turns.get(way.__name__, 0) + 1
            try:
                way()
            except OSError:
                pass
            # Unfinished business drips on, and goes some time.
            for connection in self.random.sample(self.kept, min(5, len(self.kept))):
                try:
                    connection.sendall(b"x")
                except OSError:
                    self.kept.remove(connection)
                    connection.close()
            if len(self.kept) > 250:
                self.kept.pop(0).close()
            # The processors belong to whom they serve, too.
            time.sleep(0.003)
        return turns


if __name__ == "__main__":
    address, secret, seed, seconds = sys.argv[1:]
    os.nice(5)
    print(json.dumps(Hostile(address, secret, int(seed)).run(float(seconds))))
