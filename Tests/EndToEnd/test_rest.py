"""REST as scripts and browsers use it: rest.md, rest-details.md and the programs of the public API document."""

import re
import time
import uuid

import grpc
import pytest
import requests
import yaml

from gateway import ADMIN_PASSWORD, wait_until
from spec_agent import SpecAgent


def test_login_then_server_list_with_jwt_and_token(gateway, agent):
    answer = requests.post(f"{gateway.url}/api/v1/login",
                           json={"username": "admin", "password": ADMIN_PASSWORD}, timeout=10)
    body = answer.json()
    assert answer.status_code == 200 and body["success"] is True
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", body["data"]["expire"])
    cookies = answer.headers["Set-Cookie"]
    assert "nz-jwt=" in cookies and "HttpOnly" in cookies and "SameSite=Lax" in cookies
    assert "nz-csrf=" in cookies and "SameSite=Strict" in cookies

    token = gateway.token("nezha:inventory:read", name="inventory")
    for bearer in (body["data"]["token"], token):
        servers = gateway.api("GET", "/server", bearer).json()["data"]
        mine = next(server for server in servers if server["id"] == agent.server_id)
        assert mine["uuid"] == agent.uuid and mine["owner"]["username"] == "admin"
        assert mine["host"]["platform"] and mine["state"]["mem_used"] > 0
        assert not mine["last_active"].startswith("0001")
        one = gateway.api("GET", f"/server?id={agent.server_id}", bearer).json()["data"]
        assert [server["id"] for server in one] == [agent.server_id]


def test_the_programs_of_the_public_document_run_unchanged(gateway, agent, token, capsys):
    """Both, but for host, token and the id of the server."""
    base_url = gateway.url
    response = requests.get(
        f"{base_url}/api/v1/server",
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )
    response.raise_for_status()
    payload = response.json()
    if not payload.get("success"):
        raise RuntimeError(payload.get("error", "unknown error"))
    for server in payload["data"]:
        print(server["id"], server["name"])
    assert capsys.readouterr().out.strip()

    server_id = agent.server_id
    response = requests.get(
        f"{base_url}/api/v1/server/{server_id}/metrics",
        params={"metric": "cpu", "period": "1d"},
        timeout=10,
    )
    response.raise_for_status()
    payload = response.json()
    if not payload.get("success"):
        raise RuntimeError(payload.get("error", "unknown error"))
    for point in payload["data"]["data_points"]:
        print(point["ts"], point["value"])


def test_metrics_say_what_they_do_not_know(gateway, agent):
    def get(bearer=None, server=agent.server_id, **query):
        return gateway.api("GET", f"/server/{server}/metrics", bearer, params=query).json()

    jwt = gateway.login()
    assert gateway.api("GET", "/setting").json()["data"]["tsdb_enabled"] is True
    data = wait_until(lambda: (found := get(metric="uptime")["data"])["data_points"] and found, what="a first bucket")
    assert data["server_id"] == agent.server_id and data["metric"] == "uptime"
    assert data["data_points"][0]["ts"] % 30_000 == 0 and data["data_points"][0]["value"] > 0
    assert get(jwt, metric="cpu", period="30d")["success"] is True
    assert get(metric="cpu", period="7d")["error"] == "unauthorized: only 1d data available for guests"
    assert get(jwt, metric="cpu", period="2d")["error"] == "invalid period: 2d, expected 1d, 7d, or 30d"
    assert get(jwt, metric="speed")["error"].startswith("invalid metric name")
    assert get(jwt)["error"].startswith("invalid metric name")
    assert get(jwt, server=999_999, metric="cpu")["error"] == "server not found"
    assert get(jwt, server="x", metric="cpu")["success"] is False
    listed = gateway.token("nezha:server:read", servers=[agent.server_id])
    assert get(listed, metric="cpu")["success"] is True
    answer = gateway.api("GET", "/server/999999/metrics", listed, params={"metric": "cpu"})
    assert (answer.status_code, answer.json()["error"]) == (403, "permission denied")
    assert gateway.api("GET", f"/server/{agent.server_id}/metrics", gateway.token("nezha:inventory:read"),
                       params={"metric": "cpu"}).status_code == 403


