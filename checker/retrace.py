"""A path run again, told step by step, and judged again: no violation is shown that was not reached a second time.

The explorer finds a violation among canonical states, where frames and harts bear other names; the sentence and the
numbers that a person reads are made here, from the very states that the steps tell of. Replaying a saved counterexample
is the same thing done later.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cowcheck.checker.catalogue import Design
from cowcheck.checker.finding import sentence
from cowcheck.checker.judge import Broken, Judge, message
from cowcheck.checker.result import Violation, setup_length
from cowcheck.checker.setup_summary import setup_summary
from cowcheck.checker.symmetry import FrameSymmetry
from cowcheck.checker.trace import Step, Teller
from cowcheck.model.errors import CowcheckError
from cowcheck.model.layout import PHASE
from cowcheck.model.observe import Observer
from cowcheck.model.scenario import Scenario
from cowcheck.model.system import Action, Model, StateTuple
from cowcheck.model.views import FrameView, SystemView, View
from cowcheck.specs.invariants import find_invariants

PROGRESS = "progress"
_NO_END = SystemView(panicked=False, end_reachable=False)


class Unlike(CowcheckError):
    """A schedule that does not lead to the violation that it is said to."""


class Claim(NamedTuple):
    """What a schedule is said to lead to: ``after`` names a violation that comes before on the path, if one does."""

    invariant: str
    path: Sequence[Action]
    cycle: Sequence[Action] = ()
    after: str = ""


class Retraced(NamedTuple):
    """The violation as told, and the state that its path ends in."""

    violation: Violation
    model: Model
    state: StateTuple


def retrace(design: Design, scenario: Scenario, claim: Claim, *, oracle: bool = False) -> Retraced:
    """Runs the path, then the cycle. Raises :class:`Unlike` where its last step does not break the invariant, or an
    earlier one does; for ``progress``, where the path ends in no state that is stuck or that the cycle leads back to.

    What this cannot show of ``progress`` is that nothing else leads out of there: see ``checker/replay.py``.
    """
    path = tuple(claim.path)
    schedule = (*path, *claim.cycle)
    if not path:
        raise Unlike("it has no steps")
    if claim.cycle and claim.invariant != PROGRESS:
        raise Unlike("it has a cycle, and only progress is violated by one")
    judge = Judge(oracle, find_invariants({claim.invariant, *([claim.after] if claim.after else [])}))
    teller = Teller(design, scenario)
    observer = Observer(teller.model)
    steps: list[Step] = []
    states = [teller.state]
    first: dict[str, tuple[int, Broken, View]] = {}
    for step in teller.steps(schedule):
        steps.append(step)
        states.append(teller.state)
        teller.branches = step.number >= len(path)
        for view in (*(view for _, view in teller.events), *observer.views(teller.state)):
            for item in judge.broken(view):
                first.setdefault(item.invariant, (step.number, item, view))
    state = states[len(path)]
    if claim.invariant == PROGRESS:
        told = _judge_stuck(teller, judge, state, claim.cycle)
    else:
        told = _judge_last(teller, observer, claim.invariant, first, path)
    if claim.after and claim.after not in first:
        raise Unlike(f"{claim.after}, which it is said to follow from, holds on its path")
    violation = Violation(
        invariant=claim.invariant,
        message=told,
        setup=setup_summary(teller.model, states[setup_length(steps)]),
        steps=tuple(steps[: len(path)]),
        cycle=tuple(steps[len(path) :]),
        schedule=schedule,
        after=claim.after,
        after_step=first[claim.after][0] if claim.after else 0,
    )
    return Retraced(violation, teller.model, state)


def _judge_last(
    teller: Teller,
    observer: Observer,
    invariant: str,
    first: dict[str, tuple[int, Broken, View]],
    path: tuple[Action, ...],
) -> str:
    if invariant not in first:
        raise Unlike(f"its last step, {len(path)}, does not break {invariant}")
    number, item, view = first[invariant]
    if number != len(path):
        raise Unlike(f"step {number} breaks {invariant} already, and it goes on")
    return sentence(teller.model, observer, path, item, view) + _as_stored(teller.design, item, view)


def _as_stored(design: Design, item: Broken, view: View) -> str:
    """Where a design counts from another number than 1, what its own array holds of a count that a sentence names."""
    program = design.program
    if not isinstance(view, FrameView) or "{refs}" not in item.statement.says or not program.count_offset:
        return ""
    return f" ({program.count} is {view.refs + program.count_offset}, which stands for {view.refs}.)"


def _judge_stuck(teller: Teller, judge: Judge, state: StateTuple, cycle: Sequence[Action]) -> str:
    model = teller.model
    if cycle:
        same = FrameSymmetry(model) if state[PHASE] else tuple[int, ...]
        if same(state) != same(teller.state):
            raise Unlike("the steps of its cycle do not lead back to where it begins")
    elif model.is_end(state) or any(True for _ in model.enabled_actions(state)):
        raise Unlike("it does not end in a state that is stuck")
    item = judge.broken(_NO_END)[0]
    text = message(item.statement, _NO_END, model.stuck_subject(state, cycle))
    return text[0].upper() + text[1:]
