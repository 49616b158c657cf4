"""`POST /mcp` over raw HTTP: the refusal matrix of mcp.md 1.2 and the rules around it."""

import json
import socket
import time

import pytest
import requests

from gateway import ADMIN_PASSWORD, wait_until


def post(gateway, token, data, **headers):
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return requests.post(f"{gateway.url}/mcp", data=data, headers=headers, timeout=30)


def test_get_and_delete_answer_405_in_json(gateway):
    for method in ("GET", "DELETE"):
        answer = requests.request(method, f"{gateway.url}/mcp", timeout=10)
        assert answer.status_code == 405
        assert answer.headers["Allow"] == "POST"
        assert answer.json()["error"].startswith("MCP endpoint only accepts POST")


def test_other_methods_are_unknown(gateway):
    for method in ("PUT", "PATCH", "OPTIONS"):
        assert requests.request(method, f"{gateway.url}/mcp", timeout=10).status_code == 404


def test_no_token_a_jwt_and_a_misspelt_scheme_are_all_no_token(gateway):
    jwt = gateway.login()
    for header in (None, f"Bearer {jwt}", "bearer nzp_x", "Basic abc"):
        headers = {"Authorization": header} if header else {}
        answer = requests.post(f"{gateway.url}/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "ping"},
                               headers=headers, timeout=10)
        assert answer.status_code == 401
        body = answer.json()
        assert body["error"] == {"code": -32001, "message": "missing or invalid API token"}
        assert "id" not in body
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_an_unknown_token_is_401(gateway):
    answer = gateway.rpc("nzp_" + "x" * 32, "ping")
    assert answer.status_code == 401
    assert answer.json() == {"error": "ApiErrorUnauthorized: invalid api token"}
    assert "invalid_token" in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', b'"x"', b"\xff\xfe", b'{"jsonrpc":2}',
        b'{"jsonrpc":"2.0","method":7,"id":1}', b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}',
        b'{"a":' * 65 + b"1" + b"}" * 65,
        b'{"jsonrpc":"2.0","id":1,"method":"ping"} trailing',
        # Numbers that are cheap to write and dear to read.
        b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"n":%s}}' % (b"1" * 1001),
        b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"n":1e1000000000}}',
        b'{"jsonrpc":"2.0","id":1e1000000000,"method":"ping"}',
    ],
    ids=lambda body: body[:50],
)
def test_undecodable_bodies_are_parse_errors(gateway, token, body):
    answer = post(gateway, token, body)
    assert answer.status_code == 200
    error = answer.json()["error"]
    assert error["code"] == -32700
    assert error["message"].startswith("invalid json-rpc envelope: ")
    assert answer.json()["id"] is None


@pytest.mark.parametrize("body", ['{"jsonrpc":"1.0","id":7,"method":"ping"}', '{"jsonrpc":"2.0","id":7}',
                                  '{"jsonrpc":"2.0","id":7,"method":""}'])
def test_wrong_envelopes_echo_the_id(gateway, token, body):
    answer = post(gateway, token, body)
    assert answer.status_code == 200
    assert answer.json() == {"jsonrpc": "2.0", "id": 7, "error": {"code": -32600, "message": "invalid json-rpc envelope"}}


@pytest.mark.parametrize("id", ['"text"', "1", "-7", "123456789012345678901234567890", "1.50", "1e3", '""', '"ü\\n"'])
def test_ids_are_echoed_as_sent(gateway, token, id):
    answer = post(gateway, token, f'{{"jsonrpc":"2.0","id":{id},"method":"ping"}}')
    assert answer.status_code == 200
    text = answer.text
    assert f'"id":{id}' in text or json.loads(text)["id"] == json.loads(id) and isinstance(json.loads(id), str)


@pytest.mark.parametrize("method, id, status, expected", [
    # Here an id of null is none.
    ("ping", "null", 202, None), ("notifications/initialized", "null", 202, None),
    ("ping", "0", 200, {"id": 0, "result": {}}), ("notifications/initialized", "7", 200, {"id": 7, "result": {}}),
    ("notifications/initialized", '"x"', 200, {"id": "x", "result": {}}),
    # Everywhere else it is one.
    ("nonsense", "null", 200, {"id": None, "error": {"code": -32601, "message": "method not supported: nonsense"}}),
    ("notifications/cancelled", "null", 200,
     {"id": None, "error": {"code": -32601, "message": "method not supported: notifications/cancelled"}}),
    ("notifications/cancelled", "3", 200,
     {"id": 3, "error": {"code": -32601, "message": "method not supported: notifications/cancelled"}}),
    ("tools/call", "null", 200, {"id": None, "error": {"code": -32602, "message": "tool name required"}}),
])
def test_an_id_of_null_is_echoed_except_where_nothing_is_answered(gateway, token, method, id, status, expected):
    answer = post(gateway, token, f'{{"jsonrpc":"2.0","id":{id},"method":"{method}"}}')
    assert answer.status_code == status
    if expected is None:
        assert answer.content == b""
    else:
        assert answer.json() == {"jsonrpc": "2.0"} | expected


