"""The gateway's side of the agent link, driven by an agent written from the contract alone."""

import json
import threading
import time
import uuid

import grpc
import pytest

from gateway import server_of, wait_until
from spec_agent import M, MAGIC, SpecAgent, frame, reply


@pytest.fixture
def spec_agent(gateway):
    """Connects contract agents that end with the test."""
    started = []

    def make(answer=None, secret=None, connect=True, **more) -> SpecAgent:
        agent = SpecAgent(gateway.address, secret or gateway.agent_secret(), more.pop("uuid", str(uuid.uuid4())),
                          answer, **more)
        started.append(agent)
        return agent.connect() if connect else agent

    yield make
    for agent in started:
        agent.close()


def test_an_unknown_uuid_registers_a_server(gateway, spec_agent):
    agent = spec_agent()
    assert agent.boot_time > 1_600_000_000
    server = server_of(gateway, agent)
    assert len(server["name"].split()) == 2 or len(server["name"].split("-")) == 2
    assert server["owner"]["username"] == "admin"
    assert server["host"]["platform"] == "specos" and server["state"]["cpu"] == 12.5
    agent.close()
    wait_until(lambda: server_of(gateway, agent)["last_active"].startswith("0001"), what="offline at once")


def test_a_task_is_answered(gateway, spec_agent, token):
    def answer(task):
        if task.type == 15:
            asked = json.loads(task.data)
            return reply(task, {"exit_code": 7, "stdout": asked["cmd"], "stderr": "", "duration_ms": 5})
        return reply(task, "") if task.type == 7 else None

    agent = spec_agent(answer)
    result = gateway.call(token, "server.exec", server_id=server_of(gateway, agent)["id"], cmd="anything")
    assert result["structuredContent"] == {"exit_code": 7, "stdout": "anything", "stderr": "", "duration_ms": 5}
    task = next(task for task in agent.tasks if task.type == 15)
    assert task.id > 2**32
    assert "server_id" not in json.loads(task.data)


@pytest.mark.parametrize("form", ["hyphen", "underscore"])
def test_either_form_of_the_metadata_keys_is_enough(gateway, spec_agent, form):
    secret, name = gateway.agent_secret(), str(uuid.uuid4())
    sign = "-" if form == "hyphen" else "_"
    agent = spec_agent(uuid=name, connect=False, metadata=[
        (f"client{sign}secret", f" {secret} "), (f"client{sign}uuid", name)])
    assert agent.unary("ReportSystemInfo2", agent.host(), "Uint64Receipt").data > 0


def test_a_blank_hyphen_key_wins_and_is_refused(gateway, spec_agent):
    secret, name = gateway.agent_secret(), str(uuid.uuid4())
    agent = spec_agent(uuid=name, connect=False, metadata=[
        ("client-secret", ""), ("client_secret", secret), ("client-uuid", name)])
    with pytest.raises(grpc.RpcError) as caught:
        agent.unary("ReportSystemInfo2", agent.host(), "Uint64Receipt")
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("secret, name", [("wrong" * 6, None), ("", None), (None, "not-a-uuid"), (None, "")])
def test_wrong_secret_or_uuid_is_unauthenticated(gateway, spec_agent, secret, name):
    agent = spec_agent(secret=secret or None if secret is None else secret or " ", connect=False,
                       uuid=str(uuid.uuid4()) if name is None else name)
    for call in (lambda: agent.unary("ReportSystemInfo2", agent.host(), "Uint64Receipt"),
                 lambda: agent.unary("ReportGeoIP", M["GeoIP"](), "GeoIP")):
        with pytest.raises(grpc.RpcError) as caught:
            call()
        assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED
    # The same guard stands before streams (security.md: Guard on unary but not streaming calls).
    agent.open_tasks()
    agent.open_states()
    assert agent.task_ended.wait(10) and agent.task_error.code() == grpc.StatusCode.UNAUTHENTICATED
    assert agent.state_ended.wait(10) and agent.state_error.code() == grpc.StatusCode.UNAUTHENTICATED
    stream = agent.attach("x")
    with pytest.raises(grpc.RpcError) as caught:
        list(stream.frames())
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED


def test_geo_ip_answers_the_boot_time(spec_agent):
    agent = spec_agent()
    answer = agent.unary("ReportGeoIP", M["GeoIP"](use6=False, ip=M["IP"](ipv4="192.0.2.1")), "GeoIP")
    assert answer.dashboard_boot_time == agent.boot_time


