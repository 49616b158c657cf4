"""The improvement list (mcp.md section 10.3): every row of priority P0 and P1, and the test that stands for it.

Rows that no other test shows are tested here; `ELSEWHERE` names the file and the tests of the others, and that they
exist is checked.
"""

import re
import time

import pytest
import requests

from conftest import ALL_SCOPES
from gateway import ADMIN_PASSWORD, REPOSITORY, wait_until, test_file
from spec_agent import SpecAgent
from test_lifecycle import audit_rows
from test_transfers import sql

# Row → file below Tests, parts of titles.
ELSEWHERE = {
    1: ("EndToEnd/test_mcp_endpoint.py", "test_initialize_negotiates"),
    2: (
        "EndToEnd/test_stateless.py", "def test_discover_tells_all_that_a_handshake_would",
        "def test_headers_that_do_not_say_what_the_body_says", "def test_a_request_must_say_revision_and_capabilities",
        "def test_a_revision_that_is_not_spoken_is_answered_with_those_that_are",
        "def test_methods_that_are_not_there_are_404", "def test_discover_is_unknown_before_this_revision",
    ),  # fmt: skip
    3: ("EndToEnd/test_mcp_endpoint.py", "test_messages_without_id_get_202_and_are_not_executed"),
    4: ("EndToEnd/test_mcp_endpoint.py", "test_a_call_can_be_cancelled_by_its_id"),
    5: ("EndToEnd/test_progress.py", "test_exec_tells_the_seconds_while_the_command_runs"),  # P2, named by the issue
    7: ("MCPServerTests/ToolsCatalogTests.swift", "by default MCP shows the ten tools in this order"),
    8: ("EndToEnd/test_mcp_endpoint.py", "test_the_list_of_tools_is_stable_complete_and_one_page"),
    10: ("EndToEnd/test_mcp_endpoint.py", "test_initialize_negotiates"),
    11: ("MCPServerTests/ToolsCatalogTests.swift", "bounds that the contract names are in the schemas"),
    12: ("MCPServerTests/RegistryPipelineTests.swift", "a refused call says the first broken rule"),
    21: ("MCPServerTests/ToolsServerTests.swift", "a task that is too large"),
    23: ("MCPServerTests/TransferURLsTests.swift", "no field of a grant can be changed after minting"),
    25: ("MCPServerTests/TransferUploadTests.swift", "a digest that does not match is 502"),
    26: ("MCPServerTests/TransferDownloadRelayTests.swift", "the agent's error is passed on at any point, however short"),
    27: ("EndToEnd/test_transfers.py", "test_headers_of_a_download_keep_it_a_file"),
    28: ("EndToEnd/test_transfers.py", "test_no_log_shows_what_opens_a_url"),
    30: ("MCPServerTests/TransferURLsTests.swift", "one token may leave 256 URLs unused, not 257"),
    31: ("EndToEnd/test_transfers.py", "test_sixteen_transfers_at_a_time"),
    32: ("EndToEnd/test_revocation.py", "test_everything_that_runs_ends_at_once"),
    35: (
        "MCPServerTests/Transport/OriginGuardTests.swift", "browsers pass from this very host or a listed origin only",
    ),  # fmt: skip
}
HERE = {6, 14, 15, 17, 18, 20, 22, 29}


def test_every_row_of_the_first_two_priorities_has_a_test():
    assert set(ELSEWHERE) | HERE == {*range(1, 9), 10, 11, 12, 14, 15, 17, 18, *range(20, 24), *range(25, 33), 35}
    for row, (file, *titles) in ELSEWHERE.items():
        text = test_file(file).read_text()
        for title in titles:
            assert title in text, f"row {row}: {file} has no {title}"
    source = open(__file__).read()
    for row in HERE:
        assert re.search(rf"^def test_row_{row}_", source, re.M), f"row {row}"


HINTS = {
    # readOnly, destructive, idempotent, openWorld (None: not said), scope
    "meta.whoami": (True, None, None, False, None),
    "server.list": (True, None, None, False, "nezha:inventory:read"),
    "server.get": (True, None, None, False, "nezha:server:read"),
    "server.exec": (False, True, False, True, "nezha:server:exec"),
    "fs.list": (True, None, None, False, "nezha:server:read"),
    "fs.read": (True, None, None, False, "nezha:server:read"),
    "fs.write": (False, True, True, False, "nezha:server:write"),
    "fs.delete": (False, True, True, False, "nezha:server:delete"),
    "fs.download_url": (False, False, None, None, "nezha:server:read"),
    "fs.upload_url": (False, True, None, None, "nezha:server:write"),
}


