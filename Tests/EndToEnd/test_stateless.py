"""MCP revision 2026-07-28 on the wire: no handshake, each request stands alone (mcp.md section 10.2)."""

import asyncio
import base64

import httpx2
import pytest
import requests
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from test_mcp_sdk import TOOLS

MODERN = "2026-07-28"
SUPPORTED = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", MODERN]
VERSION, CAPABILITIES, SERVER_INFO = (
    f"io.modelcontextprotocol/{name}" for name in ("protocolVersion", "clientCapabilities", "serverInfo")
)
WHOAMI = {"name": "meta.whoami", "arguments": {}}


def send(gateway, bearer, method, params=None, meta=None, headers=None, id=7) -> requests.Response:
    """A request that is right in every respect but for what `meta` and `headers` change; `None` leaves a member out."""
    params = dict(params or {})
    meta = {VERSION: MODERN, CAPABILITIES: {}} | (meta or {})
    params["_meta"] = {name: value for name, value in meta.items() if value is not None}
    sent = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
    if method == "tools/call":
        sent["Mcp-Name"] = params.get("name")
    sent |= headers or {}
    sent = {name: value for name, value in sent.items() if value is not None}
    return gateway.rpc(bearer, method, params, id=id, headers=sent)


def result(answer: requests.Response) -> dict:
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("application/json")
    body = answer.json()
    assert set(body) == {"jsonrpc", "id", "result"} and (body["jsonrpc"], body["id"]) == ("2.0", 7)
    found = body["result"]
    assert found["resultType"] == "complete"
    server = found["_meta"][SERVER_INFO]
    assert server["name"] == "nezha-mcp" and server["version"]
    return found


def error(answer: requests.Response, status: int, code: int, id=7) -> dict:
    body = answer.json()
    assert (answer.status_code, body["error"]["code"]) == (status, code), answer.text
    assert body["error"]["message"] and "result" not in body
    assert body["id"] == id if id is not None else "id" not in body
    return body["error"]


# Results


def test_discover_tells_all_that_a_handshake_would(gateway, token):
    found = result(send(gateway, token, "server/discover"))
    assert set(found) == {
        "resultType", "supportedVersions", "capabilities", "instructions", "ttlMs", "cacheScope", "_meta",
    }  # fmt: skip
    assert found["supportedVersions"] == SUPPORTED
    assert found["capabilities"] == {"tools": {"listChanged": False}}
    assert "meta.whoami" in found["instructions"]
    assert type(found["ttlMs"]) is int and found["ttlMs"] > 0
    # What one token sees is no other's business.
    assert found["cacheScope"] == "private"
    assert set(found["_meta"]) == {SERVER_INFO}


def test_the_list_of_tools_may_be_cached_and_is_that_of_the_handshake_era(gateway, token):
    found = result(send(gateway, token, "tools/list"))
    assert set(found) == {"resultType", "tools", "ttlMs", "cacheScope", "_meta"}
    assert [tool["name"] for tool in found["tools"]] == TOOLS
    assert type(found["ttlMs"]) is int and found["ttlMs"] > 0 and found["cacheScope"] == "private"
    legacy = gateway.rpc(token, "tools/list").json()["result"]
    assert legacy == {"tools": found["tools"]}


def test_a_call_that_succeeds(gateway, token):
    found = result(send(gateway, token, "tools/call", WHOAMI))
    assert set(found) == {"content", "structuredContent", "resultType", "_meta"}
    assert found["structuredContent"]["protocol_version"] == MODERN
    assert set(found["_meta"]) == {SERVER_INFO}


def test_a_call_that_fails(gateway, token):
    found = result(send(gateway, token, "tools/call", {"name": "server.get", "arguments": {}}))
    assert set(found) == {"content", "isError", "resultType", "_meta"}
    assert found["isError"] is True and "server_id" in found["content"][0]["text"]
    own = {name: value for name, value in found["_meta"].items() if name != SERVER_INFO}
    assert own == {"nezha-gateway/errorCode": "invalid_args", "nezha-gateway/retryable": False}