def database_of_countries(low: str, high: str) -> bytes:
    """In the MaxMind format: one code for the lower half of all IPv4 addresses, one for the upper."""
    def text(value: str) -> bytes:
        return bytes([2 << 5 | len(value)]) + value.encode()

    def members(entries: dict[str, bytes]) -> bytes:
        return bytes([7 << 5 | len(entries)]) + b"".join(text(key) + value for key, value in entries.items())

    first, second = (members({"country": members({"iso_code": text(code)})}) for code in (low, high))
    tree = b"".join((1 + 16 + offset).to_bytes(3, "big") for offset in (0, len(first)))
    return tree + bytes(16) + first + second + b"\xab\xcd\xefMaxMind.com" + members({
        "binary_format_major_version": b"\xa1\x02", "binary_format_minor_version": b"\xa1\x00",
        "build_epoch": b"\x04\x02\x60\x00\x00\x00", "database_type": text("Test-Country"),
        "description": members({"en": text("A test.")}), "ip_version": b"\xa1\x04", "languages": b"\x01\x04" + text("en"),
        "node_count": b"\xc1\x01", "record_size": b"\xa1\x18"})


def test_the_country_comes_from_the_database(make_gateway, tmp_path):
    file = tmp_path / "countries.mmdb"
    file.write_bytes(database_of_countries("DE", "JP"))
    gateway = make_gateway(settings={"geoip_database": str(file)})
    agent = SpecAgent(gateway.address, gateway.agent_secret(), str(uuid.uuid4())).connect()
    for report, country in (
        (M["GeoIP"](ip=M["IP"](ipv4="1.2.3.4")), "de"), (M["GeoIP"](ip=M["IP"](ipv4="203.0.113.4")), "jp"),
        # The link's own, where none is told.
        (M["GeoIP"](), "de"), (M["GeoIP"](ip=M["IP"](ipv6="2001:db8::1")), ""),
    ):
        assert agent.unary("ReportGeoIP", report, "GeoIP").country_code == country
        assert server_of(gateway, agent)["geoip"].get("country_code", "") == country
    agent.close()


def test_a_newer_task_stream_supersedes_the_old_one(gateway, spec_agent, token):
    def answer(task):
        return reply(task, {"exit_code": 0, "stdout": "old", "stderr": "", "duration_ms": 1}) if task.type == 15 else None

    old = spec_agent(answer)
    new = SpecAgent(gateway.address, gateway.agent_secret(), old.uuid, lambda task: reply(
        task, {"exit_code": 0, "stdout": "new", "stderr": "", "duration_ms": 1}) if task.type == 15 else None)
    new.open_tasks()
    assert old.task_ended.wait(10)
    assert "superseded" in old.task_error.details()
    result = gateway.call(token, "server.exec", server_id=server_of(gateway, old)["id"], cmd="x")
    assert result["structuredContent"]["stdout"] == "new"
    new.close()


def test_results_count_only_from_the_server_that_was_asked(gateway, spec_agent, token):
    """security.md: Forged or late agent results."""
    forged = threading.Event()
    liar = spec_agent()

    def answer(task):
        if task.type != 15:
            return None
        liar.results.put(reply(task, {"exit_code": 0, "stdout": "forged", "stderr": "", "duration_ms": 1}))
        forged.set()
        time.sleep(0.5)
        return reply(task, {"exit_code": 0, "stdout": "true", "stderr": "", "duration_ms": 1})

    agent = spec_agent(answer)
    result = gateway.call(token, "server.exec", server_id=server_of(gateway, agent)["id"], cmd="x")
    assert forged.is_set()
    assert result["structuredContent"]["stdout"] == "true"


def test_an_agent_that_dies_during_a_call_fails_it_at_once(gateway, spec_agent, token):
    holder = {}

    def answer(task):
        if task.type == 15:
            holder["agent"].channel.close()

    agent = holder["agent"] = spec_agent(answer)
    server = server_of(gateway, agent)["id"]
    began = time.monotonic()
    result = gateway.call(token, "server.exec", server_id=server, cmd="x", timeout_seconds=60)
    assert time.monotonic() - began < 5
    assert result["isError"] is True and "offline" in result["content"][0]["text"]
    again = gateway.call(token, "server.exec", server_id=server, cmd="x")
    assert again["content"][0]["text"] == "agent offline"


