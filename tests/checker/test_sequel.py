"""What follows from a violation is told as that, and can be run again."""

from __future__ import annotations

import pytest

from cowcheck.checker import sequel
from cowcheck.checker.catalogue import designs, scenarios
from cowcheck.checker.explore import Exploration, Explorer
from cowcheck.checker.finding import Finding
from cowcheck.checker.judge import Judge
from cowcheck.checker.sequel import consequences
from cowcheck.checker.symmetry import FrameSymmetry
from cowcheck.model.observe import Observer
from cowcheck.model.system import Model

SUBJECTS = (
    ("kmake-unique", "fault-no-frame"),
    ("kmake-unique", "read-no-frame"),
    ("refcount-array", "store-text"),
)


def search(model: Model, judge: Judge) -> Exploration:
    return Explorer(model, judge).run()


@pytest.mark.parametrize(("design", "scenario"), SUBJECTS)
def test_a_consequence_lies_behind_its_cause(design: str, scenario: str, judge: Judge) -> None:
    model = Model(designs()[design].program, scenarios()[scenario])
    found = search(model, judge)
    causes = {it.invariant: it for it in found.findings if not it.after}
    sequels = [it for it in found.findings if it.after]
    assert sequels
    for it in sequels:
        cause = causes[it.after]
        assert it.path[: len(cause.path)] == cause.path
        assert len(it.path) > len(cause.path)
        assert it.invariant not in causes
        assert it.cycle == ()


@pytest.mark.parametrize(("design", "scenario"), SUBJECTS)
def test_its_path_leads_to_it(design: str, scenario: str, judge: Judge) -> None:
    """Run without symmetry, the last step breaks the invariant, in its state or in what happens at it."""
    model = Model(designs()[design].program, scenarios()[scenario])
    observer = Observer(model)
    for it in search(model, judge).findings:
        state, events = model.replay_events(it.path)
        views = [*observer.views(state), *(view for _, view in events)]
        assert it.invariant in {item.invariant for view in views for item in judge.broken(view)}


def test_where_a_null_page_leads(judge: Judge) -> None:
    """Physical address 0 is mapped; so the process is killed and its PTE has changed; so kfree panics at its exit."""
    model = Model(designs()["kmake-unique"].program, scenarios()["fault-no-frame"])
    told = [(it.invariant, it.after) for it in search(model, judge).findings]
    assert told == [
        ("mapping-in-ram", ""),
        ("out-of-memory-kills", "mapping-in-ram"),
        ("kernel-survives", "mapping-in-ram"),
    ]


def test_what_is_known_is_not_told_again(judge: Judge) -> None:
    model = Model(designs()["kmake-unique"].program, scenarios()["fault-no-frame"])
    finding = search(model, judge).findings[0]
    canonical, observer = FrameSymmetry(model), Observer(model)
    everything = list(consequences(model, observer, judge, canonical, finding, set()))
    names = [it.invariant for it in everything]
    assert len(set(names)) == len(names)
    assert set(names) >= {"out-of-memory-kills", "kernel-survives", "mapping-in-ram"}
    known = {"mapping-in-ram", "out-of-memory-kills"}
    rest = list(consequences(model, observer, judge, canonical, finding, known))
    assert {it.invariant for it in rest} == set(names) - known
    assert known == {"mapping-in-ram", "out-of-memory-kills"}, "what it was given is left as it was"
    lengths = [len(it.path) for it in everything]
    assert lengths == sorted(lengths), "breadth first"


def test_it_looks_no_further_than_its_bound(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model(designs()["kmake-unique"].program, scenarios()["fault-no-frame"])
    finding = search(model, judge).findings[0]
    monkeypatch.setattr(sequel, "STATES", 3)
    assert list(consequences(model, Observer(model), judge, FrameSymmetry(model), finding, set())) == [
        finding._replace(path=it.path, after=it.invariant, message=it.message)
        for it in [first_step_after(model, judge, finding)]
    ]


def first_step_after(model: Model, judge: Judge, finding: Finding) -> Finding:
    """The mapping is still there one step later, whoever takes it."""
    action = next(iter(model.enabled_actions(model.replay(finding.path))))
    return Finding("mapping-in-ram", finding.message, (*finding.path, action))


def test_a_right_kernel_has_no_sequels(judge: Judge) -> None:
    model = Model(designs()["lab-plan"].program, scenarios()["fault-no-frame"])
    assert search(model, judge).findings == []
