"""An agent in Python, written from the wire contract alone (agent-link.md): grpcio and messages built here.

It shows that the gateway speaks the contract and not just the dialect of `nezha-agent`.
"""

from __future__ import annotations

import json
import queue
import struct
import threading
from collections.abc import Callable, Iterator

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_SCALARS = {"string": 9, "u64": 4, "double": 1, "float": 2, "bool": 8, "bytes": 12}

# Message → fields as (number, name, type, repeated), from the tables of section 1.
_MESSAGES = {
    "Host": [
        (1, "platform", "string", False), (2, "platform_version", "string", False), (3, "cpu", "string", True),
        (4, "mem_total", "u64", False), (5, "disk_total", "u64", False), (6, "swap_total", "u64", False),
        (7, "arch", "string", False), (8, "virtualization", "string", False), (9, "boot_time", "u64", False),
        (10, "version", "string", False), (11, "gpu", "string", True),
    ],
    "State": [
        (1, "cpu", "double", False), (2, "mem_used", "u64", False), (3, "swap_used", "u64", False),
        (4, "disk_used", "u64", False), (5, "net_in_transfer", "u64", False), (6, "net_out_transfer", "u64", False),
        (7, "net_in_speed", "u64", False), (8, "net_out_speed", "u64", False), (9, "uptime", "u64", False),
        (10, "load1", "double", False), (11, "load5", "double", False), (12, "load15", "double", False),
        (13, "tcp_conn_count", "u64", False), (14, "udp_conn_count", "u64", False),
        (15, "process_count", "u64", False), (16, "temperatures", "State_SensorTemperature", True),
        (17, "gpu", "double", True),
    ],
    "State_SensorTemperature": [(1, "name", "string", False), (2, "temperature", "double", False)],
    "Task": [(1, "id", "u64", False), (2, "type", "u64", False), (3, "data", "string", False)],
    "TaskResult": [
        (1, "id", "u64", False), (2, "type", "u64", False), (3, "delay", "float", False),
        (4, "data", "string", False), (5, "successful", "bool", False),
    ],
    "Receipt": [(1, "proced", "bool", False)],
    "Uint64Receipt": [(1, "data", "u64", False)],
    "IOStreamData": [(1, "data", "bytes", False)],
    "GeoIP": [
        (1, "use6", "bool", False), (2, "ip", "IP", False), (3, "country_code", "string", False),
        (4, "dashboard_boot_time", "u64", False),
    ],
    "IP": [(1, "ipv4", "string", False), (2, "ipv6", "string", False)],
}


def _classes() -> dict:
    file = descriptor_pb2.FileDescriptorProto(name="contract.proto", package="proto", syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, field, kind, repeated in fields:
            made = message.field.add(name=field, number=number, label=3 if repeated else 1)
            if kind in _SCALARS:
                made.type = _SCALARS[kind]
            else:
                made.type, made.type_name = 11, f".proto.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"proto.{name}")) for name in _MESSAGES
    }


M = _classes()
MAGIC = bytes.fromhex("ff05ff05")
CHUNK_LIMIT = 1 << 20


class Outbox:
    """The requests of a bidirectional call, fed from any thread; `None` half-closes."""

    def __init__(self) -> None:
        self._queue: queue.Queue = queue.Queue()

    def put(self, message) -> None:
        self._queue.put(message)

    def close(self) -> None:
        self._queue.put(None)

    def is_empty(self) -> bool:
        """Whether the call has taken everything."""
        return self._queue.empty()

    def __iter__(self) -> Iterator:
        return iter(self._queue.get, None)


