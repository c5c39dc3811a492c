"""What a run tells in words, as findings quote it: source places, the console, where each process of the workload was,
and the calls on the harts' stacks as the kernel stopped."""

from __future__ import annotations

import re
from collections import deque
from typing import NamedTuple

from cowcheck.checker.verify.effect import effect_of
from cowcheck.checker.verify.finding import Step
from cowcheck.checker.verify.scene import Past, Row
from cowcheck.checker.verify.words import address, process_name, step_text
from cowcheck.machine.record.event import BY, HART, PC, PID, TIME
from cowcheck.machine.record.texts import shortened

CONSOLE_LINES = 6
MOST_PLACES = 1 << 16
MOST_REPORTS = 1 << 12
MOST_PROCESSES = 1 << 10
MOST_CALLS = 256  # of all stacks together
MOST_OF_A_STACK = 4
WAITING = {"swtch", "sched", "sleep", "yield"}
MOST_TEXT = 400  # characters of a text that are kept
HELPERS = {
    "memmove", "memset", "memcpy", "mappages", "walk", "walkaddr", "kalloc", "kfree", "acquire", "release", "addref",
    "incref", "decref", "acquiresleep", "releasesleep", "push_off", "pop_off", "holding",
}  # fmt: skip
"""Functions that many others call: a bug seen in one of them is most likely its caller's."""
WITH_CALLER = HELPERS | {"uvmunmap", "uvmalloc", "uvmdealloc", "copyout"}  # where it helps to know the caller
_INLINED = re.compile(r", inlined in (\w+)$")
_IN_FILE_OF_HELPERS = re.compile(r"\(\S*(?:kalloc|string|spinlock)\.c:\d+\)")


class Report(NamedTuple):
    """What a process told of where it is."""

    number: int  # of the event
    pid: int
    text: str


class Witness:
    """Keeps the latest, in bounded memory."""

    def __init__(self) -> None:
        self.places: dict[int, str] = {}
        self.console: deque[str] = deque(maxlen=CONSOLE_LINES)
        self.names: dict[int, str] = {}
        self.reports: deque[Report] = deque(maxlen=MOST_REPORTS)
        self.latest: dict[int, Report] = {}  # by process
        self.calls: list[Row] = []
        self.fault: Row | None = None

    def begin(self) -> None:
        """Another run starts; places hold for the whole recording."""
        self.console.clear()
        self.reports.clear()
        self.latest.clear()
        self.calls.clear()
        self.names = {}  # what was told before keeps the names that it was told with
        self.fault = None

    def name_place(self, pc: int, text: str) -> None:
        """The source place of a kernel address, as later findings tell it."""
        if len(self.places) < MOST_PLACES:
            self.places[pc] = shortened(text, MOST_TEXT)

    def name_process(self, pid: int, text: str) -> None:
        """What the workload calls a process."""
        if len(self.names) < MOST_PROCESSES:
            self.names[pid] = shortened(text, MOST_TEXT)

    def report(self, number: int, pid: int, text: str) -> None:
        """A process tells where it is."""
        told = Report(number, pid, shortened(text, MOST_TEXT))
        self.reports.append(told)
        if len(self.latest) < MOST_PROCESSES or pid in self.latest:
            self.latest[pid] = told

    def call(self, row: Row) -> None:
        """A call on the stack of a hart."""
        if len(self.calls) < MOST_CALLS:
            self.calls.append(row)

    # --- what findings quote ---

    def place(self, pc: int) -> str:
        """The source place of a kernel address, or the address."""
        return self.places.get(pc) or (address(pc) if pc else "")

    def function(self, pc: int) -> str:
        """The kernel's function at an address."""
        return function_of(self.place(pc))

    def culprit(self, row: Row) -> str:
        """The function that a step is blamed on: for one that many others call, with the one that called it here."""
        place, function = self.place(row[PC]), self.function(row[PC])
        if not is_helper(place):
            return function
        inlined = _INLINED.search(place)
        return f"{function} of {inlined.group(1) if inlined else self.function(row[BY])}"

    def step(self, past: Past, ppn: int) -> Step:
        """A step of a frame's history."""
        row = past.row
        return Step(
            past.number,
            row[TIME],
            row[HART],
            row[PID],
            step_text(past, ppn),
            self.place(row[PC]),
            self.place(row[BY]),
            effect_of(row, past.free),
        )

    def stack(self) -> tuple[str, ...]:
        """The calls that were told, innermost first."""
        return tuple(self.place(row[PC]) for row in self.calls)

    def stacks(self) -> tuple[str, ...]:
        """The same of several processes, each in a line of its own; how they wait is left out."""
        return tuple(
            f"{process_name(pid, self.names)}: {', from '.join(map(self.place, places[:MOST_OF_A_STACK]))}"
            for pid, places in self._by_process()
        )

    def waits(self) -> set[str]:
        """The functions that processes are in as nothing moves any more."""
        return {self.function(places[0]) for _, places in self._by_process()}

    def _by_process(self) -> list[tuple[int, list[int]]]:
        found: dict[int, list[int]] = {}
        for row in self.calls:
            found.setdefault(row[PID], [])
            if found[row[PID]] or self.function(row[PC]) not in WAITING:
                found[row[PID]].append(row[PC])
        return [(pid, places) for pid, places in found.items() if places]

    def where(self, pid: int, number: int | None = None) -> str:
        """Where a process of the workload was, by its own latest word before event ``number``; by another's, whose name
        then stands there, where it has said nothing."""
        if number is None:
            own = self.latest.get(pid)
            told = own or (self.reports[-1] if self.reports else None)
        else:
            before = [report for report in self.reports if report.number < number]
            told = next((report for report in reversed(before) if report.pid == pid), before[-1] if before else None)
        if told is None:
            return ""
        return f"{process_name(told.pid, self.names)} was at: {told.text}"

    def lowest(self) -> list[int]:
        """The addresses that the kernel was at when it stopped: the innermost that is to blame first.

        Where kernel code trapped, the calls of ``kerneltrap`` itself are none of them.
        """
        places = [row[PC] for row in self.calls]
        if self.fault is not None and self.fault[PC] in places:
            places = places[places.index(self.fault[PC]) :]
        return places


def function_of(place: str) -> str:
    """The function of a place: ``uvmcopy``, of ``uvmcopy (kernel/vm.c:314)``."""
    return place.partition(" ")[0].partition("(")[0]


def needs_caller(place: str) -> bool:
    """Whether a step there says little without its caller."""
    return function_of(place) in WITH_CALLER or is_helper(place)


def is_helper(place: str) -> bool:
    """Whether the place is in a function that many others call."""
    return function_of(place) in HELPERS or bool(_IN_FILE_OF_HELPERS.search(place))
