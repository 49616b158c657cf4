"""HTTP and JSON as proxies, browsers, models and people write them; and what the gateway says when it cannot be heard."""

import gzip
import json
import os
import subprocess

import pytest
import requests

from gateway import ADMIN_PASSWORD, binary, free_port, wait_until

ORIGIN = "http://localhost:6274"
# Arguments of the ten core tools that may be left out.
OPTIONAL = 22


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


def test_every_optional_argument_of_every_tool_may_be_null_or_empty(gateway, agent, token, tmp_path):
    (tmp_path / "file").write_text("content")
    needed = {"server_id": agent.server_id, "path": str(tmp_path / "file"), "cmd": "true", "content": "content"}
    found = []
    for tool in gateway.rpc(token, "tools/list").json()["result"]["tools"]:
        schema = tool["inputSchema"]
        required = {name: needed[name] for name in schema.get("required", [])}
        if tool["name"] == "fs.list":
            required["path"] = str(tmp_path)
        optional = {name: value for name, value in schema["properties"].items() if name not in required}
        # Strict clients want one type; null is not written down, and taken all the same.
        assert all(isinstance(value["type"], str) and value["type"] != "null" for value in optional.values()), tool
        found += [f"{tool['name']} {name}" for name in optional]
        texts = [name for name, value in optional.items() if value["type"] == "string"]
        for empty in [{}, *({name: None} for name in optional), *({name: ""} for name in texts),
                      dict.fromkeys(optional), dict.fromkeys(texts, "")]:
            if tool["name"] == "fs.delete":
                (tmp_path / "file").write_text("content")
            result = gateway.call(token, tool["name"], **required, **empty)
            assert not result.get("isError"), (tool["name"], empty, result)
        (tmp_path / "file").write_text("content")
    assert len(found) == OPTIONAL, found


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


MARKS = "a" + "\u0301\u0323" * 125_000


def processor_seconds(process) -> float:
    fields = open(f"/proc/{process.pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_names_and_headers_of_combining_marks_cost_nothing(make_gateway):
    gateway = make_gateway(settings={"web_real_ip_header": "X-Real-IP"})
    marks = MARKS[:7001]
    began = processor_seconds(gateway.process)
    for _ in range(20):
        gateway.api("POST", "/login", json={marks: 1}, headers={"X-Real-IP": "192.0.2.1"})
        body = json.dumps({marks: 1, "username": marks, "password": marks}, ensure_ascii=False).encode()
        gateway.api("POST", "/login", data=body, headers={"X-Real-IP": "192.0.2.1", "Content-Type": "application/json"})
        for name in ("Cookie", "Authorization", "Origin", "X-Real-IP", "Accept", "Content-Type"):
            value = {"Cookie": f"{marks}={marks}; nz-jwt={marks}", "Authorization": f"Bearer {marks}"}.get(name, marks)
            headers = {"X-Real-IP": b"192.0.2.1"} | {name: value.encode()}
            requests.get(f"{gateway.url}/api/v1/profile", headers=headers, timeout=20)
    assert processor_seconds(gateway.process) - began < 3


def test_texts_of_combining_marks_from_a_caller_cost_nothing(gateway, agent, token):
    """Hashed or compared as `String` each of these takes tens of seconds."""
    def send(message) -> None:
        body = json.dumps({"jsonrpc": "2.0", "id": 1} | message, ensure_ascii=False).encode()
        assert post(gateway, token, body).status_code == 200

    def call(name="server.exec", **arguments) -> dict:
        return {"method": "tools/call", "params": {"name": name, "arguments": {"server_id": agent.server_id} | arguments}}

    messages = [
        {"method": MARKS}, {MARKS: 1, "method": "ping"}, {"method": "ping", "params": {MARKS: {MARKS: MARKS}}},
        {"id": MARKS, "method": "ping"}, call(MARKS), call(**{MARKS: 1}), call(cmd=MARKS), call(cmd="true", cwd=MARKS),
        call(cmd="true", args=[MARKS]), call(cmd="true", env={MARKS: "x"}), call(cmd="true", env={"x": MARKS}),
        call(cmd="cat", stdin=MARKS), call("fs.read", path="/" + MARKS), call("fs.list", path=f"/tmp/{MARKS}/.."),
        call("fs.read", path="/etc/hostname", encoding=MARKS), call("fs.write", path="/dev/null/x", content=MARKS, mode=MARKS),
        {"method": "initialize", "params": {"protocolVersion": MARKS, "capabilities": {MARKS: {}},
                                            "clientInfo": {"name": MARKS, "version": MARKS}}},
    ]
    processes = (gateway.process, agent.process)
    for message in messages:
        began = [processor_seconds(process) for process in processes]
        send(message)
        spent = [processor_seconds(process) - before for process, before in zip(processes, began, strict=True)]
        assert max(spent) < 1, (json.dumps(message)[:200], spent)


def test_texts_of_combining_marks_in_forms_of_users_cost_nothing(make_gateway):
    gateway = make_gateway()
    bearer = gateway.login()
    for method, path, body in (
        ("POST", "/service", {"name": MARKS, "type": 1, "target": MARKS, "skip_servers": {MARKS: True}}),
        ("POST", "/service", {"name": "x", "type": 1, "target": "http://x", "skip_servers": {MARKS: True}}),
        ("POST", "/alert-rule", {"name": "x", "rules": [{"type": MARKS, "ignore": {MARKS: True}}], MARKS: 1}),
        ("POST", "/cron", {"name": MARKS, "scheduler": MARKS, "command": MARKS}),
        ("POST", "/ddns", {"name": "x", "provider": MARKS, "domains": [MARKS], "max_retries": 1}),
        ("POST", "/nat", {"name": "x", "domain": MARKS, "server_id": 1}),
        ("POST", "/notification", {"name": MARKS, "url": MARKS, "request_header": json.dumps({MARKS: MARKS})}),
        ("POST", "/api-tokens", {"name": MARKS, "scopes": [MARKS]}), ("PATCH", "/setting", {"site_name": MARKS, MARKS: 1}),
        ("POST", "/profile", {"original_password": MARKS, "new_username": MARKS, "new_password": MARKS}),
    ):
        began = processor_seconds(gateway.process)
        body = json.dumps(body, ensure_ascii=False).encode()
        answer = gateway.api(method, path, bearer, data=body, headers={"Content-Type": "application/json"})
        assert processor_seconds(gateway.process) - began < 1, (path, answer.text[:100])


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


def unheard(*arguments) -> None:
    """Runs a command whose answer nobody can read, for one reason or another: it must say so and fail."""
    for is_closed in (False, True):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [str(binary("nezha-gateway")), *map(str, arguments)], stdout=full, stderr=subprocess.PIPE, text=True,
                timeout=60, preexec_fn=(lambda: os.close(1)) if is_closed else None)
        assert done.returncode == 74, (arguments, done.stderr)


