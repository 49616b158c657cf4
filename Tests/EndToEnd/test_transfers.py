"""Transfer URLs, end to end: client → gateway → `nezha-agent` → file, and back (mcp.md section 7)."""

import hashlib
import os
import re
import socket
import sqlite3
import threading
import time
import uuid
from datetime import UTC, datetime

import pytest
import requests

from conftest import ALL_SCOPES
from gateway import Agent, Gateway, free_port, patient, wait_until
from test_lifecycle import AT_ONCE, audit_rows, within_a_second

LIMIT = 100 * 1024 * 1024


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(scope="module")
def big() -> bytes:
    """Exactly the limit, without any pattern."""
    return os.urandom(LIMIT)


class Transfers:
    """Makes URLs with one token for one server, and knows what they did to a folder."""

    def __init__(self, gateway: Gateway, agent: Agent, token: str, folder):
        self.gateway, self.agent, self.token, self.folder = gateway, agent, token, folder

    def url(self, tool: str, path, **more) -> str:
        result = self.gateway.call(self.token, tool, server_id=self.agent.server_id, path=str(path), **more)
        assert not result.get("isError"), result
        return result["structuredContent"]["url"]

    def download_url(self, path, **more) -> str:
        return self.url("fs.download_url", path, **more)

    def upload_url(self, path, **more) -> str:
        return self.url("fs.upload_url", path, **more)

    def download(self, path) -> requests.Response:
        return requests.get(self.download_url(path), timeout=60)

    def upload(self, path, content, query: str = "", **more) -> requests.Response:
        return requests.post(self.upload_url(path, **more) + query, data=content, timeout=60)

    def assert_untouched(self, path, content: bytes | None) -> None:
        """The old file, or none, and nothing else beside it; soon, for the agent tidies up behind the answer."""
        expected = {} if content is None else {path.name: content}
        found = lambda: {file.name: file.read_bytes() for file in path.parent.iterdir()}  # noqa: E731
        wait_until(lambda: found() == expected, 5, what=f"only {list(expected)} in {path.parent}")


@pytest.fixture
def transfers(gateway, agent, token, tmp_path) -> Transfers:
    folder = tmp_path / "files"
    folder.mkdir()
    return Transfers(gateway, agent, token, folder)


class SlowUpload:
    """An upload whose body comes piece by piece, as the test says."""

    def __init__(self, url: str, length: int, first: bytes = b""):
        scheme, _, host, path = url.split("/", 3)
        assert scheme == "http:"
        name, port = host.rsplit(":", 1)
        self.connection = socket.create_connection((name, int(port)), timeout=20)
        head = f"POST /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        self.connection.sendall(head.encode() + first)

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def answer(self) -> tuple[int, str]:
        """Status and text; (0, "") when the connection just ended."""
        received = b""
        try:
            while data := self.connection.recv(65536):
                received += data
        except ConnectionResetError:
            pass
        self.connection.close()
        head, _, body = received.decode().partition("\r\n\r\n")
        return (int(head.split()[1]), body) if head else (0, "")

    def close(self) -> None:
        self.connection.close()


