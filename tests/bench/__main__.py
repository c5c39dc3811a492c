"""Writes docs/benchmarks.md from a run: `python -m tests.bench docs/benchmarks.md` (`make bench`).

The tree of a copy-on-write xv6 that was built, `fs.img` too, is named by COWCHECK_XV6. What cannot be measured here is
said on the page, and why.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.bench.compared import measure_compared
from tests.bench.explore_speed import measure_explore
from tests.bench.page import page
from tests.bench.schedule_speed import measure_schedules
from tests.bench.surroundings import surroundings
from tests.bench.verify_speed import measure_verify

TREE = "COWCHECK_XV6"


def main(target: Path) -> None:
    """Measures everything, and writes the page."""
    around = surroundings()
    compared = measure_compared(os.environ.get(TREE, ""))
    verified = measure_verify()
    schedules = measure_schedules(os.environ.get(TREE, ""))
    explored = measure_explore()
    target.write_text(page(around, compared, verified, schedules, explored), encoding="utf-8")
    sys.stderr.write(f"{target}: written\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
