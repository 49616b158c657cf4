"""`tools/call` throughput and latency: ours, nginx that sends the same bytes as a constant, a bare route of our own
listener likewise, and the official Python SDK's server, alternating in one run; over HTTP/2 ours beside nginx."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import uuid
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Tests" / "EndToEnd"))
from gateway import Agent, Gateway, binary, wait_until  # noqa: E402

COLUMNS = f"{'conns':>6} {'':8}{'req/s':>10}{'p50 ms':>9}{'p99 ms':>9}{'errors':>8}   ours in ratio to it"
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


def with_gateway(folder: Path, program: Path) -> Path:
    """A folder of the programs as they are, but for the gateway."""
    folder.mkdir()
    (folder / "nezha-gateway").symlink_to(program.resolve(strict=True))
    for other in binary("nezha-agent").parent.resolve().iterdir():
        if other.name in ("nezha-agent", "agents-load", "BenchRoute"):
            (folder / other.name).symlink_to(other)
    return folder


@contextmanager
def programs_of(folder: Path):
    """While this lasts, processes come from this folder."""
    before = os.environ.get("NEZHA_BIN")
    os.environ["NEZHA_BIN"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["NEZHA_BIN"]
        else:
            os.environ["NEZHA_BIN"] = before


@contextmanager
def gateway_with_agent(folder: Path, programs: Path):
    """A running gateway, as something to measure, and the id of the server of its agent."""
    with programs_of(programs):
        gateway = Gateway(
            folder / "gateway", settings={"mcp_rate_limit_per_second": 10**9, "mcp_rate_limit_per_minute": 10**9},
            arguments=["--log-level", "warning"],
        ).start()
        agent = Agent(gateway, folder / "agent", gateway.agent_secret(), str(uuid.uuid4())).start()
    try:
        agent.wait_online(gateway.login())
        secret = gateway.token("nezha:server:exec")
        yield (f"{gateway.url}/mcp", HEADERS | {"Authorization": f"Bearer {secret}"}), agent.server_id
    finally:
        agent.stop()
        gateway.stop()


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


@contextmanager
def nginx_process(home: Path, port: int, http: str, main: str = ""):
    """nginx with two workers and a folder of its own that listens on `port`, as `http` says in its configuration."""
    home.mkdir(exist_ok=True)
    (home / "nginx.conf").write_text(f"""
{main}
worker_processes 2;
daemon off;
pid {home}/pid;
error_log {home}/error.log crit;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
    default_type "application/json; charset=utf-8";
    {http}
}}
""")
    process = subprocess.Popen([shutil.which("nginx") or "/usr/sbin/nginx", "-c", str(home / "nginx.conf")])
    try:
        wait_until(lambda: not socket.socket().connect_ex(("127.0.0.1", port)), what="nginx")
        yield process
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def nginx(folder: Path, answer: bytes, headers: dict):
    """nginx that answers every request with `answer`; HTTP/1.1 and, by prior knowledge, HTTP/2."""
    ports = free_port(), free_port()
    text = answer.decode().replace("\\", "\\\\").replace("'", "\\'")
    assert "$" not in text, "nginx would take it for a variable"
    http = f"""
    http2_max_concurrent_streams 256;
    server {{ listen 127.0.0.1:{ports[0]}; location / {{ return 200 '{text}'; }} }}
    server {{ listen 127.0.0.1:{ports[1]} http2; location / {{ return 200 '{text}'; }} }}
