"""Terminals from a WebSocket to a shell, with `nezha-agent` and with an agent written from the contract alone."""

import json
import os
import re
import struct
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from conftest import begun_early
from gateway import wait_until
from spec_agent import M, MAGIC
from streams import StreamWorld, closing_of, read_until, refusal, refused, resized, typed
from test_agent_abuse import http2
from test_ground import DATA, PREFACE, RESET, dial, head
from test_lifecycle import audit_rows

LIMIT = 512 * 1024 + 64


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = StreamWorld(tmp_path_factory.mktemp("terminal"))
    yield world
    world.stop()


@pytest.fixture
def fragile(tmp_path):
    """A world of its own, for a test that breaks something."""
    world = StreamWorld(tmp_path)
    yield world
    world.stop()


@pytest.fixture(scope="module", autouse=True)
def patient(request, world):
    """What takes ten seconds, from the first test on: the others run meanwhile."""
    from websockets.frames import Opcode

    if not begun_early(request, "test_an_agent_that_never_attaches_closes_the_socket_after_ten_seconds",
                       "test_the_gateway_pings"):
        yield None
        return

    def unattached(kind):
        with world.attached(kind, world.spec_server, world.member) as client:
            began = time.monotonic()
            return closing_of(client), time.monotonic() - began

    def pings():
        with world.joined("terminal", world.member) as (client, _):
            found = []
            receive = client.protocol.recv_frame
            client.protocol.recv_frame = lambda frame: (
                found.append(time.monotonic()) if frame.opcode is Opcode.PING else None, receive(frame))[1]
            return wait_until(lambda: found, 25, what="a ping in about ten seconds")

    with ThreadPoolExecutor(3) as pool:
        yield {kind: pool.submit(unattached, kind) for kind in ("terminal", "file")} | {"pings": pool.submit(pings)}


@pytest.fixture
def shell(world):
    with world.attached("terminal", world.real_server, world.admin) as client:
        yield client


# A real shell


def test_a_shell_answers(shell):
    shell.send(typed("echo $((6 * 7))-answered\n"))
    read_until(shell, b"42-answered")


def test_a_resize_reaches_the_shell_and_one_out_of_bounds_does_not(shell):
    shell.send(resized(132, 43))
    shell.send(typed("stty size\n"))
    read_until(shell, b"43 132")
    for columns, rows in [(1001, 30), (1, 30), (90, 501), (90, 1)]:
        shell.send(resized(columns, rows))
    shell.send(typed("echo again; stty size\n"))
    assert b"43 132" in read_until(shell, b"43 132")
    for columns, rows in [(1000, 500), (2, 2)]:
        shell.send(resized(columns, rows))
        shell.send(typed("stty size\n"))
        read_until(shell, f"{rows} {columns}".encode())


def test_the_end_of_the_shell_closes_the_socket(shell):
    shell.send(typed("exit\n"))
    assert closing_of(shell)[0] == 1000


def test_closing_the_socket_ends_the_shell(world):
    with world.attached("terminal", world.real_server, world.admin) as client:
        client.send(typed("echo pid=$$=\n"))
        output = b""
        while not (found := re.search(rb"pid=(\d+)=", output)):
            output += client.recv(timeout=20)
        pid = int(found[1])
        assert os.path.exists(f"/proc/{pid}")
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), what="the shell has ended")


def test_closing_the_socket_ends_a_program_that_takes_no_input(world):
    """Its terminal is full, so the agent waits for room, not for the stream."""
    with world.attached("terminal", world.real_server, world.admin) as client:
        client.send(typed("stty raw -echo; printf read%s=%s= y $$; exec sleep 888\n"))
        output = read_until(client, b"ready=")
        while not (found := re.search(rb"ready=(\d+)=", output)):
            output += client.recv(timeout=20)
        pid = int(found[1])
        for _ in range(4):
            client.send(typed("y" * 32768))
        time.sleep(0.5)
        assert os.path.exists(f"/proc/{pid}")
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), 30, what="the program has ended")


def test_large_input_and_output_pass_whole(world):
    """A paste near the limit through a real PTY, in raw mode so that its line discipline takes it."""
    with world.attached("terminal", world.real_server, world.admin) as client:
        client.send(typed("stty raw -echo; printf read%s y-; head -c 500000 | sha256sum; exit\n"))
        read_until(client, b"ready-")
        client.send(typed("a" * 500_000))
        import hashlib

        read_until(client, hashlib.sha256(b"a" * 500_000).hexdigest().encode(), seconds=60)


