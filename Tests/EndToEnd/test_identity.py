"""Users, tokens, strikes and settings over REST (rest-details.md 2 to 5)."""

import json
import sqlite3
import time

import pytest
import requests

from gateway import ADMIN_PASSWORD

# Each client has an address of its own, which a proxy tells.
PROXY = {"web_real_ip_header": "X-Real-IP"}


def create(gateway, admin, name, role=1, password="long enough"):
    return gateway.api("POST", "/user", admin, json={"username": name, "password": password, "role": role}).json()


def test_users_are_made_listed_and_deleted(make_gateway):
    gateway = make_gateway()
    admin = gateway.login()
    made = create(gateway, admin, "ada")
    assert made == {"success": True, "data": made["data"]} and made["data"] > 1
    listed = gateway.api("GET", "/user", admin).json()["data"]
    assert [user["username"] for user in listed] == ["admin", "ada"] and listed[1]["role"] == 1
    ada = gateway.login("ada", "long enough")
    own = gateway.api("GET", "/profile", ada).json()["data"]
    assert own["agent_secret"] == listed[1]["agent_secret"] != listed[0]["agent_secret"]
    assert gateway.api("GET", "/user", ada).json()["error"] == "permission denied"
    assert create(gateway, ada, "eve")["error"] == "permission denied"
    token = gateway.token("nezha:inventory:read", user="ada")
    assert gateway.api("GET", "/server", token).status_code == 200

    assert create(gateway, admin, "ada")["error"] == "username already exists"
    assert create(gateway, admin, "", role=1)["error"] == "username can't be empty"
    assert create(gateway, admin, "b", password="12345")["error"] == "password length must be greater than 6"
    assert create(gateway, admin, "b", password="123456")["success"]
    assert create(gateway, admin, "c", password="x" * 72)["success"]
    assert create(gateway, admin, "d", password="x" * 73)["success"] is False
    assert create(gateway, admin, "e", role=2)["error"] == "invalid role"
    # Left out it would once have made an administrator.
    missing = gateway.api("POST", "/user", admin, json={"username": "f", "password": "long enough"}).json()
    assert missing["error"] == "invalid role"

    assert gateway.api("POST", "/batch-delete/user", admin, json=[]).json()["error"] == "user id not specified"
    assert gateway.api("POST", "/batch-delete/user", admin, json=[made["data"], 1]).json()["error"] == \
        "can't delete yourself"
    assert gateway.api("GET", "/profile", ada).json()["success"]
    assert gateway.api("POST", "/batch-delete/user", admin, json=[made["data"], 999_999]).json() == {"success": True}
    assert gateway.api("GET", "/profile", ada).json()["error"] == "ApiErrorUnauthorized"
    assert gateway.api("GET", "/server", token).status_code == 401


def test_a_deleted_user_takes_servers_along_and_their_agents_come_again_as_nobodys(make_gateway, make_agent):
    gateway = make_gateway()
    admin = gateway.login()
    user = create(gateway, admin, "ada")["data"]
    secret = gateway.api("GET", "/profile", gateway.login("ada", "long enough")).json()["data"]["agent_secret"]
    agent = make_agent(gateway)
    with sqlite3.connect(gateway.database) as database:
        database.execute("update servers set user_id = ?", (user,))
    assert secret
    assert gateway.api("POST", "/batch-delete/user", admin, json=[user]).json()["success"]
    # Its own secret is the administrator's: it registers anew.
    deadline = time.monotonic() + 30
    while True:
        servers = gateway.api("GET", "/server", admin).json()["data"]
        if servers and servers[0]["id"] != agent.server_id:
            break
        assert time.monotonic() < deadline, servers
        time.sleep(0.2)
    assert servers[0]["owner"]["id"] == 1


def test_a_token_is_renamed_by_its_owner(make_gateway):
    gateway = make_gateway()
    admin = gateway.login()
    create(gateway, admin, "ada")
    ada = gateway.login("ada", "long enough")
    form = {"name": "first", "scopes": ["nezha:inventory:read"]}
    own = gateway.api("POST", "/api-tokens", ada, json=form).json()["data"]
    foreign = gateway.api("POST", "/api-tokens", admin, json=form).json()["data"]

    def rename(bearer, token, name):
        return gateway.api("PATCH", f"/api-tokens/{token}", bearer, json={"name": name})

    assert rename(ada, own["id"], "  second ").json() == {"success": True}
    assert [token["name"] for token in gateway.api("GET", "/api-tokens", ada).json()["data"]] == ["second"]
    assert rename(ada, own["id"], "").json()["error"] == "name required"
    assert rename(ada, own["id"], "x" * 128).json()["success"]
    assert rename(ada, own["id"], "x" * 129).json()["error"] == "name too long (max 128 chars)"
    assert rename(ada, foreign["id"], "mine").json()["error"] == "not found"
    assert rename(ada, 999_999, "none").json()["error"] == "not found"
    assert rename(own["token"], own["id"], "by itself").status_code == 403
    assert rename(admin, own["id"], "by the administrator").json()["success"]
    # What it may do is what it was.
    assert gateway.api("GET", "/server", own["token"]).status_code == 200


