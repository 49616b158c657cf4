"""The file manager from a WebSocket to the files, with `nezha-agent` and with an agent written from the contract alone."""

import os
import struct

import pytest

from streams import StreamWorld, closing_of, refusal, refused, upload

LIMIT = 2 << 20
PIECE = 1 << 20


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = StreamWorld(tmp_path_factory.mktemp("files"))
    yield world
    world.stop()


@pytest.fixture
def files(world):
    """A file manager of the real agent."""
    with world.attached("file", world.real_server, world.admin) as client:
        yield client


def ask(client, frame: bytes) -> bytes:
    client.send(frame)
    return client.recv(timeout=30)


def listing(answer: bytes) -> tuple[str, list]:
    """The path of a listing and its entries as (kind, name)."""
    assert answer[:4] == b"NZFN", answer
    length = struct.unpack(">I", answer[4:8])[0]
    path, rest = answer[8 : 8 + length].decode(), answer[8 + length :]
    entries = []
    while rest:
        kind, size = rest[0], rest[1]
        entries.append(("dir" if kind else "file", rest[2 : 2 + size].decode()))
        rest = rest[2 + size :]
    return path, entries


def error(answer: bytes) -> str:
    assert answer[:4] == b"NERR", answer[:60]
    return answer[4:].decode()


# The real agent


def test_a_folder_is_listed(files, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "a file ☃").write_text("x")
    assert listing(ask(files, b"\0" + str(tmp_path).encode())) == (
        str(tmp_path), [("file", "a file ☃"), ("dir", "folder")],
    )  # fmt: skip


def test_a_folder_that_cannot_be_read_lists_another_and_says_which(files, tmp_path):
    path, _ = listing(ask(files, b"\0" + str(tmp_path / "missing").encode()))
    assert path != str(tmp_path / "missing") and path.startswith("/")


@pytest.mark.parametrize("size", [1, PIECE, 3 * PIECE + 17])
def test_a_file_is_downloaded(files, tmp_path, size):
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(content)
    assert ask(files, b"\1" + str(tmp_path / "file").encode()) == b"NZTD" + struct.pack(">Q", size)
    received = b""
    while len(received) < size:
        received += files.recv(timeout=30)
    assert received == content


def test_downloads_that_cannot_be_say_why(files, tmp_path):
    (tmp_path / "empty").touch()
    assert error(ask(files, b"\1" + str(tmp_path / "empty").encode())) == "requested file is empty"
    assert error(ask(files, b"\1" + str(tmp_path / "missing").encode()))
    assert error(ask(files, b"\1" + str(tmp_path).encode()))
    # The session goes on.
    assert listing(ask(files, b"\0" + str(tmp_path).encode()))[1] == [("file", "empty")]


@pytest.mark.parametrize("size", [0, 1, PIECE, 3 * PIECE + 17])
def test_a_file_is_uploaded(files, tmp_path, size):
    content = os.urandom(size)
    target = tmp_path / "target"
    target.write_bytes(b"older and longer" * 10)
    files.send(upload(size, str(target)))
    for start in range(0, size, PIECE):
        files.send(content[start : start + PIECE])
    assert files.recv(timeout=30) == b"NZUP"
    assert target.read_bytes() == content


def test_uploads_that_cannot_be_say_why(files, tmp_path):
    assert error(ask(files, upload(4, str(tmp_path))))
    # What was on its way is not taken for commands.
    files.send(b"\0/et")
    assert listing(ask(files, b"\0" + str(tmp_path).encode()))[1] == []
    assert error(ask(files, b"\2\0\0")) == "data is invalid"


# The contract


def test_frames_go_as_they_are_in_both_directions(world):
    with world.joined("file", world.member) as (client, agent):
        frames = agent.frames()
        for frame in (b"\0/a", b"\1/b", upload(3, "/tmp/a"), b"abc", b"\7unknown", os.urandom(PIECE)):
            client.send(frame)
            assert next(frames) == frame
        golden = bytes.fromhex("4e5a464e00000009776972652d6c697374000161010164")
        for frame in (golden, b"NZUP", b"NERRno", os.urandom(3 << 20)):
            agent.send(frame)
            assert client.recv(timeout=30) == frame
        agent.close()
        assert closing_of(client) == (1000, "")


def test_unbounded_frames_a_message_of_the_limit_passes_and_one_byte_more_closes(world):
    with world.joined("file", world.member) as (client, agent):
        message = os.urandom(LIMIT)
        client.send(message)
        assert next(agent.frames()) == message
        client.send(message + b"x")
        assert closing_of(client)[0] == 1009


# Rights


@pytest.mark.parametrize("missing", ["read", "write", "delete"])
def test_a_token_needs_all_three_scopes(world, missing):
    scopes = [f"nezha:server:{verb}" for verb in ("read", "write", "delete") if verb != missing]
    token = world.gateway.token(*scopes, name=f"without-{missing}")
    text = f"ApiErrorForbidden: api token lacks scope nezha:server:{missing}"
    assert world.ask("file", world.real_server, token) == {"success": False, "error": text}
    refused(lambda: world.socket("file", "x", token), 403, text)


def test_stream_id_used_as_a_credential(world):
    scopes = [f"nezha:server:{verb}" for verb in ("read", "write", "delete", "exec")]
    token = world.gateway.token(*scopes, name="creator")
    other = world.gateway.token(*scopes, name="other")
    session = world.open("file", world.real_server, token)
    refused(lambda: world.socket("file", session, world.member))
    refused(lambda: world.socket("file", session, other), 403)
    refused(lambda: world.socket("terminal", session, token), 403)
    with world.socket("file", session, token) as client:
        assert listing(ask(client, b"\0/"))[0] == "/"
        refused(lambda: world.socket("file", session, token), 403)
    assert refusal(lambda: world.socket("file", session, token))[0] == 403


def test_deleted_while_in_use_a_revoked_token_ends_its_file_manager(world):
    token = world.gateway.token("nezha:server:*", name="revoked")
    with world.attached("file", world.real_server, token) as client:
        assert listing(ask(client, b"\0/"))[0] == "/"
        identifier = next(one["id"] for one in world.gateway.api("GET", "/api-tokens", world.admin).json()["data"]
                          if one["name"] == "revoked")  # fmt: skip
        assert world.gateway.api("DELETE", f"/api-tokens/{identifier}", world.admin).json()["success"] is True
        assert closing_of(client, seconds=5)[0] == 1008


def test_a_missing_or_malformed_server_is_named(world):
    for path, text in [("/file", "server_id required"), ("/file?id=x", "invalid id: must be a whole number")]:
        answer = world.gateway.api("POST", path, world.admin).json()
        assert answer == {"success": False, "error": text}
