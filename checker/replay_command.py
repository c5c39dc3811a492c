"""``cowcheck replay``: from a counterexample file to text and an exit status."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from cowcheck.checker.console import Stdout
from cowcheck.checker.counterexample import counterexample
from cowcheck.checker.exit_status import ExitStatus
from cowcheck.checker.replay import replay
from cowcheck.checker.saved import read_saved
from cowcheck.model.errors import CowcheckError


def replay_command(file: Path, number: int | None, oracle: bool) -> ExitStatus:
    """Replays one counterexample or all. Raises :class:`CowcheckError` where one is not reached again."""
    items = read_saved(file)
    if number is not None and not 1 <= number <= len(items):
        raise CowcheckError(f"--number {number}: {file} holds {len(items)}; give a number from 1 to {len(items)}")
    console = Stdout()
    for index, saved in enumerate(items, start=1):
        if number not in (None, index):
            continue
        replayed = replay(saved, f"{file}: counterexample {index}", oracle=oracle)
        steps = len(saved.path) + len(saved.cycle)
        told = [f"Replayed {steps} steps: {saved.invariant} is violated again."]
        told += [replayed.remark] if replayed.remark else []
        for line in counterexample(replayed.subject, replayed.violation, told, console.width):
            console.print(line, soft_wrap=True)
        console.print(Text())
    return ExitStatus.VIOLATION
