"""The compiled engine of a program, as Python calls it: a library that ctypes loads into this process.

The library keeps what it works on in variables of its own, so a process runs one search of it at a time.
"""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Sequence
from ctypes import POINTER, Structure, c_char_p, c_int, c_int32, c_int64, c_ubyte, c_uint32, c_uint64, c_void_p
from functools import cache
from pathlib import Path

from cowcheck.checker.native.compiler import CompilerError, Unit, built
from cowcheck.checker.native.predicates import predicates_text
from cowcheck.model import native as model_native
from cowcheck.model.ir import Program
from cowcheck.model.native import VIEWS, Numbers, ProgramWriter, header
from cowcheck.model.scenario import MAX_PROCESSES
from cowcheck.model.system import Model
from cowcheck.specs.statement import Invariant

RAN_OUT, SLICE_ENDED, FOUND_ONE, FAULTED, BROKEN_RUN = range(5)
MARK_ACTION, MARK_BAD, MARK_BEFORE_BAD, MARK_END = 31, 32, 64, 128
FAULT_MEMORY = 5
NOBODY = -1
MOST_ACTIONS = 2 * MAX_PROCESSES
NO_NUMBER = (1 << 32) - 1
_MOST_FIELDS = max(len(kind._fields) for kind in VIEWS)
_HERE = Path(__file__).parent
_MODEL = Path(model_native.__file__).parent
_MODEL_PARTS = ("state.h", "kernel.h", "hardware.c", "kernel.c", "processes.c", "system.c", "observe.c")
_PARTS = ("engine.c", "symmetry.c", "table.c", "records.c", "merging.c", "search.c", "calls.c", "progress.c")


class Record(Structure):
    """The first violation of an invariant (``search.c``)."""

    _fields_ = (
        ("used", c_int32),
        ("order", c_int32),
        ("statement", c_int32),
        ("kind", c_int32),
        ("action", c_int32),
        ("cause", c_int32),
        ("number", c_uint32),
        ("fields", c_int64 * _MOST_FIELDS),
    )


_FUNCTIONS: dict[str, tuple[object, tuple[object, ...]]] = {
    "search_begin": (
        c_void_p,
        (c_void_p, c_void_p, c_int, c_void_p, c_int, c_void_p, c_uint64, c_int, c_int, c_int),
    ),
    "search_end": (None, (c_void_p,)),
    "search_run": (c_int, (c_void_p, c_uint32, c_uint32, c_int)),
    "search_fault": (c_int, ()),
    "search_states": (c_uint32, (c_void_p,)),
    "search_transitions": (c_uint64, (c_void_p,)),
    "search_frontier": (c_uint32, (c_void_p,)),
    "search_expanding": (c_uint32, (c_void_p,)),
    "search_level_count": (c_uint32, (c_void_p,)),
    "search_level_end": (c_uint32, (c_void_p,)),
    "search_levels": (POINTER(c_uint32), (c_void_p,)),
    "search_outcomes": (POINTER(c_uint32), (c_void_p,)),
    "search_parents": (POINTER(c_uint32), (c_void_p,)),
    "search_marks": (POINTER(c_ubyte), (c_void_p,)),
    "search_found": (POINTER(Record), (c_void_p,)),
    "search_aftermath": (POINTER(Record), (c_void_p,)),
    "search_blocks": (POINTER(c_ubyte), ()),
    "search_forget_blocks": (None, ()),
    "search_bytes": (c_uint64, (c_void_p,)),
    "search_growth": (c_uint64, (c_void_p, c_uint32)),
    "search_state": (None, (c_void_p, c_uint32, c_void_p)),
    "search_steps": (c_int, (c_void_p, c_uint32, c_void_p, c_void_p)),
    "search_merge": (c_int, (c_void_p, c_char_p)),
    "search_merged": (c_uint64, (c_void_p,)),
    "progress_lost": (c_int64, (c_void_p,)),
    "progress_states": (None, (c_void_p, c_void_p)),
}


class Engine:
    """A program's library. ``invariants`` are those that it was compiled with, in their order."""

    def __init__(self, library: Path, invariants: Sequence[Invariant]) -> None:
        self.invariants = tuple(invariants)
        try:
            self.call = ctypes.CDLL(str(library))
            for name, (result, arguments) in _FUNCTIONS.items():
                function = getattr(self.call, name)
                function.restype, function.argtypes = result, arguments
        except (OSError, AttributeError) as error:
            raise CompilerError(f"{library}: cannot be loaded ({error})") from error


