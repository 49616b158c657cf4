"""A log-in provider of the machine's own: authorisation by code with PKCE, then a person's record. Of two kinds: one that
keeps to RFC 6749, and one with GitHub's ways (secrets in the form only, answers as forms, errors under 200, ids as numbers)."""

import base64
import hashlib
import http.server
import json
import secrets
import threading
import urllib.parse
from contextlib import contextmanager

CLIENT, SECRET = "client-1", "client secret"


class Provider(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, like_github: bool = False):
        super().__init__(("127.0.0.1", 0), Handler)
        self.like_github = like_github
        self.codes: dict[str, tuple[str, str, object]] = {}
        self.tokens: dict[str, object] = {}
        self.asked: list[tuple[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def settings(self) -> dict:
        return {
            "client_id": CLIENT, "client_secret": SECRET, "scopes": ["openid", "profile"],
            "endpoint": {"auth_url": self.url + "/authorize", "token_url": self.url + "/token"},
            "user_info_url": self.url + "/user", "user_id_path": "id" if self.like_github else "data.id",
        }

    def authorise(self, link: str, person) -> dict:
        """What the person's browser brings back after they agreed: the query of the callback."""
        url = urllib.parse.urlsplit(link)
        asked = dict(urllib.parse.parse_qsl(url.query))
        assert f"{url.scheme}://{url.netloc}{url.path}" == self.url + "/authorize"
        assert asked["client_id"] == CLIENT and asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256" and asked["scope"] == "openid profile"
        code = secrets.token_hex(8)
        self.codes[code] = (asked["code_challenge"], asked["redirect_uri"], person)
        return {"state": asked["state"], "code": code}


class Handler(http.server.BaseHTTPRequestHandler):
    server: Provider

    def do_POST(self):
        form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["content-length"])).decode()))
        self.server.asked.append(("token", "header" if self.headers.get("authorization") else "form"))
        code = self.server.codes.pop(form["code"], None) if self.knows(form) else None
        if not self.knows(form):
            return self.answer(401, {"error": "invalid_client"})
        if code is None:
            return self.answer(400, {"error": "bad_verification_code" if self.server.like_github else "invalid_grant"})
        challenge, redirect, person = code
        made = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if made != challenge or form["redirect_uri"] != redirect or form["grant_type"] != "authorization_code":
            return self.answer(400, {"error": "invalid_grant"})
        token = secrets.token_hex(16)
        self.server.tokens[token] = person
        self.answer(200, {"access_token": token, "token_type": "bearer"})

    def knows(self, form: dict) -> bool:
        if self.server.like_github:
            return form.get("client_secret") == SECRET and form.get("client_id") == CLIENT
        words = urllib.parse.quote_plus(CLIENT) + ":" + urllib.parse.quote_plus(SECRET)
        return self.headers.get("authorization") == "Basic " + base64.b64encode(words.encode()).decode()

    def do_GET(self):
        self.server.asked.append(("user", self.path))
        person = self.server.tokens.get((self.headers.get("authorization") or "").removeprefix("Bearer "))
        record = {"id": person} if self.server.like_github else {"data": {"id": person}}
        self.answer(200 if person is not None else 401, record)

    def answer(self, status: int, value: dict):
        is_form = self.server.like_github and self.path == "/token"
        content = (urllib.parse.urlencode(value) if is_form else json.dumps(value)).encode()
        self.send_response(200 if is_form else status)
        self.send_header("Content-Type", "application/x-www-form-urlencoded" if is_form else "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@contextmanager
def provider(like_github: bool = False):
    server = Provider(like_github)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
