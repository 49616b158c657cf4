"""The permission matrix: every route of `/api/v1` by everybody who may call it or not.

What is expected stands in the contract (rest.md 3, rest-details.md 3 and 7, mcp.md 8.7) and is written here as data; the
routes come from the program's own description of itself, so that a route without a row fails, and a row without a route.
"""

import sqlite3
import time
from dataclasses import dataclass

import pytest
import requests

from gateway import Gateway, wait_until

# Classes of rest.md 3. OPEN: anybody; G: guests too; U: log-in or token; J: log-in only; A: administrators.
OPEN, G, U, J, A = "open", "guest", "user", "log-in", "administrator"


@dataclass(frozen=True)
class Row:
    method: str
    path: str
    kind: str
    # All of them are needed; of alternatives either one is.
    scopes: tuple = ()
    alternatives: tuple = ()
    # A body with which nothing happens, whoever is let in. Where `{server}` stands in it or in the path, the route acts
    # on that server.
    body: object = None
    # Whether an id that does not exist answers like somebody else's, to anybody (rest-details.md 3 and 5).
    denies: bool = False
    # Whether an unknown server has an answer of its own, as recorded (rest-details.md 4).
    knows_nowhere: bool = False

    @property
    def name(self):
        return f"{self.method} {self.path}"


def resource(path: str, scope: str, listed: str | None = None):
    return [
        Row("GET", listed or path, U, (f"{scope}:read",)),
        Row("POST", path, U, (f"{scope}:write",), body={}),
        Row("PATCH", path + "/{id}", U, (f"{scope}:write",), body={}),
        Row("POST", "/batch-delete" + path, U, (f"{scope}:delete",), body=[]),
    ]


ALL_OF_FILES = ("server:read", "server:write", "server:delete")
MATRIX = [
    Row("POST", "/login", OPEN, body={}),
    Row("GET", "/oauth2/{provider}", OPEN),
    Row("GET", "/oauth2/callback", OPEN),
    Row("GET", "/setting", OPEN),
    Row("GET", "/ws/server", G, ("inventory:read",)),
    Row("GET", "/server-group", G, ("inventory:read",)),
    Row("GET", "/service", G, ("service:read",)),
    Row("GET", "/service/server", G, ("service:read",)),
    Row("GET", "/service/{id}/history", G, ("service:read",)),
    Row("GET", "/service/{id}/server", G, ("service:read",)),
    # The public description has it under server:read, the reference under service:read (rest-details.md 7, D2).
    Row("GET", "/server/{id}/service", G, ("service:read",), alternatives=("server:read",)),
    Row("GET", "/server/{id}/metrics", G, ("server:read",)),
    Row("POST", "/refresh-token", J),
    Row("GET", "/profile", J),
    Row("POST", "/profile", J, body={}),
    Row("POST", "/oauth2/{provider}/unbind", J),
    Row("GET", "/api-tokens", J),
    Row("POST", "/api-tokens", J, body={}),
    Row("DELETE", "/api-tokens/{id}", J),
    Row("PATCH", "/api-tokens/{id}", J, body={}),
    Row("POST", "/terminal", U, ("server:exec",), body={"server_id": "{server}"}),
    Row("GET", "/ws/terminal/{id}", U, ("server:exec",), denies=True),
    Row("POST", "/file?id={server}", U, ALL_OF_FILES),
    Row("GET", "/ws/file/{id}", U, ALL_OF_FILES, denies=True),
    Row("GET", "/server", U, ("inventory:read",)),
    Row("PATCH", "/server/{server}", U, ("server:write",), body={"name": "same"}),
    Row("GET", "/server/config/{server}", U, ("server:write",), knows_nowhere=True),
    Row(
        "POST", "/server/config", U, ("server:write",), body={"servers": ["{server}"], "config": "{}"},
        knows_nowhere=True,
    ),
    # A member may name nobody else.
    Row("POST", "/batch-move/server", U, ("server:write",), body={"ids": [], "to_user": "{member}"}),
    Row("POST", "/force-update/server", U, ("server:write",), body=[]),
    Row("POST", "/server-group", U, ("server:write",), body={}),
    Row("PATCH", "/server-group/{id}", U, ("server:write",), body={}),
    Row("POST", "/batch-delete/server", U, ("inventory:delete",), body=[]),
    Row("POST", "/batch-delete/server-group", U, ("inventory:delete",), body=[]),
    Row("GET", "/transfer", U, ("transfer:read",)),
    Row("GET", "/ws/transfer", U, ("transfer:read",)),
    Row("POST", "/transfer/{id}/cancel", U, ("transfer:write",), denies=True),
    Row("POST", "/transfer/{id}/retry", U, ("transfer:write",), denies=True),
    *resource("/service", "service", "/service/list"),
    *resource("/notification", "notification"),
    *resource("/notification-group", "notification-group"),
    *resource("/alert-rule", "alertrule"),
    *resource("/cron", "cron"),
    *resource("/ddns", "ddns"),
    *resource("/nat", "nat"),
    Row("POST", "/cron/{id}/manual", U, ("cron:exec",)),
    Row("GET", "/ddns/providers", U, ("ddns:read",)),
    Row("GET", "/user", A, ("admin:*",)),
    Row("POST", "/user", A, ("admin:*",), body={}),
    Row("POST", "/batch-delete/user", A, ("admin:*",), body=[]),
    Row("GET", "/waf", A, ("admin:*",)),
    Row("POST", "/batch-delete/waf", A, ("admin:*",), body=[]),
    Row("GET", "/online-user", A, ("admin:*",)),
    Row("POST", "/online-user/batch-block", A, ("admin:*",), body=[]),
    Row("PATCH", "/setting", A, ("admin:*",), body={"site_name": ""}),
    Row("POST", "/maintenance", A, ("admin:*",)),
]

