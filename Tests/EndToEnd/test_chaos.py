"""A minute of hostile HTTP/1, HTTP/2, gRPC, WebSocket and agents' traffic, all at once, while somebody works."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import requests

from conftest import ALL_SCOPES
from test_ground import descriptors
from gateway import patient, wait_until

SECONDS = 60
PROCESSES = 3


def longest() -> int:
    """Seconds that a call may take. On a machine that others keep busy nobody can promise one: there it is seen alone that
    every call is answered."""
    return 1 if os.getloadavg()[0] < 2 * (os.cpu_count() or 1) else 30


def peak_mebibytes(process) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"^VmHWM:\s+(\d+) kB$", status, re.M).group(1)) / 1024


def test_a_minute_of_everything_at_once_does_not_trouble_whoever_works(make_gateway, make_agent, tmp_path):
    most = longest()
    gateway = make_gateway(settings={"mcp_rate_limit_per_second": 10_000, "mcp_rate_limit_per_minute": 600_000})
    agent, token = make_agent(gateway), gateway.token(*ALL_SCOPES)
    place, before = tmp_path / "file", descriptors(gateway)
    secret = gateway.agent_secret()
    hostile = [
        subprocess.Popen([sys.executable, Path(__file__).with_name("hostile.py"), gateway.address, secret, str(seed),
                          str(SECONDS)], stdout=subprocess.PIPE, text=True)
        for seed in range(PROCESSES)
    ]
    work = [
        ("meta.whoami", {}),
        ("server.list", {}),
        ("server.exec", {"server_id": agent.server_id, "cmd": "echo", "args": ["fine"]}),
        ("fs.write", {"server_id": agent.server_id, "path": str(place), "content": "content"}),
        ("fs.read", {"server_id": agent.server_id, "path": str(place)}),
    ]
    session, slow, count = requests.Session(), [], 0
    try:
        while any(each.poll() is None for each in hostile):
            name, arguments = work[count % len(work)]
            count += 1
            # Now on a connection that stays, now on a new one.
            caller = session if count % 3 else requests
            message = {"jsonrpc": "2.0", "id": count, "method": "tools/call",
                       "params": {"name": name, "arguments": arguments}}
            start = patient()
            answer = caller.post(f"{gateway.url}/mcp", json=message, headers={"Authorization": f"Bearer {token}"},
                                 timeout=60)
            took = patient() - start
            assert answer.status_code == 200, (name, answer.status_code, answer.text)
            assert not answer.json()["result"].get("isError"), (name, answer.text)
            if took >= most:
                slow.append((name, round(took, 2)))
            assert requests.get(f"{gateway.url}/healthz", timeout=5 * most).status_code == 200
            time.sleep(0.02)
    finally:
        for each in hostile:
            each.terminate()
    turns: dict[str, int] = {}
    for each in hostile:
        for way, times in json.loads(each.communicate(timeout=10)[0] or "{}").items():
            turns[way] = turns.get(way, 0) + times
    # Each way was taken, and a client that waits is none.
    assert len(turns) >= 20 and min(turns.values()) >= (5 if most == 1 else 1), turns
    assert count >= (300 if most == 1 else 10), count
    assert not slow, f"{len(slow)} of {count} calls: {slow[:20]}"
    assert peak_mebibytes(gateway.process) < 512, peak_mebibytes(gateway.process)
    assert gateway.process.poll() is None and agent.process.poll() is None
    assert "connection lost" not in agent.log.read_text()
    wait_until(lambda: descriptors(gateway) <= before + 10, 60, 0.5, what="descriptors back")
    assert gateway.stop() == 0