def test_a_command_that_cannot_answer_fails_and_leaves_nothing(make_gateway, tmp_path):
    gateway = make_gateway()
    files = gateway.files()
    for arguments in (["token", "create", "--name", "x", "--scopes", "nezha:server:read"], ["token", "list"],
                      ["config", "check"], ["backup", tmp_path / "unread.backup"]):
        unheard(*arguments, *files)
    unheard("-v")
    assert gateway.command("token", "list").stdout.count("\n") == 1

    page, before = tmp_path / "page", sorted(os.listdir(gateway.folder))
    page.mkdir()
    (page / "index.html").write_text("<p>first")
    unheard("frontend", "add", page, "--name", "mine", *files)
    assert gateway.command("frontend", "list").stdout == ""
    assert sorted(name for name in os.listdir(gateway.folder) if name != "templates") == before
    # One that is there already stays as it was.
    gateway.command("frontend", "add", str(page), "--name", "mine")
    (page / "index.html").write_text("<p>second")
    unheard("frontend", "add", page, "--name", "mine", *files)
    assert (gateway.folder / "templates" / "mine" / "index.html").read_text() == "<p>first"
    assert os.listdir(gateway.folder / "templates") == ["mine"]

    saved, elsewhere = tmp_path / "saved", tmp_path / "elsewhere"
    assert sorted(os.listdir(tmp_path)) == ["gateway", "page"]
    gateway.command("backup", str(saved))
    unheard("restore", saved, "-c", elsewhere / "config.yaml", "-db", elsewhere / "sqlite.db")
    assert not [file for file in elsewhere.rglob("*") if file.is_file()]


@pytest.mark.parametrize("how", ["full", "closed", "gone"])
def test_a_gateway_serves_though_nobody_hears_where_it_listens(tmp_path, how):
    folder, port = tmp_path / "gateway", free_port()
    folder.mkdir()
    (folder / "config.yaml").write_text(f"listen_host: 127.0.0.1\nlisten_port: {port}\n")
    if how == "gone":
        reader, writer = os.pipe()
        os.close(reader)
    else:
        writer = os.open("/dev/full", os.O_WRONLY)
    process = subprocess.Popen(
        [str(binary("nezha-gateway")), "serve", "-c", str(folder / "config.yaml"), "-db", str(folder / "sqlite.db")],
        stdout=writer, stderr=(folder / "log").open("wb"), preexec_fn=(lambda: os.close(1)) if how == "closed" else None)
    os.close(writer)

    def serves():
        assert process.poll() is None, (folder / "log").read_text()
        try:
            return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    try:
        wait_until(serves, 20, what="an answer")
        # Nor was the first password lost without a word.
        assert "user set-password" in (folder / "log").read_text()
    finally:
        process.terminate()
        assert process.wait(20) == 0


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