def test_login_failures_all_look_alike(gateway):
    for body in ({"username": "admin", "password": "wrong"}, {"username": "nobody", "password": "x"}, {}, {"username": 1},
                 {"username": "admin\u0000", "password": ADMIN_PASSWORD}):
        answer = gateway.api("POST", "/login", json=body)
        assert (answer.status_code, answer.json()) == (200, {"success": False, "error": "ApiErrorUnauthorized"})
    broken = gateway.api("POST", "/login", data="{", headers={"Content-Type": "application/json"})
    assert broken.json()["error"] == "ApiErrorUnauthorized"


def test_refresh_keeps_the_session(gateway):
    jwt = gateway.login()
    body = gateway.api("POST", "/refresh-token", jwt).json()
    assert body["success"] is True and body["data"]["token"]
    assert gateway.api("GET", "/profile", body["data"]["token"]).json()["success"] is True
    assert gateway.api("GET", "/profile", jwt).json()["success"] is True


def test_without_login_and_with_forged_jwts(gateway):
    forged = "eyJhbGciOiJub25lIn0.eyJ1aWQiOiIxIiwiZXhwIjo0MTAyNDQ0ODAwfQ."
    signed, _, signature = gateway.login().rpartition(".")
    altered = f"{signed}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
    for bearer in (None, "x.y.z", forged, altered):
        answer = gateway.api("GET", "/server", bearer)
        assert (answer.status_code, answer.json()) == (200, {"success": False, "error": "ApiErrorUnauthorized"})
        assert answer.headers["WWW-Authenticate"].startswith("JWT realm=")


def test_unknown_paths_and_wrong_methods_are_404_json(gateway):
    for method, path in (("GET", "/nothing"), ("GET", "/login"), ("PUT", "/server"), ("DELETE", "/setting"),
                         ("POST", "/cron/1/manual/x")):
        answer = gateway.api(method, path)
        assert (answer.status_code, answer.json()) == (404, {"success": False, "error": "404 Not Found"})


def test_tokens_live_through_the_api(gateway):
    jwt = gateway.login()
    made = gateway.api("POST", "/api-tokens", jwt, json={
        "name": "from api", "scopes": ["nezha:inventory:read", "mcp:server:exec"], "expires_in_days": 2}).json()["data"]
    assert re.fullmatch(r"nzp_[0-9A-Za-z]{32}", made["token"])
    assert made["scopes"] == ["nezha:inventory:read", "nezha:server:exec"]

    listed = gateway.api("GET", "/api-tokens", jwt).json()["data"]
    assert listed[0]["id"] == made["id"] and "token" not in listed[0]
    assert made["token"] not in str(listed)

    assert gateway.api("GET", "/server", made["token"]).json()["success"] is True
    assert gateway.api("DELETE", f"/api-tokens/{made['id']}", jwt).json() == {"success": True}
    answer = gateway.api("GET", "/server", made["token"])
    assert (answer.status_code, answer.json()["error"]) == (401, "ApiErrorUnauthorized: invalid api token")
    assert gateway.api("DELETE", f"/api-tokens/{made['id']}", jwt).json() == {"success": False, "error": "not found"}


@pytest.mark.parametrize("body, text", [
    ({"name": "x", "scopes": ["nezha:server:fly"]}, "unknown scope: nezha:server:fly"),
    ({"name": "x", "scopes": ["mcp:*"]}, "unknown scope: mcp:*"),
    ({"name": "  ", "scopes": ["nezha:server:read"]}, "name required"),
    ({"name": "x", "scopes": ["nezha:server:read"], "expires_in_days": 3651}, "expires_in_days too large"),
    ({"name": "x", "scopes": ["nezha:server:read"], "expires_in_days": -1}, "expires_in_days must be >= 0"),
    ({"name": "x", "scopes": ["nezha:server:read"] * 33}, "too many scopes (max 32)"),
    ({"name": "x", "scopes": ["nezha:server:read"], "server_ids": [0]}, "server_id 0 is invalid"),
    ({"name": "x", "scopes": ["nezha:server:read"], "server_ids": [999999]}, "server not found"),
    ({"name": "x", "scopes": ["nezha:server:read"], "server_ids": list(range(1, 1002))}, "too many server_ids"),
    ({"name": "x", "scopes": []}, ""), ({"scopes": ["nezha:server:read"]}, ""), ({"name": "n" * 129, "scopes": ["nezha:server:read"]}, ""),
])
def test_bad_token_requests_name_the_reason(gateway, body, text):
    answer = gateway.api("POST", "/api-tokens", gateway.login(), json=body)
    assert answer.status_code == 200 and answer.json()["success"] is False
    assert text in answer.json()["error"]


