"""What is run against what: operations of sharers of one page that kernels get wrong when they meet.

A race is a scenario: its first process forks the others, all meet, and each then does one operation, on a hart of its
own, at the same time. Every pair of operations is a race, and the triples in which a third sharer matters.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement

from cowcheck.model.scenario import Scenario
from cowcheck.model.scenario_file import parse_scenario


@dataclass(frozen=True, slots=True)
class Operation:
    """``before`` is done ahead of the meeting, ``after`` once all have done theirs."""

    name: str
    code: str
    before: str = ""
    after: str = "load(0)"
    takes: bool = False  # it needs free frames


OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation("kill", "kill(racer1)"),  # the other, which is in the kernel then or comes there
        Operation("store", "store(0)", takes=True),
        Operation("read", "read(0)", takes=True),  # the kernel writes to user memory: copyout
        Operation("fork", "fork(late{n})", after="store(0)", takes=True),
        Operation("exec", "exec()", takes=True),
        Operation("shrink", "sbrk(-1)", after=""),
        Operation("reap", "wait()", before="fork(dead{n})"),  # freeproc: the dead child's pages are given back
        Operation("exit", "exit()", after=""),
    )
}

PAIRS = tuple(pair for pair in combinations_with_replacement(OPERATIONS, 2) if pair != ("kill", "kill"))

TRIPLES = (
    ("store", "store", "store"),
    ("store", "store", "exit"),
    ("store", "reap", "reap"),
    ("store", "fork", "exit"),
)


@dataclass(frozen=True, slots=True)
class Race:
    """``spare``: the frames that are free when it begins; None for plenty. ``given``: a scenario, whatever it does."""

    operations: tuple[str, ...]
    spare: int | None = None
    given: Scenario | None = None

    @property
    def name(self) -> str:
        """``store+fork``, ``store+store/1`` with one frame left; or the scenario's own."""
        if self.given:
            return self.given.name
        return "+".join(self.operations) + ("" if self.spare is None else f"/{self.spare}")

    @property
    def title(self) -> str:
        """What it is, in words."""
        if self.given:
            return self.given.title
        left = {None: "", 0: ", with no frame left", 1: ", with one frame left"}[self.spare]
        return " against ".join(self.operations) + left

    def scenario(self) -> Scenario:
        """The race as a scenario."""
        if self.given:
            return self.given
        return parse_scenario(self.source(), f"race {self.name}")

    def source(self) -> str:
        """The scenario's text."""
        lines = [
            f'SCENARIO = Scenario(name="{self.name}", title="{self.title}", harts={len(self.operations)}, frames=31, '
            'pages=("data",))'
        ]
        for number, name in enumerate(self.operations):
            operation = OPERATIONS[name]
            forks = [f"fork(racer{other})" for other in range(1, len(self.operations))] if number == 0 else []
            body = [operation.before, *forks, "meet()", operation.code, operation.after]
            lines += ["", "", f"def racer{number}() -> None:"]
            lines += [f"    {item}".format(n=number) for item in body if item]
            if "late" in operation.code:
                lines += ["", "", f"def late{number}() -> None:", "    load(0)", "    store(0)", "    load(0)"]
            if operation.before:
                lines += ["", "", f"def dead{number}() -> None:", "    exit()"]
        return "\n".join(lines) + "\n"


def races() -> tuple[Race, ...]:
    """Every race, the pairs first; those that need frames also with one left and with none."""
    with_plenty = [*PAIRS, *TRIPLES]
    scarce = [
        Race(names, spare) for names in with_plenty if any(OPERATIONS[name].takes for name in names) for spare in (1, 0)
    ]
    return (*(Race(names) for names in with_plenty), *scarce)
