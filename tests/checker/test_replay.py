"""A saved counterexample is replayed to the same violation, and nothing else that a file may hold is believed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cowcheck.checker.cli import main
from cowcheck.checker.job import Job, load, run
from cowcheck.checker.replay import replay
from cowcheck.checker.retrace import Unlike
from cowcheck.checker.saved import Saved, digests, read_saved, saved_from, write_saved
from cowcheck.model.errors import CowcheckError

JOBS = (
    Job("kref-lock", "two-stores"),
    Job("counter-in-trap", "store-text-alone"),
    Job("kmake-unique", "fault-no-frame"),
    Job("kref-lock", "store-exit", harts=1, frames=9, pages=2),
)
Values = dict[str, Any]
explored = cache(run)


def saved_of(job: Job) -> list[Saved]:
    result = explored(job)
    sources = digests(*load(job))
    return [saved_from(job, result.subject, violation, sources) for violation in result.violations]


@pytest.fixture(scope="module")
def everything() -> list[Saved]:
    return [saved for job in JOBS for saved in saved_of(job)]


@pytest.fixture
def file(tmp_path: Path, everything: list[Saved]) -> Path:
    path = tmp_path / "found.json"
    write_saved(path, everything)
    return path


def test_what_was_written_is_read(file: Path, everything: list[Saved]) -> None:
    assert read_saved(file) == everything
    assert len(everything) >= 5


@pytest.mark.parametrize("oracle", [False, True])
def test_every_one_is_reached_again(everything: list[Saved], oracle: bool) -> None:
    for saved in everything:
        replayed = replay(saved, "here", oracle=oracle)
        assert (replayed.violation.invariant, replayed.violation.message) == (saved.invariant, saved.message)
        assert bool(replayed.remark) == bool(saved.cycle)


def test_progress_is_said_to_be_looked_at_again(everything: list[Saved]) -> None:
    stuck = next(saved for saved in everything if saved.invariant == "progress")
    assert "none is an end" in replay(stuck, "here").remark


def test_a_cycle_that_something_leads_out_of_is_no_violation() -> None:
    """A process that spins is no fault as long as an end can be reached: the files' word is not taken for it."""
    saved = saved_of(JOBS[1])[0]
    first = next(number for number in range(len(saved.path)) if saved.path[number] != saved.path[0])
    with pytest.raises(CowcheckError):
        replay(saved._replace(path=saved.path[:first]), "here")


def test_the_command_shows_it_and_exits_with_1(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(file), "--number", "1"]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("no-leak: kref-lock in two-stores")
    assert "steps: no-leak is violated again." in out
    assert not err


@pytest.mark.parametrize("number", ["0", "-1", "99", "x"])
def test_a_number_that_is_not_there(file: Path, number: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(file), "--number", number]) == 2
    assert capsys.readouterr().out == ""


def set_in(*path: str | int, to: Any) -> Callable[[Values], None]:
    def change(values: Values) -> None:
        at: Any = values
        for name in path[:-1]:
            at = at[name]
        at[path[-1]] = to

    return change


