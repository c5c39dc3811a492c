"""A counterexample fits 80 columns, names what matters, and is what the golden files hold."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from cowcheck.checker.counterexample import counterexample, sizes
from cowcheck.checker.job import Job, run
from cowcheck.checker.result import Result

JOBS = {
    "kref-lock-two-stores": Job("kref-lock", "two-stores"),
    "kmake-unique-fault-no-frame": Job("kmake-unique", "fault-no-frame"),
    "counter-in-trap-store-text-alone": Job("counter-in-trap", "store-text-alone"),
}

explored = cache(run)


@pytest.fixture(scope="module", params=sorted(JOBS))
def found(request: pytest.FixtureRequest) -> tuple[str, Result]:
    return request.param, explored(JOBS[request.param])


def text(result: Result, number: int = 0, width: int = 80) -> str:
    lines = counterexample(result.subject, result.violations[number], ["Run it again: cowcheck replay FILE"], width)
    return "\n".join(line.plain for line in lines) + "\n"


def test_the_text_is_that_of_the_golden_file(found: tuple[str, Result], golden: Callable[[str, str], None]) -> None:
    name, result = found
    golden(f"counterexample-{name}.txt", "\n".join(text(result, n) for n in range(len(result.violations))))


@pytest.mark.parametrize("width", [80, 100, 400])
def test_it_keeps_to_the_width_and_loses_nothing(found: tuple[str, Result], width: int) -> None:
    _, result = found
    told = text(result, 0, width)
    assert max(map(len, told.splitlines())) <= min(width, 120)
    assert not any(line != line.rstrip() for line in told.splitlines())
    flat = re.sub(r"\s+", " ", told)
    violation = result.violations[0]
    assert violation.message in flat
    for step in [step for step in violation.steps if not step.setup] + list(violation.cycle):
        assert re.search(rf"^[* ] +{step.number} ", told, re.MULTILINE)
        assert step.parts[0].code.partition("  # ")[0] in flat


def test_one_row_a_step_and_one_column_a_hart() -> None:
    result = explored(JOBS["kref-lock-two-stores"])
    lines = text(result).splitlines()
    header = next(line for line in lines if line.startswith("  step hart 0"))
    columns = [header.index("hart 0"), header.index("hart 1")]
    violation = result.violations[0]
    rows = {int(found[1]): line for line in lines if (found := re.match(r"[* ] +(\d+) ", line))}
    shown = [step for step in violation.steps if not step.setup]
    assert sorted(rows) == [step.number for step in shown]
    for step in shown:
        row = rows[step.number]
        assert row[columns[step.hart] :].startswith(step.parts[0].function[:10])
        assert row[columns[1 - step.hart]] == " "


def test_what_decides_is_starred_and_in_numbers() -> None:
    told = text(explored(JOBS["kref-lock-two-stores"]))
    frame = re.search(r"This violates no-leak.*?Frame (\d+) is lost", told, re.DOTALL)
    assert frame
    assert f"A star marks each step that has to do with frame {frame[1]}." in told
    assert told.count(f"> reads kref.refcnt[frame {frame[1]}] = 2") >= 2
    starred = [line for line in told.splitlines() if line.startswith("*")]
    assert len(starred) >= 4
    assert not any("kmem.freelist" in line for line in starred)


def test_the_setup_is_told_by_what_it_leaves() -> None:
    told = text(explored(JOBS["kref-lock-two-stores"]))
    assert re.search(r"parent page 0 -> frame (\d) \(R--UC\); child page 0 -> frame \1 \(R--UC\)", told)
    assert re.search(r"frame \d: refcnt 2; free: frames", told)


def test_a_cycle_is_told_to_repeat() -> None:
    told = text(explored(JOBS["counter-in-trap-store-text-alone"]))
    assert re.search(r"\nThen (this step repeats|these \d+ steps repeat) for ever:\n", told)


def test_many_harts_get_narrow_columns() -> None:
    result = explored(JOBS["kref-lock-two-stores"])
    violation = result.violations[0]
    spread = tuple(step._replace(hart=step.number % 8) for step in violation.steps)
    lines = counterexample(result.subject, replace(violation, steps=spread))
    assert max(len(line.plain) for line in lines) <= 80
    assert any(line.plain.startswith("  step h0 h1 h2 h3 h4 h5 h6 h7 runs") for line in lines)
    rows = [line.plain for line in lines if re.match(r"[* ] +\d+ ", line.plain)]
    assert rows
    for row in rows:  # a star before a number has its one meaning
        number = int(row[1:6])
        assert row[7:31].strip() == "#"
        assert row[7 + 3 * (number % 8)] == "#"


def test_a_process_that_comes_to_another_hart_is_named_there() -> None:
    result = explored(JOBS["kref-lock-two-stores"])
    violation = result.violations[0]
    moved = violation.steps[-1]._replace(hart=0)
    lines = [
        line.plain for line in counterexample(result.subject, replace(violation, steps=(*violation.steps[:-1], moved)))
    ]
    row = next(index for index, line in enumerate(lines) if re.match(rf"\*? *{moved.number} ", line))
    assert lines[row - 1].strip() == f"{moved.process}:"


def test_the_sizes() -> None:
    assert sizes(explored(JOBS["kref-lock-two-stores"]).subject) == "2 harts, 8 frames, 1 page"


def test_long_names_are_wrapped() -> None:
    result = explored(JOBS["kref-lock-two-stores"])
    long = "a-scenario-of-a-name-" * 3
    subject = replace(result.subject, scenario=long)
    setup = tuple(item.replace("parent", "parent-" * 15 + "x") for item in result.violations[0].setup)
    frames = " ".join(f"Frame {number} is lost." for number in range(20))
    told = counterexample(subject, replace(result.violations[0], setup=setup, message=frames))
    assert max(len(line.plain) for line in told) <= 80
    flat = "".join("".join(line.plain for line in told).split())
    assert f"{long}(2harts,8frames,1page)" in flat
    assert "Astarmarkseachstepthathastodowithframe0orframe1or" in flat


BOOTS_NOT = """\
from cowcheck.model.language import Design, Frame, panic
DESIGN = Design(name="boots-not", title="kfree panics")

def kfree(pa: Frame) -> None:
    panic("kfree")
"""


def test_what_goes_wrong_at_boot_is_said_to(tmp_path: Path) -> None:
    path = tmp_path / "boots_not.py"
    path.write_text(BOOTS_NOT, "utf-8")
    told = re.sub(r"\s+", " ", text(run(Job(str(path), "two-stores"))))
    assert "Its last words: kfree. It happened while booting, before any process ran: did kinit's kfree" in told
    assert "every other one down" not in told
    assert "while booting" not in text(explored(JOBS["kmake-unique-fault-no-frame"]), 1)