def test_tokens_cannot_manage_the_account(gateway, token):
    for method, path in (("POST", "/refresh-token"), ("GET", "/profile"), ("GET", "/api-tokens"),
                         ("POST", "/api-tokens"), ("DELETE", "/api-tokens/1")):
        answer = gateway.api(method, path, token)
        assert answer.status_code == 403
        assert answer.json()["error"] == "ApiErrorForbidden: this endpoint is not accessible by api token"


def test_a_missing_scope_is_named(gateway):
    reader = gateway.token("nezha:server:read", name="no inventory")
    answer = gateway.api("GET", "/server", reader)
    assert answer.status_code == 403
    assert answer.json() == {"success": False, "error": "ApiErrorForbidden: api token lacks scope nezha:inventory:read"}


def test_a_bad_token_never_falls_back(gateway):
    for header in ("Bearer nzp_" + "0" * 32, "bearer nzp_" + "0" * 32):
        answer = requests.get(f"{gateway.url}/api/v1/setting", headers={"Authorization": header}, timeout=10)
        if header.startswith("bearer"):
            assert answer.status_code == 401
    answer = requests.get(f"{gateway.url}/api/v1/server", headers={"Authorization": "Bearer nzp_" + "0" * 32},
                          cookies={"nz-jwt": gateway.login()}, timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (401, "ApiErrorUnauthorized: invalid api token")


def test_cookies_need_the_csrf_header_to_change_anything(gateway):
    """security.md: State change by GET, cookies accepted where tokens are meant."""
    session = requests.Session()
    session.post(f"{gateway.url}/api/v1/login", json={"username": "admin", "password": ADMIN_PASSWORD}, timeout=10)
    assert session.get(f"{gateway.url}/api/v1/profile", timeout=10).json()["success"] is True
    refused = session.post(f"{gateway.url}/api/v1/refresh-token", timeout=10)
    assert refused.status_code == 403
    assert refused.json()["error"] == "ApiErrorForbidden: missing or invalid CSRF token"
    wrong = session.post(f"{gateway.url}/api/v1/refresh-token", headers={"X-CSRF-Token": "0" * 64 + "." + "0" * 64},
                         timeout=10)
    assert wrong.status_code == 403
    right = session.post(f"{gateway.url}/api/v1/refresh-token",
                         headers={"X-CSRF-Token": session.cookies["nz-csrf"]}, timeout=10)
    assert right.json()["success"] is True
    # The session cookie opens nothing on MCP.
    answer = session.post(f"{gateway.url}/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "ping"}, timeout=10)
    assert answer.status_code == 401


def test_settings_by_viewer_and_partial_change(make_gateway):
    gateway = make_gateway(settings={"site_name": "Ours"})
    guest = gateway.api("GET", "/setting").json()["data"]
    assert guest["config"]["site_name"] == "Ours"
    assert "version" not in guest and "enable_mcp" not in guest["config"]
    jwt = gateway.login()
    admin = gateway.api("GET", "/setting", jwt).json()["data"]
    assert admin["version"] and admin["config"]["enable_mcp"] is True
    text = str(admin)
    for key in ("secret", "password"):
        assert key not in text

    # Absent `enable_mcp` leaves the switch alone; everything else is a full replacement.
    form = {key: value for key, value in admin["config"].items() if key != "enable_mcp"}
    changed = gateway.api("PATCH", "/setting", jwt, json=form | {"site_name": "Theirs"}).json()
    assert changed["success"] is True
    after = gateway.api("GET", "/setting", jwt).json()["data"]["config"]
    assert (after["site_name"], after["enable_mcp"]) == ("Theirs", True)
    refused = gateway.api("PATCH", "/setting", jwt, json=form | {"language": "x"}).json()
    assert refused["success"] is False
    # On disk at once, secrets and mode kept.
    assert "site_name: Theirs" in gateway.config.read_text()
    assert "jwt_secret_key" in gateway.config.read_text()
    assert gateway.config.stat().st_mode & 0o777 == 0o600
    gateway.stop()
    gateway.start()
    assert gateway.api("GET", "/setting").json()["data"]["config"]["site_name"] == "Theirs"
    assert gateway.api("GET", "/profile", jwt).json()["success"] is True, "sessions survive a restart"


def test_a_changed_password_ends_sessions(make_gateway):
    gateway = make_gateway()
    jwt = gateway.login()
    done = gateway.command("user", "set-password", "admin", input="another good password\n")
    assert "another good password" not in done.stdout + done.stderr
    deadline = time.monotonic() + 3
    while gateway.api("GET", "/profile", jwt).json()["success"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert gateway.login(password="another good password")


def test_secrets_stay_inside(make_gateway, make_agent):
    """security.md: Secrets in answers. Canaries in every field that holds one."""
    gateway = make_gateway(arguments=["--log-level", "trace"])
    agent = make_agent(gateway)
    token = gateway.token("nezha:server:exec", "nezha:server:write", "nezha:inventory:read")
    canary = f"canary-{uuid.uuid4().hex}"
    jwt = gateway.login()
    gateway.call(token, "server.exec", server_id=agent.server_id, cmd="true", stdin=canary, args=[canary],
                 env={"KEY": canary})
    gateway.call(token, "fs.write", server_id=agent.server_id, path="/proc/nope/x", content=canary)
    gateway.api("POST", "/login", json={"username": "admin", "password": canary})
    gateway.api("POST", "/login", json={"username": canary, "password": canary})
    gateway.api("GET", f"/server?token={canary}")
    gateway.api("GET", "/server", "nzp_" + canary)
    # The keys of the gateway itself, two of them in use here: one signs log-ins, one lets agents in.
    config = yaml.safe_load(gateway.config.read_text())
    keys = [config[f"{name}_secret_key"] for name in ("agent", "jwt", "data")]
    assert len(set(keys)) == 3 and all(len(key) >= 32 for key in keys)
    SpecAgent(gateway.address, keys[0], str(uuid.uuid4())).connect().close()
    with pytest.raises(grpc.RpcError):
        SpecAgent(gateway.address, keys[1], str(uuid.uuid4())).connect()
    gateway.api("POST", "/login", json={"username": "admin", "password": keys[2]})
    paths = ("/server", "/setting", "/api-tokens", "/profile")
    answers = [gateway.api("GET", path, jwt).text for path in paths]
    answers += [gateway.rpc(token, method, params).text for method, params in [
        ("initialize", {}), ("tools/list", {}), ("tools/call", {"name": "meta.whoami"}),
        ("tools/call", {"name": "server.list"}),
    ]]
    answers.append(gateway.command("token", "list").stdout)
    gateway.stop()
    kept = gateway.database.read_bytes()
    for extra in gateway.folder.glob("sqlite.db-*"):
        kept += extra.read_bytes()
    log = gateway.log.read_text()
    output = (gateway.folder / "gateway.out").read_text()
    for secret in (canary, token, jwt, agent.secret, ADMIN_PASSWORD, *keys):
        assert secret.encode() not in kept, "stored"
        assert secret not in log + output, "logged"
    # The profile shows its owner the secret for their own agents.
    for secret in (token, jwt, ADMIN_PASSWORD, *keys):
        assert not any(secret in answer for answer in answers)
    assert not any(agent.secret in answer for path, answer in zip(paths, answers) if path != "/profile")
