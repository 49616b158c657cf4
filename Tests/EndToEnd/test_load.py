"""More than the gateway can do in time: it says so at once and stays usable."""

from concurrent.futures import ThreadPoolExecutor

import requests

from gateway import ADMIN_PASSWORD


def test_log_ins_that_cannot_be_checked_in_time_are_refused_as_such(make_gateway):
    """security.md: unbounded streams. A password costs a processor and 64 MiB, so only so many wait for their turn."""
    gateway = make_gateway()

    def login(number: int) -> requests.Response:
        # Known and unknown users alike, so that the refusal tells nothing of either.
        body = {"username": "admin" if number % 2 else f"nobody-{number}", "password": ADMIN_PASSWORD}
        return requests.post(f"{gateway.url}/api/v1/login", json=body, timeout=100)

    with ThreadPoolExecutor(300) as pool:
        answers = list(pool.map(login, range(300)))
    refused = [answer for answer in answers if answer.status_code == 503]
    checked = [answer for answer in answers if answer.status_code == 200]
    assert len(refused) + len(checked) == 300
    assert refused and any(answer.json().get("success") is True for answer in checked)
    for answer in refused:
        assert answer.json() == {"success": False, "error": "the gateway is busy; try again later"}
        assert int(answer.headers["Retry-After"]) > 0 and "WWW-Authenticate" not in answer.headers
        assert not answer.cookies
    assert gateway.login()