class SlowDownload:
    """A download that is accepted but read only later."""

    def __init__(self, url: str):
        host, path = url.removeprefix("http://").split("/", 1)
        name, port = host.rsplit(":", 1)
        self.connection = socket.socket()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.connection.settimeout(20)
        self.connection.connect((name, int(port)))
        self.connection.sendall(f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        self.received = b""
        while b"\r\n\r\n" not in self.received:
            self.received += self.connection.recv(1024)

    def rest(self) -> int:
        """Reads to the end: bytes of content that came altogether."""
        head, _, body = self.received.partition(b"\r\n\r\n")
        assert b" 200 " in head.split(b"\r\n")[0] + b" "
        count = len(body)
        try:
            while data := self.connection.recv(1 << 20):
                count += len(data)
        except ConnectionResetError:
            pass
        self.connection.close()
        return count


# Content


@pytest.mark.parametrize(
    "content", [b"", b"x", b"NZTEerror\n", bytes(range(256)) * 4097], ids=["empty", "1", "magic", "1M"]
)
def test_content_arrives_as_it_is(transfers, content):
    there, back = transfers.folder / "up", transfers.folder / "down"
    answer = transfers.upload(there, content)
    assert (answer.status_code, answer.json()) == (200, {"size": len(content), "sha256": sha256(content)})
    assert answer.headers["Content-Type"].startswith("application/json")
    assert there.read_bytes() == content
    back.write_bytes(content)
    answer = transfers.download(back)
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["Content-Length"] == str(len(content))


def test_a_body_that_comes_a_moment_after_its_head_arrives(transfers):
    """Whenever it comes: while the agent is asked, just then, or later."""
    for number in range(300):
        upload = SlowUpload(transfers.upload_url(transfers.folder / "up"), 1)
        time.sleep(number % 30 / 10_000)
        upload.send(b"x")
        assert upload.answer()[0] == 200, number


@pytest.mark.timeout(180)
def test_exactly_100_mib_pass_both_ways(transfers, big):
    """And the gateway keeps a small part of them in memory at a time."""
    file, digest = transfers.folder / "big", sha256(big)

    def upload():
        answer = transfers.upload(file, big, f"?sha256={digest}")
        assert (answer.status_code, answer.text) == (200, f'{{"size":{LIMIT},"sha256":"{digest}"}}')
        assert file.read_bytes() == big

    def download():
        answer = transfers.download(file)
        assert answer.status_code == 200
        assert answer.content == big
        assert answer.headers["X-Content-SHA256"] == digest

    grown = {work.__name__: round(transfers.gateway.growth(work), 1) for work in (upload, download)}
    assert max(grown.values()) <= 16, f"MiB: {grown}"


def test_one_byte_more_is_refused_both_ways(transfers):
    target, source = transfers.folder / "target", transfers.folder / "source"
    target.write_bytes(b"old")
    url = transfers.upload_url(target)
    refused = SlowUpload(url, LIMIT + 1)
    assert refused.answer() == (413, "body exceeds MCP transfer cap (100MiB)")
    assert target.read_bytes() == b"old"
    with source.open("wb") as file:
        file.truncate(LIMIT + 1)
    answer = transfers.download(source)
    assert (answer.status_code, answer.text) == (502, "file exceeds MCP transfer cap (100MiB)")


def test_headers_of_a_download_keep_it_a_file(transfers):
    plain, odd = transfers.folder / "report.html", transfers.folder / 'h"ä ß%.txt'
    for file in (plain, odd):
        file.write_bytes(b"<script>alert(1)</script>")
    headers = transfers.download(plain).headers
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Content-Disposition"] == 'attachment; filename="report.html"'
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-SHA256"] == sha256(b"<script>alert(1)</script>")
    shown = transfers.download(odd).headers["Content-Disposition"]
    assert re.fullmatch(r"""attachment; filename="[ -!#-\[\]-~]*"; filename\*=UTF-8''[A-Za-z0-9%._~-]+""", shown), shown


def test_headers_of_refusals_keep_them_text(transfers):
    for method, path in (("GET", "download"), ("POST", "upload")):
        answer = requests.request(method, f"{transfers.gateway.url}/mcp/{path}/unknown", timeout=10)
        assert (answer.status_code, answer.text) == (401, "invalid or already-used transfer token")
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path, text", [("/no/such/file", "does not exist"), ("relative", "path"), ("/etc", "")])
def test_what_cannot_be_read_is_told_by_the_agent(transfers, path, text):
    answer = transfers.download(path)
    assert answer.status_code == 502 and answer.text and text in answer.text
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


# Digests, lengths and options of an upload


def test_a_right_digest_is_accepted_in_any_case(transfers):
    for query in (
        f"?sha256={sha256(b'new')}",
        f"?sha256={sha256(b'new').upper()}",
        f"?other=1&sha256={sha256(b'new')}",
    ):
        assert transfers.upload(transfers.folder / "file", b"new", query).status_code == 200


def test_a_wrong_digest_leaves_the_old_file(transfers):
    file = transfers.folder / "file"
    file.write_bytes(b"old")
    answer = transfers.upload(file, b"new", f"?sha256={sha256(b'other')}")
    assert answer.status_code == 502 and "sha256 mismatch" in answer.text
    transfers.assert_untouched(file, b"old")


@pytest.mark.parametrize("query", ["?sha256=abc", "?sha256=" + "g" * 64, "?sha256=" + "a" * 65])
def test_a_malformed_digest_is_refused_before_the_url_is_used_up(transfers, query):
    """mcp.md 10.3 row 24: a mistake in the request does not cost the URL."""
    file = transfers.folder / "file"
    url = transfers.upload_url(file)
    answer = requests.post(url + query, data=b"new", timeout=20)
    assert (answer.status_code, answer.text) == (400, "sha256 must be 64 hex chars")
    assert not file.exists()
    assert requests.post(url, data=b"new", timeout=20).status_code == 200


def test_an_empty_digest_is_none(transfers):
    """As recorded of the reference; scripts send an empty variable."""
    file = transfers.folder / "file"
    answer = requests.post(transfers.upload_url(file) + "?sha256=", data=b"new", timeout=20)
    assert answer.status_code == 200 and file.read_bytes() == b"new"


def test_a_body_of_unknown_length_is_refused(transfers):
    file = transfers.folder / "file"
    url = transfers.upload_url(file)
    answer = requests.post(url, data=iter([b"new"]), timeout=20)
    assert (answer.status_code, answer.text) == (411, "Content-Length required")
    assert not file.exists()


def test_mode_and_folders_reach_the_file(transfers):
    file = transfers.folder / "made" / "deep" / "file"
    assert transfers.upload(file, b"1").status_code == 502
    assert not file.parent.exists()
    assert transfers.upload(file, b"1", mode="0600", create_dirs=True).status_code == 200
    assert file.stat().st_mode & 0o7777 == 0o600
    assert file.parent.stat().st_mode & 0o7777 == 0o755
    # Without a mode a file that is replaced keeps its own, and a new one has the default.
    assert transfers.upload(file, b"2").status_code == 200
    assert file.stat().st_mode & 0o7777 == 0o600
    fresh = file.with_name("fresh")
    assert transfers.upload(fresh, b"3").status_code == 200
    assert fresh.stat().st_mode & 0o7777 == 0o644


def test_if_match_decides_over_the_old_file(transfers):
    file = transfers.folder / "file"
    file.write_bytes(b"old")
    for digest in (sha256(b"something else"), "0" * 64):
        answer = transfers.upload(file, b"new", if_match_sha256=digest)
        assert answer.status_code == 502 and "if_match precondition failed" in answer.text
        transfers.assert_untouched(file, b"old")
    assert transfers.upload(file, b"new", if_match_sha256=sha256(b"old").upper()).status_code == 200
    assert file.read_bytes() == b"new"
    absent = transfers.folder / "absent"
    assert transfers.upload(absent, b"new", if_match_sha256=sha256(b"")).status_code == 502
    assert not absent.exists()


def test_a_file_that_changes_during_the_upload_is_not_overwritten(transfers):
    """security.md: check and use."""
    file = transfers.folder / "file"
    file.write_bytes(b"old")
    upload = SlowUpload(transfers.upload_url(file, if_match_sha256=sha256(b"old")), 6, b"new")
    wait_until(lambda: len(list(transfers.folder.iterdir())) == 2, what="temporary file")
    file.write_bytes(b"by somebody else")
    upload.send(b"new")
    status, text = upload.answer()
    assert status == 502 and "if_match precondition failed" in text
    transfers.assert_untouched(file, b"by somebody else")


def test_a_cut_upload_leaves_the_old_file(transfers):
    """security.md: partial writes."""
    file = transfers.folder / "file"
    for old in (b"old", None):
        file.unlink(missing_ok=True)
        if old:
            file.write_bytes(old)
        upload = SlowUpload(transfers.upload_url(file), 1_000_000, b"x" * 300_000)
        wait_until(lambda: any(f.name != "file" for f in transfers.folder.iterdir()), what="temporary file")
        upload.close()
        transfers.assert_untouched(file, old)


def test_an_agent_that_dies_during_an_upload_fails_it(make_gateway, make_agent, tmp_path):
    gateway = make_gateway()
    agent = make_agent(gateway)
    transfers = Transfers(gateway, agent, gateway.token(*ALL_SCOPES), tmp_path)
    file = tmp_path / "target" / "file"
    file.parent.mkdir()
    file.write_bytes(b"old")
    upload = SlowUpload(transfers.upload_url(file), 1_000_000, b"x" * 300_000)
    wait_until(lambda: len(list(file.parent.iterdir())) == 2, what="temporary file")
    began = patient()
    agent.process.kill()
    status, text = upload.answer()
    assert status == 502 and text
    assert patient() - began < AT_ONCE
    # What a killed process has begun stays as a hidden temporary file; the old one is whole.
    assert file.read_bytes() == b"old"
    answer = transfers.download(file)
    assert (answer.status_code, answer.text) == (502, "server offline")


# One use


def test_a_url_is_good_for_one_use(transfers):
    file = transfers.folder / "file"
    file.write_bytes(b"content")
    download, upload = transfers.download_url(file), transfers.upload_url(file)
    assert requests.get(download, timeout=20).status_code == 200
    assert requests.post(upload, data=b"1", timeout=20).status_code == 200
    for again in (requests.get(download, timeout=20), requests.post(upload, data=b"2", timeout=20)):
        assert (again.status_code, again.text) == (401, "invalid or already-used transfer token")
    assert file.read_bytes() == b"1"


def test_of_many_uses_at_once_one_succeeds(transfers):
    """security.md: race for a single use."""
    file = transfers.folder / "file"
    file.write_bytes(b"content")
    url = transfers.download_url(file)
    ready, statuses = threading.Barrier(12), []

    def use():
        ready.wait()
        statuses.append(requests.get(url, timeout=20).status_code)

    threads = [threading.Thread(target=use) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(statuses) == [200] + [401] * 11


def test_the_wrong_direction_burns_the_url(transfers):
    file = transfers.folder / "file"
    file.write_bytes(b"content")
    download, upload = transfers.download_url(file), transfers.upload_url(file)
    wrong = requests.post(download.replace("/download/", "/upload/"), data=b"x", timeout=20)
    assert (wrong.status_code, wrong.text) == (401, "transfer token direction mismatch")
    wrong = requests.get(upload.replace("/upload/", "/download/"), timeout=20)
    assert (wrong.status_code, wrong.text) == (401, "transfer token direction mismatch")
    assert requests.get(download, timeout=20).status_code == 401
    assert requests.post(upload, data=b"x", timeout=20).status_code == 401
    assert file.read_bytes() == b"content"


def test_a_url_that_was_tampered_with_is_worth_nothing(transfers):
    file = transfers.folder / "file"
    file.write_bytes(b"content")
    url = transfers.download_url(file)
    head, signature = url.rsplit(".", 1)
    assert re.fullmatch(r"[0-9A-Za-z]{24}", head.rsplit("/", 1)[1]) and re.fullmatch(r"[0-9a-f]{64}", signature)
    flipped = ("1" if signature[0] == "0" else "0") + signature[1:]
    for other in (f"{head}.{flipped}", f"{head}.", head, f"{url}0", f"{head}.{'0' * 64}"):
        assert requests.get(other, timeout=20).status_code in (401, 404)
    # None of that was the URL itself.
    assert requests.get(url, timeout=20).content == b"content"


def test_looking_does_not_use_a_url_up(transfers):
    file = transfers.folder / "file"
    file.write_bytes(b"content")
    url = transfers.download_url(file)
    for _ in range(2):
        answer = requests.head(url, timeout=20)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["Content-Length"] == "7"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="file"'
    assert requests.get(url, timeout=20).content == b"content"
    assert requests.head(url, timeout=20).status_code == 401


@pytest.mark.parametrize(
    "method, direction", [("PUT", "upload"), ("GET", "upload"), ("POST", "download"), ("DELETE", "download")]
)
def test_other_methods_neither_work_nor_burn(transfers, method, direction):
    file = transfers.folder / "file"
    file.write_bytes(b"content")
    url = getattr(transfers, f"{direction}_url")(file)
    assert requests.request(method, url, data=b"x", timeout=20).status_code in (404, 405)
    assert file.read_bytes() == b"content"
    right = requests.post(url, data=b"y", timeout=20) if direction == "upload" else requests.get(url, timeout=20)
    assert right.status_code == 200


@pytest.mark.parametrize(
    "asked, seconds", [(None, 300), (0, 300), (-5, 300), (1, 30), (30, 30), (600, 600), (601, 600)]
)
def test_the_life_of_a_url_is_kept_in_bounds(transfers, asked, seconds):
    result = transfers.gateway.call(
        transfers.token, "fs.download_url", server_id=transfers.agent.server_id, path="/x",
        **({} if asked is None else {"ttl_seconds": asked}),
    )  # fmt: skip
    left = (datetime.fromisoformat(result["structuredContent"]["expires_at"]) - datetime.now(UTC)).total_seconds()
    # What is shown is rounded to a millisecond.
    assert seconds - 10 < left < seconds + 0.001


def test_urls_die_with_the_process(make_gateway, make_agent, tmp_path):
    gateway = make_gateway(settings={"listen_port": free_port()})
    agent = make_agent(gateway)
    url = Transfers(gateway, agent, gateway.token(*ALL_SCOPES), tmp_path).download_url("/etc/hostname")
    gateway.stop()
    gateway.start()
    assert requests.get(url, timeout=20).status_code == 401


# Rights


@pytest.fixture(scope="module")
def own_world(tmp_path_factory):
    """A gateway with an agent whose rights these tests change, and put back."""
    folder = tmp_path_factory.mktemp("transfers")
    limits = {"mcp_rate_limit_per_second": 10_000, "mcp_rate_limit_per_minute": 600_000}
    gateway = Gateway(folder / "gateway", settings=limits).start()
    agent = Agent(gateway, folder / "agent", gateway.agent_secret(), str(uuid.uuid4())).start()
    try:
        yield gateway, agent.wait_online(gateway.login())
    finally:
        agent.stop()
        assert gateway.stop() == 0


def own_transfers(own_world, folder) -> Transfers:
    """With a token that is named like its folder."""
    gateway, agent = own_world
    folder.mkdir()
    return Transfers(gateway, agent, gateway.token(*ALL_SCOPES, name=str(folder)), folder)


@pytest.fixture
def own(own_world, tmp_path) -> Transfers:
    """Transfers of a token of this test alone."""
    return own_transfers(own_world, tmp_path / "files")


def sql(gateway: Gateway, statement: str, *values) -> list:
    """As an administrator would with the sqlite3 shell; the gateway must notice."""
    with sqlite3.connect(gateway.database, timeout=10) as database:
        return database.execute(statement, values).fetchall()


def token_id(transfers: Transfers) -> int:
    return sql(transfers.gateway, "select id from api_tokens where name = ?", str(transfers.folder))[0][0]


class KillSwitch:
    text, outcome = "MCP is disabled", "mcp_disabled"

    @staticmethod
    def take(own):
        answer = own.gateway.api("PATCH", "/setting", own.gateway.login(), json={"enable_mcp": False})
        assert answer.json()["success"] is True

    @staticmethod
    def give_back(own):
        own.gateway.api("PATCH", "/setting", own.gateway.login(), json={"enable_mcp": True})


class Change:
    """A right that is taken away behind the gateway's back."""

    text, outcome = "revoked", "revoked"

    def __init__(self, *take: str, give_back: tuple = ()):
        self.statements, self.undo = take, give_back

    def take(self, own):
        for statement in self.statements:
            sql(own.gateway, statement.format(token=token_id(own), server=own.agent.server_id))

    def give_back(self, own):
        for statement in self.undo:
            sql(own.gateway, statement.format(server=own.agent.server_id))


class Revocation(Change):
    def take(self, own):
        own.gateway.command("token", "revoke", str(token_id(own)))


LOSSES = {
    "kill switch": KillSwitch(),
    "token revoked": Revocation(),
    "token expired": Change("update api_tokens set expires_at = 1 where id = {token}"),
    "scopes narrowed": Change("update api_tokens set scopes_csv = 'nezha:inventory:read' where id = {token}"),
    "servers narrowed": Change("update api_tokens set servers_csv = '4711' where id = {token}"),
    "owner demoted and server given away": Change(
        "update servers set user_id = 4711 where id = {server}", "update users set role = 1 where id = 1",
        give_back=("update users set role = 0 where id = 1", "update servers set user_id = 1 where id = {server}"),
    ),
}  # fmt: skip


@pytest.fixture(params=LOSSES)
def loss(request, own):
    yield LOSSES[request.param]
    give_back(LOSSES[request.param], own)


def give_back(loss, own) -> None:
    loss.give_back(own)
    # What comes next needs these rights in force again.
    fresh = own.gateway.token("nezha:server:read")
    wait_until(
        lambda: "result" in (answer := own.gateway.rpc(fresh, "tools/call", {
            "name": "server.get", "arguments": {"server_id": own.agent.server_id}}).json())
        and not answer["result"].get("isError"), what="rights given back",
    )  # fmt: skip


@pytest.mark.timeout(240)
def test_lost_rights_end_running_transfers_at_once(own, own_world, loss, tmp_path):
    """security.md: deleted while in use."""

    def attempt(number):
        mine = own_transfers(own_world, tmp_path / str(number))
        try:
            return seconds_until_transfers_have_ended(mine, loss)
        finally:
            give_back(loss, mine)

    within_a_second(attempt)


def seconds_until_transfers_have_ended(own, loss) -> float:
    """Both directions, throttled, so that they run when it happens."""
    source, target = own.folder / "source", own.folder / "target" / "file"
    with source.open("wb") as file:
        file.truncate(64 << 20)
    target.parent.mkdir()
    target.write_bytes(b"old")
    number = token_id(own)
    download = SlowDownload(own.download_url(source))
    upload = SlowUpload(own.upload_url(target), 1_000_000, b"x" * 300_000)
    wait_until(lambda: len(list(target.parent.iterdir())) == 2, what="temporary file")
    loss.take(own)
    began = patient()
    status, text = upload.answer()
    assert status in (401, 502) and loss.text in text, (status, text)
    assert patient() - began < AT_ONCE
    rows = lambda: [  # noqa: E731
        (row["tool"], row["outcome"])
        for tool in ("fs.download", "fs.upload")
        for row in audit_rows(own.gateway, tool)
        if row["token_id"] == number
    ]
    expected = [("fs.download", loss.outcome), ("fs.upload", loss.outcome)]
    # The row of the download shows that it was stopped before its content was asked for again.
    wait_until(lambda: rows() == expected, AT_ONCE, every=0.02, what=f"audit rows {expected}")
    ended = patient()
    assert download.rest() < 64 << 20
    own.assert_untouched(target, b"old")
    return ended - began


def test_urls_without_rights_are_worth_nothing(own, loss):
    file = own.folder / "file"
    file.write_bytes(b"old")
    download, upload = own.download_url(file), own.upload_url(file)
    loss.take(own)
    # At once, even where another process changed the database: each use reads the rights anew.
    for answer in (requests.get(download, timeout=20), requests.post(upload, data=b"new", timeout=20)):
        assert answer.status_code == 401
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert file.read_bytes() == b"old"


# Limits


def test_sixteen_transfers_at_a_time(own):
    """The seventeenth is told to come back, and its URL stays good."""
    running = []
    for number in range(16):
        running.append(SlowUpload(own.upload_url(own.folder / f"{number}"), 4, b"ab"))
    wait_until(lambda: len(list(own.folder.iterdir())) == 16, what="sixteen temporary files")
    extra, look = own.upload_url(own.folder / "extra"), own.download_url("/etc/hostname")
    for answer in (requests.post(extra, data=b"x", timeout=20), requests.get(look, timeout=20)):
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) >= 1
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    for upload in running:
        upload.send(b"cd")
    assert [upload.answer()[0] for upload in running] == [200] * 16
    assert requests.post(extra, data=b"x", timeout=20).status_code == 200
    assert requests.get(look, timeout=20).status_code == 200
    assert {file.read_bytes() for file in own.folder.iterdir()} == {b"abcd", b"x"}


def test_unused_urls_are_limited(own):
    urls = [own.download_url("/etc/hostname") for _ in range(256)]
    refused = own.gateway.call(own.token, "fs.download_url", server_id=own.agent.server_id, path="/etc/hostname")
    assert refused["isError"] is True and "too many unused transfer URLs" in refused["content"][0]["text"]
    assert requests.get(urls[0], timeout=20).status_code == 200
    own.download_url("/etc/hostname")


# Traces


def test_every_use_leaves_one_row(own):
    file = own.folder / "file"
    file.write_bytes(b"content")
    number = token_id(own)
    own.download(file)
    own.upload(file, b"new")
    own.upload(file, b"new", f"?sha256={sha256(b'other')}")
    own.download("/no/such/file")
    requests.get(own.upload_url(file).replace("/upload/", "/download/"), timeout=20)

    def rows(tool):
        return [row for row in audit_rows(own.gateway, tool) if row["token_id"] == number]

    downloads = wait_until(lambda: len(found := rows("fs.download")) == 3 and found, what="rows of downloads")
    uploads = wait_until(lambda: len(found := rows("fs.upload")) == 2 and found, what="rows of uploads")
    assert [row["outcome"] for row in downloads] == ["invalid_args", "agent_error", "ok"]
    assert [row["outcome"] for row in uploads] == ["agent_error", "ok"]
    for row in downloads + uploads:
        assert row["server_id"] == own.agent.server_id and row["user_id"] == 1
        assert row["ip"] == "127.0.0.1" and row["request_id"]
        assert (row["error_msg"] == "") == (row["outcome"] == "ok")
        assert str(file) in row["args_redacted"] or "/no/such/file" in row["args_redacted"]


def test_guesses_do_not_fill_the_audit_log(make_gateway):
    # Without this, an address on loopback may be that of a proxy nobody configured, and counts as unknown.
    gateway = make_gateway(settings={"web_real_ip_header": "NZ::Use-Peer-IP"})
    for _ in range(8):
        requests.get(f"{gateway.url}/mcp/download/guess", timeout=10)
    wait_until(lambda: len(audit_rows(gateway, "fs.download")) == 5, what="five rows")
    time.sleep(0.5)
    rows = audit_rows(gateway, "fs.download")
    assert len(rows) == 5 and {row["outcome"] for row in rows} == {"permission_denied"}


def test_no_log_shows_what_opens_a_url(make_gateway, make_agent, tmp_path):
    gateway = make_gateway(arguments=["--log-level", "trace"])
    agent = make_agent(gateway)
    token = gateway.token(*ALL_SCOPES)
    transfers = Transfers(gateway, agent, token, tmp_path)
    file = tmp_path / "file"
    file.write_bytes(b"content")
    used, unused = transfers.download_url(file), transfers.download_url(file)
    upload = transfers.upload_url(file)
    requests.get(used, timeout=20)
    requests.get(used, timeout=20)
    requests.post(upload + "?sha256=x", data=b"x", timeout=20)
    requests.get(upload.replace("/upload/", "/download/"), timeout=20)
    requests.put(unused, timeout=20)
    requests.get(unused, headers={"Origin": "https://evil.example"}, timeout=20)
    agent.stop()
    gateway.stop()
    log = gateway.log.read_text() + (gateway.folder / "gateway.out").read_text() + agent.log.read_text()
    assert "/mcp/download/" in log
    for url in (used, unused, upload):
        nonce, signature = url.rsplit("/", 1)[1].split(".")
        assert nonce[:6] in log and nonce[:7] not in log and signature[:8] not in log
    assert token not in log