# One of each that users keep, in its list and as a form, and what somebody else who changes it is told
# (rest-details.md 5).
KEPT = {
    "/service": ("/service/list", {"type": 3, "target": "127.0.0.1:9", "duration": 3600, "cover": 1}, "permission denied"),
    "/notification": (
        "/notification", {"url": "http://127.0.0.1:9/", "request_method": 1, "request_type": 1, "skip_check": True},
        "permission denied",
    ),
    "/notification-group": ("/notification-group", {"notifications": []}, "permission denied"),
    "/alert-rule": (
        "/alert-rule", {"rules": [{"type": "cpu", "max": 90, "duration": 10, "cover": 0}]}, "permission denied"),
    "/cron": ("/cron", {"task_type": 0, "scheduler": "0 0 3 1 1 *", "command": "true", "servers": []}, "permission denied"),
    "/ddns": ("/ddns", {"provider": "dummy", "max_retries": 3, "domains": []}, "permission denied"),
    "/nat": ("/nat", {"host": "127.0.0.1:9", "domain": "kept.example"}, "permission denied"),
    "/server-group": ("/server-group", {"servers": []}, "unauthorized"),
}

UNAUTHORIZED = "ApiErrorUnauthorized"
FORBIDDEN = "permission denied"
NO_TOKENS = "ApiErrorForbidden: this endpoint is not accessible by api token"