@pytest.mark.parametrize("header", [None, *SUPPORTED[:-1]])
def test_whoami_tells_the_revision_of_the_very_request(gateway, token, header):
    """There is no session that would know another one. Without a header nothing is known."""
    headers = {"MCP-Protocol-Version": header} if header else {}
    answer = gateway.rpc(token, "tools/call", WHOAMI, headers=headers)
    assert answer.json()["result"]["structuredContent"].get("protocol_version") == header
    found = result(send(gateway, token, "tools/call", WHOAMI))["structuredContent"]
    assert (found["protocol_version"], found["protocol_versions"]) == (MODERN, SUPPORTED)


def test_results_of_the_handshake_era_have_nothing_of_this_one(gateway, token):
    for method, params in (("ping", None), ("tools/list", None), ("tools/call", WHOAMI), ("initialize", {})):
        found = gateway.rpc(token, method, params).json()["result"]
        assert not {"resultType", "ttlMs", "cacheScope", "_meta"} & set(found), method


# Refusals


@pytest.mark.parametrize(
    "method",
    ["ping", "resources/list", "resources/read", "prompts/list", "logging/setLevel", "subscriptions/listen",
     "notifications/initialized", "nonsense"],
)  # fmt: skip
def test_methods_that_are_not_there_are_404(gateway, token, method):
    found = error(send(gateway, token, method), 404, -32601)
    assert method in found["message"]


def test_initialize_is_unknown_here_and_a_handshake_where_body_and_header_do_not_both_say_so(gateway, token):
    params = {"protocolVersion": "2025-06-18"}
    assert "initialize" in error(send(gateway, token, "initialize", params), 404, -32601)["message"]
    for headers in ({"MCP-Protocol-Version": "2025-06-18"}, {"MCP-Protocol-Version": "x"}):
        answer = send(gateway, token, "initialize", params, headers=headers)
        assert answer.status_code == 200 and answer.json()["result"]["protocolVersion"] == "2025-06-18"
        assert "resultType" not in answer.json()["result"]


def wrapped(text: str) -> str:
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


@pytest.mark.parametrize(
    "headers",
    [
        {"MCP-Protocol-Version": None}, {"MCP-Protocol-Version": "2025-11-25"}, {"MCP-Protocol-Version": "2026-07-29"},
        {"MCP-Protocol-Version": ""}, {"Mcp-Method": None}, {"Mcp-Method": "tools/list"}, {"Mcp-Method": "Tools/Call"},
        {"Mcp-Method": wrapped("tools/list")}, {"Mcp-Method": ""}, {"Mcp-Name": None}, {"Mcp-Name": ""},
        {"Mcp-Name": "server.exec"}, {"Mcp-Name": "META.WHOAMI"}, {"Mcp-Name": wrapped("server.exec")},
        {"Mcp-Name": "=?base64?!?="}, {"Mcp-Name": "=?base64?bWV0YS53aG9hbWk?="}, {"Mcp-Name": "=?base64?/w==?="},
        {"Mcp-Name": base64.b64encode(b"meta.whoami").decode()},
    ],
    ids=str,
)  # fmt: skip
def test_headers_that_do_not_say_what_the_body_says(gateway, token, headers):
    found = error(send(gateway, token, "tools/call", WHOAMI, headers=headers), 400, -32020)
    assert next(iter(headers)).lower() in found["message"].lower()


@pytest.mark.parametrize(
    "headers",
    [
        {"Mcp-Name": wrapped("meta.whoami")}, {"Mcp-Method": wrapped("tools/call")},
        {"Mcp-Name": wrapped("meta.whoami"), "Mcp-Method": wrapped("tools/call")},
        # Spaces around a value are not part of it.
        {"Mcp-Name": "meta.whoami  ", "Mcp-Method": "tools/call \t"},
    ],
    ids=str,
)  # fmt: skip
def test_headers_may_be_wrapped_in_base64(gateway, token, headers):
    found = result(send(gateway, token, "tools/call", WHOAMI, headers=headers))
    assert found["structuredContent"]["is_admin"] is True


def test_only_calls_have_a_name(gateway, token):
    for headers in ({}, {"Mcp-Name": "whatever"}):
        result(send(gateway, token, "tools/list", headers=headers))


@pytest.mark.parametrize("version", ["2027-01-01", "2025-11-25", "2026-07-29", "", "nonsense"])
def test_a_revision_that_is_not_spoken_is_answered_with_those_that_are(gateway, token, version):
    """Also one that is spoken after a handshake only."""
    answer = send(
        gateway, token, "tools/list", meta={VERSION: version}, headers={"MCP-Protocol-Version": version}
    )  # fmt: skip
    assert error(answer, 400, -32022)["data"] == {"supported": SUPPORTED, "requested": version}


