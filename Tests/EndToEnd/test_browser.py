"""A real browser at the gateway: Debian's chromium, with a page of ours that does what the official one does
(front-ends.md): keys as text frames, sizes in binary, log out by expiring the cookies that scripts see."""

import json

import pytest

from browser import Chromium
from gateway import ADMIN_PASSWORD, wait_until

PAGE = """<!doctype html><title>terminal</title><script>
const cookie = name => document.cookie.split('; ').map(each => each.split('=')).find(each => each[0] === name)?.[1];
const call = async (method, path, body) => (await fetch('/api/v1' + path, {
  method, body: body && JSON.stringify(body),
  headers: {...(body && {'Content-Type': 'application/json'}), ...(method !== 'GET' && {'X-CSRF-Token': cookie('nz-csrf') || ''})},
})).json();
let socket, seen = '', closed = null;
const open = async server => {
  const answer = await call('POST', '/terminal', {server_id: server});
  if (!answer.success) return answer.error;
  socket = new WebSocket(`ws://${location.host}/api/v1/ws/terminal/${answer.data.session_id}`);
  socket.binaryType = 'arraybuffer';
  socket.onmessage = event => {
    seen += typeof event.data === 'string' ? event.data : new TextDecoder().decode(event.data);
  };
  socket.onclose = event => { closed = event.code; };
  return new Promise(done => { socket.onopen = () => done('open'); socket.onerror = () => done('failed'); });
};
const type = keys => socket.send(keys);
const resize = (columns, rows) => {
  const text = new TextEncoder().encode(JSON.stringify({Cols: columns, Rows: rows}));
  socket.send(new Uint8Array([1, ...text]));
};
const logOut = () => document.cookie.split('; ').forEach(each => {
  document.cookie = each.split('=')[0] + '=; expires=Thu, 01 Jan 1970 00:00:00 GMT; path=/';
});
</script>"""


@pytest.fixture
def chromium(tmp_path):
    browser = Chromium(tmp_path / "browser")
    yield browser
    browser.close()


def test_somebody_logs_in_types_in_a_terminal_and_logs_out(chromium, gateway, agent):
    page = f"{gateway.url}/page-of-a-test"
    chromium.show(page, PAGE)
    assert chromium.run("call('GET', '/profile')")["error"] == "ApiErrorUnauthorized"
    password = json.dumps(ADMIN_PASSWORD)
    assert chromium.run(f"call('POST', '/login', {{username: 'admin', password: {password}}})")["success"] is True
    assert chromium.run("call('GET', '/profile')")["data"]["username"] == "admin"
    session = chromium.cookies()["nz-jwt"]
    assert session["httpOnly"] and "nz-jwt" not in chromium.run("document.cookie")

    assert chromium.run(f"open({agent.server_id})") == "open"
    chromium.run("resize(101, 33)")
    # One key after the other, as somebody types them; the output has what the line did not say.
    for key in "echo k$((40+2))é; stty size":
        chromium.run(f"type({json.dumps(key)})")
    chromium.run(r"type('\r')")
    wait_until(lambda: "k42é" in chromium.run("seen") and "33 101" in chromium.run("seen"), 20, what="the output")
    chromium.run(r"type('exit\r')")
    wait_until(lambda: chromium.run("closed") is not None, 20, what="the end of the terminal")
    assert chromium.run("closed") == 1000, chromium.run("seen")

    # A page that is loaded again is still logged in; after the log out it is a guest's, and so is the next one.
    chromium.show(page, PAGE)
    assert chromium.run("call('GET', '/profile')")["success"] is True
    chromium.run("logOut()")
    assert chromium.run("call('GET', '/profile')")["error"] == "ApiErrorUnauthorized"
    assert chromium.run(f"open({agent.server_id})") == "ApiErrorUnauthorized"
    assert "nz-jwt" not in chromium.cookies()
    assert gateway.api("GET", "/profile", session["value"]).json()["error"] == "ApiErrorUnauthorized"
    chromium.show(page, PAGE)
    assert chromium.run("call('GET', '/profile')")["error"] == "ApiErrorUnauthorized"
    assert not chromium.said, chromium.said
