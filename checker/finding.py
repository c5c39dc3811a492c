"""A violation as the search finds it: which invariant, the sentence for a person, and the actions that lead there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from cowcheck.checker.judge import Broken, message
from cowcheck.model.observe import SUBJECT_KERNEL, Observer
from cowcheck.model.system import Action, Model
from cowcheck.model.views import LoadView, SystemView, View


class Finding(NamedTuple):
    """A violation: the invariant, the sentence, and the actions that lead to it from the initial state.

    ``cycle`` holds, for a state from which no end can be reached, actions that lead back to it. ``after`` names the
    violation that this one follows from, and is empty for a violation in its own right.
    """

    invariant: str
    message: str
    path: tuple[Action, ...]
    cycle: tuple[Action, ...] = ()
    after: str = ""


def sentence(model: Model, observer: Observer, path: tuple[Action, ...], item: Broken, view: View) -> str:
    """What is wrong at the end of a path, in words.

    The path is run without symmetry, so frames have the names here that the counterexample gives them.
    """
    state, events = model.replay_events(path)
    subject = next((text for text, other in events if other == view), "")
    if not subject:
        views = observer.views(state)
        subject = observer.subject(state, views.index(view)) if view in views else SUBJECT_KERNEL
    told: View | Mapping[str, object] = view
    if isinstance(view, LoadView):
        told = {"seen": f"'{model.contents(view.seen)}'", "due": f"'{model.contents(view.due)}'"}
    text = message(item.statement, told, subject)
    if isinstance(view, SystemView) and view.panicked:
        text += f" Its last words: {model.panic_message(state)}."
    return text[0].upper() + text[1:]
