"""Front ends: installed by the command line, served to browsers, and every call of the official pages (front-ends.md)."""

import gzip
import http.client
import json
import os
import subprocess
import uuid
import zipfile
from pathlib import Path

import pytest
import requests

from gateway import ADMIN_PASSWORD, REPOSITORY, Agent, binary, wait_until

CANARY = "canary-of-the-configuration"


def archive(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in files.items():
            made.writestr(name, text)
    return str(path)


@pytest.fixture
def site(make_gateway):
    return make_gateway("site", settings={"site_name": CANARY})


def test_a_front_end_is_installed_replaced_and_removed_while_the_gateway_serves(site, tmp_path):
    page = lambda path="/": requests.get(site.url + path, timeout=10)
    assert page().status_code == 200 and "frontend add" in page().text
    zipped = archive(tmp_path / "dist.zip", {"dist/index.html": "<p>first", "dist/assets/a-B2k9x_Qa.js": "1"})
    said = site.command("frontend", "add", zipped, "--name", "user-dist").stdout
    assert said.split("\t")[:3] == ["user-dist", "user", "2 files"]
    assert page().text == "<p>first" and page("/server/7").text == "<p>first"
    assert (page("/nothing").status_code, page("/nothing").text) == (404, "<p>first")
    assert "immutable" in page("/assets/a-B2k9x_Qa.js").headers["Cache-Control"]

    folder = tmp_path / "build"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<p>second")
    (folder / "assets" / "b.js").write_text("plain")
    (folder / "assets" / "b.js.gz").write_bytes(gzip.compress(b"packed"))
    site.command("frontend", "add", str(folder), "--name", "user-dist")
    assert page().text == "<p>second" and page("/assets/a-B2k9x_Qa.js").status_code == 404
    packed = page("/assets/b.js")
    assert packed.headers["Content-Encoding"] == "gzip" and packed.text == "packed"
    again = requests.get(site.url + "/", headers={"If-None-Match": page().headers["ETag"]}, timeout=10)
    assert again.status_code == 304 and not again.content

    site.command("frontend", "add", str(folder), "--name", "admin-dist", "--admin")
    assert requests.get(site.url + "/dashboard", timeout=10, allow_redirects=False).headers["Location"] == "/dashboard/"
    assert page("/dashboard/login").text == "<p>second"
    lines = site.command("frontend", "list").stdout.splitlines()
    assert [line.split("\t")[:2] for line in lines] == [["admin-dist", "admin"], ["user-dist", "user"]]
    site.command("frontend", "remove", "user-dist")
    assert "frontend add" in page().text and page("/dashboard/").text == "<p>second"
    assert site.command("frontend", "remove", "user-dist", check=False).returncode == 65


def test_an_installed_front_end_is_listed_and_can_be_chosen(site, tmp_path):
    session = site.login()
    form = {"site_name": CANARY, "language": "en-US"}
    choose = lambda name: site.api("PATCH", "/setting", bearer=session, json={**form, "user_template": name}).json()
    assert choose("pretty")["error"] == "invalid user template"
    for name, options in [("pretty", []), ("office", ["--admin"])]:
        zipped = archive(tmp_path / f"{name}.zip", {"index.html": f"<p>{name}"})
        site.command("frontend", "add", zipped, "--name", name, *options)
    setting = site.api("GET", "/setting", bearer=session).json()["data"]
    assert [template["path"] for template in setting["frontend_templates"]] == [
        "admin-dist", "user-dist", "office", "pretty"]
    assert "frontend_templates" not in site.api("GET", "/setting").json()["data"]
    assert choose("office")["error"] == "invalid user template"
    assert choose("pretty")["success"] and requests.get(site.url + "/", timeout=10).text == "<p>pretty"


def test_what_is_no_front_end_is_refused_and_changes_nothing(site, tmp_path):
    for number, files in enumerate([
        {"../evil": "x", "index.html": "x"}, {"/etc/evil": "x", "index.html": "x"}, {"a\\..\\b": "x", "index.html": "x"},
        {"a.js": "x"},
    ]):
        done = site.command("frontend", "add", archive(tmp_path / f"{number}.zip", files), "--name", "user-dist",
                            check=False)
        assert done.returncode == 65 and done.stderr.startswith("error: "), files
    for name in ("../x", ".x", "a/b", ""):
        done = site.command("frontend", "add", str(tmp_path), f"--name={name}", check=False)
        assert done.returncode != 0, name
    assert site.command("frontend", "list").stdout == ""
    assert not list((site.folder / "templates").glob("*")) and not list((site.folder / "templates").glob(".*"))
    assert not (site.folder / "evil").exists()


def raw(gateway, target):
    """As it is written: libraries tidy paths up."""
    host, port = gateway.address.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    connection.putrequest("GET", target, skip_host=False)
    connection.endheaders()
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_no_encoded_path_leaves_the_folder(site, tmp_path):
    site.command("frontend", "add", archive(tmp_path / "d.zip", {"index.html": "the index"}), "--name", "user-dist")
    (site.folder / "templates" / "user-dist" / "link").symlink_to(site.config)
    for top in ("/", "/dashboard/", "/swagger/", "/mcp/download/", "/api/v1/", "//"):
        for path in ("../../config.yaml", "..%2f..%2fconfig.yaml", "%2e%2e/%2e%2e/config.yaml",
                     "%2e%2e%2f%2e%2e%2fconfig.yaml", "..%5c..%5cconfig.yaml", "..\\..\\config.yaml",
                     "%252e%252e/%252e%252e/config.yaml", "..;/..;/config.yaml", "....//....//config.yaml",
                     "..%c0%af..%c0%afconfig.yaml", "%00../../config.yaml", "link", "//etc/passwd", "%2fetc%2fpasswd",
                     ".template.json"):
            status, body = raw(site, top + path)
            assert status in (400, 401, 403, 404), top + path
            assert CANARY.encode() not in body and b"root:" not in body and b"is_admin" not in body, top + path


def test_a_transfer_url_with_a_slash_too_many_is_not_in_the_log(site):
    secret = "s" * 40
    for path in (f"//mcp/download/{secret}", f"/MCP/download/{secret}", f"/mcp/%64ownload/{secret}",
                 f"/mcp//upload/{secret}", f"/x/api/v1/ws/terminal/{secret}"):
        raw(site, path)
    wait_until(lambda: site.log.read_text().count("path=") >= 5, what="five lines")
    assert secret not in site.log.read_text()


def test_the_document_of_all_calls_is_there_for_debugging_only(make_gateway):
    plain, debugged = make_gateway("plain"), make_gateway("debugged", settings={"debug": True})
    for path in ("/openapi.json", "/swagger/doc.json", "/swagger/index.html"):
        assert requests.get(plain.url + path, timeout=10).status_code == 404
        assert requests.get(debugged.url + path, timeout=10).status_code == 200
    document = requests.get(debugged.url + "/openapi.json", timeout=10).json()
    assert document["openapi"] == "3.1.0"
    printed = subprocess.run([binary("nezha-gateway"), "schema", "openapi"], capture_output=True, text=True, timeout=60)
    assert json.loads(printed.stdout) == document


def test_the_document_of_scopes_is_the_programs_own():
    printed = subprocess.run([binary("nezha-gateway"), "schema", "scopes"], capture_output=True, text=True, timeout=60)
    assert printed.returncode == 0, printed.stderr
    assert printed.stdout == (REPOSITORY / "docs/scopes.md").read_text(), "nezha-gateway schema scopes >docs/scopes.md"


# Every call of the official pages, as recorded, and what each page must find in the answer.

CALLS = Path(os.environ.get("NEZHA_PARITY", REPOSITORY.parent / "shared/parity")) / "front-end-calls.json"

# Pages die without these (front-ends.md); the first element of a list stands for all of them.
NEEDS = {
    "/setting": ["config.language", "config.site_name", "tsdb_enabled"],
    "/profile": ["id", "username", "role"],
    "/server": ["id", "name", "host", "state", "geoip", "last_active", "display_index", "owner.id"],
    "/server-group": ["group.id", "group.name", "servers"],
    "/service/list": ["fail_trigger_tasks", "recover_trigger_tasks", "notification_group_id", "skip_servers"],
    "/alert-rule": ["fail_trigger_tasks", "recover_trigger_tasks", "rules", "enable"],
    "/cron": ["id", "servers", "last_executed_at"],
    "/notification": ["id", "name", "url", "verify_tls"],
    "/notification-group": ["group.id", "group.name", "notifications"],
    "/ddns": ["id", "max_retries", "domains", "enable_ipv4"],
    "/nat": ["id", "server_id", "host", "domain", "enabled"],
    "/api-tokens": ["id", "name", "scopes"],
    "/user": ["id", "username", "role", "updated_at"],
    "/waf": ["value", "pagination.total"],
    "/online-user": ["value", "pagination.total"],
    "/transfer": ["status", "created_at"],
    "/service": [],
}


def member(value, path):
    for name in path.split("."):
        assert isinstance(value, dict) and name in value, path
        value = value[name]
    return value


@pytest.mark.skipif(not CALLS.exists(), reason="the recorded calls are not here")
def test_every_call_of_the_official_pages_finds_what_its_page_needs(make_gateway, tmp_path):
    # As it stands in the recorded settings, which a page sends back.
    gateway = make_gateway("pages", settings={"web_real_ip_header": "NZ::Use-Peer-IP"})
    secret = gateway.agent_secret()
    agents = [Agent(gateway, tmp_path / f"agent-{n}", secret, str(uuid.uuid4())) for n in (1, 2)]
    try:
        for agent in agents:
            agent.start()
        replay(gateway, agents)
    finally:
        for agent in agents:
            agent.stop()


def replay(gateway, agents):
    browser = requests.Session()
    browser.headers["Sec-Fetch-Site"] = "same-origin"
    password = ADMIN_PASSWORD
    calls = [call for call in json.loads(CALLS.read_text()) if call["method"] != "WS"]
    made = {}
    seen = set()

    def send(method, path, body, guest):
        headers = {}
        if not guest and "nz-csrf" in browser.cookies and method != "GET":
            headers["X-CSRF-Token"] = browser.cookies["nz-csrf"]
        sender = requests if guest else browser
        return sender.request(method, f"{gateway.url}/api/v1{path}", json=body, headers=headers, timeout=30)

    assert send("POST", "/login", {"username": "admin", "password": password}, False).json()["success"]
    servers = wait_until(
        lambda: len(found := send("GET", "/server", None, False).json()["data"]) == 2 and found, what="two servers")
    ids = {"server": [server["id"] for server in servers]}
    for call in calls:
        path = call["path"].removeprefix("/api/v1")
        # What ends sessions, is refused on purpose or wants another site is tested by itself.
        if call["status"] != 200 or path.startswith(("/login", "/oauth2", "/online-user/batch-block")):
            continue
        if path == "/profile" and call["method"] == "POST" or path in ("/force-update/server", "/batch-move/server"):
            continue
        if path.startswith("/batch-delete/server") and not path.endswith("group"):
            continue
        kind = path.split("/")[1] if not path.startswith("/server/config") else "server"
        if "{id}" in path:
            known = ids["server"] if kind == "server" else made.get(kind, [])
            if not known:
                continue
            path = path.replace("{id}", str(known[-1]))
        body = json.loads(call["body"]) if call.get("body") else None
        if path.startswith("/batch-delete/") and path.split("/")[2] in made:
            body = made.pop(path.split("/")[2])
        if isinstance(body, dict) and "servers" in body and path == "/server/config":
            body["servers"] = ids["server"]
        if isinstance(body, dict) and "server_id" in body and call["response"].get("success"):
            body["server_id"] = ids["server"][0]
        query = call.get("query", "").removeprefix("?")
        if path == "/file":
            query = f"id={ids['server'][0]}"
        guest = call["who"] == "guest" or call["response"].get("error") == "ApiErrorUnauthorized"
        answer = send(call["method"], path + (f"?{query}" if query else ""), body, guest)
        where = f"{call['page']}: {call['method']} {call['path']}"
        # The official page shows no text of another status.
        assert answer.status_code == 200, where
        told = answer.json()
        if path.startswith("/server/config/"):
            # Agents that were just given another configuration answer when they have it.
            told = wait_until(
                lambda: (again := send("GET", path, None, False).json())["success"] and again, what="an answer")
        wanted = call["response"].get("success", False)
        assert told["success"] or not wanted, (where, told)
        seen.add(where)
        if not told["success"]:
            assert isinstance(told["error"], str), where
            continue
        data = told.get("data")
        if call["method"] == "POST" and isinstance(data, int):
            made.setdefault(kind, []).append(data)
        for need in NEEDS.get(path, []) if call["method"] == "GET" else []:
            for value in data if isinstance(data, list) else [data]:
                assert member(value, need) is not None, f"{where}: {need}"
        if call["path"] == "/api/v1/server/{id}/service":
            # An empty list, or an entry with empty ones, blanks the page.
            assert data is None or data and all(each["created_at"] for each in data), where
        same_types(call["response"].get("data"), data, where)
    assert len(seen) > 60, len(seen)


def same_types(golden, ours, where):
    """What the page found there and its kind. Numbers that are null, lists that are empty and what is volatile aside."""
    if golden is None or golden == [] or golden == {} or ours in (None, [], {}):
        return
    assert isinstance(ours, type(golden)) or isinstance(golden, (int, float)) and isinstance(ours, (int, float)), where
    if isinstance(golden, list):
        same_types(golden[0], ours[0], where)
    if isinstance(golden, dict):
        for name in golden.keys() & ours.keys():
            same_types(golden[name], ours[name], f"{where}: {name}")
