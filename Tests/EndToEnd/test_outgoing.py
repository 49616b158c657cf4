"""What the gateway sends to addresses that users give: nothing that its surroundings add, on no connection twice."""

import json
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Target(ThreadingHTTPServer):
    """A web hook that would keep its connections; over TLS with the files of a certificate and its key."""

    daemon_threads = True

    def __init__(self, *files):
        super().__init__(("127.0.0.1", 0), Handler)
        self.connections, self.requests, self.scheme = [], [], "https" if files else "http"
        if files:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*files)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}/"

    def server_close(self):
        self.shutdown()
        super().server_close()


class Handler(BaseHTTPRequestHandler):
    server: Target
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.server.connections.append(self.client_address)

    def do_GET(self):
        self.server.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        self.send_response(302 if self.path == "/moved" else 200)
        self.send_header("Location", self.server.url)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def target():
    with Target() as target:
        yield target


@pytest.fixture
def hooked(make_gateway):
    """Starts gateways that reach this machine, in surroundings."""
    def make(**environment):
        return make_gateway(settings={"notification_allow_private": ["127.0.0.0/8"]}, environment=environment)

    return make


def notify(gateway, url: str, bearer: str | None = None) -> None:
    """Saves a channel, which sends a test message."""
    form = {"name": "hook", "url": url, "request_method": 1, "request_type": 1, "request_header": "",
            "request_body": "", "verify_tls": False, "skip_check": False}
    answer = gateway.api("POST", "/notification", bearer or gateway.login(), json=form)
    assert answer.json()["success"], answer.text


def test_no_password_of_a_netrc_is_sent(hooked, target, tmp_path):
    """security.md: The guard on outgoing calls sits in one callback of libcurl."""
    file = tmp_path / ".netrc"
    file.write_text("machine 127.0.0.1 login canary password canary\ndefault login canary password canary\n")
    file.chmod(0o600)
    notify(hooked(HOME=str(tmp_path), NETRC=str(file)), target.url)
    [(_, fields)] = target.requests
    assert "authorization" not in fields and "canary" not in json.dumps(fields)


@pytest.mark.parametrize("names", [["http_proxy", "https_proxy", "HTTPS_PROXY"], ["all_proxy", "ALL_PROXY"]])
def test_no_proxy_of_the_environment_is_used(hooked, target, certificate, names):
    """security.md: The guard on outgoing calls sits in one callback of libcurl."""
    with socket.create_server(("127.0.0.1", 0)) as proxy, Target(*certificate) as secure:
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        gateway = hooked(**dict.fromkeys(names, address), no_proxy="", NO_PROXY="")
        for each in (target, secure):
            notify(gateway, each.url)
            assert len(each.requests) == 1
        # Whoever had called there would wait to be accepted.
        proxy.setblocking(False)
        with pytest.raises(BlockingIOError):
            proxy.accept()


def test_a_connection_serves_one_user_once(hooked, target):
    """security.md: The guard on outgoing calls sits in one callback of libcurl: connections kept for another user."""
    gateway = hooked()
    admin = gateway.login()
    user = {"username": "member", "password": "a password", "role": 1}
    assert gateway.api("POST", "/user", admin, json=user).json()["success"]
    for bearer in (admin, gateway.login("member", "a password"), admin):
        notify(gateway, target.url, bearer)
    assert len(target.requests) == 3 and len(set(target.connections)) == 3
