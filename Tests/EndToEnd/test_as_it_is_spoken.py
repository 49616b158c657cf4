"""HTTP and JSON as proxies, browsers, models and people write them; and what the gateway says when it cannot be heard."""

import gzip
import json
import subprocess

import pytest
import requests

from gateway import ADMIN_PASSWORD, binary, wait_until

ORIGIN = "http://localhost:6274"


def post(gateway, token, body: bytes, **headers) -> requests.Response:
    return requests.post(f"{gateway.url}/mcp", data=body, headers={"Authorization": f"Bearer {token}"} | headers, timeout=20)


# Arguments


def test_null_and_empty_optional_arguments_are_absent(gateway, agent, token):
    done = gateway.call(
        token, "server.exec", server_id=agent.server_id, cmd="true", args=None, cwd=None, env=None, stdin=None,
        timeout_seconds=None, max_output_bytes=None,
    )
    assert done["structuredContent"]["exit_code"] == 0
    assert not gateway.call(token, "server.exec", server_id=agent.server_id, cmd="true", cwd="").get("isError")
    # What must be given is missing all the same.
    for absent in (None, ""):
        refused = gateway.call(token, "server.exec", server_id=agent.server_id, cmd=absent)
        assert refused["isError"] and "cmd" in refused["content"][0]["text"]


def test_half_a_surrogate_pair_becomes_the_replacement_character(gateway, agent, token):
    body = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {
        "name": "server.exec", "arguments": {"server_id": agent.server_id, "cmd": "echo", "args": ["cut \ud83d here"]}}})
    answer = post(gateway, token, body.encode()).json()
    assert answer["id"] == 7
    assert answer["result"]["structuredContent"]["stdout"] == "cut \ufffd here\n"


@pytest.mark.parametrize(
    "value", ["[" * 5000 + "]" * 5000, '{"a":' * 100 + "1" + "}" * 100, "1" * 2000, '{"a":1,"a":2}'], ids=lambda v: v[:9])
def test_a_fault_in_the_arguments_is_a_tool_error_with_the_id(gateway, agent, token, value):
    body = (
        '{"jsonrpc":"2.0","method":"tools/call","params":{"arguments":{"server_id":%d,"cmd":"true","env":%s},'
        '"name":"server.exec"},"id":"late"}' % (agent.server_id, value)
    )
    answer = post(gateway, token, body.encode()).json()
    assert answer["id"] == "late" and answer["result"]["isError"]
    assert answer["result"]["content"][0]["text"].startswith("invalid arguments: ")


def test_a_server_that_cannot_be_does_not_hide_the_audit_log(make_gateway):
    gateway = make_gateway(settings={"mcp_toolsets": ["core", "audit"]})
    token = gateway.token("nezha:*")
    assert gateway.call(token, "server.exec", server_id=-1, cmd="true")["isError"]
    rows = gateway.call(token, "audit.list")["structuredContent"]["rows"]
    assert rows is not None
    assert gateway.call(token, "audit.list").get("isError") is None


# Paths, origins, codings


def test_a_trailing_slash_changes_nothing(gateway, token):
    bearer = {"Authorization": f"Bearer {token}"}
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    for path in ("/mcp", "/mcp/"):
        assert requests.post(gateway.url + path, json=ping, headers=bearer, timeout=10).json()["result"] == {}
    for path in ("/server", "/server/", "/server/?id=1"):
        assert gateway.api("GET", path, gateway.login()).json()["success"] is True
    assert requests.get(gateway.url + "/api/v1/server//", headers=bearer, timeout=10).status_code == 404


def test_browsers_are_let_in_from_listed_origins_only(make_gateway):
    gateway = make_gateway(settings={"mcp_allowed_origins": [ORIGIN]})
    token = gateway.token("nezha:server:read")
    asking = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    allowed = requests.options(f"{gateway.url}/mcp", headers={"Origin": ORIGIN} | asking, timeout=10)
    assert allowed.status_code == 204 and allowed.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Authorization" in allowed.headers["Access-Control-Allow-Headers"]
    assert "POST" in allowed.headers["Access-Control-Allow-Methods"] and allowed.headers["Vary"] == "Origin"
    answer = gateway.rpc(token, "ping", headers={"Origin": ORIGIN})
    assert answer.status_code == 200 and answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    # So is a refusal, which the page has to read to know what to do.
    refused = gateway.rpc(None, "ping", headers={"Origin": ORIGIN})
    assert refused.status_code == 401 and refused.headers["Access-Control-Allow-Origin"] == ORIGIN
    for origin in ("http://evil.example", "null", f"http://{gateway.address}", ORIGIN + "x"):
        answer = requests.options(f"{gateway.url}/mcp", headers={"Origin": origin} | asking, timeout=10)
        assert answer.status_code in (403, 404) and "Access-Control-Allow-Origin" not in answer.headers
        assert "Access-Control-Allow-Origin" not in gateway.rpc(token, "ping", headers={"Origin": origin}).headers
    api = requests.options(f"{gateway.url}/api/v1/profile", headers={"Origin": ORIGIN} | asking, timeout=10)
    assert api.status_code == 404 and "Access-Control-Allow-Origin" not in api.headers