def test_row_6_titles_and_annotations(gateway, token):
    tools = gateway.rpc(token, "tools/list").json()["result"]["tools"]
    assert [tool["name"] for tool in tools] == list(HINTS)
    for tool in tools:
        *hints, scope = HINTS[tool["name"]]
        given = tool["annotations"]
        assert tool["title"] and given["title"] == tool["title"]
        for name, hint in zip(("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"), hints):
            assert hint is None or given.get(name) is hint, (tool["name"], name, given)
        # Row 9: the list is whole for every token; what a tool needs stands beside it.
        assert tool.get("_meta", {}).get("nezha-gateway/requiredScope") == scope


def test_row_14_errors_are_machine_readable(gateway, token):
    reader = gateway.token("nezha:inventory:read", name="inventory only")
    offline = sql(gateway, "insert into servers (user_id, uuid, name, note, public_note, display_index, hide_for_guest,"
                  " enable_ddns, ddns_profiles, override_ddns_domains, created_at, updated_at) values"
                  " (1, lower(hex(randomblob(16))), 'away', '', '', 0, 0, 0, '[]', '{}', 1, 1) returning id")[0][0]
    wait_until(lambda: "structuredContent" in gateway.call(token, "server.get", server_id=offline), what="new server")
    for bearer, arguments, code, retryable in [
        (reader, {"server_id": offline, "cmd": "x"}, "scope_denied", False),
        (token, {"server_id": offline}, "invalid_args", False),
        (token, {"server_id": offline, "cmd": "x"}, "server_offline", True),
    ]:
        result = gateway.call(bearer, "server.exec", **arguments)
        assert result["isError"] is True and "structuredContent" not in result
        assert result["_meta"] == {"nezha-gateway/errorCode": code, "nezha-gateway/retryable": retryable}


def test_row_15_what_is_unknown_is_left_out(gateway, agent, token, tmp_path):
    listed = gateway.call(token, "fs.list", server_id=agent.server_id, path=str(tmp_path))["structuredContent"]
    assert listed["entries"] == []
    silent = SpecAgent(gateway.address, gateway.agent_secret(), "6ba7b810-9dad-11d1-80b4-00c04fd430c8")
    try:
        silent.open_tasks()
        find = lambda: sql(gateway, "select id from servers where uuid = ?", silent.uuid)  # noqa: E731
        server = wait_until(find, what="server")[0][0]
        shown = wait_until(lambda: gateway.call(token, "server.get", server_id=server).get("structuredContent"),
                           what="visible server")
        assert shown["id"] == server and not {"host", "state", "geoip", "last_active"} & set(shown)
    finally:
        silent.close()


def test_row_17_the_answer_of_a_disabled_endpoint_has_the_id(make_gateway):
    gateway = make_gateway(settings={"enable_mcp": False})
    token = gateway.token("nezha:server:read")
    answer = gateway.rpc(token, "tools/list", id="seven")
    assert (answer.status_code, answer.json()["id"]) == (200, "seven")
    modern = gateway.rpc(token, "tools/list", id=7, headers={"MCP-Protocol-Version": "2026-07-28"})
    assert (modern.status_code, modern.json()["id"]) == (403, 7)
    # That revision keeps -32768 to -32000 for itself.
    assert not -32768 <= modern.json()["error"]["code"] <= -32000
    assert "disabled" in modern.json()["error"]["message"]


def test_row_18_a_401_names_the_scheme(gateway):
    missing, wrong = gateway.rpc(None, "ping"), gateway.rpc("nzp_" + "x" * 32, "ping")
    assert missing.status_code == wrong.status_code == 401
    assert missing.headers["WWW-Authenticate"] == 'Bearer realm="nezha-mcp"'
    assert wrong.headers["WWW-Authenticate"] == 'Bearer realm="nezha-mcp", error="invalid_token"'
    assert "resource_metadata" not in missing.headers["WWW-Authenticate"]
    for path in ("/.well-known/oauth-protected-resource", "/.well-known/openid-configuration"):
        answer = requests.get(gateway.url + path, timeout=10)
        assert answer.status_code == 404 and answer.headers["Content-Type"].startswith("application/json")


