"""The detection matrix: what `cowcheck check` says of every mutant and every variant of the test kernel, by running it.

    python tests/kernels/matrix.py docs/detection.md

Nothing here knows what is expected: the page is what the runs said. Two run at a time.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
SECONDS = 600
WORKERS = 2
NAMES = {0: "pass", 1: "fail", 2: "bad input", 3: "inconclusive", 4: "own fault"}


class Row(NamedTuple):
    """One kernel and what became of it."""

    name: str
    pattern: str
    summary: str
    concurrent: bool
    verdict: str
    invariants: tuple[str, ...]  # in the order in which they were found
    first: str  # the workload that showed it first
    seconds: float
    said: str  # for what did not boot


def load(name: str) -> ModuleType:
    """A module of this folder, which is no package."""
    spec = importlib.util.spec_from_file_location(f"test_kernel_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def check(kernel: Path) -> tuple[int, Mapping[str, Any], float]:
    """Runs the command as a user would: exit status, result, seconds."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        command = [sys.executable, "-m", "cowcheck.checker", "check", str(kernel), "--json", str(result)]
        started = time.monotonic()
        status = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False).returncode
        seconds = time.monotonic() - started
        document = json.loads(result.read_text()) if result.exists() else {"results": [{}]}
    return status, document["results"][0], seconds


def row(name: str, pattern: str, summary: str, concurrent: bool, flags: tuple[str, ...]) -> Row:
    """Builds and checks one kernel."""
    status, result, seconds = check(load("build").build(flags))
    findings = result.get("findings", [])
    found = list(dict.fromkeys(finding["invariant"] for finding in findings))
    first = findings[0]["run"] if findings else ""
    said = " ".join(result.get("incomplete", []))[:160] if status == 3 else ""
    return Row(name, pattern, summary, concurrent, NAMES.get(status, str(status)), tuple(found), first, seconds, said)


def page(rows: list[Row], right: list[Row]) -> str:
    """The Markdown page."""
    caught = [item for item in rows if item.verdict == "fail" or item.said]
    lines = [
        "# What is caught",
        "",
        "Made by a run (`make matrix`): `cowcheck check` on the test kernel of `tests/kernels`, built once with each",
        "bug, and once in each other way that is as right. The numbers are those of the catalogue of real bugs. A bug",
        "that needs two kernel paths to meet is marked *race*: one run on one schedule may miss it (interleaving is to",
        "come).",
        "",
        f"{len(caught)} of {len(rows)} mutants are caught; {sum(item.verdict == 'fail' for item in right)} of "
        f"{len(right)} right kernels are accused.",
        "",
        "| pattern | mutant | verdict | what is violated, the first found first | shown first by |",
        "|---|---|---|---|---|",
    ]
    for item in rows:
        race = " *(race)*" if item.concurrent else ""
        told = ", ".join(item.invariants) or item.said or "nothing"
        lines.append(f"| {item.pattern} | {item.name}{race}: {item.summary} | {item.verdict} | {told} | {item.first} |")
    lines += ["", "## Right kernels", "", "| kernel | verdict | what is said |", "|---|---|---|"]
    for item in right:
        told = ", ".join(item.invariants) or item.said or "every invariant holds"
        lines.append(f"| {item.name}: {item.summary} | {item.verdict} | {told} |")
    return "\n".join(lines) + "\n"


def main(target: Path) -> None:
    """Writes the page; how long each took goes to stderr."""
    mutants = load("mutants")
    jobs: list[tuple[str, str, str, bool, tuple[str, ...]]]
    jobs = [(item.name, str(item.pattern), item.summary, item.concurrent, (item.flag,)) for item in mutants.MUTANTS]
    variants = [(item.name, "", item.summary, False, (item.flag,)) for item in mutants.VARIANTS]
    jobs.append(("right", "", "the kernel as it is", False, ()))
    jobs += variants
    with ThreadPoolExecutor(WORKERS) as pool:
        futures = [pool.submit(row, *job) for job in jobs]
        rows = []
        for future in futures:
            rows.append(future.result())
            sys.stderr.write(f"{rows[-1].name}: {rows[-1].verdict} {rows[-1].invariants} {rows[-1].seconds:.0f} s\n")
    count = len(mutants.MUTANTS)
    target.write_text(page(rows[:count], rows[count:]), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
