"""What the official pages and the reference's typed clients send (front-ends.md), and what they must find."""

import json

import pytest
import requests
from websockets.sync.client import connect

from gateway import ADMIN_PASSWORD, wait_until
from streams import StreamWorld, closing_of, read_until, refused, resized
from test_pages import CALLS, same_types

HERE = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = StreamWorld(tmp_path_factory.mktemp("pages"))
    yield world
    world.stop()


def test_the_terminal_page_sends_keys_as_text_and_sizes_in_binary(world):
    with world.attached("terminal", world.real_server, world.admin) as page:
        page.send(resized(101, 33))
        page.send("echo k$((40+2))é; stty size\r")
        assert "33 101".encode() in read_until(page, b"33 101")
        page.send("echo m$((40+3))\r")
        read_until(page, b"m43")


def test_keys_travel_with_a_zero_before_them_and_binary_as_it_is(world):
    with world.joined("terminal", world.member) as (page, agent):
        page.send("ls\r")
        page.send(b"\0pwd\r")
        page.send("\0")
        frames = agent.frames()
        assert [next(frames) for _ in range(3)] == [b"\0ls\r", b"\0pwd\r", b"\0\0"]


# The sockets of the official pages, as recorded, and what each page must find in the messages.


def recorded(path, who=None):
    if not CALLS.exists():
        pytest.skip("the recorded calls are not here")
    return next(call for call in json.loads(CALLS.read_text())
                if call["method"] == "WS" and call["path"] == f"/api/v1/ws/{path}" and who in (None, call["who"]))


def watch(world, path, bearer):
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else None
    return connect(f"ws://{world.gateway.address}/api/v1/ws/{path}", additional_headers=headers, proxy=None)


@pytest.mark.parametrize("who", ["viewer", "guest"])
def test_the_pages_of_servers_find_what_they_draw(world, who):
    golden = [json.loads(text) for text in recorded("server", who)["received"]]
    with watch(world, "server", world.admin if who == "viewer" else None) as page:
        seen = [json.loads(page.recv(10)) for _ in golden[:2]]
    for message in seen:
        assert isinstance(message["now"], int) and message["now"] > 1_700_000_000_000
        assert isinstance(message["online"], int) and message["servers"]
        for server in message["servers"]:
            # Without one of these the page collapses.
            assert isinstance(server["state"], dict) and isinstance(server["host"], dict) and server["last_active"]
            assert isinstance(server["id"], int) and server["name"]
            assert who == "viewer" or not {"version", "platform_version"} & server["host"].keys()
    # Ticks are two seconds, and nothing comes that the page does not know.
    assert seen[1]["now"] - seen[0]["now"] in (0, 1000, 2000, 3000)
    real = next(server for server in seen[1]["servers"] if server["id"] == world.real_server)
    same_types(golden[1]["servers"][0], real, "ws/server")
    assert real.keys() - {"country_code", "display_index", "public_note"} <= golden[1]["servers"][0].keys()


def test_the_page_of_transfers_hears_of_each_change(world):
    golden = [json.loads(text) for text in recorded("transfer")["received"]]
    ((member,),) = world.sql("select id from users where username = ?", "member")
    with watch(world, "transfer", world.admin) as page:
        moved = world.gateway.api(
            "POST", "/batch-move/server", world.admin, json={"ids": [world.real_server], "to_user": member}).json()
        id = moved["data"][0]["transfer_id"]
        seen = [json.loads(page.recv(30)) for _ in golden]
    # As recorded: it begins, and an agent takes no secret in plain text.
    assert [each["status"] for each in seen] == [each["status"] for each in golden]
    for ours, theirs in zip(seen, golden):
        assert ours["id"] == id and ours.keys() >= theirs.keys() - {"from_user_id"}
        same_types(theirs, ours, "ws/transfer")


def test_the_terminal_page_opens_shows_a_prompt_and_closes(world):
    golden = recorded("terminal/{sid}")
    with world.attached("terminal", world.real_server, world.admin) as page:
        for frame in golden["sent"]:
            page.send(bytes.fromhex(frame["hex"]))
        page.send("stty size\r")
        size = json.loads(bytes.fromhex(golden["sent"][0]["hex"])[1:])
        # Output comes in binary frames alone.
        read_until(page, f"{size['Rows']} {size['Cols']}".encode())


def test_the_file_page_lists_and_uploads_in_the_recorded_frames(world, tmp_path):
    golden = recorded("file/{sid}")
    sent = golden["sent"]
    folder, file = str(tmp_path).encode(), tmp_path / "made-up.txt"
    size = bytes.fromhex(sent[2]["hex"])[1:9]
    frames = [b"\0", b"\0" + folder, b"\2" + size + bytes(file), *(b"x" * each["binary"] for each in sent[3:-1]),
              b"\0" + folder]
    answers = []
    with world.attached("file", world.real_server, world.admin) as page:
        for number, frame in enumerate(frames):
            page.send(frame)
            # The page waits for one answer to each listing, and for one to the whole upload.
            if number not in range(2, len(frames) - 2):
                answers.append(page.recv(30))
    assert [answer[:4] for answer in answers] == [bytes.fromhex(each["hex"])[:4] for each in golden["received"]]
    assert file.read_bytes() == b"x" * int.from_bytes(size)
    assert b"made-up.txt" not in answers[1] and b"made-up.txt" in answers[-1]


