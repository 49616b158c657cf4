"""Debian's chromium, driven by the DevTools protocol over a WebSocket: no driver and no download."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import requests
from websockets.sync.client import connect

from gateway import wait_until

PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser")


def program() -> str:
    found = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
    assert found, "no chromium: scripts/test installs Debian's"
    return found


class Chromium:
    """One browser with a profile of its own, and one page. `pages` holds what it finds at paths that no server has."""

    def __init__(self, folder: Path):
        self.folder, self.pages, self.said, self.number = folder, {}, [], 0
        folder.mkdir()
        self.process = subprocess.Popen(
            [program(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             # A page that the test hands over came from no address, so the browser takes loopback for a foreign network.
             "--disable-features=LocalNetworkAccessChecks", "--disable-background-networking", "--disable-component-update", "--no-proxy-server",
             "--remote-debugging-port=0", f"--user-data-dir={folder / 'profile'}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=(folder / "chromium.log").open("wb"),
            env=os.environ | {"HOME": str(folder)}, start_new_session=True)
        port = folder / "profile" / "DevToolsActivePort"
        lines = wait_until(lambda: port.exists() and port.read_text().splitlines(), 60, what="chromium")
        targets = wait_until(
            lambda: [each for each in requests.get(f"http://127.0.0.1:{lines[0]}/json/list", timeout=10).json()
                     if each["type"] == "page"], 20, what="a page")
        self.socket = connect(targets[0]["webSocketDebuggerUrl"], max_size=None, proxy=None, open_timeout=20,
                              legacy=True)
        for domain in ("Page", "Runtime", "Network"):
            self.command(f"{domain}.enable")

    def close(self) -> None:
        self.socket.close()
        # Debian's program is a script that waits for the browser.
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(20)

    # The protocol

    def command(self, method: str, **parameters) -> dict:
        """Sends a command and waits for its answer; what happens meanwhile is seen to."""
        self.number += 1
        number = self.number
        self.socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv(timeout=60))
            if message.get("id") == number:
                assert "error" not in message, (method, message["error"])
                return message["result"]
            self.happened(message)

    def happened(self, message: dict) -> None:
        what = message.get("params", {})
        if message.get("method") == "Fetch.requestPaused":
            page = self.pages.get(what["request"]["url"])
            answer = {"id": 0, "method": "Fetch.continueRequest", "params": {"requestId": what["requestId"]}}
            if page is not None:
                answer = {"id": 0, "method": "Fetch.fulfillRequest", "params": {
                    "requestId": what["requestId"], "responseCode": 200,
                    "responseHeaders": [{"name": "Content-Type", "value": "text/html; charset=utf-8"}],
                    "body": base64.b64encode(page.encode()).decode()}}
            self.socket.send(json.dumps(answer))
        elif message.get("method") in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
            self.said.append(what)

    # The page

    def show(self, url: str, html: str) -> None:
        """Opens a page of the test's own, as if the server had it: its origin is the server's."""
        self.pages[url] = html
        self.command("Fetch.enable", patterns=[{"urlPattern": url}])
        self.command("Page.navigate", url=url)
        wait_until(lambda: self.run("document.readyState") == "complete" and self.run("location.href") == url, 20,
                   what=f"{url} loaded")

    def run(self, script: str):
        """The value of an expression of JavaScript, which may be a promise."""
        result = self.command("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def cookies(self) -> dict[str, dict]:
        """All of them, also those that no script sees."""
        return {each["name"]: each for each in self.command("Network.getCookies")["cookies"]}
