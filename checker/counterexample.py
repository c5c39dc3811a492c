"""A counterexample as text for a person: one row a step, one column a hart, the source line, and what changed.

The setup is told by the state that it leaves. A step's row holds the function on its hart's column, ``file:line`` and
the code; rows below it say what a read saw and what changed, and, for the lines that follow without a further access
to shared memory, their code and changes. A star marks the steps that have to do with what the violation is about.
Everything fits the width, 80 columns or more, with and without colour.
"""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath

from rich.text import Text

from cowcheck.checker.printable import printable_line
from cowcheck.checker.result import Subject, Violation, setup_length
from cowcheck.checker.trace import Part, Step
from cowcheck.model.errors import Place
from cowcheck.specs.invariants import find_invariant

LEAST_WIDTH, MOST_WIDTH = 80, 120
_MOST_CELL = 12  # characters of a hart's column
_LEAST_RIGHT = 44  # characters for the source line and the changes
_HART_STYLES = ("cyan", "magenta", "green", "blue")
_INIT = "init"
_HERE = "#"  # the step is this hart's, where the column is too narrow for a name
_BOOTING = "It happened while booting, before any process ran: did kinit's kfree put the frames on the free list?"
_LOCK_ACTIONS = ("acquire", "release")  # whose code says all


def counterexample(
    subject: Subject, violation: Violation, remedy: Sequence[str] = (), width: int = LEAST_WIDTH
) -> list[Text]:
    """The lines of the text. ``remedy`` are the lines that say how to run it again."""
    telling = _Telling(subject, violation, min(max(width, LEAST_WIDTH), MOST_WIDTH))
    return [printable_line(line) for line in telling.lines(remedy)]


def sizes(subject: Subject) -> str:
    """``2 harts, 8 frames, 1 page``."""
    counts = ((subject.harts, "hart"), (subject.frames, "frame"), (subject.pages, "page"))
    return ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for count, name in counts)


def short_names(files: Iterable[str]) -> dict[str, str]:
    """Each file's name without its folders, where no other has the same."""
    every = sorted(set(files))
    names = Counter(PurePath(file).name for file in every)
    return {file: name if names[name := PurePath(file).name] == 1 else file for file in every}


