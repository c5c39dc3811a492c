"""The cases of the address sweep, and its report points: what is right, and which word is due where."""

from __future__ import annotations

from dataclasses import dataclass

from cowcheck.machine.program import encoding
from cowcheck.machine.program.address_classes import TEXT_WORD, AddressClass, Layout
from cowcheck.machine.program.address_operations import (
    FILE_WORD,
    OPERATIONS,
    PIPE_WORD,
    READ_TOKEN,
    STATUS,
    STORE_TOKEN,
    VALUES,
    Operation,
)
from cowcheck.machine.program.regions import Region, Right, right_endings
from cowcheck.machine.program.report import Case, Ending, Points, ReportPoint, Watch
from cowcheck.machine.program.workload import Step

_INIT = "process 1 (init)"
_PARENT = "process 2 (the parent)"
_CHILD = "process 3 (a child)"
_FRESH = "process 3 (a child that has executed the program anew)"
_MEANS = "the process's own last store, or what it inherited at fork"


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case as it stands in the program's table: indices of its class and operation, and the number of bytes."""

    place: int
    operation: int
    size_bytes: int


class AddressCases:
    """The cases of a layout: each operation, with each of its sizes, at each class of address."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.values: dict[int, str] = {0: "zeros", **VALUES}
        self._points = Points([])
        self._child = _FRESH if layout.fresh else _CHILD
        self.starts = self._point(_INIT, "starts")
        self.done = self._point(_INIT, "is alone again")
        self.before = self._point(_PARENT, "has prepared its memory")
        self.next = self._point(_PARENT, "asks which case comes next")
        self.after = self._point(_PARENT, "has come to the last case")
        self.leaves = self._point(self._child, "ends")
        self.over = self._watch(self._child, "the word above the page that is missing", frozenset({0}))
        numbers = range(len(layout.classes))
        self.dues = [self._due(number) for number in numbers]
        self.found = [self._found(number) for number in numbers]
        self.kept = [self._kept(number) for number in numbers]
        self.first_case = self._points.next
        self.rows = [
            self._add_case(CaseRow(number, index, size))
            for number in numbers
            for index, operation in enumerate(OPERATIONS)
            for size in operation.sizes(layout.classes[number])
        ]

    @property
    def points(self) -> tuple[ReportPoint, ...]:
        return tuple(self._points.made)

    @property
    def steps(self) -> tuple[Step, ...]:
        """One for each case."""
        return tuple(
            Step(
                number,
                self._points.made[self.first_case + number].text,
                f"{OPERATIONS[row.operation].name} at {self.layout.classes[row.place].family}",
            )
            for number, row in enumerate(self.rows)
        )

    def watched(self, number: int) -> bool:
        """The word at the class's address is known before anything is done there."""
        place = self.layout.classes[number]
        return place.holds or place.region is Region.TEXT

    def mended(self, number: int) -> bool:
        """The parent has a word of its own there, and stores it anew where it has changed."""
        place = self.layout.classes[number]
        return place.holds and place.region is not Region.TEXT and not self.layout.fresh

    def _add_case(self, row: CaseRow) -> CaseRow:
        place, operation, size = self.layout.classes[row.place], OPERATIONS[row.operation], row.size_bytes
        right = _right(place, operation, size)
        self._points.add(
            Case(
                index=self._points.next,
                process=self._child,
                text=f"{operation.text.format(size=size)} {place.text}",
                right=right.endings,
                reason=right.reason,
                works=operation.works(size),
                fails=operation.fails(size),
                writes=operation.writes,
            )
        )
        return row

    def _point(self, process: str, text: str) -> int:
        return self._points.add(ReportPoint(index=self._points.next, process=process, text=text))

    def _watch(self, process: str, text: str, dues: frozenset[int]) -> int:
        return self._points.add(Watch(index=self._points.next, process=process, text=text, dues=dues, reason=_MEANS))

    def _due(self, number: int) -> int:
        """What stands at a class's address before anything is done there: most often a word that is a ``ret`` too."""
        place = self.layout.classes[number]
        if place.region is Region.TEXT and place.label != TEXT_WORD:
            return encoding.RET << 32 | encoding.RET
        if not place.holds or (self.layout.fresh and place.region is not Region.TEXT):
            return 0
        token = (0xA000_0000 + number) << 32 | encoding.RET
        self.values[token] = f"what the parent has at {place.text}"
        return token

    def _found(self, number: int) -> int:
        """What a child finds when its operation is over; but for text it says itself what is due."""
        place = self.layout.classes[number]
        dues = self._may_be_in_text(number) | {STORE_TOKEN} if place.region is Region.TEXT else frozenset[int]()
        return self._watch(self._child, f"what it then finds at {place.text}", dues)

    def _kept(self, number: int) -> int:
        """What the parent has there."""
        place = self.layout.classes[number]
        dues = self._may_be_in_text(number) if place.region is Region.TEXT else frozenset({self.dues[number]})
        return self._watch(_PARENT, f"its own memory at {place.text}", dues)

    def _may_be_in_text(self, number: int) -> frozenset[int]:
        """A kernel whose copyout does not ask for PTE_W writes shared text, which is none of COW's business."""
        words = {self.dues[number], READ_TOKEN, FILE_WORD, PIPE_WORD}
        return frozenset(words | {word >> 32 << 32 | STATUS for word in words} | {STATUS})


def _right(place: AddressClass, operation: Operation, size_bytes: int) -> Right:
    if operation.unreliable:
        return Right(frozenset(Ending), "whatever it returns, nothing may be written past the missing page")
    return right_endings(operation.access, place.region_of(size_bytes))