def test_row_20_refusals_say_when_to_come_back_and_leave_one_row_a_window(make_gateway):
    gateway = make_gateway(settings={"mcp_rate_limit_per_second": 3, "mcp_rate_limit_per_minute": 3})
    token = gateway.token("nezha:server:read")
    began = time.monotonic()
    answers = [gateway.rpc(token, "tools/call", {"name": "meta.whoami"}) for _ in range(8)]
    assert time.monotonic() - began < 50, "too slow a machine for this test to mean anything"
    assert [bool(answer.json()["result"].get("isError")) for answer in answers] == [False] * 3 + [True] * 5
    for answer in answers[3:]:
        meta = answer.json()["result"]["_meta"]
        assert meta["nezha-gateway/errorCode"] == "rate_limited" and meta["nezha-gateway/retryable"] is True
        assert 1 <= meta["nezha-gateway/retryAfterSeconds"] == int(answer.headers["Retry-After"]) <= 60
    ping = gateway.rpc(token, "ping")
    assert ping.status_code == 429 and 1 <= int(ping.headers["Retry-After"]) <= 60
    rows = lambda: [row["outcome"] for row in audit_rows(gateway, "meta.whoami")]  # noqa: E731
    wait_until(lambda: "rate_limited" in rows(), what="audit row")
    time.sleep(0.5)
    limited = rows().count("rate_limited")
    # One for each window of a second in which calls were refused, not one for each call.
    assert rows().count("ok") == 3 and 1 <= limited <= 1 + int(time.monotonic() - began)
    assert limited < 5


def test_row_22_the_last_use_is_written_at_once_and_then_once_a_minute(gateway):
    secret = gateway.token("nezha:server:read", name="used")
    number = sql(gateway, "select max(id) from api_tokens where name = 'used'")[0][0]
    use = lambda: sql(gateway, "select last_used_at, updated_at, last_used_ip from api_tokens where id = ?", number)[0]  # noqa: E731
    assert use()[0] is None
    assert gateway.rpc(secret, "ping").status_code == 200
    first = use()
    assert abs(first[0] / 1000 - time.time()) < 60 and first[2] == "127.0.0.1"
    for _ in range(5):
        time.sleep(0.02)
        assert gateway.rpc(secret, "ping").status_code == 200
    assert use() == first


@pytest.mark.parametrize("header", ["X-Forwarded-Host", "Forwarded", "X-Original-Host"])
def test_the_host_of_urls_is_the_one_that_the_client_itself_used(gateway, agent, header):
    """security.md: Host header in redirect URLs. Nothing but the address of the request decides."""
    token = gateway.token(*ALL_SCOPES, name="hosts")
    call = {"name": "fs.download_url", "arguments": {"server_id": agent.server_id, "path": "/etc/hostname"}}
    value = "host=evil.example" if header == "Forwarded" else "evil.example"
    answer = gateway.rpc(token, "tools/call", call, headers={header: value}).json()["result"]
    assert answer["structuredContent"]["url"].startswith(f"{gateway.url}/mcp/download/")
    assert "evil" not in str(answer)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:1234", "[2001:db8::1]:80"])
def test_the_host_that_a_client_writes_is_the_one_of_its_urls(gateway, agent, token, host):
    """By design (mcp.md 4.10): the URL is for the one who asked, who may as well change it afterwards. Browsers, whose
    pages could make them ask, are held by the Origin guard."""
    call = {"name": "fs.download_url", "arguments": {"server_id": agent.server_id, "path": "/etc/hostname"}}
    answer = gateway.rpc(token, "tools/call", call, headers={"Host": host})
    url = answer.json()["result"]["structuredContent"]["url"]
    assert url.startswith(f"http://{host}/mcp/download/")
    # It leads nowhere but here, for whoever knows the right address.
    assert requests.get(url.replace(f"http://{host}", gateway.url), timeout=20).status_code == 200
    page = {"Host": host, "Origin": f"http://{host}"}
    assert gateway.rpc(token, "tools/call", call, headers=page).status_code == 403


@pytest.mark.parametrize("trusted, believed", [([], True), (["127.0.0.1"], True), (["192.0.2.1"], False)])
def test_row_29_what_a_proxy_says_of_tls_counts_from_trusted_ones(make_gateway, trusted, believed):
    """P2. Seen in the cookies of a log-in, which are for TLS only where the client speaks it."""
    gateway = make_gateway(settings={"trusted_proxies": trusted})
    answer = requests.post(
        f"{gateway.url}/api/v1/login", json={"username": "admin", "password": ADMIN_PASSWORD},
        headers={"X-Forwarded-Proto": "https"}, timeout=20,
    )
    assert answer.json()["success"] is True
    assert ("secure" in answer.headers["Set-Cookie"].lower()) is believed