class SpecAgent:
    """Connects, reports, and answers tasks with `answer(task) -> TaskResult | None`."""

    def __init__(self, address: str, secret: str, uuid: str, answer: Callable | None = None, version: str = "v2.1.0",
                 metadata: list | None = None) -> None:
        self.channel = grpc.insecure_channel(address)
        self.uuid = uuid
        self.metadata = metadata if metadata is not None else [
            ("client_secret", secret), ("client_uuid", uuid), ("client-secret", secret), ("client-uuid", uuid),
        ]
        self.answer = answer or (lambda task: None)
        self.version = version
        self.tasks: list = []
        self.results = Outbox()
        self.states = Outbox()
        self.receipts: queue.Queue = queue.Queue()
        self.task_error: grpc.RpcError | None = None
        self.state_error: grpc.RpcError | None = None
        self.task_ended = threading.Event()
        self.state_ended = threading.Event()
        self.initial_metadata: list = []

    # Calls

    def _stream(self, method: str, request: str, response: str):
        return self.channel.stream_stream(
            f"/proto.NezhaService/{method}", request_serializer=M[request].SerializeToString,
            response_deserializer=M[response].FromString,
        )

    def unary(self, method: str, message, response: str):
        call = self.channel.unary_unary(
            f"/proto.NezhaService/{method}", request_serializer=type(message).SerializeToString,
            response_deserializer=M[response].FromString,
        )
        return call(message, metadata=self.metadata, timeout=10)

    def host(self, **more):
        fields = dict(
            platform="specos", platform_version="1", cpu=["Contract 1 Virtual Core"], mem_total=1 << 30,
            disk_total=1 << 40, arch="x86_64", boot_time=1_700_000_000, version=self.version,
        )
        return M["Host"](**(fields | more))

    def connect(self) -> "SpecAgent":
        self.boot_time = self.unary("ReportSystemInfo2", self.host(), "Uint64Receipt").data
        self.open_tasks()
        self.open_states()
        self.report()
        return self

    def open_tasks(self) -> None:
        self.task_call = self._stream("RequestTask", "TaskResult", "Task")(iter(self.results), metadata=self.metadata)
        threading.Thread(target=self._read_tasks, daemon=True).start()

    def open_states(self) -> None:
        self.state_call = self._stream("ReportSystemState", "State", "Receipt")(
            iter(self.states), metadata=self.metadata
        )
        threading.Thread(target=self._read_receipts, daemon=True).start()

    def report(self, **fields) -> None:
        """One state, acknowledged."""
        self.states.put(M["State"](**(dict(cpu=12.5, mem_used=1024, uptime=60, load1=0.5) | fields)))
        assert self.receipts.get(timeout=10).proced

    def _read_tasks(self) -> None:
        try:
            self.initial_metadata = list(self.task_call.initial_metadata())
            for task in self.task_call:
                self.tasks.append(task)
                threading.Thread(target=self._work, args=(task,), daemon=True).start()
        except grpc.RpcError as error:
            self.task_error = error
        self.task_ended.set()

    def _work(self, task) -> None:
        result = self.answer(task)
        if result is not None:
            self.results.put(result)

    def _read_receipts(self) -> None:
        try:
            for receipt in self.state_call:
                self.receipts.put(receipt)
        except grpc.RpcError as error:
            self.state_error = error
        self.state_ended.set()

    def close(self) -> None:
        self.results.close()
        self.states.close()
        self.channel.close()

    # IOStream

    def io_stream(self, first: bytes) -> "IOStream":
        outbox = Outbox()
        outbox.put(M["IOStreamData"](data=first))
        call = self._stream("IOStream", "IOStreamData", "IOStreamData")(iter(outbox), metadata=self.metadata)
        return IOStream(outbox, call)

    def attach(self, stream_id: str) -> "IOStream":
        return self.io_stream(MAGIC + stream_id.encode())


class IOStream:
    def __init__(self, outbox: Outbox, call) -> None:
        self.outbox = outbox
        self.call = call

    def send(self, data: bytes) -> None:
        self.outbox.put(M["IOStreamData"](data=data))

    def frames(self) -> Iterator[bytes]:
        """Data frames; keep-alives (empty ones) are left out."""
        for message in self.call:
            if message.data:
                yield message.data

    def close(self) -> None:
        self.outbox.close()


def reply(task, body: dict | str, successful: bool = True):
    """The result of a task: a JSON body, or text."""
    data = body if isinstance(body, str) else json.dumps(body)
    return M["TaskResult"](id=task.id, type=task.type, data=data, successful=successful)


def frame(magic: str, *parts: bytes | int) -> bytes:
    """A transfer frame: four letters, then big-endian 64-bit integers and bytes."""
    return magic.encode() + b"".join(struct.pack(">Q", part) if isinstance(part, int) else part for part in parts)