def test_results_have_the_id_of_null_too(gateway, token):
    for method, params in (("initialize", {}), ("tools/list", {}), ("tools/call", {"name": "meta.whoami"})):
        message = {"jsonrpc": "2.0", "id": None, "method": method, "params": params}
        answer = post(gateway, token, json.dumps(message)).json()
        assert answer["id"] is None and answer["result"], method


CALL = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "meta.whoami"}}


@pytest.mark.parametrize("kind", [
    None, "", "application/json", "application/json; charset=latin1", "APPLICATION/JSON", "text/plain", "text/html",
    "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "no type at all",
])
def test_the_content_type_of_a_request_does_not_matter(gateway, token, kind):
    answer = post(gateway, token, json.dumps(CALL), **({} if kind is None else {"Content-Type": kind}))
    assert answer.request.headers.get("Content-Type") == kind
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    assert answer.json()["result"]["structuredContent"]["is_admin"] is True


STREAM, JSON = "text/event-stream", "application/json; charset=utf-8"


# Accept → what a tool that has progress to tell answers to a request with a progressToken.
@pytest.mark.parametrize("accept, with_token", [
    (None, JSON), ("", JSON), ("*/*", JSON), ("text/*", JSON), ("text/html", JSON), ("application/json", JSON),
    ("application/json, text/event-stream", STREAM), ("text/event-stream", STREAM), ("TEXT/Event-Stream", STREAM),
    ("application/json;q=0.5,text/event-stream;q=0.1", STREAM), ("text/event-stream;q=0, application/json", JSON),
    ("text/event-stream; q=0.0", JSON), ("text/event-streams", JSON), ("nonsense", JSON),
])
def test_only_who_wants_events_and_names_his_progress_gets_a_stream(gateway, agent, token, accept, with_token):
    exec = {"name": "server.exec", "arguments": {"server_id": agent.server_id, "cmd": "echo", "args": ["x"]}}
    whoami = {"name": "meta.whoami"}

    def kind(params, method="tools/call", **meta):
        params = params | ({"_meta": meta} if meta else {})
        # Without this the library would send a value of its own.
        answer = gateway.rpc(token, method, params, id=7, headers={"Accept": accept})
        assert answer.request.headers.get("Accept") == accept and answer.status_code == 200
        body = answer.text
        if answer.headers["Content-Type"] == STREAM:
            body = body[body.rindex("data: ") + 6:]
        result = json.loads(body)["result"]
        assert result.get("tools") or result.get("structuredContent"), body
        return answer.headers["Content-Type"]

    assert kind(exec) == kind(exec, other="x") == JSON
    assert kind(exec, progressToken="p") == kind(exec, progressToken=3) == with_token
    # What is no token names nothing; and not every tool has progress to tell.
    for wrong in (None, True, [], {"a": 1}):
        assert kind(exec, progressToken=wrong) == JSON
    assert kind(whoami, progressToken="p") == kind({}, "tools/list", progressToken="p") == JSON


