"""Which steps of a workload are left out, because steps before them have stopped the kernel.

A step that stopped it is not run again, nor are those before it. Where two of a kind have stopped it, the others of
that kind (an operation at one region of addresses, say) are left out too: they would tell the same once more, and there
is time for the other kinds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from cowcheck.machine.program.workload import Step, Workload

MOST_OF_A_KIND = 2
MOST_RUNS = 24  # of one workload: a kernel that stops in more of its kinds has been told of enough


class Skipping:
    """The steps to skip; ``beyond`` are those that the kernel is too old for."""

    def __init__(self, workload: Workload, beyond: Iterable[int]) -> None:
        self.skip = set(beyond)
        self._steps = {step.number: step for step in workload.steps}
        self._stopped: Counter[str] = Counter()
        self._spared: list[Step] = []
        self._runs = 0

    def stopped(self, number: int | None) -> bool:
        """The kernel stopped in that step. Whether another run is to be made, with the rest."""
        self._runs += 1
        if number is None or number in self.skip:
            return False
        kind = self._steps[number].kind
        self._stopped[kind] += 1
        self.skip.update(range(number + 1))
        if self._stopped[kind] == MOST_OF_A_KIND:
            self._spared += [step for step in self.left if step.kind == kind]
            self.skip.update(step.number for step in self._spared)
        return bool(self.left) and self._runs < MOST_RUNS

    @property
    def left(self) -> list[Step]:
        """The steps that are still to be run."""
        return [step for step in self._steps.values() if step.number not in self.skip]

    def reasons(self) -> list[str]:
        """What was not run, and why."""
        told = []
        if self._spared:
            kinds = ", ".join(dict.fromkeys(step.kind for step in self._spared))
            told.append(
                f"{_steps(len(self._spared))} not run, of kinds of which {MOST_OF_A_KIND} had stopped the kernel: "
                f"{kinds}; mend those first"
            )
        if self._runs >= MOST_RUNS and self.left:
            told.append(f"{_steps(len(self.left))} not run: {MOST_RUNS} had stopped the kernel; mend those first")
        return told


def _steps(count: int) -> str:
    return "1 step was" if count == 1 else f"{count} steps were"
