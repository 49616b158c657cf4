"""Agents and their impostors that do what the contract forbids: refused with the right code, logged once per source,
memory bounded, others unaffected. Driven from the contract alone, with frames by hand where gRPC would not send them."""

import json
import socket
import struct
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
import requests
import yaml

from conftest import begun_early
from gateway import server_of, wait_until
from spec_agent import M, MAGIC, Outbox, SpecAgent, frame, reply

CODE = grpc.StatusCode
LIMITS = {"mcp_rate_limit_per_second": 10_000, "mcp_rate_limit_per_minute": 600_000}


@pytest.fixture
def abused(make_gateway):
    """A gateway of its own, as its log and memory are looked at."""
    return make_gateway(settings=LIMITS)


@pytest.fixture
def connect(abused):
    """Makes contract agents of this gateway that end with the test."""
    started = []

    def make(answer=None, secret=None, name=None, online=True) -> SpecAgent:
        agent = SpecAgent(abused.address, secret or abused.agent_secret(), name or str(uuid.uuid4()), answer)
        started.append(agent)
        return agent.connect() if online else agent

    yield make
    for agent in started:
        agent.close()


def memory(gateway) -> int:
    """Resident MiB of the gateway."""
    with open(f"/proc/{gateway.process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) // 1024


def refusals(gateway, reason: str) -> list[str]:
    """Lines are written by a thread of their own, a moment after what they tell of."""
    end = time.monotonic() + 2
    while True:
        found = [line for line in gateway.log.read_text().splitlines() if "agent refused" in line and reason in line]
        if found or time.monotonic() > end:
            return found
        time.sleep(0.02)


def code_of(call) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code(), caught.value.details()


def report(agent):
    return agent.unary("ReportSystemInfo2", agent.host(), "Uint64Receipt")


def works(gateway, token, server) -> bool:
    result = gateway.call(token, "server.exec", server_id=server, cmd="x", timeout_seconds=10)
    return result.get("structuredContent", {}).get("stdout") == "fine"


def fine(task):
    return reply(task, {"exit_code": 0, "stdout": "fine", "stderr": "", "duration_ms": 1}) if task.type == 15 else None


# Who are you


@pytest.mark.parametrize("secret, name, reason", [
    ("wrong" * 6, None, "client secret is not valid"), ("x" * 513, None, "client secret missing"),
    (None, "not-a-uuid", "client uuid is not valid"), (None, "0" * 36, "client uuid is not valid"),
    (None, "{36403661-d903-40b2-a5ae-ae7d0f1a0ad8}", "client uuid is not valid"),
    (None, "36403661d90340b2a5aeae7d0f1a0ad8", "client uuid is not valid"),
])
def test_wrong_identity_is_unauthenticated_and_logged_once(abused, connect, secret, name, reason):
    """security.md: Guard on unary but not streaming calls; Secrets in answers."""
    secret = secret or abused.agent_secret()
    for _ in range(3):
        agent = connect(secret=secret, name=name, online=False)
        code, _ = code_of(lambda: report(agent))
        assert code == CODE.UNAUTHENTICATED
        agent.open_tasks()
        agent.open_states()
        assert agent.task_ended.wait(10) and agent.task_error.code() == CODE.UNAUTHENTICATED
        assert agent.state_ended.wait(10) and agent.state_error.code() == CODE.UNAUTHENTICATED
        assert code_of(lambda: list(agent.attach("x").frames()))[0] == CODE.UNAUTHENTICATED
    assert len(refusals(abused, reason)) == 1, abused.log.read_text()
    assert secret not in abused.log.read_text()
    assert abused.api("GET", "/server", abused.login()).json()["data"] == []


def test_a_uuid_with_another_owners_secret_is_refused_and_the_log_says_whose_it_is(abused, connect):
    """security.md: Agent identity take-over."""
    everybodys = yaml.safe_load(abused.config.read_text())["agent_secret_key"]
    victim = connect(secret=everybodys)
    server = server_of(abused, victim)
    assert server["owner"] == {"id": 0}
    for _ in range(5):
        thief = connect(name=victim.uuid, online=False)
        assert code_of(lambda: report(thief)) == (CODE.UNAUTHENTICATED, "client uuid belongs to another owner")
        thief.open_tasks()
        assert thief.task_ended.wait(10) and thief.task_error.code() == CODE.UNAUTHENTICATED
    lines = refusals(abused, "another owner")
    assert len(lines) == 1 and "warning" in lines[0].lower()
    for part in ("127.0.0.1", f"server={server['id']}", "owner=0", "secret_of=1"):
        assert part in lines[0].replace('"', "").replace(":", "="), lines[0]
    assert not victim.task_ended.is_set()
    victim.report()
    assert server_of(abused, victim)["owner"] == {"id": 0}


# How much


def test_a_result_above_16_mib_ends_only_its_own_stream(abused, connect):
    """security.md: Unbounded streams, frames, resize values."""
    token = abused.token("nezha:server:exec")

    def answer(task):
        size = {"big": 15 << 20, "huge": 17 << 20}.get(json.loads(task.data)["cmd"]) if task.type == 15 else None
        return reply(task, {"exit_code": 0, "stdout": "x" * size, "stderr": "", "duration_ms": 1}) if size else None

    agent, other = connect(answer), connect(fine)
    server = server_of(abused, agent)["id"]
    for asked, shown in ((0, 65_536), (1000, 1000), (4_000_000, 1 << 20)):
        big = abused.call(
            token, "server.exec", server_id=server, cmd="big", timeout_seconds=30, max_output_bytes=asked
        )["structuredContent"]
        assert (len(big["stdout"]), big["stdout_truncated"], "stderr_truncated" in big) == (shown, True, False)
    huge = abused.call(token, "server.exec", server_id=server, cmd="huge", timeout_seconds=30)
    assert huge["isError"] is True
    assert agent.task_ended.wait(10) and agent.task_error.code() == CODE.RESOURCE_EXHAUSTED
    assert works(abused, token, server_of(abused, other)["id"])
    assert len(refusals(abused, "message larger than 16777216 bytes")) == 1
    assert code_of(lambda: list(other.io_stream(bytes(17 << 20)).frames()))[0] == CODE.RESOURCE_EXHAUSTED
    wait_until(lambda: len(refusals(abused, "message larger than 16777216 bytes")) == 2, what="the second line")
    # Far above it the transport drops the call before it holds the message.
    dropped = (CODE.RESOURCE_EXHAUSTED, CODE.CANCELLED)
    for method, message, answer_type in (("ReportSystemInfo2", M["Host"](platform="x" * (25 << 20)), "Uint64Receipt"),
                                         ("ReportGeoIP", M["GeoIP"](country_code="x" * (25 << 20)), "GeoIP")):
        assert code_of(lambda: other.unary(method, message, answer_type))[0] in dropped
    assert code_of(lambda: list(other.io_stream(bytes(25 << 20)).frames()))[0] in dropped
    assert works(abused, token, server_of(abused, other)["id"])


def test_no_task_above_three_and_a_half_mib_is_sent(abused, connect):
    """security.md: Unbounded streams, frames, resize values. An agent's gRPC ends everything at 4 MiB."""
    token = abused.token("nezha:server:write")

    def answer(task):
        if task.type == 18:
            return reply(task, {"size": len(json.loads(task.data)["content"]), "sha256": "0" * 64})

    agent = connect(answer)
    server = server_of(abused, agent)["id"]

    def write(size):
        return abused.call(token, "fs.write", server_id=server, path="/x", content="x" * size)

    limit = 3_670_016
    assert write(limit - 1000)["structuredContent"]["size"] == limit - 1000
    refused = write(limit)
    assert refused["isError"] is True and "fs.upload_url" in refused["content"][0]["text"]
    # What JSON has to escape counts as it travels.
    escaped = abused.call(token, "fs.write", server_id=server, path="/x", content="\x01" * (limit // 5))
    assert escaped["isError"] is True and "fs.upload_url" in escaped["content"][0]["text"]
    assert [len(task.data) > 3_000_000 for task in agent.tasks if task.type == 18] == [True]
    assert not agent.task_ended.is_set() and write(10)["structuredContent"]["size"] == 10


def test_an_agent_that_does_not_read_its_tasks_holds_back_only_its_own_callers(abused, connect):
    """security.md: Unbounded streams, frames, resize values."""
    token = abused.token("nezha:server:exec")
    other = connect(fine)
    other_server = server_of(abused, other)["id"]
    deaf = connect(online=False)
    report(deaf)
    # The call is opened and never read, so its flow-control window fills up.
    deaf.task_call = deaf._stream("RequestTask", "TaskResult", "Task")(iter(deaf.results), metadata=deaf.metadata)
    server = server_of(abused, deaf)["id"]
    wait_until(lambda: abused.call(token, "server.exec", server_id=server, cmd="x", timeout_seconds=1)
               ["content"][0]["text"] != "agent offline", what="attached")
    assert works(abused, token, other_server)
    before = memory(abused)

    def burden(_):
        result = abused.call(token, "server.exec", server_id=server, cmd="x", stdin="x" * (2 << 20), timeout_seconds=1)
        return result["content"][0]["text"]

    with ThreadPoolExecutor(24) as pool:
        answers = pool.map(burden, range(72))
        for _ in range(5):
            assert works(abused, token, other_server)
        texts = set(answers)
    assert texts <= {"agent offline", "agent did not respond within timeout"}, texts
    # 144 MiB were asked to be sent. The queue takes 16; 24 requests at a time take some more on their way.
    assert memory(abused) - before < 400
    assert works(abused, token, other_server)
    deaf.task_call.cancel()
    wait_until(lambda: abused.call(token, "server.exec", server_id=server, cmd="x", timeout_seconds=1)
               ["content"][0]["text"] == "agent offline", what="gone")


@pytest.mark.parametrize("place", ["arguments", "beside them"])
def test_a_user_cannot_fill_the_memory_with_calls_that_wait(abused, connect, place):
    """Of a hundred and twenty calls with 3 MiB each, to an agent that does not answer, 256 MiB wait."""
    silent = connect()
    token = abused.token("nezha:server:exec", "nezha:server:read")
    server = server_of(abused, silent)["id"]

    def wait(_):
        load = "x" * (3 << 20)
        arguments = {"server_id": server, "cmd": "x", "timeout_seconds": 120}
        params = {"name": "server.exec", "arguments": arguments}
        if place == "arguments":
            arguments["stdin"] = load
        else:
            params["load"] = load
        return abused.rpc(token, "tools/call", params, timeout=180).json()["result"]["content"][0]["text"]

    def refused(texts):
        return [text for text in texts if "too many calls of this user at once" in text]

    with ThreadPoolExecutor(120) as pool:
        calls = [pool.submit(wait, number) for number in range(120)]
        ended = lambda: [call.result() for call in calls if call.done()]  # noqa: E731
        wait_until(lambda: len(refused(ended())) >= 30, 60, what="calls beyond the limit")
        # The others end with the agent.
        silent.close()
        texts = [call.result() for call in calls]
    assert 30 <= len(refused(texts)) <= 60, (len(refused(texts)), set(texts))
    # The places come back.
    assert works(abused, token, server_of(abused, connect(fine))["id"])


def test_guesses_of_stream_ids_cost_no_memory_and_one_line(abused, connect):
    """security.md: Stream id used as a credential."""
    agent = connect(fine)
    token = abused.token("nezha:server:exec")
    server = server_of(abused, agent)["id"]

    def guess(_):
        return code_of(lambda: list(agent.attach(str(uuid.uuid4())).frames()))

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(guess, range(500))) == {(CODE.PERMISSION_DENIED, "stream not authorized for agent")}
        before = memory(abused)
        assert set(pool.map(guess, range(4000))) == {(CODE.PERMISSION_DENIED, "stream not authorized for agent")}
    assert memory(abused) - before < 50
    assert len(refusals(abused, "stream not authorized for agent")) == 1
    assert works(abused, token, server) and not agent.task_ended.is_set()


# In which order


@pytest.mark.parametrize("first", [b"\x00", b"plain", b"\xff\x05\xff", MAGIC[::-1] + b"x", MAGIC + b"\xff\xfe", MAGIC])
def test_frames_before_the_magic_are_refused(abused, connect, first):
    """security.md: Stream id used as a credential."""
    agent = connect()
    code, text = code_of(lambda: list(agent.io_stream(first).frames()))
    assert (code, text) == (CODE.INVALID_ARGUMENT, "invalid stream id")
    assert len(refusals(abused, "invalid stream id")) == 1


@pytest.fixture(scope="module", autouse=True)
def speechless(request, gateway):
    """What becomes of a stream without a first frame; it takes ten seconds, while the other tests run."""
    if not begun_early(request, "test_a_stream_without_a_first_frame_ends_after_ten_seconds"):
        yield None
        return
    agent = SpecAgent(gateway.address, gateway.agent_secret(), str(uuid.uuid4())).connect()

    def wait():
        outbox, began = Outbox(), time.monotonic()
        call = agent._stream("IOStream", "IOStreamData", "IOStreamData")(iter(outbox), metadata=agent.metadata)
        found = code_of(lambda: list(call))
        outbox.close()
        return found, time.monotonic() - began

    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(wait)
    agent.close()


def test_a_stream_without_a_first_frame_ends_after_ten_seconds(speechless):
    """security.md: Unbounded streams, frames, resize values."""
    found, seconds = speechless.result(60)
    assert found == (CODE.INVALID_ARGUMENT, "invalid stream id") and 8 < seconds < 40


def test_streams_belong_to_one_server_and_one_attachment(abused, connect):
    """security.md: Stream id used as a credential."""
    token = abused.token("nezha:server:read")
    stranger, seen = connect(), {}

    def answer(task):
        if task.type != 20:
            return
        name = json.loads(task.data)["stream_id"]
        seen["stranger"] = code_of(lambda: list(stranger.attach(name).frames()))
        stream = agent.attach(name)
        stream.send(frame("NZTD", 3, bytes(32)))
        time.sleep(0.5)
        seen["second"] = code_of(lambda: list(agent.attach(name).frames()))
        seen["late stranger"] = code_of(lambda: list(stranger.attach(name).frames()))
        stream.send(frame("NZTE", b"enough"))
        list(stream.frames())
        seen["after the end"] = code_of(lambda: list(agent.attach(name).frames()))
        seen["all"] = True

    agent = connect(answer)
    made = abused.call(token, "fs.download_url", server_id=server_of(abused, agent)["id"], path="/f")
    answered = requests.get(made["structuredContent"]["url"], timeout=20)
    assert (answered.status_code, answered.text) == (502, "enough")
    wait_until(lambda: "all" in seen, what="all attachments tried")
    foreign = (CODE.PERMISSION_DENIED, "stream not authorized for agent")
    assert seen["stranger"] == seen["late stranger"] == seen["after the end"] == foreign
    assert seen["second"] == (CODE.ALREADY_EXISTS, "agent stream already connected")


def test_results_that_nobody_asked_for_change_nothing(abused, connect):
    """security.md: Forged or late agent results: foreign, late, duplicate, unknown ids, wrong types."""
    token = abused.token("nezha:server:exec")
    liar = connect(fine)

    def forged(task, **more):
        fields = dict(id=task.id, type=15, successful=True,
                      data=json.dumps({"exit_code": 0, "stdout": "forged", "stderr": "", "duration_ms": 1}))
        return M["TaskResult"](**(fields | more))

    def answer(task):
        if task.type != 15:
            return
        liar.results.put(forged(task))
        for other in (dict(type=16), dict(type=0), dict(type=2**40), dict(id=task.id + 1000), dict(id=0)):
            agent.results.put(forged(task, **other))
        time.sleep(0.3)
        agent.results.put(fine(task))
        for _ in range(3):
            agent.results.put(forged(task))

    agent = connect(answer)
    server, liars = server_of(abused, agent)["id"], server_of(abused, liar)["id"]
    for _ in range(3):
        assert works(abused, token, server)
    for number in range(20_000):
        liar.results.put(M["TaskResult"](id=number, type=15, data="x" * 100, successful=True))
    # Its own answer stands behind them all.
    wait_until(liar.results.is_empty, 60, what="the results to leave")
    assert works(abused, token, liars)
    assert not agent.task_ended.is_set() and not liar.task_ended.is_set()
    assert len(refusals(abused, "result for a task that was not sent")) == 2
    assert len(refusals(abused, "result of another type than its task")) == 1


def test_a_late_result_is_dropped(abused, connect):
    """security.md: Forged or late agent results."""
    token = abused.token("nezha:server:exec")
    late = []

    def answer(task):
        if task.type == 15 and json.loads(task.data)["cmd"] == "late":
            late.append(task)
            return None
        return fine(task)

    agent = connect(answer)
    server = server_of(abused, agent)["id"]
    result = abused.call(token, "server.exec", server_id=server, cmd="late", timeout_seconds=1)
    assert result["content"][0]["text"] == "agent did not respond within timeout"
    agent.results.put(fine(late[0]))
    assert works(abused, token, server) and not agent.task_ended.is_set()


# What they say of themselves


def test_hostile_reports_are_cut_and_made_harmless(abused, connect):
    """security.md: Agent-controlled text as HTML, ANSI, prompt injection; Unbounded streams, frames, resize values."""
    agent = connect()
    text = "\x1b[2J\x00\x07\r\n\u202e<script>alert(1)</script>" + "x" * 1_000_000
    host = agent.host(platform=text, version=text, arch=text, cpu=[text] * 10, gpu=["g"] * 10_000)
    agent.unary("ReportSystemInfo2", host, "Uint64Receipt")
    agent.report(cpu=float("nan"), load1=float("inf"), gpu=[1.0] * 100_000, temperatures=[
        M["State_SensorTemperature"](name=text, temperature=float("-inf"))] * 10 + [
        M["State_SensorTemperature"](name="t", temperature=1)] * 50_000)
    agent.unary("ReportGeoIP", M["GeoIP"](ip=M["IP"](ipv4="<b>" * 1000, ipv6="1.2.3.4"), country_code=text), "GeoIP")
    answer = abused.api("GET", "/server", abused.login())
    server = next(one for one in json.loads(answer.text)["data"] if one["uuid"] == agent.uuid)
    host, state = server["host"], server["state"]
    for shown in (host["platform"], host["version"], host["arch"], host["cpu"][0], state["temperatures"][0]["Name"]):
        assert len(shown) <= 256
        assert not any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in shown)
    assert len(host["gpu"]) <= 64 and len(state["temperatures"]) <= 64 and len(state["gpu"]) <= 64
    assert server["geoip"]["ip"].get("ipv4_addr", "") in ("", "127.0.0.1")
    assert len(answer.text) < 100_000


def test_texts_of_combining_marks_from_an_agent_cost_nothing(abused, connect):
    """Hashed or compared as `String` each of these takes tens of seconds."""
    token = abused.token("nezha:server:exec", "nezha:server:read")
    marks = "a" + "\u0301\u0323" * 125_000
    entry = {"name": marks, "path": marks, "type": marks, "size": 1, "mode": marks, "mtime": 1, marks: marks}
    answers = {
        15: {"exit_code": 0, "stdout": marks, "stderr": marks, "duration_ms": 1, marks: {marks: marks}},
        16: {"path": marks, "entries": [entry], "total": 1, marks: 1},
        17: {"content": marks, "size": 1, "sha256": marks, "encoding": marks, marks: 1},
    }

    def written(value) -> str:
        return json.dumps(value, ensure_ascii=False)

    agent = connect(lambda task: reply(task, written(answers[task.type])) if task.type in answers else None)
    server = server_of(abused, agent)["id"]

    def processor_seconds() -> float:
        fields = open(f"/proc/{abused.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100

    for tool, more in (("server.exec", {"cmd": "x"}), ("fs.list", {"path": "/x"}), ("fs.read", {"path": "/x"})):
        began = processor_seconds()
        abused.call(token, tool, server_id=server, **more)
        assert processor_seconds() - began < 1, tool
    began = processor_seconds()
    agent.unary("ReportSystemInfo2", agent.host(platform=marks, version=marks, cpu=[marks], gpu=[marks]), "Uint64Receipt")
    agent.report(temperatures=[M["State_SensorTemperature"](name=marks, temperature=1)] * 2)
    agent.unary("ReportGeoIP", M["GeoIP"](ip=M["IP"](ipv4=marks, ipv6=marks), country_code=marks), "GeoIP")
    assert server_of(abused, agent)["host"]["platform"] and processor_seconds() - began < 1


def test_one_secret_registers_only_so_many_servers(make_gateway):
    gateway = make_gateway(settings={"max_servers_per_user": 3})
    agents = [SpecAgent(gateway.address, gateway.agent_secret(), str(uuid.uuid4())) for _ in range(4)]
    try:
        for agent in agents[:3]:
            agent.connect()
        code, text = code_of(lambda: report(agents[3]))
        assert code == CODE.RESOURCE_EXHAUSTED, (code, text)
        # Those that are known go on.
        for agent in agents[:3]:
            report(agent)
        assert len(gateway.api("GET", "/server", gateway.login()).json()["data"]) == 3
    finally:
        for agent in agents:
            agent.close()


def test_bytes_that_are_no_message_end_only_their_stream(abused, connect):
    """security.md: Unbounded streams, frames, resize values."""
    token = abused.token("nezha:server:exec")
    agent = connect(fine)
    raw = agent.channel.unary_unary("/proto.NezhaService/ReportSystemInfo2")
    for garbage in (b"\xff" * 100, b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x02\xff\xfe", b"\x07"):
        code, _ = code_of(lambda: raw(garbage, metadata=agent.metadata, timeout=10))
        assert code not in (CODE.OK, CODE.DEADLINE_EXCEEDED, CODE.UNAVAILABLE)
    for path in ("/proto.NezhaService/Nothing", "/proto.NezhaServices/RequestTask", "/Other/RequestTask"):
        call = agent.channel.unary_unary(path)
        assert code_of(lambda: call(b"", metadata=agent.metadata, timeout=10))[0] == CODE.UNIMPLEMENTED
    assert works(abused, token, server_of(abused, agent)["id"]) and not agent.task_ended.is_set()


# Frames by hand


def field(name: str, value: str) -> bytes:
    """A header field without indexing and without Huffman coding (RFC 7541, 6.2.2); texts below 127 bytes."""
    return b"\x00" + b"".join(bytes([len(text)]) + text for text in (name.encode(), value.encode()))


def http2(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    return struct.pack(">I", len(body))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + body


def raw_call(gateway, fields: list[tuple[str, str]]) -> bytes:
    """Sends one request with an empty message; the frames that came back until the stream ended."""
    host, port = gateway.address.rsplit(":", 1)
    received = b""
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        headers = b"".join(field(*one) for one in fields)
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + http2(4, 0, 0, b"")
                           + http2(1, 4, 1, headers) + http2(0, 1, 1, bytes(5)))
        try:
            while more := connection.recv(65536):
                received += more
                if ended(received):
                    break
        except (TimeoutError, ConnectionError):
            pass
    return received


def ended(data: bytes) -> bool:
    """Whether stream 1 or the connection has ended among these frames."""
    while len(data) >= 9:
        length, kind, flags = int.from_bytes(data[:3], "big"), data[3], data[4]
        if len(data) < 9 + length:
            return False
        if kind in (3, 7) or kind in (0, 1) and flags & 1:
            return True
        data = data[9 + length:]
    return False


def call_fields(gateway, path: str = "/proto.NezhaService/ReportSystemInfo2", name: str = "") -> list[tuple[str, str]]:
    return [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "g"),
            ("content-type", "application/grpc"), ("te", "trailers"), ("client-secret", gateway.agent_secret()),
            ("client-uuid", name)]


def registered(gateway, name: str) -> bool:
    servers = gateway.asked("/server")["data"]
    return any(server["uuid"] == name for server in servers)


def test_the_call_by_hand_is_dispatched_when_nothing_is_wrong_with_it(abused):
    name = str(uuid.uuid4())
    raw_call(abused, call_fields(abused, name=name))
    assert registered(abused, name)


@pytest.mark.parametrize("path", [
    "proto.NezhaService/ReportSystemInfo2", "//proto.NezhaService/ReportSystemInfo2",
    "/proto.NezhaService/ReportSystemInfo2/", "/proto.NezhaService//ReportSystemInfo2",
    "/proto.nezhaservice/reportsysteminfo2", "/x/../proto.NezhaService/ReportSystemInfo2",
    "/proto.NezhaService/ReportSystemInfo2?x=1", "/proto.NezhaService%2fReportSystemInfo2", "*", "",
])
def test_other_spellings_of_a_path_are_not_dispatched(gateway, path):
    """security.md: gRPC path tricks."""
    name = str(uuid.uuid4())
    answer = raw_call(gateway, call_fields(gateway, path, name))
    assert ended(answer) and not registered(gateway, name)


@pytest.mark.parametrize("extra", [
    (":path", "/proto.NezhaService/ReportSystemInfo2"), (":path", "/other/Method"), (":method", "POST"),
    (":scheme", "http"), (":authority", "h"), (":status", "200"), (":unknown", "x"),
])
@pytest.mark.parametrize("place", ["first", "last of the pseudo fields", "after the others"])
def test_requests_with_pseudo_fields_too_many_are_not_dispatched(gateway, extra, place):
    """security.md: gRPC path tricks (duplicate pseudo headers)."""
    name = str(uuid.uuid4())
    fields = call_fields(gateway, name=name)
    fields.insert({"first": 0, "last of the pseudo fields": 4, "after the others": len(fields)}[place], extra)
    answer = raw_call(gateway, fields)
    assert ended(answer) and not registered(gateway, name)


@pytest.mark.parametrize("missing", [":method", ":path", ":scheme"])
def test_requests_without_a_pseudo_field_are_not_dispatched(gateway, missing):
    """security.md: gRPC path tricks."""
    name = str(uuid.uuid4())
    answer = raw_call(gateway, [one for one in call_fields(gateway, name=name) if one[0] != missing])
    assert ended(answer) and not registered(gateway, name)


def test_churn_of_connections_that_die_in_every_state_leaves_nothing_behind(abused, connect):
    """security.md: Unbounded streams, frames, resize values: the slot comes back on every way out."""
    agent = connect(fine)
    token = abused.token("nezha:server:exec")
    secret = abused.agent_secret()
    host, port = abused.address.rsplit(":", 1)

    def descriptors() -> int:
        import os
        return len(os.listdir(f"/proc/{abused.process.pid}/fd"))

    def churn(number):
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + http2(4, 0, 0, b"")
        headers = b"".join(field(*one) for one in [
            (":method", "POST"), (":scheme", "http"), (":path", "/proto.NezhaService/IOStream"), (":authority", "g"),
            ("content-type", "application/grpc"), ("te", "trailers"), ("client-secret", secret),
            ("client-uuid", agent.uuid)])
        whole = preface + http2(1, 4, 1, headers) + http2(0, 0, 1, bytes(5))
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(whole[:number * 7 % (len(whole) + 1)])
            if number % 3 == 0:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    idle = descriptors()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(churn, range(200)))
        wait_until(lambda: descriptors() <= idle + 5, 30, what="descriptors back")
        before_memory, before = memory(abused), descriptors()
        list(pool.map(churn, range(1000)))
    wait_until(lambda: descriptors() <= before + 5, 30, what="descriptors back")
    assert memory(abused) - before_memory < 60
    assert works(abused, token, server_of(abused, agent)["id"]) and not agent.task_ended.is_set()


def test_one_agent_cannot_open_streams_without_end(abused, connect):
    """security.md: Unbounded streams, frames, resize values. HTTP/2 allows 256 at a time on a connection."""
    agent = connect(fine)
    token = abused.token("nezha:server:exec")
    outboxes, ends = [], []
    # More than that, so that some wait until others have gone.
    for _ in range(600):
        outbox = Outbox()
        outboxes.append(outbox)
        call = agent._stream("IOStream", "IOStreamData", "IOStreamData")(iter(outbox), metadata=agent.metadata)
        thread = threading.Thread(target=lambda call=call: ends.append(code_of(lambda: list(call))), daemon=True)
        thread.start()
    assert works(abused, token, server_of(abused, agent)["id"])
    wait_until(lambda: len(ends) == 600, 90, what="every silent stream refused")
    assert {code for code, _ in ends} == {CODE.INVALID_ARGUMENT}
    assert not agent.task_ended.is_set() and works(abused, token, server_of(abused, agent)["id"])
    for outbox in outboxes:
        outbox.close()