def test_a_body_of_8_mib_passes_and_one_byte_more_is_413(gateway, token):
    limit = 8 * 1024 * 1024
    frame = '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"%s"}}'
    whole = frame % ("a" * (limit - len(frame) + 2))
    assert len(whole) == limit
    assert post(gateway, token, whole).json() == {"jsonrpc": "2.0", "id": 1, "result": {}}
    answer = post(gateway, token, whole + " ")
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == -32600
    # Without Content-Length the cap is enforced while reading.
    chunked = requests.post(f"{gateway.url}/mcp", data=(whole[i:i + 65536].encode() for i in range(0, 2 * limit, 65536)),
                            headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert chunked.status_code == 200
    chunked = requests.post(f"{gateway.url}/mcp", data=iter([whole.encode(), b"  "]),
                            headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert chunked.status_code == 413


def test_messages_without_id_get_202_and_are_not_executed(gateway, agent, token, tmp_path):
    mark = tmp_path / "mark"
    answer = gateway.rpc(token, "tools/call", {"name": "server.exec", "arguments": {
        "server_id": agent.server_id, "cmd": "touch", "args": [str(mark)]}}, id=None)
    assert (answer.status_code, answer.content) == (202, b"")
    assert gateway.rpc(token, "notifications/initialized", id=None).status_code == 202
    assert gateway.rpc(token, "notifications/unheard_of", id=None).status_code == 202
    for params in ("y", 1, True):
        answer = gateway.rpc(token, "notifications/initialized", params, id=None)
        assert (answer.status_code, answer.content) == (202, b""), params
    time.sleep(0.5)
    assert not mark.exists()


def test_unknown_methods_and_tools(gateway, token):
    answer = gateway.rpc(token, "resources/list")
    assert (answer.status_code, answer.json()["error"]) == (
        200, {"code": -32601, "message": "method not supported: resources/list"})
    answer = gateway.rpc(token, "tools/call", {"name": "server.explode"})
    assert answer.json()["error"] == {"code": -32601, "message": "unknown tool: server.explode"}
    # An internal tool is not there for MCP.
    answer = gateway.rpc(token, "tools/call", {"name": "token.create", "arguments": {}})
    assert answer.json()["error"]["code"] == -32601


@pytest.mark.parametrize("params, text", [
    ([], "invalid arguments"), ({"name": None}, "tool name required"), ({}, "tool name required"), ({"name": ""}, "tool name required"),
    ({"name": 7}, "invalid arguments"), ("x", "invalid arguments"),
])
def test_malformed_call_parameters(gateway, token, params, text):
    error = gateway.rpc(token, "tools/call", params).json()["error"]
    assert error["code"] == -32602 and text in error["message"]


@pytest.mark.parametrize("params", ["x", 7, True])
def test_params_of_another_type_are_refused_after_what_comes_before_them(gateway, token, params):
    for method in ("ping", "tools/list", "initialize", "tools/call"):
        answer = gateway.rpc(token, method, params)
        assert (answer.status_code, answer.json()["error"]["code"]) == (200, -32602)
        assert "params: expected object or array" in answer.json()["error"]["message"]
    assert gateway.rpc(token, "no/such", params).json()["error"]["code"] == -32601
    # A header that names a revision without handshake wants its `_meta`, which is not there.
    answer = gateway.rpc(token, "tools/list", params, headers={"MCP-Protocol-Version": "2026-07-28"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32602)


@pytest.mark.parametrize("wanted, given", [
    ("2024-11-05", "2024-11-05"), ("2025-03-26", "2025-03-26"), ("2025-06-18", "2025-06-18"),
    ("2025-11-25", "2025-11-25"), ("1999-01-01", "2025-11-25"), ("2026-07-28", "2025-11-25"), (None, "2024-11-05"),
])
def test_initialize_negotiates(gateway, token, wanted, given):
    params = {"capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    if wanted:
        params["protocolVersion"] = wanted
    result = gateway.rpc(token, "initialize", params).json()["result"]
    assert result["protocolVersion"] == given
    assert result["serverInfo"]["name"] == "nezha-mcp"
    assert result["capabilities"] == {"tools": {"listChanged": False}}
    assert "meta.whoami" in result["instructions"]


def test_the_list_of_tools_is_stable_complete_and_one_page(gateway):
    reader = gateway.token("nezha:server:read", name="reader")
    first = gateway.rpc(reader, "tools/list").json()["result"]
    assert len(first["tools"]) == 10 and "nextCursor" not in first
    assert gateway.rpc(reader, "tools/list").json()["result"] == first
    assert gateway.rpc(reader, "tools/list", {"cursor": "x"}).json()["error"]["code"] == -32602


def test_a_foreign_origin_is_refused_on_every_mcp_route(gateway, token):
    """security.md: Local HTTP without auth, DNS rebinding."""
    for method, path in (("POST", "/mcp"), ("GET", "/mcp"), ("DELETE", "/mcp"), ("GET", "/mcp/download/x"),
                         ("POST", "/mcp/upload/x")):
        for origin in ("https://evil.example", "null"):
            answer = requests.request(method, gateway.url + path, headers={
                "Origin": origin, "Authorization": f"Bearer {token}"}, timeout=10)
            assert answer.status_code == 403
            assert answer.json() == {"error": "ApiErrorForbidden: origin not allowed"}
    same = gateway.rpc(token, "ping", headers={"Origin": gateway.url})
    assert same.status_code == 200
    # A name that a DNS answer points at loopback: Host and Origin agree, but the deployment is loopback only.
    rebound = gateway.rpc(token, "ping", headers={"Origin": "http://evil.example", "Host": "evil.example"})
    assert rebound.status_code == 403


def test_well_known_oauth_paths_answer_json_404(gateway):
    for path in ("/.well-known/oauth-protected-resource", "/.well-known/oauth-authorization-server/mcp"):
        answer = requests.get(gateway.url + path, timeout=10)
        assert answer.status_code == 404
        assert answer.json()["success"] is False


def test_the_rate_limit_is_ten_a_second(make_gateway):
    gateway = make_gateway()
    token = gateway.token("nezha:server:read")
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "meta.whoami"}}

    def burst():
        began = time.monotonic()
        answers = [session.post(f"{gateway.url}/mcp", json=body, timeout=10) for _ in range(11)]
        answers.append(session.post(f"{gateway.url}/mcp", json=body | {"id": 9, "method": "ping"}, timeout=10))
        answers.append(session.post(f"{gateway.url}/mcp", data="{", timeout=10))
        return answers if time.monotonic() - began < 0.9 else None

    *answers, ping, broken = wait_until(burst, what="thirteen requests within a second", every=1.1)
    assert [answer.status_code for answer in answers] == [200] * 11
    results = [answer.json()["result"] for answer in answers]
    assert not any(result.get("isError") for result in results[:10])
    assert results[10]["isError"] is True and "structuredContent" not in results[10]
    assert "rate limit" in results[10]["content"][0]["text"]
    assert int(answers[10].headers["Retry-After"]) >= 1
    assert (ping.status_code, ping.json()["id"], ping.json()["error"]["code"]) == (429, 9, -32002)
    assert broken.status_code == 429


def test_over_the_budget_it_counts_what_the_body_is(make_gateway):
    """Rows 8, 9, 11 and 14 of the matrix; the size is looked at first, the envelope only for its id."""
    gateway = make_gateway(settings={"mcp_rate_limit_per_minute": 1})
    token = gateway.token("nezha:server:read")
    assert gateway.rpc(token, "ping").json()["result"] == {}
    limited = {"code": -32002, "message": "rate limit exceeded for this token"}
    whole = b'{"jsonrpc":"2.0","id":7,"method":"ping","x":"%s"}' % (b"a" * (8 << 20))
    answer = post(gateway, token, whole)
    assert answer.status_code == 413 and "Retry-After" not in answer.headers
    assert answer.json() == {"jsonrpc": "2.0", "error": {
        "code": -32600, "message": "request body exceeds MCP envelope size limit"}}
    # Of a body that does not tell its length, or has more than 64 KiB, no more is read than it takes to refuse it.
    for body in (iter([whole]), whole[: 1 << 20]):
        answer = post(gateway, token, body)
        assert (answer.status_code, answer.json()) == (429, {"jsonrpc": "2.0", "error": limited})
    for body, id in [
        (b"{", {}), (b"", {}), (b"[]", {}), (b'{"jsonrpc":2,"id":7}', {}),
        (b'{"jsonrpc":"1.0","id":7,"method":"ping"}', {"id": 7}), (b'{"jsonrpc":"2.0","id":"x"}', {"id": "x"}),
        (b'{"jsonrpc":"2.0","id":7,"method":""}', {"id": 7}),
        (b'{"jsonrpc":"1.0","id":null,"method":"x"}', {"id": None}),
        (b'{"jsonrpc":"2.0","id":7,"method":"ping"}', {"id": 7}), (b'{"jsonrpc":"2.0","method":"ping"}', {}),
        (b'{"jsonrpc":"2.0","method":"tools/call","params":{"name":"meta.whoami"}}', {}),
    ]:
        answer = post(gateway, token, body)
        assert (answer.status_code, answer.json()) == (429, {"jsonrpc": "2.0", "error": limited} | id), body
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
    # Row 13: a call is a call, whatever its parameters are.
    for params in (b'"y"', b"[]", b"7", b'{"name":"meta.whoami"}'):
        answer = post(gateway, token, b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":%s}' % params)
        assert (answer.status_code, answer.json()["id"]) == (200, 7)
        assert answer.json()["result"]["isError"] is True and "rate limit" in str(answer.json()["result"]["content"])


def test_the_switch_refuses_everything_but_shows_bad_tokens(make_gateway):
    gateway = make_gateway(settings={"enable_mcp": False})
    token = gateway.token("nezha:server:read")
    answer = gateway.rpc(token, "ping")
    assert answer.status_code == 200
    assert answer.json()["error"] == {"code": -32002, "message": "MCP is disabled by the dashboard administrator"}
    assert gateway.rpc(None, "ping").json()["error"]["code"] == -32002
    assert gateway.rpc("nzp_" + "x" * 32, "ping").status_code == 401
    assert requests.get(f"{gateway.url}/mcp", timeout=10).status_code == 405

    jwt = gateway.login()
    current = gateway.api("GET", "/setting", jwt).json()["data"]["config"]
    assert gateway.api("PATCH", "/setting", jwt, json=current | {"enable_mcp": True}).json()["success"] is True
    assert gateway.rpc(token, "ping").json()["result"] == {}


def test_a_client_that_goes_away_ends_its_call(gateway, agent, token, tmp_path):
    """The agent is told to stop, so the process dies long before its own timeout."""
    mark = tmp_path / "pid"
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "server.exec", "arguments": {"server_id": agent.server_id, "cmd": "sh", "timeout_seconds": 60,
                                             "args": ["-c", f"echo $$ > {mark}; exec sleep 55"]}}})
    host, port = gateway.address.rsplit(":", 1)
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall((f"POST /mcp HTTP/1.1\r\nHost: {gateway.address}\r\nAuthorization: Bearer {token}\r\n"
                            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode())
        pid = wait_until(lambda: mark.exists() and mark.read_text().strip(), what="command started")
        assert alive(pid)
    wait_until(lambda: not alive(pid), 5, what="command stopped")


def test_a_call_can_be_cancelled_by_its_id(gateway, agent, token, tmp_path):
    import threading

    mark = tmp_path / "pid"
    answers = []
    caller = threading.Thread(target=lambda: answers.append(gateway.rpc(token, "tools/call", {
        "name": "server.exec", "arguments": {"server_id": agent.server_id, "cmd": "sh", "timeout_seconds": 60,
                                             "args": ["-c", f"echo $$ > {mark}; exec sleep 55"]}}, id="job-7")))
    caller.start()
    pid = wait_until(lambda: mark.exists() and mark.read_text().strip(), what="command started")
    # Somebody else's token cancels nothing.
    other = gateway.token("nezha:server:exec", name="other")
    assert gateway.rpc(other, "notifications/cancelled", {"requestId": "job-7"}, id=None).status_code == 202
    time.sleep(0.3)
    assert alive(pid)
    gateway.rpc(token, "notifications/cancelled", {"requestId": "job-7"}, id=None)
    caller.join(5)
    assert not caller.is_alive()
    # No result: the client has forgotten the id.
    assert (answers[0].status_code, answers[0].content) == (202, b"")
    wait_until(lambda: not alive(pid), 5, what="command stopped")


def alive(pid) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # The second where it ends between opening and reading.
        return False


def test_password_is_not_weak_by_default(make_gateway):
    """security.md: Weak defaults. A fresh gateway knows no admin/admin."""
    gateway = make_gateway()
    for password in ("admin", "", "password"):
        answer = gateway.api("POST", "/login", json={"username": "admin", "password": password}).json()
        assert answer["success"] is False
    assert gateway.login(password=ADMIN_PASSWORD)


def test_any_piece_of_a_file_is_what_a_slice_would_be(gateway, agent, token, tmp_path):
    """security.md: negative offsets; offset and length as a property."""
    import base64
    import hashlib
    import random

    chance = random.Random(7)
    content = chance.randbytes(5000)
    file = tmp_path / "content"
    file.write_bytes(content)
    edges = [0, 1, 4999, 5000, 5001, 2**31, 2**53 - 1]
    pieces = [(chance.choice(edges + [chance.randrange(6000)]), chance.choice([0, 1, 5000, chance.randrange(6000)]))
              for _ in range(60)]
    for offset, length in pieces:
        read = gateway.call(token, "fs.read", server_id=agent.server_id, path=str(file), encoding="base64",
                            offset=offset, length=length)
        assert "structuredContent" in read, (offset, length, read)
        read = read["structuredContent"]
        expected = content[offset:offset + length] if length else content[offset:]
        assert base64.b64decode(read["content"]) == expected, (offset, length)
        assert read["size"] == len(expected) and read["sha256"] == hashlib.sha256(expected).hexdigest()
        assert read.get("truncated", False) == (offset + len(expected) < len(content)), (offset, length)
    for wrong in ({"offset": -1}, {"length": -1}, {"offset": -2**63}, {"offset": 1.5}, {"offset": "0"},
                  {"offset": 2**64}):
        result = gateway.call(token, "fs.read", server_id=agent.server_id, path=str(file), **wrong)
        assert result["isError"] is True and list(wrong)[0] in result["content"][0]["text"], wrong
