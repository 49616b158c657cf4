"""Tunnels (engines.md 8): a real WebSocket server and a real HTTP service behind our agent, reached by the host of a rule."""

import asyncio
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import requests
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.sync.server import serve

from gateway import patient, wait_until


@pytest.fixture
def echo():
    """Echoes messages, speaks the subprotocol `chat`, says what it was asked for, closes when told to."""
    heard = {"headers": [], "closed": []}

    def handle(ws):
        heard["headers"].append(dict(ws.request.headers.raw_items()))
        try:
            for message in ws:
                if message == "close":
                    ws.close(4001, "as you like")
                    return
                ws.send(message)
        finally:
            heard["closed"].append(ws.close_code)

    with serve(handle, "127.0.0.1", 0, subprotocols=["chat"], max_size=None) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.socket.getsockname()[1]}", heard
        server.shutdown()


@pytest.fixture
def plain():
    """An HTTP service that knows no WebSockets."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            body = b"plain"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def tunnel(gateway, agent):
    """Makes rules that end with the test."""
    bearer, made = gateway.login(), []

    def make(domain: str, host: str) -> str:
        answer = gateway.api("POST", "/nat", bearer, json={
            "name": domain, "enabled": True, "server_id": agent.server_id, "host": host, "domain": domain}).json()
        assert answer.get("success"), answer
        made.append(answer["data"])
        return domain

    yield make
    gateway.api("POST", "/batch-delete/nat", bearer, json=made)


def through(gateway, domain: str, **more):
    host, port = gateway.address.rsplit(":", 1)
    return connect(f"ws://{domain}/socket?x=1", sock=socket.create_connection((host, int(port)), 10), open_timeout=15,
                   close_timeout=5, proxy=None, max_size=None, subprotocols=["chat"], **more)


def test_a_websocket_passes_whole(gateway, tunnel, echo):
    host, heard = echo
    domain = tunnel("ws.example.test", host)
    with through(gateway, domain, additional_headers={"Authorization": "Bearer nzp_x"}) as ws:
        # The service's own choices: its subprotocol, and compression, which the gateway itself does not speak.
        assert ws.subprotocol == "chat"
        assert "permessage-deflate" in ws.response.headers["Sec-WebSocket-Extensions"]
        for message in ("ping", b"\0\xff", "", "x" * 70_000):
            ws.send(message)
            assert ws.recv(10) == message
        assert ws.ping().wait(10)
        ws.send("close")
        with pytest.raises(ConnectionClosed) as end:
            ws.recv(10)
        assert (end.value.rcvd.code, end.value.rcvd.reason) == (4001, "as you like")
    assert heard["headers"][0]["Host"] == domain
    assert "Authorization" not in heard["headers"][0]


def test_megabytes_both_ways_at_once(gateway, tunnel, echo):
    host, _ = echo
    domain = tunnel("large.example.test", host)
    address, port = gateway.address.rsplit(":", 1)
    pieces = [bytes([n]) * 1_000_000 for n in range(32)]

    # The synchronous client reads nothing while it waits for room to send.
    async def both_ways():
        async with connect_async(f"ws://{domain}/socket", host=address, port=int(port), compression=None, max_size=None,
                                 proxy=None, subprotocols=["chat"]) as ws:
            async def send():
                for piece in pieces:
                    await ws.send(piece)

            sender = asyncio.create_task(send())
            for piece in pieces:
                assert await asyncio.wait_for(ws.recv(), 30) == piece
            await sender

    asyncio.run(both_ways())


def test_a_client_that_vanishes_ends_the_tunnel(gateway, tunnel, echo):
    host, heard = echo
    with through(gateway, tunnel("gone.example.test", host)) as ws:
        ws.send("hello")
        assert ws.recv(10) == "hello"
        ws.socket.shutdown(socket.SHUT_RDWR)
    wait_until(lambda: heard["closed"], what="the service sees the end")
    assert heard["closed"] == [1006]


def test_a_service_without_websockets_is_heard_as_it_is(gateway, tunnel, plain):
    with pytest.raises(InvalidStatus) as refused:
        through(gateway, tunnel("plain.example.test", plain))
    assert refused.value.response.status_code == 200
    assert refused.value.response.body == b"plain"


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/metrics", "/mcp", "/api/v1/server", "/dashboard/"])
def test_every_path_of_its_host_is_the_services(gateway, tunnel, plain, path):
    """Also one that the gateway has on its own hosts."""
    domain = tunnel("paths.example.test", plain)
    answer = requests.get(gateway.url + path, headers={"Host": domain}, timeout=15)
    assert (answer.status_code, answer.text) == (200, "plain")
    assert requests.get(gateway.url + "/healthz", timeout=15).text == "ok"


def test_a_gateway_with_an_open_tunnel_stops(make_gateway, make_agent, echo):
    host, _ = echo
    gateway = make_gateway()
    agent = make_agent(gateway)
    answer = gateway.api("POST", "/nat", gateway.login(), json={
        "name": "t", "enabled": True, "server_id": agent.server_id, "host": host, "domain": "stop.example.test"})
    assert answer.json()["success"], answer.text
    with through(gateway, "stop.example.test") as ws:
        ws.send("hello")
        assert ws.recv(10) == "hello"
        began = patient()
        assert gateway.stop() == 0
        assert patient() - began < 10
        with pytest.raises(ConnectionClosed):
            ws.recv(10)
