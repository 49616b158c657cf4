"""What crowds of agents that report every second cost the gateway, and how `server.exec` fares through them."""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Tests" / "EndToEnd"))
from gateway import Agent, Gateway, binary, wait_until  # noqa: E402
from tools_call import free_port, with_gateway  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")


class Crowd:
    """The load generator; it prints a line of totals every second."""

    def __init__(self, address: str, secret: str, count: int) -> None:
        self.lines: list[dict] = []
        self.process = subprocess.Popen(
            [str(binary("agents-load")), "--address", address, "--secret", secret, "--count", str(count)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    @property
    def last(self) -> dict:
        assert self.process.poll() is None, f"agents-load ended with {self.process.returncode}"
        return self.lines[-1] if self.lines else {"reporting": 0}

    def wait(self, count: int, seconds: float) -> None:
        try:
            wait_until(lambda: self.last["reporting"] == count, seconds, 0.1, f"{count} agents reporting")
        except AssertionError as failure:
            raise AssertionError(f"{failure}; {self.lines[-1:]}") from None

    def stop(self) -> None:
        self.process.stdin.close()
        self.process.wait(30)
        self.reader.join(5)


class Usage:
    """What a process has used so far."""

    def __init__(self, pid: int) -> None:
        # The name may hold blanks; what follows its bracket does not.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        self.user, self.system = int(fields[11]) / TICKS, int(fields[12]) / TICKS
        self.written = int(Path(f"/proc/{pid}/io").read_text().split("write_bytes:")[1].split()[0])
        self.time = time.monotonic()


def resident(pid: int) -> float:
    """MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ValueError("VmRSS")


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def waits(lines: list[dict], share: float) -> float:
    """Milliseconds within which this share of the receipts came."""
    counts: Counter = Counter()
    for line in lines:
        counts.update(dict(line["waits"]))
    left = sum(counts.values()) * share
    for limit, count in sorted(counts.items()):
        left -= count
        if left <= 0:
            return limit / 1000
    return 0


class Caller:
    """One keep-alive connection for tool calls."""

    def __init__(self, gateway: Gateway, token: str) -> None:
        self.connection = http.client.HTTPConnection(gateway.address, timeout=60)
        self.headers = {
            "Authorization": f"Bearer {token}", "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        }

    def call(self, tool: str, **arguments) -> dict:
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
        self.connection.request("POST", "/mcp", json.dumps(message), self.headers)
        answer = json.loads(self.connection.getresponse().read())
        assert "result" in answer and not answer["result"].get("isError"), answer
        return answer["result"]["structuredContent"]

    def exec_times(self, servers: list[int], count: int) -> list[float]:
        """Milliseconds of `count` calls one after the other, each on a server chosen at random."""
        times = []
        for _ in range(count):
            server = random.choice(servers)
            began = time.perf_counter()
            outcome = self.call("server.exec", server_id=server, cmd="true")
            times.append((time.perf_counter() - began) * 1000)
            assert outcome["exit_code"] == 0, outcome
        return times


def online(caller: Caller, crowd_only: bool = True) -> list[int]:
    servers = caller.call("server.list", online_only=True)["servers"]
    return [s["id"] for s in servers if not crowd_only or s["uuid"].startswith("00000000-0000-4000-8000-")]


def run(folder: Path, count: int, chosen: argparse.Namespace) -> str:
    gateway = Gateway(
        folder / "gateway", settings={"mcp_rate_limit_per_second": 10**9, "mcp_rate_limit_per_minute": 10**9},
        arguments=["--log-level", "warning"],
    ).start()
    agent = crowd = None
    try:
        secret = gateway.agent_secret()
        agent = Agent(gateway, folder / "agent", secret, str(uuid.uuid4())).start()
        agent.wait_online(gateway.login())
        caller = Caller(gateway, gateway.token("nezha:inventory:read", "nezha:server:exec"))
        caller.exec_times([agent.server_id], 50)
        pid = gateway.process.pid
        empty = resident(pid)

        began, before = time.monotonic(), Usage(pid)
        crowd = Crowd(gateway.address, secret, count)
        crowd.wait(count, chosen.patience)
        opening, opened = time.monotonic() - began, Usage(pid)
        opening_cpu = opened.user + opened.system - before.user - before.system
        time.sleep(5)

        mark, start = len(crowd.lines), Usage(pid)
        time.sleep(chosen.seconds)
        end, lines = Usage(pid), crowd.lines[mark:]
        took, full = end.time - start.time, resident(pid)
        cpu = (end.user - start.user, end.system - start.system)
        rate = (lines[-1]["receipts"] - lines[0]["receipts"]) / (len(lines) - 1)
        beats = [b["keepalives"] - a["keepalives"] for a, b in zip(lines, lines[1:])]

        ids = online(caller)
        assert len(ids) == count, f"{len(ids)} of {count} are online"
        through = caller.exec_times(ids, chosen.calls)
        real = caller.exec_times([agent.server_id], chosen.calls)
        assert len(online(caller)) == count
        last = crowd.last
        assert last["lost"] == 0 and last["refused"] == 0 and last["reporting"] == count, last
        alerts = rules(gateway, chosen.rules, chosen.seconds) if chosen.rules else ""
        storm = restart(gateway, crowd, count, chosen.patience) if chosen.restart else ""
        crowd.stop()
        return (
            f"{count:7} {opening:8.1f} {opening_cpu * 1000 / count:9.2f} {100 * sum(cpu) / took:7.1f} "
            f"{100 * cpu[1] / took:8.1f} {(full - empty) * 1024 / count:9.1f} {rate:9.0f} {waits(lines, 0.5):8.2f} "
            f"{waits(lines, 0.99):8.2f} {percentile(through, 0.5):8.2f} {percentile(through, 0.99):8.2f} "
            f"{percentile(real, 0.5):8.2f} {percentile(real, 0.99):8.2f} {max(beats):7} "
            f"{(end.written - start.written) / 1024:8.0f}{alerts}{storm}"
        )
    finally:
        if crowd and crowd.process.poll() is None:
            crowd.process.kill()
        if agent:
            agent.stop()
        gateway.stop(seconds=60)
        shutil.rmtree(folder / "gateway")


def build_sketch(source: Path, folder: Path) -> Path:
    """The bare service of the sketch that the ground was chosen by: it takes agents' reports and does nothing else."""
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns(".build", "model"))
    proto = folder / "Sources" / "CNezhaProto"
    (proto / "include").mkdir(parents=True)
    [description] = Path(__file__).resolve().parents[1].glob("Sources/AgentLink/Wire/Proto/nezha.proto")
    # The sketch reads names as C strings; on the wire they are the same.
    text = description.read_text().replace("bytes name =", "string name =")
    (folder / description.name).write_text(text)
    subprocess.run(["protoc-c", f"--proto_path={folder}", f"--c_out={proto}", description.name], check=True)
    (proto / "nezha.pb-c.h").rename(proto / "include" / "nezha.pb-c.h")
    command = ["swift", "build", "-c", "release", "--package-path", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    path = subprocess.run([*command, "--show-bin-path"], check=True, capture_output=True, text=True).stdout.strip()
    return Path(path) / "ground"


def run_sketch(program: Path, count: int, chosen: argparse.Namespace) -> str:
    """CPU and memory of the same crowd on the bare service, in the columns of the others."""
    address = ("127.0.0.1", free_port())
    process = subprocess.Popen([str(program), str(address[1]), "2"], stdout=subprocess.DEVNULL)
    crowd = None
    try:
        wait_until(lambda: not socket.socket().connect_ex(address), what="the sketch")
        empty = resident(process.pid)
        crowd = Crowd(f"{address[0]}:{address[1]}", "anybody", count)
        crowd.wait(count, chosen.patience)
        time.sleep(5)
        start = Usage(process.pid)
        time.sleep(chosen.seconds)
        end = Usage(process.pid)
        took, cpu, system = end.time - start.time, end.user + end.system, end.system - start.system
        cpu -= start.user + start.system
        memory = (resident(process.pid) - empty) * 1024 / count
        return f"{count:7} {'':8} {'':9} {100 * cpu / took:7.1f} {100 * system / took:8.1f} {memory:9.1f}"
    finally:
        if crowd:
            crowd.stop()
        process.kill()
        process.wait(10)


def rules(gateway: Gateway, count: int, seconds: int) -> str:
    """What so many alert rules cost that look at every server and never fire."""
    def share() -> float:
        start = Usage(gateway.process.pid)
        time.sleep(seconds)
        end = Usage(gateway.process.pid)
        return 100 * (end.user + end.system - start.user - start.system) / (end.time - start.time)

    without, session = share(), gateway.login()
    kinds = ["cpu", "memory", "disk", "net_in_speed", "load1", "tcp_conn_count"]
    for number in range(count):
        condition = {"type": kinds[number % len(kinds)], "max": 1e15, "duration": 10, "cover": 0}
        body = {"name": f"rule {number}", "rules": [condition], "enable": True}
        answer = gateway.api("POST", "/alert-rule", session, json=body).json()
        assert answer["success"], answer
    time.sleep(5)
    return f"   {count} alert rules: {share() - without:+.1f} % of a core"


def restart(gateway: Gateway, crowd: Crowd, count: int, patience: float) -> str:
    """Stops the gateway and starts it again on the same port: how long until all agents are back."""
    began = time.monotonic()
    gateway.stop(seconds=60)
    stopped = time.monotonic()
    text = gateway.config.read_text()
    gateway.config.write_text(text.replace("listen_port: 0", f"listen_port: {gateway.address.rpartition(':')[2]}"))
    gateway.start()
    started, usage = time.monotonic(), Usage(gateway.process.pid)
    wait_until(lambda: crowd.last["reporting"] < count, 30, 0.1, "agents lost")
    crowd.wait(count, patience)
    back, after = time.monotonic(), Usage(gateway.process.pid)
    cpu = after.user + after.system - usage.user - usage.system
    return f"   stop {stopped - began:.1f} s, all back {back - started:.1f} s after the start ({cpu:.1f} s of CPU)"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--counts", type=int, nargs="+", default=[1000, 5000, 10000])
    options.add_argument("--seconds", type=int, default=20, help="how long the crowd is watched")
    options.add_argument("--calls", type=int, default=1000, help="calls of server.exec, each way")
    options.add_argument("--patience", type=int, default=300, help="seconds for all agents to come")
    options.add_argument("--restart", action="store_true", help="also restart the gateway under the crowd")
    options.add_argument("--rules", type=int, default=0, help="also measure so many alert rules over all agents")
    options.add_argument("--old", type=Path, metavar="PROGRAM", help="another build of the gateway, measured in turn")
    options.add_argument(
        "--sketch", type=Path, metavar="FOLDER", default=Path(__file__).resolve().parents[2] / "shared" / "ground",
        help="source of the bare service that the ground was sketched with, measured in turn where it is there",
    )
    chosen = options.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert hard > max(chosen.counts) + 500, f"the limit of open files ({hard}) is too low for {max(chosen.counts)}"
    print(
        f"{'':16}{'opening':>10} {'gateway, % of a core':>16} {'memory':>9} {'receipts, ms':>27} "
        f"{'exec crowd, ms':>17} {'exec real, ms':>17} {'keep-':>7} {'disk':>8}\n"
        f"{'agents':>7} {'s':>8} {'CPU ms/a':>9} {'all':>7} {'system':>8} {'KiB/a':>9} {'per s':>9} {'p50':>8} "
        f"{'p99':>8} {'p50':>8} {'p99':>8} {'p50':>8} {'p99':>8} {'alive/s':>7} {'KiB':>8}",
        flush=True,
    )
    folder = Path(tempfile.mkdtemp(prefix="nezha-bench."))
    try:
        ours = str(binary("nezha-gateway").parent)
        sides = {"": ours}
        if chosen.old:
            sides = {" old": str(with_gateway(folder / "old", chosen.old)), " ours": ours}
        sketch = build_sketch(chosen.sketch, folder / "sketch") if (chosen.sketch / "Package.swift").exists() else None
        for count in chosen.counts:
            if sketch:
                print(run_sketch(sketch, count, chosen) + " " * 72 + "sketch", flush=True)
            for side, programs in sides.items():
                # Where the end-to-end tests' processes come from.
                os.environ["NEZHA_BIN"] = programs
                print(run(folder, count, chosen) + side, flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
