"""What MCP clients of others send, frame by frame: neither Go nor Node is at hand here (docs/clients.md)."""

import http.client
import json
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

MODERN = "2026-07-28"
SDK = {"Accept": "application/json, text/event-stream"}


@pytest.fixture(scope="module")
def token(gateway):
    return gateway.token("nezha:*", name="clients")


@pytest.mark.parametrize("method, params", [
    ("notifications/cancelled", {"requestId": 1}), ("notifications/initialized", None),
    ("notifications/roots/list_changed", None), ("nonsense", {"_meta": "x"}),
])
def test_go_sdk_sends_notifications_without_meta_under_the_header_of_2026(gateway, token, method, params):
    answer = gateway.rpc(token, method, params, id=None, headers={"MCP-Protocol-Version": MODERN, "Mcp-Method": method})
    assert (answer.status_code, answer.content) == (202, b"")


def tools(gateway, token, query=""):
    answer = requests.post(f"{gateway.url}/mcp{query}", headers=SDK | {"Authorization": f"Bearer {token}"},
                           json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, timeout=20)
    return answer.json()["result"]["tools"]


def test_google_genai_meets_no_top_level_additional_properties(gateway, token):
    assert [tool["name"] for tool in tools(gateway, token) if "additionalProperties" in tool["inputSchema"]] == []


def test_openai_style_clients_get_names_that_their_api_takes(gateway, token, make_gateway):
    dotted = [tool["name"] for tool in tools(gateway, token)]
    listed = [tool["name"] for tool in tools(gateway, token, "?names=underscore")]
    assert listed == [name.replace(".", "_") for name in dotted] and len(listed) == 10
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in listed)
    for name in ("meta_whoami", "meta.whoami"):
        result = gateway.rpc(token, "tools/call", {"name": name, "arguments": {}}).json()["result"]
        assert result["structuredContent"]["token_name"] == "clients"
    unknown = gateway.rpc(token, "tools/call", {"name": "meta_who_am_i"}).json()["error"]
    assert unknown == {"code": -32601, "message": "unknown tool: meta_who_am_i"}

    other = make_gateway(settings={"mcp_tool_names": "underscore"})
    secret = other.token("nezha:*")
    assert [tool["name"] for tool in tools(other, secret)] == listed
    assert [tool["name"] for tool in tools(other, secret, "?names=dotted")] == dotted


def test_one_name_for_the_setting_of_names(make_gateway):
    gateway = make_gateway()
    gateway.stop()
    gateway.config.write_text(gateway.config.read_text() + "mcp_tool_names: camel\n")
    checked = gateway.command("config", "check", check=False)
    assert checked.returncode != 0 and "mcp_tool_names" in checked.stderr + checked.stdout


def test_five_clients_start_at_once_with_one_token(make_gateway):
    gateway = make_gateway()
    token = gateway.token("nezha:*")
    codes = []

    def client():
        params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
        for method, more, id in (("initialize", params, 1), ("notifications/initialized", None, None),
                                 ("tools/list", None, 2)):
            codes.append(gateway.rpc(token, method, more, id=id, headers=SDK).status_code)

    clients = [threading.Thread(target=client) for _ in range(5)]
    [each.start() for each in clients]
    [each.join() for each in clients]
    assert sorted(codes) == [200] * 10 + [202] * 5


def test_a_long_call_is_a_stream_with_a_heartbeat_before_a_proxy_of_five_seconds_gives_up(gateway, agent, token):
    def call(seconds, accept):
        host, port = gateway.address.split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=5)  # At each read, as proxies count it.
        connection.request("POST", "/mcp", json.dumps({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
                "name": "server.exec",
                "arguments": {"server_id": agent.server_id, "cmd": "sleep", "args": [str(seconds)]}}}),
            {"Authorization": f"Bearer {token}", "Accept": accept, "Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.getheader("Content-Type"), answer.read().decode()

    with ThreadPoolExecutor(3) as pool:
        long, short = pool.submit(call, 8, SDK["Accept"]), pool.submit(call, 1, SDK["Accept"])
        plain = pool.submit(call, 6, "application/json")
    kind, text = long.result()
    assert kind == "text/event-stream"
    events = text.strip().split("\n\n")
    assert [event for event in events if event.startswith(":")] and events[-1].startswith("event: message\ndata: ")
    result = json.loads(events[-1].removeprefix("event: message\ndata: "))
    assert result["id"] == 1 and result["result"]["structuredContent"]["exit_code"] == 0
    kind, text = short.result()
    assert kind.startswith("application/json") and json.loads(text)["result"]["structuredContent"]["exit_code"] == 0
    with pytest.raises(socket.timeout):
        plain.result()


def wrong(gateway, secret, path="/mcp"):
    return requests.post(f"{gateway.url}{path}", headers=SDK | {"Authorization": f"Bearer {secret}"},
                         json={"jsonrpc": "2.0", "id": 1, "method": "ping"}, timeout=20)


def test_one_wrong_token_blocks_nobody_with_a_right_one_and_programs_are_told_in_json(make_gateway):
    gateway = make_gateway(settings={"web_real_ip_header": "NZ::Use-Peer-IP"})
    token = gateway.token("nezha:*")
    first = wrong(gateway, "nzp_" + "0" * 32)
    assert first.status_code == 401
    for path in ("/mcp", "/api/v1/server", "/api/v1/login"):
        blocked = wrong(gateway, "nzp_" + "0" * 32, path)
        assert blocked.status_code == 403 and blocked.headers["Content-Type"].startswith("application/json"), path
        assert 1 <= int(blocked.headers["Retry-After"]) <= 3 and "try again" in blocked.json()["error"]
    assert blocked.json()["success"] is False
    page = requests.get(f"{gateway.url}/", timeout=20)
    assert page.status_code == 403 and "html" in page.headers["Content-Type"]
    browser = requests.get(f"{gateway.url}/api/v1/setting", headers={"Accept": "text/html,*/*"}, timeout=20)
    assert browser.status_code == 403 and "html" in browser.headers["Content-Type"]
    # A right token passes; what it did not come with is still blocked until it has.
    assert gateway.rpc(token, "ping").json()["result"] == {}
    assert requests.get(f"{gateway.url}/api/v1/setting", timeout=20).status_code == 200


def test_the_same_wrong_token_again_is_one_strike(make_gateway):
    gateway = make_gateway(settings={"web_real_ip_header": "NZ::Use-Peer-IP"})
    stale, other = "nzp_" + "0" * 32, "nzp_" + "1" * 32
    assert wrong(gateway, stale).status_code == 401
    time.sleep(3.2)
    for _ in range(3):  # No second strike, so no second block.
        assert wrong(gateway, stale).status_code == 401
    assert requests.get(f"{gateway.url}/api/v1/setting", timeout=20).status_code == 200
    assert wrong(gateway, other).status_code == 401
    blocked = wrong(gateway, other)
    assert blocked.status_code == 403 and int(blocked.headers["Retry-After"]) > 3