def test_load_balancers_get_an_answer_and_leave_no_trace(gateway):
    for method in ("GET", "HEAD"):
        answer = requests.request(method, f"{gateway.url}/healthz", timeout=10)
        assert answer.status_code == 200
    assert requests.post(f"{gateway.url}/healthz", timeout=10).status_code == 404
    assert "/healthz" not in "".join(line for line in gateway.log.read_text().splitlines() if "GET" in line)


def test_the_public_url_is_what_minted_urls_begin_with(make_gateway, make_agent):
    gateway = make_gateway(settings={"public_url": "https://gateway.example:8443"})
    agent = make_agent(gateway)
    token = gateway.token("nezha:*")
    behind = {"Host": "gateway.example", "Origin": "https://gateway.example:8443"}
    call = {"name": "fs.download_url", "arguments": {"server_id": agent.server_id, "path": "/etc/hostname"}}
    made = gateway.rpc(token, "tools/call", call, headers=behind)
    assert made.status_code == 200
    assert made.json()["result"]["structuredContent"]["url"].startswith("https://gateway.example:8443/mcp/download/")
    wrong = make_gateway("wrong", start=False, settings={"public_url": "gateway.example/here"})
    wrong.start(wait=False)
    assert wrong.process.wait(20) == 78 and "public_url" in wrong.log.read_text()


def test_paths_of_authorization_servers_answer_json(gateway):
    for path in ("/register", "/authorize", "/token", "/.well-known/anything"):
        answer = requests.post(gateway.url + path, json={}, timeout=10)
        assert answer.status_code == 404 and answer.json()["success"] is False