@pytest.mark.parametrize(
    "meta, text",
    [
        ({CAPABILITIES: None}, CAPABILITIES), ({CAPABILITIES: "x"}, CAPABILITIES), ({CAPABILITIES: []}, CAPABILITIES),
        ({CAPABILITIES: 1}, CAPABILITIES), ({VERSION: 20260728}, VERSION), ({VERSION: {}}, VERSION),
        ({VERSION: [MODERN]}, VERSION),
        # Only the header names the revision.
        ({VERSION: None}, VERSION), ({VERSION: None, CAPABILITIES: None}, VERSION),
    ],
    ids=str,
)  # fmt: skip
def test_a_request_must_say_revision_and_capabilities(gateway, token, meta, text):
    for method, params in (("server/discover", {}), ("tools/list", {}), ("tools/call", WHOAMI)):
        assert text in error(send(gateway, token, method, params, meta), 400, -32602)["message"]


@pytest.mark.parametrize("params", [None, [], {}, {"_meta": None}, {"_meta": "x"}, {"_meta": {}}], ids=str)
def test_a_header_of_this_revision_without_its_meta(gateway, token, params):
    headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/list"}
    answer = gateway.rpc(token, "tools/list", params, id=7, headers=headers)
    assert VERSION in error(answer, 400, -32602)["message"]


@pytest.mark.parametrize(
    "params, text",
    [
        ({"name": "server.explode"}, "unknown tool: server.explode"),
        # Not for MCP, and of a toolset that is not turned on.
        ({"name": "token.create"}, "unknown tool: token.create"), ({"name": "fs.stat"}, "unknown tool: fs.stat"),
    ],
)  # fmt: skip
def test_a_tool_that_is_not_there_is_a_wrong_parameter(gateway, token, params, text):
    assert error(send(gateway, token, "tools/call", params), 400, -32602)["message"] == text


def test_a_call_without_a_name(gateway, token):
    answer = send(gateway, token, "tools/call", {"name": ""}, headers={"Mcp-Name": ""})
    assert error(answer, 400, -32602)["message"] == "tool name required"
    # Which name there is none to compare with a header.
    for params in ({}, {"name": 7}, {"name": None}):
        error(send(gateway, token, "tools/call", params, headers={"Mcp-Name": "7"}), 400, -32020)


def test_a_cursor_that_nobody_gave_out(gateway, token):
    assert "cursor" in error(send(gateway, token, "tools/list", {"cursor": "x"}), 400, -32602)["message"]
    result(send(gateway, token, "tools/list", {"cursor": None}))


def test_ids_are_echoed_and_messages_without_are_not_answered(gateway, token):
    for id in ("seven", "7", 0, -1, 2**60):
        assert send(gateway, token, "tools/list", id=id).json()["id"] == id
        error(send(gateway, token, "ping", id=id), 404, -32601, id)
    answer = send(gateway, token, "tools/list", id=None)
    assert (answer.status_code, answer.content) == (202, b"")
    # Whatever is wrong with it: some send notifications without `_meta` and give up over a refusal.
    for headers in ({"Mcp-Method": "x"}, {"MCP-Protocol-Version": "1999-01-01"}):
        answer = send(gateway, token, "tools/list", headers=headers, id=None)
        assert (answer.status_code, answer.content) == (202, b"")


# The handshake era beside it


@pytest.mark.parametrize("version", ["1999-01-01", "2025-06-17", "nonsense", "2027-01-01", "2026-07-28 "])
def test_an_unknown_revision_in_the_header_is_400(gateway, token, version):
    """Never with a code of the other era: clients would take the gateway for one that speaks no handshake."""
    answer = gateway.rpc(token, "tools/list", id=7, headers={"MCP-Protocol-Version": version})
    code = -32602 if version.strip() == MODERN else -32600
    error(answer, 400, code)
    # Who begins anew may have said anything before.
    answer = gateway.rpc(token, "initialize", {"protocolVersion": "2025-06-18"},
                         headers={"MCP-Protocol-Version": version})  # fmt: skip
    assert (answer.status_code, answer.json()["result"]["protocolVersion"]) == (200, "2025-06-18")


