"""Log lines never hold the gateway up, whatever standard error is, and what is lost is told."""

import os
import re
import socket
import subprocess
import time

import pytest

from gateway import Gateway, binary


@pytest.fixture
def start():
    """Starts gateways that end with the test: `start(folder, stderr)`."""
    started = []

    def make(*arguments, **more):
        process, port = begin(*arguments, **more)
        started.append(process)
        return process, port

    yield make
    for process in started:
        process.kill()
        process.wait()


def begin(folder, stderr, *arguments, **more):
    """A gateway of which only standard error matters, and its port."""
    gateway = Gateway(folder)
    gateway.folder.mkdir(parents=True)
    gateway.config.write_text("listen_host: 127.0.0.1\nlisten_port: 0\n")
    process = subprocess.Popen(
        [str(binary("nezha-gateway")), "serve", *gateway.files(), *arguments], stdout=subprocess.PIPE, stderr=stderr,
        text=True, **more)
    for line in process.stdout:
        if found := re.match(r"listening on .*:(\d+)$", line):
            return process, int(found[1])
    raise AssertionError(f"ended with {process.wait()}")


def ask(port: int, count: int) -> None:
    """That many requests on one connection, in batches, each answered."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(30)
        while count > 0:
            batch = min(count, 100)
            connection.sendall(b"GET /api/nothing-here HTTP/1.1\r\nhost: x\r\n\r\n" * batch)
            answered = b""
            while answered.count(b"404 Not Found") < 2 * batch:  # status line and body
                part = connection.recv(1 << 16)
                assert part, "the gateway ended the connection"
                answered += part
            count -= batch


def test_a_slow_reader_loses_lines_and_is_told_how_many(start, tmp_path):
    process, port = start(tmp_path / "slow", subprocess.PIPE)
    # More than a pipe and the gateway's buffer hold.
    asked = 20_000
    ask(port, asked)
    # Now somebody reads.
    lines, lost = 0, 0
    os.set_blocking(process.stderr.fileno(), False)
    text = ""
    end = time.monotonic() + 30
    while lines + lost < asked and time.monotonic() < end:
        text += process.stderr.buffer.read1(1 << 20).decode() if process.stderr.buffer.peek(1) else ""
        *whole, text = text.split("\n")
        for line in whole:
            if found := re.search(r"warning nezha-gateway: log lines were dropped count=(\d+)$", line):
                lost += int(found[1])
            elif " request " in line:
                assert re.match(r"20\S+Z info nezha-gateway: request id=\S+ ip=127\.0\.0\.1 method=GET ms=\d+ "
                                r"path=/api/nothing-here status=404$", line), line
                lines += 1
        time.sleep(0.01)
    assert lost > 0
    assert lines + lost == asked
    process.terminate()
    assert process.wait(20) == 0


def test_a_reader_that_takes_nothing_does_not_hold_up_the_end(start, tmp_path):
    process, port = start(tmp_path / "stuck", subprocess.PIPE)
    ask(port, 2000)
    process.terminate()
    assert process.wait(20) == 0


@pytest.mark.parametrize("kind", ["closed", "full", "gone"])
def test_standard_error_that_takes_no_line(start, tmp_path, kind):
    """Closed: and no file that is opened later gets its number, so no line gets into the database."""
    more = {}
    if kind == "full":
        stderr = open("/dev/full", "wb")
    elif kind == "gone":
        reader, writer = os.pipe()
        os.close(reader)
        stderr = os.fdopen(writer, "wb")
    else:
        stderr, more = None, {"preexec_fn": lambda: os.close(2)}
    process, port = start(tmp_path / kind, stderr, **more)
    ask(port, 200)
    process.terminate()
    assert process.wait(20) == 0
    check = subprocess.run([str(binary("nezha-gateway")), "token", "list", *Gateway(tmp_path / kind).files()],
                           capture_output=True, text=True, timeout=30)
    assert check.returncode == 0, check.stderr
    for file in (tmp_path / kind).iterdir():
        if file.is_dir():
            continue
        assert b"nothing-here" not in file.read_bytes(), file


def test_all_lines_are_there_at_the_end(start, tmp_path):
    log = tmp_path / "log"
    process, port = start(tmp_path / "whole", log.open("wb"), "--log-format", "json")
    ask(port, 1000)
    process.terminate()
    assert process.wait(20) == 0
    assert log.read_text().count('"path":"/api/nothing-here"') == 1000