class World:
    """An administrator and a member, a server of each, and a token of every kind."""

    def __init__(self, gateway: Gateway):
        self.gateway = gateway
        self.admin = gateway.login()
        answer = gateway.api(
            "POST", "/user", self.admin, json={"username": "member", "password": "member-pass-1", "role": 1}
        ).json()
        assert answer["success"], answer
        self.member_id = answer["data"]
        self.member = gateway.login("member", "member-pass-1")
        self.servers = {}
        connection = sqlite3.connect(gateway.database)
        for name, owner in (("admin's", 1), ("member's", self.member_id), ("member's other", self.member_id)):
            cursor = connection.execute(
                "INSERT INTO servers (user_id, uuid, name, note, public_note, display_index, hide_for_guest, enable_ddns,"
                " ddns_profiles, override_ddns_domains, created_at, updated_at)"
                " VALUES (?, ?, ?, '', '', 0, 0, 0, '[]', '{}', 0, 0)",
                (owner, f"uuid of {name}", name),
            )
            self.servers[name] = cursor.lastrowid
        connection.commit()
        connection.close()
        wait_until(
            lambda: len(gateway.api("GET", "/server", self.admin).json()["data"]) == 3, what="servers from outside"
        )
        self.kept = {path: self.keep(path) for path in KEPT}
        # The session of somebody who is no more.
        leaver = gateway.api(
            "POST", "/user", self.admin, json={"username": "leaver", "password": "leaver-pass-1", "role": 0}
        ).json()["data"]
        self.ended = gateway.login("leaver", "leaver-pass-1")
        assert gateway.api("POST", "/batch-delete/user", self.admin, json=[leaver]).json()["success"]
        self.tokens = {}
        self.revoked = gateway.token("nezha:*", name="revoked")
        listed = gateway.command("token", "list").stdout
        number = next(line.split("\t")[0] for line in listed.splitlines() if "\trevoked\t" in line)
        gateway.command("token", "revoke", number)
        self.expired = gateway.token("nezha:*", name="expired", days=1)
        connection = sqlite3.connect(gateway.database)
        connection.execute("UPDATE api_tokens SET expires_at = 1000 WHERE name = 'expired'")
        connection.commit()
        connection.close()
        time.sleep(0.5)

    def form(self, path: str, name: str, owner: str) -> dict:
        """A form that the owner of a server may send."""
        return {"name": name} | KEPT[path][1] | ({"server_id": self.servers[owner]} if path == "/nat" else {})

    def keep(self, path: str) -> int:
        """The id of a resource of the administrator's."""
        answer = self.gateway.api("POST", path, self.admin, json=self.form(path, "kept", "admin's")).json()
        assert answer["success"], (path, answer)
        return answer["data"]

    def names(self, path: str) -> list[str]:
        rows = self.gateway.api("GET", KEPT[path][0], self.admin).json()["data"]
        return [row.get("group", row)["name"] for row in rows]

    def token(self, *scopes: str, user: str = "admin", servers=()) -> str:
        key = (scopes, user, tuple(servers))
        if key not in self.tokens:
            self.tokens[key] = self.gateway.token(
                *(f"nezha:{scope}" for scope in scopes), user=user, servers=servers, name=f"{user} {len(self.tokens)}"
            )
        return self.tokens[key]

    def call(self, row: Row, bearer: str | None, server: str = "member's") -> requests.Response:
        def fill(value):
            if value == "{server}":
                return self.servers[server]
            if value == "{member}":
                return self.member_id
            if isinstance(value, dict):
                return {key: fill(member) for key, member in value.items()}
            if isinstance(value, list):
                return [fill(item) for item in value]
            return value

        path = row.path.replace("{server}", str(self.servers[server])).replace("{provider}", "nobody")
        path = path.replace("{id}", "999999")
        more = {} if row.body is None else {"json": fill(row.body)}
        return self.gateway.api(row.method, path, bearer, allow_redirects=False, **more)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    gateway = Gateway(tmp_path_factory.mktemp("permissions") / "gateway", settings={"debug": True}).start()
    yield World(gateway)
    assert gateway.stop() == 0


def error(answer: requests.Response) -> str:
    try:
        return answer.json().get("error", "")
    except ValueError:
        return ""


def is_let_in(answer: requests.Response, row: Row) -> bool:
    """Whatever came of it: the caller was not refused for who they are."""
    if row.denies and error(answer) == FORBIDDEN:
        return True
    return answer.status_code not in (401, 403) and error(answer) not in (UNAUTHORIZED, "unauthorized")


def siblings(row: Row) -> list[str]:
    """Scopes that are like the ones asked for, and give nothing."""
    needed = set(row.scopes) | set(row.alternatives)
    resources = {scope.split(":")[0] for scope in needed}
    verbs = {
        "inventory": ("read", "delete"), "server": ("read", "write", "delete", "exec"),
        "cron": ("read", "write", "delete", "exec"), "admin": (),
    }
    same = [f"{name}:{verb}" for name in resources for verb in verbs.get(name, ("read", "write", "delete"))]
    # `notification` is a prefix of `notification-group`: neither covers the other.
    others = ["notification:*"] if "notification-group" in resources else ["notification-group:*"]
    return [scope for scope in same if scope not in needed][:3] + others


