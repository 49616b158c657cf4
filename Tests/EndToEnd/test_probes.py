"""What nezha-agent tells a gateway of the certificates of services that it probes."""

import queue
import ssl
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import grpc
import pytest

from spec_agent import M, Outbox
from test_outgoing import Target
from test_ownership import TrustingAgent


class Tasks(grpc.GenericRpcHandler):
    """A gateway written from the contract, for one agent."""

    def __init__(self):
        self.tasks, self.results = Outbox(), queue.Queue()
        self.server = grpc.server(ThreadPoolExecutor(8), handlers=[self])
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    def service(self, details):
        method = details.method.removeprefix("/proto.NezhaService/")
        stream, unary = grpc.stream_stream_rpc_method_handler, grpc.unary_unary_rpc_method_handler
        kinds = {
            "RequestTask": (stream, "TaskResult", "Task", self.request_task),
            "ReportSystemState": (stream, "State", "Receipt", self.report_state),
            "ReportSystemInfo2": (unary, "Host", "Uint64Receipt", lambda *_: M["Uint64Receipt"](data=1)),
            "ReportGeoIP": (unary, "GeoIP", "GeoIP", lambda address, _: address),
        }
        if method not in kinds:
            return None
        make, asked, answered, work = kinds[method]
        return make(work, M[asked].FromString, M[answered].SerializeToString)

    def report_state(self, states, _):
        return (M["Receipt"](proced=True) for _ in states)

    def request_task(self, results, _):
        def read():
            try:
                for result in results:
                    self.results.put(result)
            except Exception:
                pass  # The agent has gone.
            self.tasks.close()

        threading.Thread(target=read, daemon=True).start()
        return iter(self.tasks)

    def probe(self, url: str):
        """The result of task 1."""
        self.tasks.put(M["Task"](id=1, type=1, data=url))
        return self.results.get(timeout=60)


@pytest.fixture
def probing(tmp_path, certificate):
    """A gateway whose agent trusts the certificate."""
    tasks = Tasks()
    agent = TrustingAgent(SimpleNamespace(address=tasks.address), tmp_path / "agent", "s" * 32, str(uuid.uuid4()))
    agent.certificate = str(certificate[0])
    agent.start()
    yield tasks
    agent.stop()
    tasks.server.stop(None)


def test_a_probe_over_tls_tells_issuer_and_end_and_follows_no_redirect(probing, certificate):
    end = ssl.cert_time_to_seconds(ssl._ssl._test_decode_cert(str(certificate[0]))["notAfter"])
    shown = "localhost|" + time.strftime("%Y-%m-%d %H:%M:%S +0000 UTC", time.gmtime(end))
    with Target(*certificate) as target:
        for path in ("here", "moved"):
            result = probing.probe(f"https://localhost:{target.server_port}/{path}")
            assert (result.successful, result.data) == (True, shown) and result.delay > 0
        # The certificate is for another name.
        result = probing.probe(target.url)
        assert (result.successful, result.data) == (False, "certificate verify failed: IP address mismatch")
        assert [path for path, _ in target.requests] == ["/here", "/moved"]
