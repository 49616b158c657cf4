"""Runs what failed in the last run again, three times, with nothing beside it.

On a machine that stands still for seconds, tests that look at clocks fail; a fault of the product comes again. More than
three failures are no such accident, and neither is one that comes again. What failed has been printed: whoever reads that
of a run that passed in the end has something to look into."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
MOST, ROUNDS = 3, 3


def main() -> int:
    failed = json.loads((HERE / ".pytest_cache/v/cache/lastfailed").read_text())
    if not 0 < len(failed) <= MOST:
        print(f"error: {len(failed)} tests failed", file=sys.stderr)
        return 1
    for number in range(1, ROUNDS + 1):
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *failed]
        if subprocess.run(command, cwd=HERE).returncode:
            print(f"error: failed again, by itself (run {number} of {ROUNDS})", file=sys.stderr)
            return 1
    for test in failed:
        print(f"warning: failed once, then passed {ROUNDS} times by itself: {test}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