def test_compressed_bodies_are_refused_by_name(gateway, token):
    ping = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"}).encode()
    answer = post(gateway, token, gzip.compress(ping), **{"Content-Encoding": "gzip"})
    assert answer.status_code == 415 and answer.json()["id"] is None
    assert "gzip" in answer.json()["error"]["message"]
    assert post(gateway, token, ping, **{"Content-Encoding": "identity"}).status_code == 200
    login = json.dumps({"username": "admin", "password": ADMIN_PASSWORD}).encode()
    answer = gateway.api("POST", "/login", data=gzip.compress(login), headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 415 and "gzip" in answer.json()["error"]


def test_forms_are_refused_as_uploads_and_the_line_that_works_is_told(gateway, agent, token, tmp_path):
    source = tmp_path / "source"
    source.write_text("the content\n")

    def url(path):
        minted = gateway.call(token, "fs.upload_url", server_id=agent.server_id, path=str(path))
        return minted["structuredContent"]["url"]

    target = tmp_path / "target"
    address = url(target)
    form = requests.post(address, files={"file": source.open("rb")}, timeout=20)
    assert form.status_code == 415 and "curl --data-binary @FILE URL" in form.text
    packed = requests.post(address, data=gzip.compress(b"x"), headers={"Content-Encoding": "gzip"}, timeout=20)
    assert packed.status_code == 415 and not target.exists()
    # The URL is still good, and so is the advice.
    done = subprocess.run(
        ["curl", "-sS", "--data-binary", f"@{source}", address], capture_output=True, text=True, timeout=30)
    assert json.loads(done.stdout)["size"] == 12
    assert target.read_text() == "the content\n"


# Log-in


def test_a_log_in_body_is_small(gateway):
    def login(padding: int) -> requests.Response:
        body = {"username": "admin", "password": "wrong", "more": ""}
        body["more"] = "x" * (padding - len(json.dumps(body)))
        return gateway.api("POST", "/login", data=json.dumps(body), headers={"Content-Type": "application/json"})

    assert login(16 * 1024).status_code == 200
    assert login(16 * 1024 + 1).status_code == 413


def test_a_foreign_page_cannot_log_a_browser_in(gateway):
    body = {"username": "admin", "password": ADMIN_PASSWORD}
    for headers in (
        {"Origin": "https://evil.example"}, {"Origin": "null"},
        {"Origin": f"http://{gateway.address}", "Sec-Fetch-Site": "cross-site"},
    ):
        refused = gateway.api("POST", "/login", json=body, headers=headers)
        assert refused.status_code == 403 and "Set-Cookie" not in refused.headers
    for headers in ({}, {"Origin": f"http://{gateway.address}"}, {"Origin": "https://x", "Sec-Fetch-Site": "same-origin"}):
        assert gateway.api("POST", "/login", json=body, headers=headers).json()["success"] is True


def test_names_and_headers_of_combining_marks_cost_nothing(make_gateway):
    gateway = make_gateway(settings={"web_real_ip_header": "X-Real-IP"})

    def seconds() -> float:
        fields = open(f"/proc/{gateway.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100

    marks = "a" + "\u0301\u0323" * 3500
    began = seconds()
    for _ in range(20):
        gateway.api("POST", "/login", json={marks: 1}, headers={"X-Real-IP": "192.0.2.1"})
        body = json.dumps({marks: 1, "username": marks, "password": marks}, ensure_ascii=False).encode()
        gateway.api("POST", "/login", data=body, headers={"X-Real-IP": "192.0.2.1", "Content-Type": "application/json"})
        for name in ("Cookie", "Authorization", "Origin", "X-Real-IP", "Accept", "Content-Type"):
            value = {"Cookie": f"{marks}={marks}; nz-jwt={marks}", "Authorization": f"Bearer {marks}"}.get(name, marks)
            headers = {"X-Real-IP": b"192.0.2.1"} | {name: value.encode()}
            requests.get(f"{gateway.url}/api/v1/profile", headers=headers, timeout=20)
    assert seconds() - began < 3


# Audit and output


def test_guests_cannot_fill_the_audit_log(make_gateway):
    gateway = make_gateway()
    for _ in range(40):
        gateway.api("GET", "/profile")
    token = gateway.token("nezha:*")
    mine = gateway.api("GET", "/profile", gateway.login())
    assert mine.json()["success"] is True
    import sqlite3
    import time

    time.sleep(0.5)
    with sqlite3.connect(f"file:{gateway.database}?mode=ro", uri=True) as database:
        guests = database.execute("SELECT count(*) FROM mcp_audit_logs WHERE outcome = 'unauthenticated'").fetchone()[0]
        known = database.execute("SELECT count(*) FROM mcp_audit_logs WHERE user_id > 0").fetchone()[0]
    assert guests == 5 and known >= 1 and token


def test_a_command_that_cannot_answer_fails_and_leaves_nothing(make_gateway):
    gateway = make_gateway()
    files = gateway.files()
    made = ["token", "create", "--name", "x", "--scopes", "nezha:server:read", *files]
    for arguments, code in ((made, 74), (["token", "list", *files], 74), (["config", "check", *files], 74), (["-v"], 74)):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [str(binary("nezha-gateway")), *arguments], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
        assert done.returncode == code, (arguments, done.stderr)
    assert gateway.command("token", "list").stdout.count("\n") == 1


def test_settings_in_a_file_that_cannot_be_replaced_are_written_in_place(make_gateway, tmp_path):
    gateway = make_gateway()
    outside = tmp_path / "mounted.yaml"
    gateway.stop()
    outside.write_bytes(gateway.config.read_bytes())
    if subprocess.run(["mount", "--bind", str(outside), str(gateway.config)], capture_output=True).returncode:
        pytest.skip("no right to mount")
    try:
        gateway.start()
        bearer = gateway.login()
        assert gateway.api("PATCH", "/setting", bearer, json={"enable_mcp": False}).json()["success"] is True
        assert "enable_mcp: false" in outside.read_text()
        assert gateway.stop() == 0
    finally:
        gateway.stop()
        subprocess.run(["umount", str(gateway.config)], check=True)


def test_a_kill_switch_that_cannot_be_saved_says_so(make_gateway):
    gateway = make_gateway()
    bearer = gateway.login()
    # Nothing can be put over a folder that is not empty.
    gateway.config.unlink()
    (gateway.config / "inside").mkdir(parents=True)
    answer = gateway.api("PATCH", "/setting", bearer, json={"enable_mcp": False}).json()
    assert answer["success"] is False and "settings not saved" in answer["error"]
    wait_until(lambda: "settings not saved" in gateway.log.read_text(), what="line of the log")
