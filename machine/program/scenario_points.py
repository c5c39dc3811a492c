"""The report points of a scenario's processes, and the numbers that they store."""

from __future__ import annotations

from dataclasses import replace

from cowcheck.machine.program.process_state import FIRST_WORD, ProcessState
from cowcheck.machine.program.regions import Access, Region, Right, right_endings
from cowcheck.machine.program.report import FAILS, WORKS, Case, Points, ReportPoint, Watch
from cowcheck.model.errors import Place
from cowcheck.model.scenario import Op, Scenario

SHOULD = Right(WORKS, "nothing stands against it")
NO_CHILD = Right(FAILS, "the process has no child")
MAY_BE_GONE = Right(WORKS | FAILS, "the other process may have gone already")

_NEEDS_FRAMES = (Access.STORE, Access.COPYOUT)
_OWN = "the process's own last store, or what it inherited at fork"
_FROM_KERNEL = "what the kernel puts there"


class ScenarioPoints:
    """Makes points in the order of their places, and numbers that tell who stored them."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.values: dict[int, str] = {0: "zeros"}
        self._points = Points([])
        self._text_tokens: dict[int, set[int]] = {}  # by page of text: what a system call may have written to it
        self._text_watches: dict[int, int] = {}  # page of text that a watch is of

    @property
    def next(self) -> int:
        """The index that the next point will have."""
        return self._points.next

    def point(self, process: str, text: str, place: Place | None = None) -> int:
        """The index of a new point."""
        return self._points.add(ReportPoint(index=self._points.next, process=process, text=text, place=place))

    def case(
        self,
        state: ProcessState,
        text: str,
        right: Right,
        place: Place,
        *,
        works: tuple[int, int] = (0, 0),
        fails: tuple[int, int] = (-1, -1),
        writes: bool = False,
        waits: bool = False,
    ) -> int:
        """The index of a new operation that is judged."""
        right = right.killable() if state.killable else right
        return self._points.add(
            Case(
                index=self._points.next,
                process=state.name,
                text=text,
                place=place,
                right=right.endings,
                reason=right.reason,
                works=works,
                fails=fails,
                starved=state.starved,
                writes=writes,
                waits=waits,
            )
        )

    def watch(self, state: ProcessState, text: str, word: tuple[int, int], place: Place) -> int:
        """The index of a new look at a word, by page and offset, of the process's own memory."""
        dues = state.words[word]
        index = self._watch(state, text, dues, place, _OWN)
        if self.is_text(word[0]):
            self._text_watches[index] = word[0]
        return index

    def watch_fresh(self, state: ProcessState, text: str, due: int, place: Place) -> int:
        """The index of a new look at what the kernel has just put there."""
        return self._watch(state, text, frozenset({due}), place, _FROM_KERNEL)

    def _watch(self, state: ProcessState, text: str, dues: frozenset[int], place: Place, reason: str) -> int:
        return self._points.add(
            Watch(index=self._points.next, process=state.name, text=text, place=place, dues=dues, reason=reason)
        )

    def finished(self) -> tuple[ReportPoint, ...]:
        """All points. A kernel whose copyout does not ask for PTE_W writes shared text, which is none of COW's
        business; so whatever any process has the kernel write to a page of text may be seen there by all."""
        done = []
        for point in self._points.made:
            tokens = self._text_tokens.get(self._text_watches.get(point.index, -1))
            done.append(replace(point, dues=point.dues | tokens) if tokens and isinstance(point, Watch) else point)
        return tuple(done)

    # --- what is right, and what is stored ---

    def right(self, state: ProcessState, access: Access, region: Region) -> Right:
        """How an access may end for this process, now."""
        right = right_endings(access, region)
        return right.starved() if state.starved and access in _NEEDS_FRAMES else right

    def should(self, state: ProcessState) -> Right:
        """It works, unless memory is out."""
        return SHOULD.starved() if state.starved else SHOULD

    def token(self, state: ProcessState, op: Op, number: int) -> int:
        """What an operation of this process stores: a number of its own in either half."""
        half = 0x57 << 24 | state.number << 16 | number
        self.values[half << 32 | half] = f"what {state.name} put there by {op} ({op.place})"
        return half << 32 | half

    def image_token(self, page: int) -> int:
        """What a page holds as its process begins."""
        half = 0x1A6E << 16 | page
        self.values[half << 32 | half] = f"what page {page} held at the start"
        return half << 32 | half

    def is_text(self, page: int) -> bool:
        return page < len(self.scenario.pages) and self.scenario.pages[page] == "text"

    def written(self, state: ProcessState, word: tuple[int, int], tokens: set[int], right: Right) -> None:
        """Notes that a system call may have put one of ``tokens`` into a word, and surely has where it had to work."""
        if word not in state.words:
            return
        kept = state.words[word] if right.endings != WORKS else frozenset[int]()
        state.words[word] = kept | tokens
        if self.is_text(word[0]) and word[1] == FIRST_WORD:
            self._text_tokens.setdefault(word[0], set()).update(tokens)