FIRST = ("counterexamples", 0)
DAMAGE: dict[str, tuple[Callable[[Values], Any], str]] = {
    "another schema": (set_in("schema", to="cowcheck/counterexample/2"), "no counterexample file"),
    "results": (set_in("schema", to="cowcheck/results/1"), "no counterexample file"),
    "none in it": (set_in("counterexamples", to=[]), "holds no counterexamples"),
    "a number in it": (set_in("counterexamples", to=[7]), "no object"),
    "no subject": (set_in(*FIRST, "subject", to=None), "subject is no object"),
    "size 0": (set_in(*FIRST, "subject", "harts", to=0), "'harts' 0: give a number"),
    "size -1": (set_in(*FIRST, "subject", "frames", to=-1), "'frames' -1: give"),
    "nine harts": (set_in(*FIRST, "subject", "harts", to=9), "'harts' 9: give"),
    "size true": (set_in(*FIRST, "subject", "harts", to=True), "no number"),
    "huge size": (set_in(*FIRST, "subject", "pages", to=10**30), "'pages' 1"),
    "an unknown design": (set_in(*FIRST, "subject", "design", to="nope"), "unknown design 'nope'"),
    "a folder": (set_in(*FIRST, "subject", "design", to="/"), "no design"),
    "a device": (set_in(*FIRST, "subject", "scenario", to="/dev/zero"), "no design or scenario file"),
    "a missing file": (set_in(*FIRST, "subject", "design", to="gone/away.py"), "replay it in the folder"),
    "a NUL in a name": (set_in(*FIRST, "subject", "design", to="a\0.py"), "no text"),
    "an unknown scenario": (set_in(*FIRST, "subject", "scenario", to="nope"), "unknown scenario"),
    "another design": (set_in(*FIRST, "subject", "design", to="lab-plan"), "changed since it was saved"),
    "a changed text": (set_in(*FIRST, "sources", "specs/designs/kref_lock.py", to="0"), "kref_lock.py"),
    "a further text": (set_in(*FIRST, "sources", "my.py", to="0"), "changed since it was saved: my.py"),
    "an unknown invariant": (set_in(*FIRST, "invariant", to="nope"), "unknown invariant"),
    "another invariant": (set_in(*FIRST, "invariant", to="isolation"), "does not break isolation"),
    "an empty schedule": (set_in(*FIRST, "schedule", to=[]), "no steps"),
    "a schedule of words": (set_in(*FIRST, "schedule", to=["a"]), "step 1 of 'schedule'"),
    "pid 0": (set_in(*FIRST, "schedule", 3, to=[0, False]), "step 4 of 'schedule'"),
    "pid 99": (set_in(*FIRST, "schedule", 3, to=[99, False]), "step 4 of 'schedule'"),
    "pid true": (set_in(*FIRST, "schedule", 3, to=[True, False]), "step 4 of 'schedule'"),
    "another process": (
        set_in(*FIRST, "schedule", 3, to=[4, False]),
        "step 4: process 4 cannot run here, in this design, scenario and sizes; the file was edited",
    ),
    "a timer": (set_in(*FIRST, "schedule", 3, to=[1, True]), "cannot run here with a timer interrupt"),
    "a cycle": (set_in(*FIRST, "cycle", to=[[2, False]]), "cycle"),
    "no list": (lambda values: [values], "no counterexample file"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_file_is_refused_with_one_message(file: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    change, words = DAMAGE[name]
    values = json.loads(file.read_text("utf-8"))
    values = change(values) or values
    file.write_text(json.dumps(values), "utf-8")
    assert main(["replay", str(file)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"cowcheck: {file}")
    assert words in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"null", b"[" * 100_000, b"9" * 10_000, b'{"schema": NaN}', b"\0", b"from x import y\n"],
    ids=["empty", "brace", "not UTF-8", "null", "deep", "digits", "NaN", "NUL", "Python"],
)
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "foreign"
    path.write_bytes(content)
    assert main(["replay", str(path)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("place", [".", "no/such/file", "/dev/zero"])
def test_what_is_no_file_is_refused(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", place]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_that_is_cut_off_or_overwritten_anywhere_is_read_or_refused(
    file: Path, tmp_path: Path, data: st.DataObject
) -> None:
    whole = file.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    cut = data.draw(st.booleans())
    other = tmp_path / "other.json"
    other.write_bytes(
        whole[:at] if cut else whole[:at] + data.draw(st.binary(min_size=1, max_size=4)) + whole[at + 1 :]
    )
    if cut and whole[at:].strip():
        with pytest.raises(CowcheckError):
            read_saved(other)
    else:
        with contextlib.suppress(CowcheckError):
            replay(read_saved(other)[0], "here")


def test_a_design_that_was_changed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So is one of a user's own, found under the path that it was given by."""
    monkeypatch.chdir(tmp_path)
    design, _ = load(JOBS[0])
    mine = Path("mine.py")
    mine.write_text(design.linked.unit.text, "utf-8")
    saved = saved_of(JOBS[0]._replace(design="mine.py"))[0]
    assert saved.design == "mine.py"
    assert replay(saved, "here").violation.steps[-1].parts[0].place.file == "mine.py"
    mine.write_text(mine.read_text("utf-8") + "\n", "utf-8")
    with pytest.raises(CowcheckError, match=r"here: changed since it was saved: mine\.py; explore it again: cowcheck"):
        replay(saved, "here")


def test_a_violation_of_a_mended_invariant_is_not_reached(
    everything: list[Saved], monkeypatch: pytest.MonkeyPatch
) -> None:
    def mended(*_: object, **__: object) -> None:
        raise Unlike("it holds")

    monkeypatch.setattr("cowcheck.checker.replay.retrace", mended)
    with pytest.raises(CowcheckError, match="here: its schedule is not one that violates no-leak: it holds"):
        replay(everything[0], "here")


@pytest.mark.parametrize(
    ("content", "words"), [("[" * 100_000, "nested too deeply"), ("9" * 10_000, "a number is too long")]
)
def test_what_json_cannot_hold_is_said_in_words(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "foreign"
    path.write_text(content, "utf-8")
    with pytest.raises(CowcheckError, match=f"damaged, {words}; save it again"):
        read_saved(path)
