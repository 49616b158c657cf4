"""Requests that schemathesis makes from `/openapi.json`, valid ones and others, with a log-in, a token and nothing: no answer
is a 5xx, and every answer is what the document says of it. A few for each operation, always the same ones."""

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from gateway import Gateway

EXAMPLES = 5
# It changes what all other requests meet, such as the header that has to name the client: it comes last.
LAST = ("PATCH", "/setting")


@pytest.fixture(params=["log-in", "token", "nothing"])
def caller(request, tmp_path):
    gateway = Gateway(tmp_path / "gateway", settings={"debug": True}).start()
    bearer = {"log-in": gateway.login, "token": lambda: gateway.token("nezha:*"), "nothing": lambda: None}[request.param]()
    yield gateway, {"Authorization": f"Bearer {bearer}"} if bearer else {}
    assert gateway.stop() == 0


def operations(gateway: Gateway):
    document = requests.get(f"{gateway.url}/openapi.json", timeout=20).json()
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=f"{gateway.url}/api/v1")
    found = [result.ok() for result in schema.get_all_operations()]
    return sorted(found, key=lambda operation: (operation.method.upper(), operation.path) == LAST)


@pytest.mark.timeout(600)
def test_requests_made_from_the_document(caller):
    gateway, headers = caller
    faults, count = [], 0
    for operation in operations(gateway):

        @settings(
            max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def attempt(case):
            response = case.call(headers=headers, timeout=20, allow_redirects=False)
            case.validate_response(response, checks=(not_a_server_error, response_schema_conformance))

        try:
            attempt()
        except (Exception, BaseExceptionGroup) as error:  # with what was sent and what came
            faults.append(f"{operation.method.upper()} {operation.path}: {error}")
        count += 1
    assert count > 60
    assert not faults, "\n\n".join(faults)[:6000]
