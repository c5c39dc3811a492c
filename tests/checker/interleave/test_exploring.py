"""Races of the test kernel: what is found, judged, told and run again."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from cowcheck.checker.check.conduct import Listener
from cowcheck.checker.check.subject import Subject
from cowcheck.checker.interleave import explorer as exploring
from cowcheck.checker.interleave.explorer import Explorer
from cowcheck.checker.interleave.judging import ScheduleJudge
from cowcheck.checker.interleave.plan import race_named
from cowcheck.checker.interleave.replay import replay_schedules
from cowcheck.checker.interleave.report import data_races, told
from cowcheck.checker.interleave.result import RaceFinding, RaceResult, to_json
from cowcheck.checker.interleave.saved import write_schedules
from cowcheck.checker.interleave.verdict import findings, races_alone, with_races
from cowcheck.checker.result import Verdict
from cowcheck.checker.verify.result import KernelResult, Status
from cowcheck.checker.verify.verifier import Verifier
from cowcheck.machine.interleave.interleaver import Interleaver
from cowcheck.machine.program.kernel_age import FORK_WITHOUT_MEMORY
from cowcheck.machine.program.scenario_program import scenario_workload
from cowcheck.machine.record.event_buffer import Rows
from cowcheck.machine.rig import Rig
from cowcheck.model.errors import CowcheckError
from cowcheck.specs.races import Race

NO_LOCK, AFTER_RELEASE = "BUG_NO_LOCK", "BUG_COUNT_TESTED_AFTER_RELEASE"
Explored = Callable[..., RaceResult]


def first_of(result: RaceResult) -> RaceFinding:
    assert result.findings
    return result.findings[0]


# --- what is found ---


def test_a_count_without_a_lock_is_lost_by_one_preemption(explored: Explored) -> None:
    finding = first_of(explored("store+store", NO_LOCK))
    assert (finding.finding.invariant, finding.preemptions, finding.is_race) == ("no-leak", 1, True)
    assert "kref_put" in {line.place.split(" ")[0] for line in finding.lines if line.switch}
    assert [line.text for line in finding.lines if "reference count" in line.text][-1].startswith("drop: ")


def test_a_count_that_is_tested_when_the_lock_is_gone_frees_twice(explored: Explored) -> None:
    result = explored("store+store", AFTER_RELEASE)
    broken = {name for item in result.findings for name in (item.finding.invariant, *item.finding.then)}
    assert "freed-once" in broken
    assert {item.preemptions for item in result.findings} == {2}
    assert any("kref_put" in line for line in result.data_races)


@pytest.mark.parametrize("race", ["store+store", "store+reap", "fork+exit", "store+store/1"])
def test_the_right_kernel_is_accused_of_nothing(explored: Explored, race: str) -> None:
    result = explored(race)
    assert (result.findings, result.problem, result.data_races) == ((), "", ())
    assert (result.complete, result.exhausted) == (2, True)
    assert result.schedules > 1


def test_exploring_again_is_the_same(explored: Explored, explorer_with: Callable[..., Explorer]) -> None:
    again = explorer_with(NO_LOCK).explore(race_named("store+store"))
    assert to_json([again]) == to_json([explored("store+store", NO_LOCK)])


# --- judging: many executions by one verifier, or each by a new one ---


def test_an_execution_is_judged_as_by_a_new_verifier(subject_with: Callable[..., Subject]) -> None:
    subject = subject_with(NO_LOCK)
    rig = subject.rig(2)
    assert isinstance(rig, Rig)
    interleaver, race = Interleaver.of(rig), race_named("store+store")
    workload = scenario_workload(race.scenario(), None, cached=True)
    header = subject.header(2, race.name)
    judge, way = ScheduleJudge(header, subject.kernel, race.name, repr), list[tuple[Rows, tuple[str, ...]]]()

    def take(rows: Rows, texts: Sequence[str]) -> None:
        way.append((rows.copy(), tuple(texts)))
        judge.take(rows, texts)

    assert interleaver.set_up(workload, take, Listener(workload, frozenset()).hear) == ""
    interleaver.cool(False)
    assert judge.freeze() == ""
    counts = {int(at) & ~7 for at in interleaver.run(((0, 0),)).log["object"] if in_counts(interleaver, int(at))}
    interleaver.heat(sorted(counts))
    steps = len(interleaver.run(((0, 0),)).steps)
    seen = set()
    for at in range(1, steps):
        execution = interleaver.run(((0, 0), (at, 1)))
        fresh = Verifier(header)
        fresh.begin("race")
        for rows, texts in (*way, (execution.rows, execution.texts)):
            fresh.feed(np.array(rows), texts)
        due = {(item.invariant, item.frame) for item in fresh.court.findings()}
        assert {(item.invariant, item.frame) for item in judge.alone(execution)} == due
        judge.judge(execution)
        seen |= due
    assert {invariant for invariant, _ in seen} == {item.invariant for item in map(judge.finding, range(judge.found))}
    assert seen


def in_counts(interleaver: Interleaver, address: int) -> bool:
    observer = interleaver.recorder.observer
    return bool(observer["count_first"] <= address < observer["count_end"])


# --- telling ---


def test_a_finding_as_a_person_reads_it(explored: Explored, golden: Callable[[str, str], None]) -> None:
    results = [explored("store+store", NO_LOCK)]
    golden("interleave-no-lock-store-store.txt", "\n".join(told(results, findings(results)[:1], 80)) + "\n")


def test_lines_stand_in_the_order_of_what_was_done(explored: Explored) -> None:
    """The count that one hart reads is what the other has left it at."""
    lines = first_of(explored("store+store", NO_LOCK)).lines
    value = None
    for line in lines:
        words = line.text.split()
        if line.text.startswith("reads the reference count: ") and value is not None:
            assert int(words[-1]) == value
        elif line.text.startswith(("drop: reference count", "take: reference count")):
            value = int(words[-1])
    assert value is not None
    stops = [at for at, line in enumerate(lines) if line.switch]
    assert all(lines[at].hart != lines[at + 1].hart for at in stops)


def test_data_races_that_broke_something_are_not_called_harmless() -> None:
    broke = RaceResult("one", 2, data_races=("a", "b"), findings=(None,))  # type: ignore[arg-type] # not looked at
    assert data_races([broke, RaceResult("two", 2, data_races=("b", "c", "c"))]) == ["c"]


# --- verdicts ---


@pytest.fixture
def nothing(subject_with: Callable[..., Subject]) -> KernelResult:
    """A result before anything was run."""
    return Verifier(subject_with().header(2, "")).finish()


def test_races_alone_pass_where_the_bound_is_complete(nothing: KernelResult) -> None:
    done = races_alone(nothing, [RaceResult("a", 2, complete=2), RaceResult("b", 2, complete=0, exhausted=True)], 2)
    assert (done.verdict, done.incomplete) == (Verdict.PASS, ())
    partly = races_alone(nothing, [RaceResult("a", 2, complete=1)], 2)
    assert (partly.verdict, partly.incomplete) == (
        Verdict.INCONCLUSIVE, ("not every schedule to the bound was run: a",)
    )  # fmt: skip
    failed = races_alone(nothing, [RaceResult("a", 2, problem="why")], 2)
    assert (failed.verdict, failed.incomplete) == (Verdict.INCONCLUSIVE, ("race a was not explored: why",))


def test_what_xv6_itself_cannot_do_is_no_fault_and_no_pass(nothing: KernelResult) -> None:
    beyond, done = RaceResult("a", 2, problem="why", beyond=True), RaceResult("b", 2, complete=2)
    workloads = dataclasses.replace(nothing, verdict=Verdict.PASS, incomplete=(), shares=True)
    assert with_races(workloads, [beyond, done]).verdict is Verdict.PASS
    assert races_alone(nothing, [beyond, done], 2).verdict is Verdict.PASS
    assert races_alone(nothing, [beyond], 2).verdict is Verdict.INCONCLUSIVE


def test_a_race_that_xv6_itself_cannot_survive_is_not_run(
    explorer_alone: Callable[..., Explorer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exploring, "inabilities", lambda data: frozenset({FORK_WITHOUT_MEMORY}))
    result = explorer_alone().explore(Race(("store", "fork"), 1))
    assert (result.schedules, result.beyond) == (0, True)


def test_a_violation_in_a_race_is_one_of_the_kernel(nothing: KernelResult, explored: Explored) -> None:
    workloads = dataclasses.replace(nothing, verdict=Verdict.PASS, incomplete=(), shares=True)
    race = explored("store+store", NO_LOCK)
    result = with_races(workloads, [race])
    assert result.verdict is Verdict.FAIL
    (check,) = [item for item in result.checks if item.status is Status.VIOLATED]
    assert (check.invariant, check.because) == ("no-leak", "in store+store")
    assert {item.run for item in result.findings} == {"race store+store"}
    assert with_races(workloads, [RaceResult("a", 2, complete=2)]).verdict is Verdict.PASS


def test_one_cause_is_told_once_by_the_fewest_preemptions(explored: Explored) -> None:
    race = explored("store+store", NO_LOCK)
    worse = dataclasses.replace(
        race,
        race="again",
        findings=tuple(dataclasses.replace(it, preemptions=it.preemptions + 1) for it in race.findings),
    )
    assert findings([race, worse]) == findings([worse, race]) == findings([race])


def test_what_needs_no_preemption_is_left_to_the_workloads_that_showed_it(
    nothing: KernelResult, explored: Explored
) -> None:
    race = explored("store+store", NO_LOCK)
    always = dataclasses.replace(
        race, findings=tuple(dataclasses.replace(item, preemptions=0) for item in race.findings)
    )
    told_before = tuple(
        dataclasses.replace(item, status=Status.VIOLATED) if item.invariant == "no-leak" else item
        for item in nothing.checks
    )
    known = dataclasses.replace(nothing, checks=told_before, verdict=Verdict.FAIL)
    assert with_races(known, [always]).findings == ()
    assert with_races(known, [race]).findings != ()


# --- running a schedule again ---


@pytest.mark.parametrize("flag", [NO_LOCK, AFTER_RELEASE])
def test_a_schedule_leads_to_the_same_state_and_violation(
    explored: Explored, explorer_with: Callable[..., Explorer], flag: str
) -> None:
    explorer = explorer_with(flag)
    for finding in explored("store+store", flag).findings:
        replayed = explorer.replay(race_named(finding.race), finding.schedule, finding.points)
        assert replayed.state == finding.state
        assert finding.finding.invariant in replayed.violated
        assert replayed.lines == finding.lines
        every = explorer.replay(race_named(finding.race), finding.schedule, finding.points, everything=True)
        assert every.state == finding.state
        reads = [line for line in every.lines if "reads the reference count" in line.text]
        assert [line.place for line in reads] == [
            line.place for line in finding.lines if "reads the reference count" in line.text
        ]
        assert len(every.lines) >= len(finding.lines)


@pytest.fixture
def saved(explored: Explored, subject_with: Callable[..., Subject], tmp_path: Path) -> Path:
    """The schedules of a mutant in a file."""
    elf = subject_with(NO_LOCK).kernel.elf
    path = tmp_path / "lost.json"
    write_schedules(path, str(elf.path), elf.build_id, findings([explored("store+store", NO_LOCK)]))
    return path


def test_a_file_is_replayed(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay_schedules(saved, 1, None, False) == 1
    text = capsys.readouterr().out
    assert "no-leak is violated again" in text
    assert "** stops before it writes kref" in text


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"race": "store+store"', '"race": "nosuch"', "nosuch: no race or scenario has this name"),
        ('"invariant": "no-leak"', '"invariant": "isolation"', "isolation is not violated this time"),
        ('"build_id": "', '"build_id": "0', "is of another kernel than"),
        ('"state": "', '"state": "1', "it led to another state than when it was saved"),
    ],
)
def test_a_file_that_was_changed_is_refused(saved: Path, old: str, new: str, message: str) -> None:
    text = saved.read_text(encoding="utf-8")
    assert old in text
    saved.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(CowcheckError) as error:
        replay_schedules(saved, None, None, False)
    assert message in str(error.value)


def test_a_schedule_that_was_changed_is_refused(saved: Path, explored: Explored) -> None:
    """Without its switch, it is the right order."""
    value = json.loads(saved.read_text(encoding="utf-8"))
    for item in value["schedules"]:
        item["schedule"] = item["schedule"][:1]
    saved.write_text(json.dumps(value), encoding="utf-8")
    with pytest.raises(CowcheckError, match="it led to another state"):
        replay_schedules(saved, None, None, False)


def test_a_number_that_the_file_does_not_hold(saved: Path) -> None:
    with pytest.raises(CowcheckError, match="give a number from 1 to"):
        replay_schedules(saved, 99, None, False)


def test_a_file_without_schedules(saved: Path) -> None:
    write_schedules(saved, "kernel", "abc", ())
    with pytest.raises(CowcheckError, match="it holds no schedule"):
        replay_schedules(saved, None, None, False)