def rows(condition=lambda row: True):
    return pytest.mark.parametrize("row", [row for row in MATRIX if condition(row)], ids=lambda row: row.name)


def names_a_server(row: Row) -> bool:
    return "{server}" in row.path + str(row.body)


by_name = rows()


def test_every_route_has_a_row_and_every_row_a_route(world):
    answer = requests.get(f"{world.gateway.url}/openapi.json", timeout=20)
    assert answer.status_code == 200
    routes = {
        f"{method.upper()} {path}"
        for path, methods in answer.json()["paths"].items()
        for method in methods
        if method in ("get", "post", "patch", "put", "delete")
    }
    expected = {f"{row.method} {row.path.split('?')[0].replace('{server}', '{id}')}" for row in MATRIX}
    assert routes == expected


@by_name
def test_a_guest(world, row):
    answer = world.call(row, None)
    if row.kind in (OPEN, G):
        assert answer.status_code in (200, 302, 400), answer.text
        assert row.path == "/login" or error(answer) != UNAUTHORIZED
    else:
        assert (answer.status_code, error(answer)) == (200, UNAUTHORIZED)
        assert answer.headers["WWW-Authenticate"].startswith("JWT realm=")


@by_name
def test_a_member_and_an_administrator_by_their_log_in(world, row):
    answer = world.call(row, world.member)
    if row.kind == A:
        assert (answer.status_code, error(answer)) == (200, FORBIDDEN)
    elif row.path != "/login":
        assert is_let_in(answer, row), answer.text
    if row.path != "/login":
        assert is_let_in(world.call(row, world.admin), row), answer.text


@rows(names_a_server)
def test_what_is_somebody_else_s(world, row):
    """security.md: Indirect reference. Alike for a server that is another's and one that does not exist."""
    foreign = world.call(row, world.member, server="admin's")
    assert error(foreign) == FORBIDDEN, foreign.text
    world.servers["nowhere"] = 777_777
    missing = world.call(row, world.member, server="nowhere")
    if row.knows_nowhere:
        assert is_let_in(missing, row)
        return
    assert (missing.status_code, error(missing)) == (foreign.status_code, FORBIDDEN), missing.text


def kept_by(row: Row) -> str | None:
    """The resource that a row changes or deletes."""
    path = row.path.removeprefix("/batch-delete").removesuffix("/{id}")
    return path if path in KEPT and (row.method == "PATCH" or row.path.startswith("/batch-delete")) else None


def test_every_resource_has_a_row_here(world):
    changed = {row.path.removesuffix("/{id}") for row in MATRIX if row.method == "PATCH" and row.path.endswith("/{id}")}
    assert changed - {"/api-tokens"} == set(KEPT)


@rows(kept_by)
def test_what_somebody_else_keeps_stays_as_it_is(world, row):
    """security.md: Indirect reference. By log-in and by token; with what is the caller's own beside it, too."""
    path, name = kept_by(row), f"stolen by {row.name}"
    id, patch = world.kept[path], row.method == "PATCH"
    wanted = KEPT[path][2] if patch else FORBIDDEN
    scope = row.scopes[0]
    token = world.token(scope, user="member")
    own = []
    if path == "/notification-group" and not patch:
        own = [world.gateway.api("POST", path, world.member, json={"name": "own", "notifications": []}).json()["data"]]
    for bearer, status in ((world.member, 200), (token, 403)):
        target = row.path.replace("{id}", str(id))
        body = world.form(path, name, "member's") if patch else [*own, id]
        answer = world.gateway.api(row.method, target, bearer, json=body)
        # Groups of servers are as recorded (rest-details.md 5); elsewhere tokens are told by the status too.
        assert (answer.status_code, error(answer)) == (status if wanted == FORBIDDEN else 200, wanted), answer.text
    assert "kept" in world.names(path) and name not in world.names(path)
    assert not own or "own" in world.names(path), "nothing is deleted where one is refused"


