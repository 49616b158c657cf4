"""What the programs print about themselves and about wrong usage: as they always did.

`command_line.json` holds texts and cases `[program, arguments, exit code, text on standard output, beginning of
standard error, text of its rest]`; they were printed by the programs at 43d12f6, but for the guesses ("Did you mean").
"""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gateway import binary

RECORDED = json.loads((Path(__file__).parent / "command_line.json").read_text())


def run(program: str, arguments: list[str], folder: Path, **environment) -> tuple[int, str, str]:
    done = subprocess.run([str(binary(f"nezha-{program}")), *arguments], capture_output=True, text=True, timeout=60,
                          cwd=folder, env={"PATH": "/usr/bin:/bin", **environment}, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


def test_usage_and_help(tmp_path):
    versions = {name: run(name, ["--version"], tmp_path)[1].strip() for name in ("gateway", "agent")}
    assert all(versions.values())

    def difference(case):
        program, arguments, code, out, beginning, rest = case
        out = RECORDED["texts"][out].replace("{version}", versions[program])
        expected = (code, out, beginning + RECORDED["texts"][rest])
        found = run(program, arguments, tmp_path)
        return None if found == expected else f"nezha-{program} {arguments}: {found}, not {expected}"

    with ThreadPoolExecutor(4) as pool:
        different = [text for text in pool.map(difference, RECORDED["cases"]) if text]
    assert not different, "\n".join(different)
    assert not list(tmp_path.iterdir()), "nothing of this may leave a file"


def test_help_is_as_wide_as_the_terminal(tmp_path):
    for columns in (50, 60, 120):
        code, out, _ = run("gateway", ["serve", "--help"], tmp_path, COLUMNS=str(columns))
        assert code == 0
        assert all(len(line) <= columns for line in out.splitlines() if not line.startswith("USAGE")), columns