class Browser:
    """Keeps cookies, and tells the page's scripts of those that they may see."""

    def __init__(self, gateway):
        self.gateway, self.cookies, self.hidden = gateway, {}, set()

    def call(self, method, path, headers=None, **more):
        headers = dict(HERE if headers is None else headers)
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = requests.request(method, f"{self.gateway.url}/api/v1{path}", headers=headers, timeout=20, **more)
        for line in answer.raw.headers.getlist("set-cookie"):
            name, _, rest = line.partition("=")
            value, *attributes = rest.split("; ")
            if "Max-Age=0" in attributes:
                self.cookies.pop(name, None)
                continue
            self.cookies[name] = value
            if "HttpOnly" in attributes:
                self.hidden.add(name)
            # Closing the browser keeps both or none.
            assert [each for each in attributes if each.startswith("Max-Age=")], line
        return answer.json()

    def log_in(self):
        assert self.call("POST", "/login", json={"username": "admin", "password": ADMIN_PASSWORD})["success"]

    def log_out(self):
        """As the page does: it calls nothing."""
        for name in set(self.cookies) - self.hidden:
            del self.cookies[name]


def test_log_out_makes_the_next_request_a_guests_and_ends_the_session(world):
    browser = Browser(world.gateway)
    browser.log_in()
    assert browser.call("GET", "/profile")["data"]["username"] == "admin"
    session = browser.cookies["nz-jwt"]
    browser.log_out()
    assert browser.call("GET", "/setting")["success"] is True  # An open route may come first.
    assert browser.call("GET", "/profile")["error"] == "ApiErrorUnauthorized"
    assert browser.cookies == {}
    assert world.gateway.api("GET", "/profile", session).json()["error"] == "ApiErrorUnauthorized"
    browser.log_in()
    assert browser.call("GET", "/profile")["success"] is True


def test_log_out_ends_what_is_open(world):
    browser = Browser(world.gateway)
    browser.log_in()
    with world.attached("terminal", world.real_server, browser.cookies["nz-jwt"]) as own, world.attached(
            "terminal", world.real_server, world.admin) as other:
        browser.log_out()
        assert browser.call("GET", "/setting")["success"] is True
        closing_of(own)
        # Another log-in of the same user goes on.
        other.send(b"\0echo st'i'll\r")
        read_until(other, b"still")


def test_a_link_from_another_site_logs_nobody_out(world):
    browser = Browser(world.gateway)
    browser.log_in()
    kept = dict(browser.cookies)
    del browser.cookies["nz-csrf"]  # As browsers do on the way from elsewhere: it is strict.
    answer = browser.call("GET", "/profile", {"Sec-Fetch-Site": "cross-site"})
    assert answer["error"] == "ApiErrorUnauthorized"
    browser.cookies = kept
    assert browser.call("GET", "/profile")["success"] is True


def test_the_providers_of_log_ins_are_shown_to_guests(make_gateway, world):
    assert "oauth2_providers" not in world.gateway.api("GET", "/setting").json()["data"]["config"]
    provider = {
        "client_id": "x", "client_secret": "canary", "user_info_url": "https://id.example/user", "user_id_path": "id",
        "endpoint": {"auth_url": "https://id.example/authorize", "token_url": "https://id.example/token"}}
    gateway = make_gateway(settings={"oauth2": {"GitHub": provider, "Own": provider}})
    shown = gateway.api("GET", "/setting")
    assert shown.json()["data"]["config"]["oauth2_providers"] == ["GitHub", "Own"]
    assert "canary" not in shown.text


def test_an_attach_without_an_upgrade_is_checked_for_its_session_first(world):
    for kind in ("terminal", "file"):
        unknown = world.gateway.api("GET", f"/ws/{kind}/no-such-session", world.admin)
        assert (unknown.status_code, unknown.json()["error"]) == (200, "permission denied")
        guest = world.gateway.api("GET", f"/ws/{kind}/no-such-session")
        assert guest.json()["error"] == "ApiErrorUnauthorized"
    session = world.open("terminal", world.real_server, world.admin)
    plain = world.gateway.api("GET", f"/ws/terminal/{session}", world.admin)
    assert plain.status_code == 400 and plain.headers["Content-Type"].startswith("text/plain")
    # It was not taken by that.
    with world.socket("terminal", session, world.admin) as page:
        page.send("echo a$((1+1))b\r")
        read_until(page, b"a2b")


def test_a_stream_of_a_session_is_attached_with_a_token_of_the_same_user_or_an_administrator(world):
    gateway = world.gateway
    good = gateway.token("nezha:server:exec", name="good")
    listed = gateway.token("nezha:server:exec", name="listed", servers=[world.spec_server])
    other = gateway.token("nezha:server:exec", name="other", user="member")
    session = world.open("terminal", world.real_server, world.admin)
    for secret in (other, listed):
        refused(lambda: world.socket("terminal", session, secret), 403)
    poor = gateway.token("nezha:server:read", name="poor")
    refused(lambda: world.socket("terminal", session, poor), 403,
            "ApiErrorForbidden: api token lacks scope nezha:server:exec")
    with world.socket("terminal", session, good) as page:
        page.send("echo a$((1+1))b\r")
        read_until(page, b"a2b")
    session = world.open("terminal", world.spec_server, world.member)
    world.announced(session)
    stream = world.spec.attach(session)
    with world.socket("terminal", session, good):
        pass
    stream.close()


def test_a_configuration_that_was_read_is_posted_back_with_an_empty_secret(world):
    gateway, server = world.gateway, world.real_server
    config = json.loads(gateway.api("GET", f"/server/config/{server}", world.admin).json()["data"])
    assert "client_secret" not in config
    config |= {"client_secret": "", "report_delay": 2}
    posted = gateway.api("POST", "/server/config", world.admin,
                         json={"servers": [server], "config": json.dumps(config)}).json()
    assert posted == {"success": True, "data": {"success": [server]}}

    def changed():
        data = gateway.api("GET", f"/server/config/{server}", world.admin).json().get("data")
        return data and json.loads(data)["report_delay"] == 2

    # It connects anew some seconds later, with the secret that it had.
    wait_until(changed, 40, what="agent back")
