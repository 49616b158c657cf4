"""`tools/call` throughput and latency: ours, the official Python SDK's server and a bare Hummingbird route that sends the
same bytes without doing anything, alternating in one run."""

from __future__ import annotations

import argparse
import json
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import uuid
from contextlib import contextmanager
from pathlib import Path

import requests

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Tests" / "EndToEnd"))
from gateway import Agent, Gateway, binary, wait_until  # noqa: E402

HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def body(tool: str, arguments: dict) -> str:
    return json.dumps(
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
    )


def check(url: str, headers: dict, text: str) -> bytes:
    """One call must succeed before thousands are timed."""
    reply = requests.post(url, data=text, headers=headers, timeout=20)
    answer = reply.json()
    assert "result" in answer and not answer["result"].get("isError"), answer
    return reply.content


@contextmanager
def bare_route(answer: bytes, headers: dict):
    """A running bare route that sends `answer`, as something to measure."""
    port = free_port()
    process = subprocess.Popen([str(binary("BenchRoute")), str(port)], stdin=subprocess.PIPE)
    try:
        process.stdin.write(answer)
        process.stdin.close()
        wait_until(lambda: not socket.socket().connect_ex(("127.0.0.1", port)), what="bare route")
        yield f"http://127.0.0.1:{port}/mcp", headers
    finally:
        process.terminate()
        process.wait(10)


def wrk(folder: Path, url: str, headers: dict, text: str, connections: int, seconds: int) -> dict:
    script = folder / "call.lua"
    lines = ['wrk.method = "POST"', f"wrk.body = [==[{text}]==]"]
    lines += [f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items()]
    lines.append(
        """
done = function(summary, latency)
  io.write(string.format("RESULT %d %d %d %.1f %.1f\\n", summary.requests, summary.duration,
    summary.errors.status + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end"""
    )
    script.write_text("\n".join(lines))
    script.chmod(0o600)
    output = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "-s", str(script), url],
        capture_output=True, text=True, check=True,
    ).stdout
    requests_, duration, errors, p50, p99 = re.search(
        r"RESULT (\d+) (\d+) (\d+) ([\d.]+) ([\d.]+)", output
    ).groups()
    return {
        "rate": int(requests_) / (int(duration) / 1e6), "errors": int(errors),
        "p50": float(p50) / 1000, "p99": float(p99) / 1000,
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=8, help="length of one measurement")
    options.add_argument("--rounds", type=int, default=3, help="measurements of each, alternating")
    options.add_argument("--connections", type=int, nargs="+", default=[1, 16, 128])
    options.add_argument("--tools", nargs="+", default=["meta.whoami", "server.exec"])
    options.add_argument("--no-python", action="store_true", help="only the bare route beside ours")
    chosen = options.parse_args()

    folder = Path(tempfile.mkdtemp(prefix="nezha-bench."))
    gateway = Gateway(
        folder / "gateway", settings={"mcp_rate_limit_per_second": 10**9, "mcp_rate_limit_per_minute": 10**9},
        arguments=["--log-level", "warning"],
    ).start()
    agent = Agent(gateway, folder / "agent", gateway.agent_secret(), str(uuid.uuid4())).start()
    port = free_port()
    python = subprocess.Popen([sys.executable, str(Path(__file__).with_name("python_server.py")), str(port)])
    try:
        agent.wait_online(gateway.login())
        secret = gateway.token("nezha:server:exec")
        ours = (f"{gateway.url}/mcp", HEADERS | {"Authorization": f"Bearer {secret}"})
        theirs = (f"http://127.0.0.1:{port}/mcp", HEADERS)
        wait_until(lambda: not socket.socket().connect_ex(("127.0.0.1", port)), what="Python server")
        tools = [
            ("meta.whoami", body("meta.whoami", {})),
            ("server.exec true", body("server.exec", {"server_id": agent.server_id, "cmd": "true"})),
        ]
        print(f"{'tool':18}{'conns':>6} {'':8}{'req/s':>10}{'p50 ms':>9}{'p99 ms':>9}{'errors':>8}   ours in ratio to it")
        for name, text in tools:
            if name.split()[0] not in chosen.tools:
                continue
            answer = check(*ours, text)
            check(*theirs, text)
            with bare_route(answer, ours[1]) as bare:
                assert check(*bare, text) == answer
                for connections in chosen.connections:
                    sides = {"ours": ours, "bare": bare} | ({} if chosen.no_python else {"python": theirs})
                    measure(folder, name, text, connections, sides, chosen)
    finally:
        python.terminate()
        python.wait(10)
        agent.stop()
        gateway.stop()


def measure(folder, name, text, connections, sides, chosen) -> None:
    runs = {side: [] for side in sides}
    for _ in range(chosen.rounds):
        for side, (url, headers) in sides.items():
            runs[side].append(wrk(folder, url, headers, text, connections, chosen.seconds))
    for side, results in runs.items():
        middle = {key: statistics.median(run[key] for run in results) for key in ("rate", "p50", "p99")}
        errors = sum(run["errors"] for run in results)
        ratios = [a["rate"] / b["rate"] for a, b in zip(runs["ours"], results)]
        aim = {"bare": " aim 0.70", "python": " aim 25"}.get(side)
        tail = f"{statistics.median(ratios):10.2f} ({min(ratios):.2f} to {max(ratios):.2f}){aim}" if aim else ""
        print(
            f"{name:18}{connections:6} {side:8}{middle['rate']:10.0f}{middle['p50']:9.2f}{middle['p99']:9.2f}"
            f"{errors:8} {tail}", flush=True,
        )


if __name__ == "__main__":
    main()
