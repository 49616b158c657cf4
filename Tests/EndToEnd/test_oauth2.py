"""Log-in with identities of other providers (rest-details.md 3), and what the reference does wrong there."""

import pytest
import requests

from gateway import ADMIN_PASSWORD
from oauth2_provider import SECRET, provider

# How a browser comes back from another site: it follows a link, and leaves strict cookies out.
RETURN = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.fixture(scope="module", params=[False, True], ids=["by-the-book", "like-github"])
def place(request, tmp_path_factory):
    """A gateway that knows one provider, named `Local`, and the provider."""
    from gateway import Gateway
    with provider(request.param) as local:
        # Nothing of what the environment says of proxies is used.
        gateway = Gateway(
            tmp_path_factory.mktemp("oauth2") / "gateway", settings={"oauth2": {"Local": local.settings()}},
            environment={name: "http://127.0.0.1:1/" for name in ("http_proxy", "https_proxy", "all_proxy", "ALL_PROXY")})
        gateway.start()
        yield gateway, local
        gateway.stop()


class Browser:
    def __init__(self, gateway):
        self.gateway, self.session = gateway, requests.Session()

    def api(self, method, path, **more):
        headers = {"Sec-Fetch-Site": "same-origin", **more.pop("headers", {})}
        if method != "GET" and "nz-csrf" in self.session.cookies:
            headers["X-CSRF-Token"] = self.session.cookies["nz-csrf"]
        return self.session.request(
            method, f"{self.gateway.url}/api/v1{path}", headers=headers, timeout=20, allow_redirects=False, **more)

    def login(self, name, password):
        answer = self.api("POST", "/login", json={"username": name, "password": password}).json()
        assert answer["success"], answer
        return self

    def start(self, kind, name="Local"):
        answer = self.api("GET", f"/oauth2/{name}", params={"type": kind})
        assert answer.json()["success"], answer.text
        assert set(answer.json()["data"]) == {"redirect"}
        return answer.json()["data"]["redirect"]

    def finish(self, query):
        """Comes back by a link of another site."""
        jar = {name: value for name, value in self.session.cookies.items() if name != "nz-csrf"}
        answer = requests.get(f"{self.gateway.url}/api/v1/oauth2/callback", params=query, cookies=jar, headers=RETURN,
                              timeout=20, allow_redirects=False)
        self.session.cookies.update(answer.cookies)
        return answer

    def visit(self, kind, local, person):
        return self.finish(local.authorise(self.start(kind), person))


def make_user(gateway, name):
    admin = gateway.login()
    answer = gateway.api("POST", "/user", admin, json={"username": name, "password": "long enough", "role": 1}).json()
    assert answer["success"], answer
    return answer["data"]


def test_bind_log_in_and_unbind(place):
    gateway, local = place
    make_user(gateway, "ada")
    unknown = Browser(gateway).visit(1, local, 4711)
    assert unknown.status_code == 200 and unknown.json() == {"success": False, "error": "oauth2 user not binded yet"}

    ada = Browser(gateway).login("ada", "long enough")
    bound = ada.visit(2, local, 4711)
    assert bound.status_code == 302 and bound.headers["Location"] == "/dashboard/profile?oauth2=true", bound.text
    # The page that comes next is logged in, and knows the binding under the name in lower case.
    profile = ada.api("GET", "/profile").json()["data"]
    assert profile["username"] == "ada" and profile["oauth2_bind"] == {"local": "4711"}

    other = Browser(gateway)
    back = other.visit(1, local, 4711)
    assert back.status_code == 302 and back.headers["Location"] == "/dashboard/login?oauth2=true"
    cookies = back.headers["Set-Cookie"]
    assert "nz-jwt=" in cookies and "HttpOnly" in cookies and "nz-csrf=" in cookies
    assert other.api("GET", "/profile").json()["data"]["username"] == "ada"

    # Without another way in the binding stays; a token of the gateway is no way in.
    form = {"original_password": "long enough", "new_username": "ada", "new_password": "long enough"}
    assert ada.api("POST", "/profile", json=form | {"reject_password": True}).json()["success"]
    refused = gateway.api("POST", "/login", json={"username": "ada", "password": "long enough"}).json()
    assert refused["error"] == "ApiErrorUnauthorized"
    assert ada.api("POST", "/oauth2/LOCAL/unbind").json()["error"] == "operation not permitted"
    assert ada.api("POST", "/profile", json=form).json()["success"]
    assert ada.api("POST", "/oauth2/LOCAL/unbind").json()["success"]
    assert ada.api("POST", "/oauth2/local/unbind").json()["error"] == "provider not found"
    assert ada.api("POST", "/profile", json=form | {"reject_password": True}).json()["error"] == \
        "you don't have any oauth2 bindings"
    assert Browser(gateway).visit(1, local, 4711).json()["error"] == "oauth2 user not binded yet"