"""
    with nginx_process(folder / f"nginx-{ports[0]}", ports[1], http):
        yield (f"http://127.0.0.1:{ports[0]}/mcp", headers), (f"http://127.0.0.1:{ports[1]}/mcp", headers)


def h2load(folder: Path, url: str, headers: dict, text: str, seconds: int) -> dict:
    """Sixteen connections, 32 streams each."""
    data = folder / "call.json"
    data.write_text(text)
    options = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    output = subprocess.run(
        ["h2load", "-c16", "-m32", "-t1", f"-D{seconds}", "-d", str(data), *options, url],
        capture_output=True, text=True, check=True,
    ).stdout
    rate = float(re.search(r"finished in [\d.]+\w+, ([\d.]+) req/s", output).group(1))
    codes = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", output).groups()
    failed = re.search(r"(\d+) failed, (\d+) errored, (\d+) timeout", output).groups()
    mean = re.search(r"time for request: +\S+ +(\S+) +(\S+)", output)
    scale = {"us": 1e-3, "ms": 1, "s": 1e3}
    value, unit = re.match(r"([\d.]+)(\w+)", mean.group(2)).groups()
    return {
        "rate": rate, "errors": sum(map(int, codes[1:])) + sum(map(int, failed)),
        "p50": float(value) * scale[unit], "p99": float("nan"),
    }


def wrk(folder: Path, url: str, method: str, headers: dict, text: str, connections: int, seconds: int) -> dict:
    script = folder / "call.lua"
    lines = [f'wrk.method = "{method}"', f"wrk.body = [==[{text}]==]"]
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
    options.add_argument("--no-python", action="store_true", help="without the Python server")
    options.add_argument("--old", type=Path, metavar="PROGRAM", help="another build of the gateway, measured in turn")
    chosen = options.parse_args()

    folder = Path(tempfile.mkdtemp(prefix="nezha-bench."))
    port = free_port()
    python = subprocess.Popen([sys.executable, str(Path(__file__).with_name("python_server.py")), str(port)])
    with ExitStack() as running:
        running.callback(python.wait, 10)
        running.callback(python.terminate)
        ours, server = running.enter_context(gateway_with_agent(folder / "ours", binary("nezha-gateway").parent))
        before = {}
        if chosen.old:
            programs = with_gateway(folder / "programs", chosen.old)
            before["old"], old_server = running.enter_context(gateway_with_agent(folder / "old", programs))
            assert old_server == server, "the bodies name the server"
        theirs = (f"http://127.0.0.1:{port}/mcp", HEADERS)
        wait_until(lambda: not socket.socket().connect_ex(("127.0.0.1", port)), what="Python server")
        tools = [
            ("meta.whoami", body("meta.whoami", {})),
            ("server.exec true", body("server.exec", {"server_id": server, "cmd": "true"})),
        ]
        print(f"{'tool':18}{COLUMNS}")
        for name, text in tools:
            if name.split()[0] not in chosen.tools:
                continue
            answer = check(*ours, text)
            for side in before.values():
                check(*side, text)
            check(*theirs, text)
            with bare_route(answer, ours[1]) as bare, nginx(folder, answer, ours[1]) as (constant, constant2):
                assert check(*bare, text) == check(*constant, text) == answer
                for connections in chosen.connections:
                    sides = {"ours": ours} | before | {"nginx": constant, "bare": bare}
                    if not chosen.no_python:
                        sides["python"] = theirs
                    measure(folder, name, text, connections, sides, chosen)
                measure(folder, name, text, "h2", {"ours": ours} | before | {"nginx": constant2}, chosen)


def measure(folder, name, text, connections, sides, chosen, method="POST") -> None:
    """Measures the sides in turn and prints a line for each, under `COLUMNS`."""
    runs = {side: [] for side in sides}
    for _ in range(chosen.rounds):
        for side, (url, headers) in sides.items():
            runs[side].append(
                h2load(folder, url, headers, text, chosen.seconds) if connections == "h2"
                else wrk(folder, url, method, headers, text, connections, chosen.seconds)
            )
    for side, results in runs.items():
        middle = {key: statistics.median(run[key] for run in results) for key in ("rate", "p50", "p99")}
        errors = sum(run["errors"] for run in results)
        ratios = [a["rate"] / b["rate"] for a, b in zip(runs["ours"], results)]
        tail = "" if side == "ours" else f"{statistics.median(ratios):10.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
        print(
            f"{name:18}{connections!s:>6} {side:8}{middle['rate']:10.1f}{middle['p50']:9.2f}{middle['p99']:9.2f}"
            f"{errors:8} {tail}", flush=True,
        )


if __name__ == "__main__":
    main()