def test_unbounded_frames_a_client_that_does_not_read_holds_the_agent_back(world):
    status = f"/proc/{world.gateway.process.pid}/status"

    def resident():
        with open(status) as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))

    # Its end does not wait for the peer's: what nobody reads stands before that.
    with world.attached("terminal", world.real_server, world.admin, close_timeout=0.5) as client:
        before = resident()
        client.send(typed("yes 0123456789012345678901234567890123456789 | head -c 300000000\n"))
        for _ in range(20):
            time.sleep(0.15)
            assert resident() - before < 100_000, "the gateway keeps what nobody reads"


# The contract


def test_frames_go_as_they_are_in_both_directions(world):
    with world.joined("terminal", world.member) as (client, agent):
        client.send(b"\0ls\n")
        client.send(b"\1" + b'{"Rows":30,"Cols":100}')
        client.send(b"\2ignored")
        client.send(b"\0\xff\xfe\n")
        frames = agent.frames()
        assert next(frames) == b"\0ls\n"
        assert next(frames)[:1] == b"\1"
        assert next(frames) == b"\0\xff\xfe\n"
        agent.send(b"out\xff")
        agent.send(b"")
        agent.send(b"put")
        assert client.recv(timeout=20) == b"out\xff"
        assert client.recv(timeout=20) == b"put"


def test_unbounded_frames_a_message_of_the_limit_passes_and_one_byte_more_closes(world):
    with world.joined("terminal", world.member) as (client, agent):
        sent = os.urandom(LIMIT - 1)
        client.send(b"\0" + sent)
        heard = b""
        frames = agent.frames()
        while len(heard) < len(sent):
            piece = next(frames)
            assert piece[:1] == b"\0" and len(piece) > 1
            heard += piece[1:]
        assert heard == sent
        client.send(b"\0" + sent + b"x")
        assert closing_of(client)[0] == 1009


def test_what_the_agent_said_before_the_client_came_is_not_lost(world):
    session = world.open("terminal", world.spec_server, world.member)
    world.announced(session)
    agent = world.spec.attach(session)
    agent.send(b"welcome")
    agent.close()
    with world.socket("terminal", session, world.member) as client:
        assert client.recv(timeout=20) == b"welcome"
        assert closing_of(client) == (1000, "")


def test_the_agent_may_come_after_the_client(world):
    session = world.open("terminal", world.spec_server, world.member)
    with world.socket("terminal", session, world.member) as client:
        client.send(b"\0early")
        agent = world.spec.attach(session)
        assert next(agent.frames()) == b"\0early"
        agent.send(b"late")
        assert client.recv(timeout=20) == b"late"
        agent.close()
        assert closing_of(client)[0] == 1000


def test_an_end_of_the_stream_and_at_once_a_reset_is_a_normal_end(world):
    """`agent-link-details.md` 1: so a Go agent ends a terminal."""
    def piece(data: bytes) -> bytes:
        message = M["IOStreamData"](data=data).SerializeToString()
        return http2(DATA, 0, 1, b"\0" + struct.pack(">I", len(message)) + message)

    session = world.open("terminal", world.spec_server, world.member)
    fields = [(":method", "POST"), (":scheme", "http"), (":path", "/proto.NezhaService/IOStream"), (":authority", "g"),
              ("content-type", "application/grpc"), ("te", "trailers"), *world.spec.metadata[2:]]
    output = [b"%d" % number for number in range(100)]
    with world.socket("terminal", session, world.member) as client, dial(world.gateway) as agent:
        agent.sendall(PREFACE + head(fields) + piece(MAGIC + session.encode()) + piece(b"welcome"))
        assert client.recv(timeout=20) == b"welcome"
        agent.sendall(b"".join(map(piece, output)) + http2(DATA, 1, 1, b"") + http2(RESET, 0, 1, struct.pack(">I", 8)))
        assert [client.recv(timeout=20) for _ in output] == output
        assert closing_of(client) == (1000, "")


# Refusals


def test_a_server_without_an_agent_is_refused(world):
    answer = world.ask("terminal", 999_999, world.admin)
    assert answer == {"success": False, "error": "server not found or not connected"}
    # A member cannot tell what is not theirs from what is not there.
    for server in (999_999, world.real_server):
        assert world.ask("terminal", server, world.member) == {"success": False, "error": "permission denied"}


