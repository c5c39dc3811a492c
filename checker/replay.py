"""Runs saved counterexamples again, step by step, and judges them again by the same invariant.

What a replay establishes: that this schedule is possible in this design, and that its last step breaks the invariant.
For ``progress`` a schedule alone cannot show that no other continuation reaches an end, so all states that can follow
are looked at again, up to a limit; where the limit is met, the text says what was left open.
"""

from __future__ import annotations

import re
from collections import deque
from pathlib import Path
from typing import NamedTuple

from cowcheck.checker.catalogue import Design, find_design, find_scenario, is_path
from cowcheck.checker.job import subject_of
from cowcheck.checker.result import Subject, Violation
from cowcheck.checker.retrace import PROGRESS, Claim, Unlike, retrace
from cowcheck.checker.saved import Saved, changed_files, digests
from cowcheck.checker.symmetry import FrameSymmetry
from cowcheck.checker.trace import NotEnabled
from cowcheck.model.errors import CowcheckError
from cowcheck.model.scenario import Scenario
from cowcheck.model.system import Model, StateTuple

MOST_STATES = 100_000
MOST_SOURCE_BYTES = 1 << 20


class Replayed(NamedTuple):
    """A violation that was reached again; ``remark`` says what that establishes where it is not plain."""

    subject: Subject
    violation: Violation
    remark: str


def replay(saved: Saved, place: str, *, oracle: bool = False) -> Replayed:
    """Raises :class:`CowcheckError`, beginning with ``place``, where the violation is not reached again."""
    again = f"explore it again: cowcheck explore --design {saved.design} --scenario {saved.scenario}"
    try:
        design, scenario = _load(saved)
    except CowcheckError as error:
        raise CowcheckError(f"{place}: {error}") from error
    if changed := changed_files(saved, digests(design, scenario)):
        raise CowcheckError(f"{place}: changed since it was saved: {', '.join(changed)}; {again}")
    try:
        claim = Claim(saved.invariant, saved.path, saved.cycle, saved.after)
        retraced = retrace(design, scenario, claim, oracle=oracle)
    except NotEnabled as error:
        raise CowcheckError(
            f"{place}: {error}, in this design, scenario and sizes; the file was edited, or is of another version of "
            f"cowcheck; {again}"
        ) from error
    except Unlike as error:
        raise CowcheckError(
            f"{place}: its schedule is not one that violates {saved.invariant}: {error}; the file was altered, or is "
            f"of another version of cowcheck; {again}"
        ) from error
    except CowcheckError as error:
        raise CowcheckError(f"{place}: {error}") from error
    remark = ""
    if saved.invariant == PROGRESS and saved.cycle:
        remark = _nothing_else(retraced.model, retraced.state, place)
    return Replayed(subject_of(design, scenario), retraced.violation, remark)


def _load(saved: Saved) -> tuple[Design, Scenario]:
    for name in (saved.design, saved.scenario):
        path = Path(name)
        if path.exists() and (not path.is_file() or path.stat().st_size > MOST_SOURCE_BYTES):
            raise CowcheckError(f"{name}: no design or scenario file")
        if is_path(name) and not path.exists() and not path.is_absolute():
            raise CowcheckError(
                f"{name}: cannot be read, there is no such file; the path is relative: replay it in the folder that it "
                "was saved in"
            )
    design, scenario = find_design(saved.design), find_scenario(saved.scenario)
    try:
        return design, scenario.resized(saved.harts, saved.frames, saved.pages)
    except CowcheckError as error:  # in the words of the options of explore
        raise CowcheckError(re.sub(r"--(harts|frames|pages)", r"'\1'", str(error))) from error


def _nothing_else(model: Model, state: StateTuple, place: str) -> str:
    """Looks at every state that can follow. Raises :class:`CowcheckError` where one of them is an end."""
    canonical = FrameSymmetry(model)
    first = canonical(state)
    seen = {first}
    queue = deque([first])
    while queue:
        if len(seen) > MOST_STATES:
            return (
                f"The steps do repeat; of the states that can follow, the first {MOST_STATES:,} were looked at and "
                "none is an end. Exploring shows the rest."
            )
        current = queue.popleft()
        if model.is_end(current):
            raise CowcheckError(f"{place}: an end can be reached from its cycle; the file was altered")
        for action in model.enabled_actions(current):
            following = canonical(model.next_state(current, action))
            if following not in seen:
                seen.add(following)
                queue.append(following)
    if len(seen) == 1:
        return "Nothing else can follow: no end is reached."
    return f"All {len(seen):,} states that can follow were looked at again: none is an end."