def test_the_provider_is_asked_in_the_way_that_it_takes(place):
    gateway, local = place
    Browser(gateway).visit(1, local, "somebody")
    local.asked.clear()
    Browser(gateway).visit(1, local, "somebody")
    assert local.asked[0] == ("token", "form" if local.like_github else "header")
    assert [kind for kind, _ in local.asked] == ["token", "user"]


@pytest.mark.parametrize("person", ["", None, [1], {"x": 1}, True])
def test_an_identity_without_an_id_is_nobody(place, person):
    """The reference binds it, and logs in whoever has none, too."""
    gateway, local = place
    admin = Browser(gateway).login("admin", ADMIN_PASSWORD)
    bound = admin.visit(2, local, person)
    assert bound.status_code == 200 and bound.json()["success"] is False
    assert admin.api("GET", "/profile").json()["data"]["oauth2_bind"] == {}
    assert Browser(gateway).visit(1, local, person).json()["error"] == "oauth2 user not binded yet"


def test_a_bind_is_ended_by_whoever_began_it(place):
    """The reference binds the identity of whoever made the link to the account of whoever follows it."""
    gateway, local = place
    make_user(gateway, "victim")
    make_user(gateway, "attacker")
    attacker = Browser(gateway).login("attacker", "long enough")
    query = local.authorise(attacker.start(2), "identity of the attacker")
    visit = attacker.session.cookies["nz-o2s"]
    victim = Browser(gateway).login("victim", "long enough")
    victim.session.cookies.set("nz-o2s", visit)
    assert victim.finish(query).json()["error"] == "unauthorized"
    assert victim.api("GET", "/profile").json()["data"]["oauth2_bind"] == {}

    guest = Browser(gateway)
    query = local.authorise(guest.start(2), "somebody")
    assert guest.finish(query).json()["error"] == "unauthorized"
    # Nor does a visit that a guest began bind to who logs in meanwhile.
    guest = Browser(gateway)
    query = local.authorise(guest.start(2), "somebody")
    guest.login("victim", "long enough")
    assert guest.finish(query).json()["error"] == "unauthorized"


def test_a_state_belongs_to_one_browser_and_is_used_once(place):
    gateway, local = place
    make_user(gateway, "eve")
    eve = Browser(gateway).login("eve", "long enough")
    assert eve.visit(2, local, "eve").status_code == 302

    one = Browser(gateway)
    query = local.authorise(one.start(1), "eve")
    assert Browser(gateway).finish(query).json()["error"] == "invalid state key"
    assert one.finish(query | {"state": "x" * 32}).json()["error"] == "invalid state key"
    other = Browser(gateway)
    other.start(1)
    assert other.finish(query).json()["error"] == "invalid state key"
    assert one.finish(query).status_code == 302
    asked = len(local.asked)
    assert one.finish(query).json()["error"] == "invalid state key"
    assert len(local.asked) == asked