def test_an_imported_password_is_known_and_its_hash_renewed(make_gateway):
    gateway = make_gateway()
    admin = gateway.login()
    create(gateway, admin, "old")
    bcrypt = "$2a$10$abcdefghijklmnopqrstuuQaLxbHNyOkst.5hok/MxsNYsoRyHiAq"

    def stored():
        with sqlite3.connect(gateway.database) as database:
            return database.execute("select password_hash from users where username = 'old'").fetchone()[0]

    with sqlite3.connect(gateway.database) as database:
        database.execute("update users set password_hash = ? where username = 'old'", (bcrypt,))
    wrong = gateway.api("POST", "/login", json={"username": "old", "password": "Admin"}).json()
    assert wrong["error"] == "ApiErrorUnauthorized" and stored() == bcrypt
    first = gateway.login("old", "admin")
    assert stored().startswith("$argon2id$")
    # Neither the renewal nor the second log-in ends the first.
    gateway.login("old", "admin")
    assert gateway.api("GET", "/profile", first).json()["success"]


def test_who_changes_their_password_in_a_browser_goes_on(make_gateway):
    """The official page reads the profile at once; the reference locks the person out (front-ends.md, profile)."""
    gateway = make_gateway()
    create(gateway, gateway.login(), "ada")
    browser, other = requests.Session(), requests.Session()
    for one in (browser, other):
        one.post(f"{gateway.url}/api/v1/login", json={"username": "ada", "password": "long enough"}, timeout=10)
    form = {"original_password": "long enough", "new_username": "ada", "new_password": "another one"}
    answer = browser.post(f"{gateway.url}/api/v1/profile", json=form, timeout=10,
                          headers={"X-CSRF-Token": browser.cookies["nz-csrf"]})
    assert answer.json() == {"success": True} and "nz-jwt=" in answer.headers["Set-Cookie"]
    assert browser.get(f"{gateway.url}/api/v1/profile", timeout=10).json()["data"]["username"] == "ada"
    assert other.get(f"{gateway.url}/api/v1/profile", timeout=10).json()["error"] == "ApiErrorUnauthorized"
    # A program that shows its session in a header asked for no cookie.
    bearer = gateway.login("ada", "another one")
    again = gateway.api("POST", "/profile", bearer, json=form | {"original_password": "another one"})
    assert again.json() == {"success": True} and "Set-Cookie" not in again.headers


def test_strikes_are_listed_forgiven_and_made_by_hand(make_gateway):
    gateway = make_gateway(settings=PROXY)

    def call(method, path, bearer=None, ip="192.0.2.1", **more):
        return gateway.api(method, path, bearer, headers={"X-Real-IP": ip}, **more)

    admin = call("POST", "/login", json={"username": "admin", "password": ADMIN_PASSWORD}).json()["data"]["token"]
    for attempt in range(2):
        call("POST", "/login", ip=f"192.0.2.{20 + attempt}", json={"username": "nobody", "password": "x"})
    assert call("GET", "/setting", ip="192.0.2.20").status_code == 403
    page = call("GET", "/waf", admin).json()["data"]
    assert page["pagination"] == {"offset": 0, "limit": 25, "total": 2}
    assert [row["ip"] for row in page["value"]] == ["192.0.2.21", "192.0.2.20"]
    assert page["value"][0] | {"block_timestamp": 0} == {
        "ip": "192.0.2.21", "block_identifier": -125, "block_reason": 1, "block_timestamp": 0, "count": 1}
    assert abs(page["value"][0]["block_timestamp"] - time.time()) < 60
    second = call("GET", "/waf", admin, params={"limit": 1, "offset": 1}).json()["data"]
    assert [row["ip"] for row in second["value"]] == ["192.0.2.20"] and second["pagination"]["total"] == 2
    assert call("POST", "/batch-delete/waf", admin, json=["192.0.2.20", "no address"]).json() == {"success": True}
    assert call("GET", "/setting", ip="192.0.2.20").status_code == 200

    assert call("POST", "/online-user/batch-block", admin, json=["nowhere"]).json()["success"] is False
    assert call("POST", "/online-user/batch-block", admin, json=["192.0.2.30", "2001:DB8:0::1"]).json()["success"]
    for ip in ("192.0.2.30", "2001:db8::1"):
        assert call("GET", "/setting", ip=ip).status_code == 403
    rows = call("GET", "/waf", admin).json()["data"]["value"]
    assert {row["ip"]: (row["block_identifier"], row["block_reason"], row["count"]) for row in rows[:2]} == {
        "192.0.2.30": (-124, 4, 99_999), "2001:db8::1": (-124, 4, 99_999)}
    # They outlive the program.
    gateway.stop()
    gateway.start()
    assert call("GET", "/setting", ip="2001:db8::1").status_code == 403
    assert call("POST", "/batch-delete/waf", admin, json=["2001:db8:0:0::1", "192.0.2.30"]).json()["success"]
    assert call("GET", "/setting", ip="2001:db8::1").status_code == 200


