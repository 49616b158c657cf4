"""Upload and download of 100 MiB end to end, beside `openssl dgst -sha256` of the same file; memory of 16 transfers."""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Tests" / "EndToEnd"))
from gateway import Agent, Gateway, binary  # noqa: E402
from tools_call import programs_of, with_gateway  # noqa: E402

MIB = 1 << 20


def resident(pid: int, key: str = "VmRSS") -> float:
    """MiB; `VmHWM` is the peak since the counter was last reset."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) / 1024
    raise ValueError(key)


def reset_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def timed(work) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


class Bench:
    def __init__(self, folder: Path, size: int, programs: Path) -> None:
        self.folder = folder
        self.size = size
        with programs_of(programs):
            self.gateway = Gateway(
                folder / "gateway", settings={"mcp_rate_limit_per_second": 10**9, "mcp_rate_limit_per_minute": 10**9},
                arguments=["--log-level", "warning"],
            ).start()
            self.agent = Agent(self.gateway, folder / "agent", self.gateway.agent_secret(), str(uuid.uuid4())).start()
        self.agent.wait_online(self.gateway.login())
        self.token = self.gateway.token("nezha:server:read", "nezha:server:write")
        self.source = folder / "source"
        with self.source.open("wb") as file:
            block = bytes(range(256)) * 4096
            for _ in range(size // len(block)):
                file.write(block)

    def url(self, kind: str, path: Path) -> str:
        result = self.gateway.call(self.token, f"fs.{kind}_url", server_id=self.agent.server_id, path=str(path))
        return result["structuredContent"]["url"]

    def download(self) -> None:
        count = self.curl("--output", "/dev/null", "--write-out", "%{size_download}", self.url("download", self.source))
        assert int(count) == self.size, count

    def upload(self, name: str = "target") -> None:
        url = self.url("upload", self.folder / name)
        answer = self.curl("--request", "POST", "--upload-file", str(self.source), "--header", "Expect:", url)
        assert json.loads(answer)["size"] == self.size, answer

    @staticmethod
    def curl(*arguments: str) -> str:
        """A client that costs little: it shares two processors with what is measured."""
        return subprocess.run(
            ["curl", "--silent", "--show-error", "--fail", "--max-time", "120", *arguments],
            check=True, capture_output=True, text=True,
        ).stdout

    def openssl(self) -> None:
        subprocess.run(["openssl", "dgst", "-sha256", self.source], check=True, capture_output=True)

    def growth(self, work) -> float:
        """MiB by which the gateway's resident memory peaks above where it stood."""
        pid = self.gateway.process.pid
        reset_peak(pid)
        before = resident(pid)
        work()
        return resident(pid, "VmHWM") - before

    def at_once(self, count: int) -> None:
        threads = [threading.Thread(target=self.upload, args=(f"target-{i}",)) for i in range(count // 2)]
        threads += [threading.Thread(target=self.download) for _ in range(count - count // 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def print_memory(self, name: str) -> None:
        print(f"{name} memory: {self.growth(self.download):.1f} MiB more at the peak of one download, "
              f"{self.growth(self.upload):.1f} of one upload")
        growth = self.growth(lambda: self.at_once(16))
        print(f"16 transfers at once: {growth:.1f} MiB more at the peak, {growth / 16:.1f} each; "
              f"resident then {resident(self.gateway.process.pid):.0f} MiB")

    def close(self) -> None:
        self.agent.stop()
        self.gateway.stop()
        subprocess.run(["rm", "-rf", self.folder], check=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--mebibytes", type=int, default=100)
    options.add_argument("--old", type=Path, metavar="PROGRAM", help="another build of the gateway, measured in turn")
    chosen = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="nezha-bench."))
    size = chosen.mebibytes * MIB
    with ExitStack() as running:
        running.callback(shutil.rmtree, folder, ignore_errors=True)

        def started(name: str, programs: Path) -> Bench:
            (folder / name).mkdir()
            bench = Bench(folder / name, size, programs)
            running.callback(bench.close)
            return bench

        bench = started("ours", binary("nezha-gateway").parent)
        works = {"openssl": bench.openssl, "download": bench.download, "upload": bench.upload}
        if chosen.old:
            old = started("old", with_gateway(folder / "programs", chosen.old))
            works |= {"old download": old.download, "old upload": old.upload}
        for work in works.values():
            work()
        rows = {name: [] for name in works}
        for _ in range(chosen.rounds):
            for name, work in works.items():
                rows[name].append(timed(work))
        print(f"{'':14}{'median s':>10}{'MiB/s':>10}   speed as a share of openssl's")
        for name, times in rows.items():
            middle = statistics.median(times)
            print(f"{name:14}{middle:10.3f}{chosen.mebibytes / middle:10.0f}   {shares(rows['openssl'], times)}")
        bench.print_memory("gateway's")
        if chosen.old:
            for name in ("download", "upload"):
                print(f"{name}: speed as a share of the old one's {shares(rows['old ' + name], rows[name])}")
            old.print_memory("old gateway's")


def shares(reference: list[float], times: list[float]) -> str:
    """How quick these are beside those of the same rounds."""
    found = [one / other for one, other in zip(reference, times)]
    return f"{statistics.median(found):.2f} ({min(found):.2f} to {max(found):.2f})"


if __name__ == "__main__":
    main()
