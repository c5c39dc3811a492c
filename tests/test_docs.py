"""The commands and files of README, CONTRIBUTING and docs/, run as a reader would."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cowcheck.checker.catalogue import find_design, find_scenario
from cowcheck.checker.explore import Explorer
from cowcheck.checker.judge import Judge
from cowcheck.model.system import Model
from cowcheck.specs import invariants
from tests.kernels.mutants import MUTANTS, VARIANTS

ROOT = Path(__file__).resolve().parent.parent
EXIT_STATUS = {
    "cowcheck explore --design late_test.py --scenario sbrk-down": 1,
    "cowcheck explore --design kref-lock --scenario two-stores": 1,
    "cowcheck explore --design kref-lock --scenario two-stores --save leak.json": 1,
    "cowcheck explore --design kref-lock --scenario two-stores --report leak.html": 1,
    "cowcheck replay leak.json": 1,
    "cowcheck explore --design kref-lock --scenario two-stores --junit junit.xml --sarif cowcheck.sarif": 1,
    "cowcheck explore --design kref-lock --scenario two-stores --json old.json": 1,
    "cowcheck explore --design kref-lock --scenario two-stores --scenario sbrk-down --json new.json": 1,
    "cowcheck diff old.json new.json": 1,
    "cowcheck explore --design kref-lock --scenario two-stores --gradescope results.json": 1,
    "cowcheck explore --design kref-lock --scenario two-stores --gradescope results.json --rubric rubric.toml": 1,
}
"""Of the commands that end otherwise than with 0."""


def commands(document: str) -> list[str]:
    """The commands of a document's console blocks, in their order."""
    text = (ROOT / document).read_text(encoding="utf-8")
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ cowcheck")]


def files(document: str) -> dict[str, str]:
    """The files that a document shows, by name."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", text, re.DOTALL))


@pytest.mark.parametrize(
    "document", ["README.md", "CONTRIBUTING.md", "docs/ci.md", "docs/autograder/README.md", "docs/export.md"]
)
def test_every_command_does_what_the_text_says(document: str, tmp_path: Path) -> None:
    for name, text in files(document).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert commands(document)
    for command in commands(document):
        run = subprocess.run(
            [sys.executable, "-m", "cowcheck.checker", *command.split()[1:]],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == EXIT_STATUS.get(command, 0), f"{command}\n{run.stdout}\n{run.stderr}"
        assert run.stdout or "-o" in command


def test_the_design_of_contributing_frees_a_page_twice(tmp_path: Path) -> None:
    path = tmp_path / "late_test.py"
    path.write_text(files("CONTRIBUTING.md")["late_test.py"], encoding="utf-8")
    model = Model(find_design(str(path)).program, find_scenario("sbrk-down"))
    found = {finding.invariant for finding in Explorer(model, Judge()).run().findings}
    assert "freed-once" in found


def test_the_invariant_of_contributing_is_broken_where_the_text_says() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(r"<!-- invariant -->\n```python\n(.*?)```", text, re.DOTALL)
    added = eval(snippet.strip().rstrip(","), dict(vars(invariants)))
    for scenario, expected in (("three-children", {"few-sharers"}), ("two-stores", set())):
        model = Model(find_design("lab-plan").program, find_scenario(scenario))
        found = Explorer(model, Judge(invariants=(*invariants.INVARIANTS, added)), keep_going=False).run().findings
        assert {finding.invariant for finding in found} == expected


def test_the_decision_trace_of_the_page_on_races_is_what_comes_out() -> None:
    """The golden file is held to the code by tests/checker/interleave."""
    text = (ROOT / "docs" / "interleave.md").read_text(encoding="utf-8")
    shown = re.findall(r"<!-- golden: (\S+) -->\n```text\n(.*?)```", text, re.DOTALL)
    assert shown
    for name, block in shown:
        assert block == (ROOT / "tests" / "golden" / name).read_text(encoding="utf-8")


def test_the_detection_matrix_has_every_kernel_once() -> None:
    """`make matrix` writes it, from a run of some twenty minutes; here it is held to the kernels that there are."""
    text = (ROOT / "docs" / "detection.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| ") and "---" not in line]
    bugs = sorted((cells[1].strip(), re.split(r"[: *]", cells[2].strip())[0]) for cells in rows if len(cells) == 8)
    right = sorted(re.split(":", cells[1].strip())[0] for cells in rows if len(cells) == 5)
    assert bugs == sorted([*((str(item.pattern), item.name) for item in MUTANTS), ("pattern", "mutant")])
    assert right == sorted([*(item.name for item in VARIANTS), "right", "kernel"])