def test_a_form_opens_a_terminal_too(world):
    answer = world.gateway.api("POST", "/terminal", world.member, data={"server_id": world.spec_server}).json()
    assert answer["success"] is True
    world.socket("terminal", answer["data"]["session_id"], world.member).close()


def test_stream_id_used_as_a_credential(world):
    """Other user, other token, other purpose, unknown id, second attach, after the close."""
    token = world.gateway.token("nezha:*", user=None, name="creator")
    session = world.open("terminal", world.real_server, token)
    other = world.gateway.token("nezha:*", name="other")
    listed = world.gateway.token("nezha:server:exec", servers=[world.spec_server], name="listed")
    poor = world.gateway.token("nezha:server:read", name="poor")
    refused(lambda: world.socket("terminal", session, world.member))
    refused(lambda: world.socket("terminal", session, other), 403)
    refused(lambda: world.socket("terminal", session, listed), 403)
    lacks = "ApiErrorForbidden: api token lacks scope nezha:server:exec"
    refused(lambda: world.socket("terminal", session, poor), 403, lacks)
    refused(lambda: world.socket("terminal", session, None), 200, "ApiErrorUnauthorized")
    refused(lambda: world.socket("file", session, token), 403)
    refused(lambda: world.socket("terminal", "00000000-0000-0000-0000-000000000000", token), 403)
    with world.socket("terminal", session, token) as client:
        client.send(typed("echo $((40 + 2))-still\n"))
        read_until(client, b"42-still")
        refused(lambda: world.socket("terminal", session, token), 403)
    wait_until(lambda: refusal(lambda: world.socket("terminal", session, token))[0] == 403, what="closed for good")
    # For an agent the id is worth nothing either.
    with pytest.raises(grpc.RpcError):
        list(world.spec.attach(session).call)


def test_an_administrator_may_attach(world):
    session = world.open("terminal", world.spec_server, world.member)
    world.announced(session)
    agent = world.spec.attach(session)
    with world.socket("terminal", session, world.admin) as client:
        agent.send(b"seen")
        assert client.recv(timeout=20) == b"seen"
    agent.close()


def test_websocket_foreign_origins_and_plain_requests_are_refused(world):
    session = world.open("terminal", world.spec_server, world.member)
    status, body = refusal(lambda: world.socket("terminal", session, world.member, origin="https://evil.example"))
    assert status == 403 and "origin" in body
    plain = world.gateway.api("GET", f"/ws/terminal/{session}", world.member)
    assert plain.status_code == 400 and plain.headers["content-type"].startswith("text/plain")
    # Neither has used the stream up, and the page of this very host may attach.
    world.announced(session)
    agent = world.spec.attach(session)
    with world.socket("terminal", session, world.member, origin=world.gateway.url) as client:
        agent.send(b"hello")
        assert client.recv(timeout=20) == b"hello"
    agent.close()


@pytest.mark.parametrize("place", ["query", "cookie"])
def test_a_browser_is_known_by_query_or_cookie(world, place):
    session = world.open("terminal", world.spec_server, world.member)
    world.announced(session)
    agent = world.spec.attach(session)
    more = {"query": {"query": f"?token={world.member}"}, "cookie": {"headers": {"Cookie": f"nz-jwt={world.member}"}}}
    with world.socket("terminal", session, None, **more[place]) as client:
        agent.send(b"hello")
        assert client.recv(timeout=20) == b"hello"
    agent.close()
    log = world.gateway.log.read_text()
    assert world.member not in log and session not in log


# What is taken away while it is in use


def ends_soon(client, began: float, code: int = 1008) -> str:
    found, reason = closing_of(client)
    assert found == code, (found, reason)
    # A second by the contract; the rest is what a crowded machine takes.
    assert time.monotonic() - began < 5
    return reason


def test_deleted_while_in_use_a_revoked_token_ends_its_terminal(world):
    token = world.gateway.token("nezha:server:exec", name="revoked")
    with world.attached("terminal", world.real_server, token) as client:
        client.send(typed("echo $((40 + 2))-open\n"))
        read_until(client, b"42-open")
        identifier = next(one["id"] for one in world.gateway.api("GET", "/api-tokens", world.admin).json()["data"]
                          if one["name"] == "revoked")  # fmt: skip
        began = time.monotonic()
        assert world.gateway.api("DELETE", f"/api-tokens/{identifier}", world.admin).json()["success"] is True
        assert "revoked" in ends_soon(client, began)

    def row():
        return [row for row in audit_rows(world.gateway, "terminal.attach") if row["outcome"] == "revoked"]

    rows = wait_until(row, what="audit row")
    assert len(rows) == 1 and rows[0]["server_id"] == world.real_server and rows[0]["token_id"] == identifier
    assert list(json.loads(rows[0]["args_redacted"])["session_id"]) == ["length", "digest"]


