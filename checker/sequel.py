"""What follows from a violation: a search that starts at the bad state and goes on as if nothing had happened.

The exploration itself does not look past a violation, so that consequences are not counted as causes. But a student
wants to know where it leads: physical address 0 is mapped, *and so* exit panics in kfree. The sequel is bounded
(``STATES``) and says nothing of what it did not find.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from cowcheck.checker.finding import Finding, sentence
from cowcheck.checker.judge import Judge
from cowcheck.checker.symmetry import Canonical
from cowcheck.model.observe import Observer
from cowcheck.model.system import Action, Model, StateTuple
from cowcheck.model.views import View

STATES = 4000


def consequences(
    model: Model, observer: Observer, judge: Judge, canonical: Canonical, finding: Finding, known: set[str]
) -> Iterator[Finding]:
    """The invariants beside ``known`` that are broken after ``finding``, each with a shortest path through it."""
    told = set(known)
    start = canonical(model.replay(finding.path))
    paths: dict[StateTuple, tuple[Action, ...]] = {start: finding.path}
    queue = deque([start])
    while queue and len(paths) < STATES:
        state = queue.popleft()
        for action in model.enabled_actions(state):
            path = (*paths[state], action)
            target, events = model.take(state, action)
            target = canonical(target)
            views: list[View] = [view for _, view in events]
            if target not in paths:
                paths[target] = path
                queue.append(target)
                views += observer.views(target)
            for view in views:
                for item in judge.broken(view):
                    if item.invariant not in told:
                        told.add(item.invariant)
                        text = sentence(model, observer, path, item, view)
                        yield Finding(item.invariant, text, path, after=finding.invariant)