def test_type_is_one_or_two(place):
    """The reference takes every other number for a log-in."""
    gateway, _ = place
    for kind in (0, 3, 255, -1, 256, "x", ""):
        answer = gateway.api("GET", "/oauth2/Local", params={"type": kind})
        assert answer.status_code == 200 and answer.json()["success"] is False, kind
        assert "Set-Cookie" not in answer.headers
    assert gateway.api("GET", "/oauth2/local", params={"type": 1}).json()["error"] == "provider not found"
    assert gateway.api("GET", "/oauth2/Other", params={"type": 1}).json()["error"] == "provider not found"


def test_what_a_provider_refuses_is_told(place):
    gateway, local = place
    browser = Browser(gateway)
    query = local.authorise(browser.start(1), "x") | {"code": "guessed"}
    error = "bad_verification_code" if local.like_github else "invalid_grant"
    assert browser.finish(query).json()["error"] == f'oauth2: "{error}"'
    browser = Browser(gateway)
    query = local.authorise(browser.start(1), "x")
    assert browser.finish({"state": query["state"], "error": "access_denied"}).json()["error"] == "code is required"


def test_secrets_of_a_provider_stay_inside(place):
    gateway, _ = place
    admin = gateway.login()
    assert gateway.api("GET", "/setting").json()["data"]["config"]["oauth2_providers"] == ["Local"]
    for path in ("/setting", "/profile", "/user"):
        assert SECRET not in gateway.api("GET", path, admin).text
    assert SECRET not in gateway.log.read_text()
    # A change of settings leaves the section as it was.
    form = {"site_name": "x", "language": "en-US", "user_template": "user-dist", "enable_mcp": True}
    assert gateway.api("PATCH", "/setting", admin, json=form).json()["success"]
    assert SECRET in gateway.config.read_text()


def test_the_browser_comes_back_to_a_host_that_the_operator_names(make_gateway):
    with provider() as local:
        gateway = make_gateway(settings={
            "oauth2": {"Local": local.settings()}, "dashboard_host": "dash.example", "reserved_hosts": "other.example"})

        def where(**headers):
            link = gateway.api("GET", "/oauth2/Local", params={"type": 1}, headers=headers).json()["data"]["redirect"]
            import urllib.parse
            return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(link).query))["redirect_uri"]

        assert where(Host="evil.example") == "http://dash.example/api/v1/oauth2/callback"
        assert where(Host="other.example:8008") == "http://other.example:8008/api/v1/oauth2/callback"
        assert where(Host="other.example", Referer="https://other.example/dashboard/login") == \
            "https://other.example/api/v1/oauth2/callback"
        assert where(Host="other.example", **{"X-Forwarded-Proto": "https"}) == \
            "https://other.example/api/v1/oauth2/callback"


@pytest.mark.parametrize("broken, key", [
    ({"client_id": ""}, "oauth2.Local.client_id"), ({"user_info_url": "ftp://x/"}, "oauth2.Local.user_info_url"),
    ({"endpoint": {"auth_url": "http://x/"}}, "oauth2.Local.endpoint.token_url"), ({"user_id_path": ""}, "oauth2.Local.user_id_path"),
])
def test_a_provider_that_lacks_something_stops_the_start(make_gateway, broken, key):
    with provider() as local:
        gateway = make_gateway(start=False, settings={"oauth2": {"Local": local.settings() | broken}})
        gateway.start(wait=False)
        assert gateway.process.wait(20) != 0
        assert key in gateway.log.read_text() and SECRET not in gateway.log.read_text()


def test_keys_of_older_files_are_read(make_gateway):
    with provider() as local:
        settings = local.settings()
        old = {"clientid": settings["client_id"], "ClientSecret": settings["client_secret"], "Scopes": settings["scopes"],
               "Endpoint": {"AuthUrl": settings["endpoint"]["auth_url"], "tokenurl": settings["endpoint"]["token_url"]},
               "userinfourl": settings["user_info_url"], "useridpath": settings["user_id_path"]}
        gateway = make_gateway(settings={"OAuth2": {"Local": old}})
        assert Browser(gateway).visit(1, local, "x").json()["error"] == "oauth2 user not binded yet"