@pytest.mark.parametrize("version", [None, *SUPPORTED[:-1]])
def test_discover_is_unknown_before_this_revision(gateway, token, version):
    """What sends a client that speaks both eras back to `initialize`."""
    headers = {"MCP-Protocol-Version": version} if version else {}
    answer = gateway.rpc(token, "server/discover", {}, id=7, headers=headers)
    assert error(answer, 200, -32601)["message"] == "method not supported: server/discover"


# Refusals that come before the body is read


def test_a_disabled_endpoint_is_403(make_gateway):
    gateway = make_gateway(settings={"enable_mcp": False})
    token = gateway.token("nezha:server:read")
    for method, params in (("server/discover", {}), ("tools/list", {}), ("tools/call", WHOAMI)):
        assert "disabled" in error(send(gateway, token, method, params), 403, -31002)["message"]
    # Who has no token learns it too, but the body is not read for them.
    error(send(gateway, None, "tools/list"), 403, -31002, None)


@pytest.mark.parametrize("credential", [None, "no-token-at-all"])
def test_without_a_token_it_is_401(gateway, credential):
    answer = send(gateway, credential, "server/discover")
    assert error(answer, 401, -31001, None)["message"] == "missing or invalid API token"
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="nezha-mcp"'


def test_an_unknown_token_is_401(gateway):
    answer = send(gateway, "nzp_" + "x" * 32, "server/discover")
    assert answer.status_code == 401
    assert answer.json() == {"error": "ApiErrorUnauthorized: invalid api token"}


def test_over_the_budget_a_call_is_a_result_and_all_else_is_429(make_gateway):
    gateway = make_gateway(settings={"mcp_rate_limit_per_minute": 1})
    token = gateway.token("nezha:server:read")
    assert "structuredContent" in result(send(gateway, token, "tools/call", WHOAMI))
    refused = send(gateway, token, "tools/call", WHOAMI)
    found = result(refused)
    assert set(found) == {"content", "isError", "resultType", "_meta"} and found["isError"] is True
    assert "rate limit" in found["content"][0]["text"]
    assert found["_meta"]["nezha-gateway/errorCode"] == "rate_limited"
    assert 1 <= found["_meta"]["nezha-gateway/retryAfterSeconds"] == int(refused.headers["Retry-After"]) <= 60
    for method in ("server/discover", "tools/list", "nonsense"):
        answer = send(gateway, token, method)
        assert "rate limit" in error(answer, 429, -31002)["message"]
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
    # What cannot be told apart is refused for the budget all the same.
    error(send(gateway, token, "tools/list", headers={"Mcp-Method": "x"}), 429, -31002)


# The official client, pinned to this revision: it sends nothing to connect


def connected(gateway, token, work):
    async def run():
        http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60)
        async with http, Client(streamable_http_client(f"{gateway.url}/mcp", http_client=http), mode=MODERN) as client:
            return await work(client)

    return asyncio.run(run())


def test_the_official_client_gets_an_error_result_over_the_budget(make_gateway):
    """Not an exception, which is what it makes of a 429."""
    gateway = make_gateway(settings={"mcp_rate_limit_per_minute": 2})
    token = gateway.token("nezha:server:read")

    async def work(client):
        assert client.protocol_version == MODERN
        # It lists the tools to check results against; that is fresh for a while and not asked for again.
        assert [tool.name for tool in (await client.list_tools()).tools] == TOOLS
        return [await client.call_tool("meta.whoami", {}) for _ in range(2)]

    done, limited = connected(gateway, token, work)
    assert not done.is_error and done.structured_content["protocol_version"] == MODERN
    assert limited.is_error is True and limited.structured_content is None
    assert "rate limit" in limited.content[0].text


def test_the_official_client_gets_an_error_result_with_a_budget_of_one(make_gateway):
    gateway = make_gateway(settings={"mcp_rate_limit_per_minute": 1})
    token = gateway.token("nezha:server:read")
    # A failed call has nothing to be checked, so the client lists nothing in between.
    calls = [("server.get", {}), ("meta.whoami", {})]

    async def work(client):
        return [await client.call_tool(*call) for call in calls]

    failed, limited = connected(gateway, token, work)
    assert failed.is_error is True and "server_id" in failed.content[0].text
    assert limited.is_error is True and "rate limit" in limited.content[0].text