def test_deleted_while_in_use_a_demoted_administrator_loses_the_terminals_of_others(fragile):
    fragile.add_user("second", role=0)
    second = wait_until(lambda: fragile.log_in("second"), what="second administrator")
    with fragile.attached("terminal", fragile.real_server, second) as client:
        client.send(typed("echo $((40 + 2))-open\n"))
        read_until(client, b"42-open")
        began = time.monotonic()
        fragile.sql("update users set role = 1 where username = 'second'")
        ends_soon(client, began)


def test_deleted_while_in_use_a_deleted_user_and_a_moved_server_end_terminals(fragile):
    def attached():
        session = fragile.open("terminal", fragile.spec_server, fragile.member)
        client = fragile.socket("terminal", session, fragile.member)
        fragile.announced(session)
        return client, fragile.spec.attach(session)

    client, agent = attached()
    began = time.monotonic()
    fragile.sql("update servers set user_id = 1 where id = ?", fragile.spec_server)
    ends_soon(client, began)
    assert list(agent.frames()) == []
    fragile.give(fragile.spec_server, "member")
    client, agent = attached()
    began = time.monotonic()
    fragile.sql("delete from users where username = 'member'")
    ends_soon(client, began)
    assert list(agent.frames()) == []


def test_a_server_that_goes_offline_ends_its_terminal(fragile):
    with fragile.attached("terminal", fragile.real_server, fragile.admin) as client:
        client.send(typed("echo $((40 + 2))-open\n"))
        read_until(client, b"42-open")
        fragile.agent.stop(9)
        code, reason = closing_of(client)
        assert code in (1000, 1011), reason
    answer = fragile.ask("terminal", fragile.real_server, fragile.admin)
    assert answer == {"success": False, "error": "server not found or not connected"}


def test_a_shutdown_closes_terminals(fragile):
    with fragile.attached("terminal", fragile.real_server, fragile.admin) as client:
        client.send(typed("echo $((40 + 2))-open\n"))
        read_until(client, b"42-open")
        assert fragile.gateway.stop() == 0
        assert closing_of(client) == (1001, "the gateway is shutting down")


# Quotas


def test_unbounded_streams_twenty_a_user_and_forty_a_server(fragile):
    server = fragile.spec_server
    fragile.add_user("second", role=0)
    second = wait_until(lambda: fragile.log_in("second"), what="second administrator")
    kinds = ["terminal", "file"] * 10
    sessions = [(kind, fragile.open(kind, server, fragile.member)) for kind in kinds]
    for kind in ("terminal", "file"):
        answer = fragile.ask(kind, server, fragile.member)
        assert answer == {"success": False, "error": "too many concurrent streams for this user"}
    for kind in kinds:
        fragile.open(kind, server, fragile.admin)
    for kind in ("terminal", "file"):
        answer = fragile.ask(kind, server, second)
        assert answer == {"success": False, "error": "too many concurrent streams for this server"}
    # Whichever way a stream ends, its place comes back: the client goes, the agent goes, the attachment fails.
    kind, session = sessions[0]
    fragile.socket(kind, session, fragile.member).close()
    wait_until(lambda: fragile.ask(kind, server, fragile.member).get("success"), what="a place after the client's end")
    _, session = sessions[2]
    with fragile.socket("terminal", session, fragile.member) as client:
        agent = fragile.spec.attach(session)
        agent.close()
        assert closing_of(client)[0] == 1000
    fragile.open("terminal", server, fragile.member)


# Patience: what became of it


@pytest.mark.parametrize("kind", ["terminal", "file"])
def test_an_agent_that_never_attaches_closes_the_socket_after_ten_seconds(patient, kind):
    closing, seconds = patient[kind].result(30)
    assert closing == (1011, "agent did not attach within 10s") and 9 < seconds < 25


def test_the_gateway_pings(patient):
    assert patient["pings"].result(30)