def test_a_wrong_original_password_is_a_strike(make_gateway):
    """Whoever found an open browser must not try passwords without end."""
    gateway = make_gateway(settings=PROXY)

    def call(method, path, ip, bearer=None, **more):
        return gateway.api(method, path, bearer, headers={"X-Real-IP": ip}, **more)

    credentials = {"username": "admin", "password": ADMIN_PASSWORD}
    found, admin = (call("POST", "/login", ip, json=credentials).json()["data"]["token"]
                    for ip in ("192.0.2.60", "192.0.2.1"))
    form = {"original_password": "wrong", "new_username": "admin", "new_password": "another one"}
    refused = call("POST", "/profile", "192.0.2.60", found, json=form)
    assert refused.json() == {"success": False, "error": "incorrect password"}
    assert call("GET", "/profile", "192.0.2.60", found).status_code == 403
    rows = call("GET", "/waf", "192.0.2.1", admin).json()["data"]["value"]
    assert [(row["ip"], row["block_identifier"], row["block_reason"]) for row in rows] == [("192.0.2.60", 1, 1)]


def test_each_strike_blocks_longer(make_gateway):
    """(sum of counts)^4 seconds, and three at least (engines.md 9)."""
    gateway = make_gateway(settings=PROXY, start=False)
    gateway.start()

    def call(path, ip, **more):
        return gateway.api("POST" if more else "GET", path, headers={"X-Real-IP": ip}, **more)

    blocked = lambda: call("/setting", "192.0.2.40").status_code == 403
    call("/login", "192.0.2.40", json={"username": "nobody", "password": "x"})
    assert blocked()
    time.sleep(3.1)
    assert not blocked()
    call("/login", "192.0.2.40", json={"username": "nobody", "password": "x"})
    time.sleep(3.1)
    assert blocked(), "the second one lasts for sixteen seconds"


def test_online_users_are_listed_and_thrown_out(make_gateway):
    websockets = pytest.importorskip("websockets.sync.client")
    gateway = make_gateway(settings=PROXY)
    own = {"X-Real-IP": "192.0.2.1"}
    admin = gateway.api("POST", "/login", headers=own, json={"username": "admin", "password": ADMIN_PASSWORD}).json()["data"]["token"]
    url = f"ws://{gateway.address}/api/v1/ws/server"
    with websockets.connect(url, additional_headers={"X-Real-IP": "192.0.2.50"}) as guest, \
            websockets.connect(url, additional_headers=own | {"Authorization": f"Bearer {admin}"}) as watcher:
        guest.recv(timeout=10), watcher.recv(timeout=10)
        page = gateway.api("GET", "/online-user", admin, headers=own).json()["data"]
        assert page["pagination"] == {"offset": 0, "limit": 25, "total": 2}
        assert [(row.get("user_id"), row["ip"]) for row in page["value"]] == [(None, "192.0.2.50"), (1, "192.0.2.1")]
        assert all(row["connected_at"].startswith("20") for row in page["value"])
        assert gateway.api("POST", "/online-user/batch-block", admin, headers=own, json=["192.0.2.50"]).json()["success"]
        with pytest.raises(Exception, match="(?i)clos"):
            while True:
                guest.recv(timeout=10)
        assert json.loads(watcher.recv(timeout=10))["now"]
    assert gateway.api("GET", "/setting", headers={"X-Real-IP": "192.0.2.50"}).status_code == 403


def test_maintenance_gives_space_back_while_requests_go_on(make_gateway):
    gateway = make_gateway()
    admin = gateway.login()
    with sqlite3.connect(gateway.database) as database:
        database.execute("create table filler (text text)")
        database.executemany("insert into filler values (?)", (("x" * 1000,) for _ in range(20_000)))
        database.commit()
        database.execute("drop table filler")
        database.commit()
        pages = lambda: database.execute("pragma page_count").fetchone()[0]
        before = pages()
        assert database.execute("pragma freelist_count").fetchone()[0] > 4_000
        assert gateway.api("POST", "/maintenance", admin).json() == {"success": True}
        assert database.execute("pragma freelist_count").fetchone()[0] == 0
        assert pages() < before / 2
    assert gateway.api("POST", "/maintenance").json()["error"] == "ApiErrorUnauthorized"
    assert gateway.api("GET", "/maintenance", admin).status_code == 404


def test_guests_stay_outside_where_everybody_must_log_in(make_gateway):
    gateway = make_gateway(settings={"force_auth": True})
    admin = gateway.login()
    for path in ("/server-group", "/server/1/metrics?metric=cpu", "/ws/server"):
        assert gateway.api("GET", path).json()["error"] == "ApiErrorUnauthorized", path
    assert gateway.api("GET", "/server-group", admin).json()["success"]
    # Whoever has to log in sees the page for it.
    assert gateway.api("GET", "/setting").json()["data"]["config"]["site_name"]