class _Telling:
    """The text of one violation, at one width."""

    def __init__(self, subject: Subject, violation: Violation, width: int) -> None:
        self.subject = subject
        self.violation = violation
        self.width = width
        skipped = setup_length(violation.steps)
        self.shown = violation.steps[skipped:]
        self.skipped = skipped
        rows = (*self.shown, *violation.cycle)
        self.harts = sorted({step.hart for step in rows})
        self.files = short_names(part.place.file for step in rows for part in step.parts)
        cells = [len(name) for step in rows for name in (step.parts[0].function, step.process + ":")]
        cell = min(max([len("hart 0"), *cells]), _MOST_CELL)
        self.marks = 7 + len(self.harts) * (cell + 1) + _LEAST_RIGHT > width  # too many harts for a name in each column
        self.cell = 2 if self.marks else cell
        self.names = _MOST_CELL if self.marks else 0
        self.left = 7 + len(self.harts) * (self.cell + 1) + (self.names + 1 if self.marks else 0)
        things = re.findall(r"\bframe \d+|[\w-]+'s page \d+", violation.message, re.IGNORECASE)
        self.things = sorted({thing[0].lower() + thing[1:] for thing in things})
        about = "|".join(rf"\b{re.escape(thing)}\b" for thing in self.things)
        self.about = re.compile(about or r"(?!)", re.IGNORECASE)
        self.on_hart: dict[int, str] = {}

    def lines(self, remedy: Sequence[str]) -> Iterator[Text]:
        violation = self.violation
        title = f"{violation.invariant}: {self.subject.design} in {self.subject.scenario}"
        told = f"({sizes(self.subject)})"
        if len(title) + 2 + len(told) <= self.width:
            yield Text.assemble((title, "bold red"), (f"  {told}", "dim"))
        else:
            yield from self._paragraph(title, "bold red", "")
            yield from self._paragraph(told, "dim", "")
        yield Text()
        if self.skipped:
            yield from self._setup()
            yield Text()
        yield self._header()
        for step in self.shown:
            yield from self._step(step)
        if violation.cycle:
            count = len(violation.cycle)
            told = "this step repeats" if count == 1 else f"these {count} steps repeat"
            yield Text(f"\nThen {told} for ever:\n", "bold")
            for step in violation.cycle:
                yield from self._step(step)
        elif violation.invariant == "progress":
            yield Text("\nHere no process can take another step.", "bold")
        yield Text()
        yield from self._verdict()
        yield from self._files()
        yield from (Text(line, "bold") for line in remedy)

    # --- before and after the rows ---

    def _setup(self) -> Iterator[Text]:
        yield Text(f"Boot and setup, {self.skipped} steps in which one process runs at a time, leave:")
        line = ""
        for item in self.violation.setup:
            if line and len(f"  {line}; {item}") > self.width:
                yield from self._paragraph(line, "", "  ")
                line = item
            else:
                line = f"{line}; {item}" if line else item
        yield from self._paragraph(line, "", "  ")
        if "(" in "".join(self.violation.setup):
            yield Text("  (R read, W write, X execute, U user, C copy-on-write mark)", "dim")
        if self.things:
            yield from self._paragraph(
                f"A star marks each step that has to do with {' or '.join(self.things)}.", "", ""
            )

    def _verdict(self) -> Iterator[Text]:
        invariant = find_invariant(self.violation.invariant)
        yield from self._paragraph(f"This violates {invariant.name}: {invariant.summary}.", "bold red", "")
        message = self.violation.message
        if all(step.process == _INIT for step in self.violation.steps):
            for statement in invariant.statements:
                message = message.replace(f" {statement.matters}", "")  # of processes
            message += f" {_BOOTING}"
        yield from self._paragraph(message, "red", "  ")
        if self.violation.after:
            cause = f"It follows from a violation of {self.violation.after}, at step {self.violation.after_step}."
            yield from self._paragraph(cause, "red", "  ")
        yield Text()

    def _files(self) -> Iterator[Text]:
        full = sorted(file for file, short in self.files.items() if file != short)
        if full:
            yield from self._paragraph(f"Files: {', '.join(full)}", "dim", "")

    def _paragraph(self, text: str, style: str, indent: str) -> Iterator[Text]:
        for line in self._wrap(text, self.width - len(indent), ""):
            yield Text(indent + line, style)

    # --- rows ---

    def _header(self) -> Text:
        text = Text("  step ", "bold")
        for hart in self.harts:
            text.append(f"{'h' if self.marks else 'hart '}{hart}".ljust(self.cell + 1), f"bold {self._style(hart)}")
        if self.marks:
            text.append("runs".ljust(self.names + 1), "bold")
        told = "source line and changes" if self.marks else "source line, what it saw, what changed"
        return text.append(told, "bold")

    def _step(self, step: Step) -> Iterator[Text]:
        first = step.parts[0]
        user = first.function == step.process
        if not user and self.on_hart.get(step.hart) != step.process:
            yield self._row("", step.hart, step.process + ":", "")
        self.on_hart[step.hart] = step.process
        effects = [*self._told(step), *self._changes(step, first)]
        star = "*" if any(self.about.search(text) for text in (*effects, *step.changes)) else " "
        right = [(line, "") for line in self._source(first)]
        right += [(line, "yellow") for effect in effects for line in self._effect(effect)]
        for part in step.parts[1:]:
            right += [(line, "") for line in self._source(part)]
            right += [(line, "yellow") for change in part.changes for line in self._effect(change)]
        (line, style), *rest = right
        yield self._row(f"{star}{step.number}", step.hart, first.function, line, style)
        for line, style in rest:
            yield Text.assemble(" " * self.left, (line, style))

    def _row(self, number: str, hart: int, name: str, right: str, style: str = "") -> Text:
        text = Text(f"{number[:1].strip():1}{number[1:]:>5} ", "dim")
        shown = name if len(name) <= max(self.cell, self.names) else name[: max(self.cell, self.names) - 2] + ".."
        for column in self.harts:
            cell = "" if column != hart else _HERE if self.marks else shown
            text.append(cell.ljust(self.cell + 1), self._style(column))
        if self.marks:
            text.append(shown.ljust(self.names + 1), self._style(hart))
        text.append(right, style)
        text.rstrip()
        return text

    def _source(self, part: Part) -> list[str]:
        code = part.code.partition("  # ")[0]
        return self._wrap(f"{self._place(part.place)}  {code}", self.width - self.left, "    ")

    def _effect(self, effect: str) -> list[str]:
        lines = self._wrap(effect, self.width - self.left - 4, "  ")
        return [f"  > {line}" if number == 0 else f"    {line}" for number, line in enumerate(lines)]

    def _told(self, step: Step) -> Iterator[str]:
        """What the action says beyond the code: what a read saw, that an access faults."""
        _, colon, words = step.action.partition(": ")
        if step.action == "timer interrupt":
            yield step.action
        elif words == "page fault" or (colon and words.startswith("reads")):
            yield words

    def _changes(self, step: Step, part: Part) -> tuple[str, ...]:
        if step.action.rpartition(": ")[2] in _LOCK_ACTIONS:
            return tuple(change for change in part.changes if not change.endswith((": released", f"by {step.process}")))
        return part.changes

    # --- words ---

    def _style(self, hart: int) -> str:
        return _HART_STYLES[hart % len(_HART_STYLES)]

    def _place(self, place: Place) -> str:
        return f"{self.files[place.file]}:{place.line}"

    @staticmethod
    def _wrap(text: str, width: int, hanging: str) -> list[str]:
        return textwrap.wrap(text, width, subsequent_indent=hanging, break_on_hyphens=False) or [""]