def test_old_agents_are_told_to_upgrade(gateway, spec_agent, token):
    agent = spec_agent(version="v2.0.4")
    result = gateway.call(token, "server.exec", server_id=server_of(gateway, agent)["id"], cmd="x")
    assert "please upgrade the agent" in result["content"][0]["text"]


def test_an_io_stream_carries_a_download(gateway, spec_agent, token):
    import hashlib

    import requests

    content = bytes(range(256)) * 1000
    holder = {}

    def answer(task):
        if task.type != 20:
            return None
        asked = json.loads(task.data)
        assert asked["op"] == "download" and asked["path"] == "/any/file"
        stream = holder["agent"].attach(asked["stream_id"])
        stream.send(frame("NZTD", len(content), bytes(32)))
        stream.send(b"")
        for start in range(0, len(content), 100_000):
            piece = content[start:start + 100_000]
            stream.send(frame("NZTC", len(piece), piece))
        stream.send(frame("NZTO", len(content), hashlib.sha256(content).digest()))
        assert list(stream.frames()) == []

    agent = holder["agent"] = spec_agent(answer)
    made = gateway.call(token, "fs.download_url", server_id=server_of(gateway, agent)["id"], path="/any/file")
    url = made["structuredContent"]["url"]
    assert url.startswith(gateway.url + "/mcp/download/") and made["structuredContent"]["method"] == "GET"
    answer = requests.get(url, timeout=20)
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["Content-Type"] == "application/octet-stream"
    again = requests.get(url, timeout=20)
    assert again.status_code == 401


def test_an_io_stream_carries_an_upload(gateway, spec_agent, token):
    import hashlib

    import requests

    content = bytes(reversed(range(256))) * 2000
    holder, received = {}, bytearray()

    def answer(task):
        if task.type != 20:
            return None
        asked = json.loads(task.data)
        assert asked["op"] == "upload" and asked["size"] == len(content) and asked["mode"] == "0600"
        stream = holder["agent"].attach(asked["stream_id"])
        stream.send(frame("NZTU", asked["size"]))
        for data in stream.frames():
            received.extend(data)
            if len(received) >= asked["size"]:
                break
        stream.send(frame("NZTO", len(received), hashlib.sha256(received).digest()))
        # The dashboard ends the call; an agent that ends it first may take back what it has just sent.
        assert list(stream.frames()) == []

    agent = holder["agent"] = spec_agent(answer)
    made = gateway.call(token, "fs.upload_url", server_id=server_of(gateway, agent)["id"], path="/any/file", mode="0600")
    answer = requests.post(made["structuredContent"]["url"], data=content, timeout=20)
    digest = hashlib.sha256(content).hexdigest()
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"size": len(content), "sha256": digest}
    assert bytes(received) == content


@pytest.mark.parametrize("first", [b"", b"\xff\x05\xff", MAGIC, MAGIC + b"no-such-stream", b"plain", MAGIC + b"x" * 5000])
def test_streams_that_were_not_asked_for_are_refused(spec_agent, first):
    """security.md: Stream id used as a credential; frames before the magic."""
    agent = spec_agent()
    stream = agent.io_stream(first)
    with pytest.raises(grpc.RpcError) as caught:
        list(stream.frames())
    assert caught.value.code() != grpc.StatusCode.OK


def test_somebody_elses_stream_cannot_be_attached(gateway, spec_agent, token):
    import requests

    other = spec_agent()
    seen = {}

    def answer(task):
        if task.type == 20:
            thief = other.attach(json.loads(task.data)["stream_id"])
            try:
                list(thief.frames())
            except grpc.RpcError as error:
                seen["error"] = error
            stream = agent.attach(json.loads(task.data)["stream_id"])
            stream.send(frame("NZTE", b"mine to refuse"))

    agent = spec_agent(answer)
    made = gateway.call(token, "fs.download_url", server_id=server_of(gateway, agent)["id"], path="/f")
    answer_ = requests.get(made["structuredContent"]["url"], timeout=20)
    assert (answer_.status_code, answer_.text) == (502, "mine to refuse")
    assert seen["error"].details() in ("stream not authorized for agent", "invalid stream id")