def test_another_s_tokens_and_tasks_are_nobody_s_to_change(world):
    listed = world.gateway.api("GET", "/api-tokens", world.admin).json()["data"]
    id = next(token["id"] for token in listed if token["name"] == "expired")
    for method, body in (("DELETE", None), ("PATCH", {"name": "stolen"})):
        answer = world.gateway.api(method, f"/api-tokens/{id}", world.member, json=body)
        assert (answer.status_code, error(answer)) == (200, "not found"), answer.text
    assert listed == world.gateway.api("GET", "/api-tokens", world.admin).json()["data"]
    task = world.kept["/cron"]
    for bearer, status in ((world.member, 200), (world.token("cron:exec", user="member"), 403)):
        answer = world.gateway.api("POST", f"/cron/{task}/manual", bearer)
        assert (answer.status_code, error(answer)) == (status, FORBIDDEN), answer.text


@rows(lambda row: row.kind != OPEN)
def test_a_session_that_is_over(world, row):
    """rest-details.md 2: a guest where guests may be, and no log-in elsewhere."""
    answer = world.call(row, world.ended)
    if row.kind == G:
        assert is_let_in(answer, row), answer.text
    else:
        assert (answer.status_code, error(answer)) == (200, UNAUTHORIZED), answer.text


@by_name
def test_tokens_with_and_without_the_scope(world, row):
    owner = "admin" if row.kind == A else "member"
    good = world.token(*row.scopes, user=owner) if row.scopes else world.token("inventory:read", user=owner)
    answer = world.call(row, good)
    if row.kind == J:
        assert (answer.status_code, error(answer)) == (403, NO_TOKENS)
        assert error(world.call(row, world.token("*"))) == NO_TOKENS
        return
    if row.kind == OPEN:
        return
    assert is_let_in(answer, row), answer.text
    for alternative in row.alternatives:
        assert is_let_in(world.call(row, world.token(alternative, user=owner)), row)
    assert is_let_in(world.call(row, world.token("*")), row)
    if row.kind != A and len(row.scopes) == 1:
        wide = row.scopes[0].split(":")[0] + ":*"
        assert is_let_in(world.call(row, world.token(wide, user=owner)), row)
    if len(row.scopes) > 1:
        for missing in row.scopes:
            less = [scope for scope in row.scopes if scope != missing]
            refused = world.call(row, world.token(*less, user=owner))
            assert (refused.status_code, error(refused)) == (403, f"ApiErrorForbidden: api token lacks scope nezha:{missing}")
        return
    for scope in siblings(row):
        refused = world.call(row, world.token(scope, user="admin"))
        wanted = f"ApiErrorForbidden: api token lacks scope nezha:{row.scopes[0]}"
        assert (refused.status_code, error(refused)) == (403, wanted), scope


@rows(lambda row: row.kind == A)
def test_a_member_s_token_is_no_administrator_s(world, row):
    answer = world.call(row, world.token("server:*", "inventory:*", user="member"))
    assert (answer.status_code, error(answer)) == (403, "ApiErrorForbidden: api token lacks scope nezha:admin:*")


@rows(names_a_server)
def test_a_token_for_one_server(world, row):
    """rest-details.md 7, D1: 403 for tokens, whoever owns the server."""
    token = world.token(*row.scopes, user="member", servers=[world.servers["member's"]])
    assert is_let_in(world.call(row, token), row)
    for other in ("member's other", "admin's"):
        refused = world.call(row, token, server=other)
        assert (refused.status_code, error(refused)) == (403, FORBIDDEN), refused.text


@rows(lambda row: row.kind != OPEN)
def test_tokens_that_are_over(world, row):
    for token, text in ((world.expired, "api token expired"), (world.revoked, "invalid api token")):
        answer = world.call(row, token)
        assert (answer.status_code, error(answer)) == (401, f"{UNAUTHORIZED}: {text}")