def units_of(model: Model, invariants: Sequence[Invariant]) -> tuple[Unit, ...]:
    """The C files of the engine of a model's program. Raises :class:`Unsupported`."""
    shipped = {name: _shipped(_MODEL / name) for name in _MODEL_PARTS}
    written = {"constants.h": header(), "predicates.h": predicates_text(invariants)}
    search = {name: _shipped(_HERE / name) for name in _PARTS} | shipped | written
    program = {"program.c": ProgramWriter(model.program, model.allocation, model.layout).text()}
    program |= {name: (shipped | written)[name] for name in ("state.h", "kernel.h", "constants.h")}
    return Unit(program, "-O0"), Unit(search, "-O2")


@cache
def _shipped(path: Path) -> str:
    return path.read_text(encoding="utf-8")


_engines: dict[tuple[int, tuple[Invariant, ...], Path], tuple[Program, Engine]] = {}  # a kept program keeps its id


def engine_of(model: Model, invariants: Sequence[Invariant], compiler: Path) -> Engine:
    """The engine of a model's program, compiled where it has not been. Raises :class:`CompilerError`, and
    :class:`Unsupported` for a program that the engine does not take."""
    key = (id(model.program), tuple(invariants), compiler)
    if key not in _engines:
        engine = Engine(built(units_of(model, invariants), compiler), invariants)
        _engines[key] = (model.program, engine)
    return _engines[key][1]


class Search:
    """One search: its memory is given back with :meth:`close`, or as the object of a ``with``."""

    def __init__(
        self,
        engine: Engine,
        sizes: Numbers,
        first: Sequence[int],
        *,
        asked: int,
        symmetry: bool,
        edges: bool,
        sequel: bool = False,
    ) -> None:
        """``first`` is the state that it starts at; ``asked`` the statements that are judged, a bit each."""
        self.call = engine.call
        self.invariants = len(engine.invariants)
        self.words = len(first)
        state = array("h", first)
        self.handle = self.call.search_begin(
            _address(sizes.sizes), _address(sizes.ops), len(sizes.ops) // 5, _address(sizes.starts),
            len(sizes.starts), _address(state), asked, symmetry, edges, sequel,
        )  # fmt: skip
        if not self.handle:
            raise MemoryError

    def __enter__(self) -> Search:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self.handle:
            self.call.search_end(self.handle)
            self.handle = None

    @property
    def states(self) -> int:
        return int(self.call.search_states(self.handle))

    @property
    def levels(self) -> list[int]:
        """How many states were found at each depth."""
        first = [*self.call.search_levels(self.handle)[: self.call.search_level_count(self.handle)]]
        if self.states > (end := self.call.search_level_end(self.handle)):
            first.append(end)
        return [after - before for before, after in zip(first, [*first[1:], self.states], strict=True)]

    def state(self, number: int) -> tuple[int, ...]:
        """The state of a number."""
        words = array("h", bytes(2 * self.words))
        self.call.search_state(self.handle, number, _address(words))
        return tuple(words)

    def path(self, number: int) -> list[int]:
        """The codes of the actions that lead to a state."""
        parents, marks = self.call.search_parents(self.handle), self.call.search_marks(self.handle)
        actions = []
        while parents[number] != NO_NUMBER:
            actions.append(marks[number] & MARK_ACTION)
            number = parents[number]
        return actions[::-1]

    def records(self, aftermath: bool = False) -> list[Record]:
        """The violations found, in the order in which they were."""
        found = (self.call.search_aftermath if aftermath else self.call.search_found)(self.handle)
        records = [found[index] for index in range(self.invariants)]
        return sorted((record for record in records if record.used), key=lambda record: int(record.order))

    def steps(self, number: int) -> list[tuple[int, int]]:
        """The steps from a state that was expanded: the target and the action's code of each."""
        targets, codes = array("I", bytes(4 * MOST_ACTIONS)), array("i", bytes(4 * MOST_ACTIONS))
        count = self.call.search_steps(self.handle, number, _address(targets), _address(codes))
        return list(zip(targets[:count], codes[:count], strict=True))

    def lost(self) -> list[int]:
        """The states that cannot reach an end, and nothing that was judged already. Raises :class:`MemoryError`."""
        count = self.call.progress_lost(self.handle)
        if count < 0:
            raise MemoryError
        states = array("I", bytes(4 * count))
        if count:
            self.call.progress_states(self.handle, _address(states))
        return list(states)


def _address(numbers: array[int]) -> int:
    return numbers.buffer_info()[0]
