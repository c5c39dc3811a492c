"""Finding a kernel's reference counts by watching: which words follow the number of mappings of each frame?

Every author lays the counts out differently: arrays of int or of char, structs with a lock beside the count, indices
that start at ``end``, at KERNBASE or at 0, counts from 0 or from 1, tables that are searched. A sample is the number of
mappings of each user frame, beside the kernel's own memory, at a moment when no kernel code is at work. Where a frame
gains a mapping between two samples, its count is among the bytes that changed by as much. Each such byte, with each
stride, is a guess at an array; the guess that explains the counts of all mapped frames in all samples is the answer. A
table is guessed in the same way, with the frame's address beside the byte.

A kernel that counts wrongly must not go unnoticed because its counts could not be found. So a guess need not explain
everything: it must explain most of what changed, and better than any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cowcheck.machine.board.state import FIRST_PPN, FRAMES, KERNBASE
from cowcheck.machine.elf import DataObject
from cowcheck.machine.record.observer import COUNTS_ARRAY, COUNTS_TABLE

STRIDES = (1, 2, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 64, 72, 80, 96, 104, 112, 120, 128)
REACH_BYTES = 96  # how far the frame's address may stand from its count, in a table's entry
ENOUGH = 0.75  # the share of what is known that a guess must explain
OFFSETS = (0, -1, 1)  # count less mappings, by convention: from 1, from 0, and one more held by the kernel

Bytes = np.ndarray[Any, np.dtype[np.uint8]]
Numbers = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Sample:
    """A moment at rest: the number of mappings by frame index, and the kernel's memory from ``base`` on."""

    mapped: np.ndarray[Any, np.dtype[np.int32]]
    memory: Bytes
    base: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Where the counts are: an entry every ``stride`` bytes, ``width`` bytes each.

    An array's entry ``i`` is the count of frame index ``i``, so ``base`` may lie before the array itself. A table's
    entry holds the frame's address ``key_at`` bytes from its count, shifted right by ``key_shift``.
    """

    kind: int  # COUNTS_ARRAY or COUNTS_TABLE
    base: int
    stride: int
    width: int
    offset: int  # the count of a frame that is mapped n times is n + offset
    first: int  # the bytes that hold counts, by physical address
    end: int
    key_at: int = 0
    key_shift: int = 0
    name: str = ""  # the variable, for people
    explained: float = 1.0

    def __str__(self) -> str:
        shape = "an array by frame" if self.kind == COUNTS_ARRAY else "a table that is searched"
        where = self.name or f"{self.first:#x}"
        return f"{where}: {shape}, {self.width} of every {self.stride} bytes, {1 + self.offset} for one mapping"

    def fill(self, observer: Any) -> None:
        """Tells the recorder's callbacks."""
        observer["counts"] = self.kind
        observer["count_base"], observer["count_stride"] = self.base, self.stride
        observer["count_width"], observer["count_offset"] = self.width, self.offset
        observer["count_first"], observer["count_end"] = self.first, self.end
        observer["key_at"], observer["key_shift"] = self.key_at, self.key_shift


@dataclass(frozen=True, slots=True)
class Guess:
    """A place for each frame's count (a low byte, by its position in a sample's memory), and how well it fits."""

    at: np.ndarray[Any, np.dtype[np.int64]]  # by position in the list of frames; -1 where it has none
    offset: int
    share: float
    stride: int
    key_at: int = 0
    key_shift: int = 0


def find_counts(samples: Sequence[Sample], objects: Sequence[DataObject]) -> Counts | None:
    """The counts, or None where nothing in the samples behaves like them.

    All samples are of the same memory. ``objects`` are the kernel's variables, for the element's width and the bounds.
    """
    frames = np.flatnonzero(np.max([sample.mapped for sample in samples], axis=0) > 0)
    if not len(frames):
        return None
    mapped = np.array([sample.mapped[frames] for sample in samples], np.int64)
    memory = stacked([sample.memory for sample in samples])
    pivots = [place for place in range(len(frames)) if len(set(mapped[:, place]) - {0}) > 1]
    if not pivots:
        return None
    arrays = _arrays(frames, mapped, memory, pivots)
    tables = _tables(frames, mapped, memory, pivots)
    best = max([*arrays, *tables], key=lambda guess: guess.share, default=None)
    if best is None or best.share < ENOUGH:
        return None
    return _described(best, frames, samples[0], objects)


def stacked(rows: Sequence[Bytes]) -> Bytes:
    """The rows as one array; the one that they are of, where they are the first of its rows: a copy is large."""
    whole = rows[0].base
    if isinstance(whole, np.ndarray) and whole.ndim == 2 and whole.shape[1] == len(rows[0]):
        starts = [row.ctypes.data for row in rows]
        if starts == [whole.ctypes.data + number * whole.strides[0] for number in range(len(rows))]:
            return whole[: len(rows)]
    return np.array(rows)


def _following(mapped: np.ndarray[Any, Any], memory: np.ndarray[Any, Any], place: int) -> np.ndarray[Any, Any]:
    """Positions of the bytes that follow the number of mappings of one frame through all samples where it is mapped."""
    rows = np.flatnonzero(mapped[:, place] > 0)
    moves = np.zeros(memory.shape[1], bool)
    for row in rows[1:]:
        moves |= memory[row] != memory[rows[0]]
    moving = np.flatnonzero(moves)
    values = memory[np.ix_(rows, moving)].astype(np.int64)
    follows = ((values - mapped[rows, place][:, None]) % 256 == (values[0] - mapped[rows[0], place]) % 256).all(axis=0)
    found: np.ndarray[Any, Any] = moving[follows]
    return found


def _arrays(
    frames: np.ndarray[Any, Any], mapped: np.ndarray[Any, Any], memory: np.ndarray[Any, Any], pivots: list[int]
) -> list[Guess]:
    found = []
    for pivot in pivots[:4]:
        for at in _following(mapped, memory, pivot):
            for stride in STRIDES:
                positions = at + stride * (frames - frames[pivot])
                guess = _fit(positions, mapped, memory, pivots, stride)
                if guess is not None:
                    found.append(guess)
    return found


def _tables(frames: Numbers, mapped: Numbers, memory: Bytes, pivots: list[int]) -> list[Guess]:
    """A table's entries may move, and a frame with one mapping need have none: each sample is looked at by itself."""
    found = []
    words = memory[:, : memory.shape[1] // 8 * 8].view(np.uint64)
    for shift in (0, 12):
        keys = (frames.astype(np.uint64) + np.uint64(FIRST_PPN)) << np.uint64(12 - shift)
        found_in = [np.flatnonzero(np.isin(row, keys)) for row in words]  # row by row: all at once takes 400 MB
        rows = np.repeat(np.arange(len(words)), [len(item) for item in found_in])
        places = np.concatenate(found_in)
        which = np.searchsorted(keys, words[rows, places])
        counted = mapped[rows, which] > 0
        rows, places, which = rows[counted], places[counted] * 8, which[counted]
        present = np.zeros(mapped.shape, bool)
        present[rows, which] = True
        known = (mapped > 1) | present
        for distance in range(-REACH_BYTES, REACH_BYTES + 1):
            guess = _fit_table(mapped, memory, pivots, known, (rows, which, places - distance), distance, shift)
            if guess is not None:
                found.append(guess)
    return found


def _fit_table(
    mapped: Numbers,
    memory: Bytes,
    pivots: list[int],
    known: np.ndarray[Any, np.dtype[np.bool_]],
    entries: tuple[Numbers, Numbers, Numbers],
    key_at: int,
    key_shift: int,
) -> Guess | None:
    """How well the bytes of the entries (sample, frame, position) explain the mappings; None for not at all."""
    inside = (entries[2] >= 0) & (entries[2] < memory.shape[1])
    rows, which, positions = (part[inside] for part in entries)
    values, due = memory[rows, positions].astype(np.int64), mapped[rows, which]
    best: Guess | None = None
    for offset in OFFSETS:
        hits = values == (due + offset) % 256
        if len(set(due[hits])) < 2:  # a constant beside an address
            continue
        right = np.zeros(mapped.shape, bool)
        right[rows[hits], which[hits]] = True
        share = float(right[:, pivots].sum() + right.sum()) / float(known[:, pivots].sum() + known.sum())
        if best is None or share > best.share:
            fullest = rows[hits] == np.bincount(rows[hits]).argmax()
            at = np.full(mapped.shape[1], -1, np.int64)
            at[which[hits][fullest]] = positions[hits][fullest]
            best = Guess(at, offset, share, 0, key_at, key_shift)
    return best


def _fit(
    positions: np.ndarray[Any, Any],
    mapped: np.ndarray[Any, Any],
    memory: np.ndarray[Any, Any],
    pivots: list[int],
    stride: int,
    key_at: int = 0,
    key_shift: int = 0,
) -> Guess | None:
    """How well low bytes at ``positions`` explain the mappings, over all frames and samples; None for not at all."""
    inside = (positions >= 0) & (positions < memory.shape[1])
    if inside[pivots].sum() < 2 or inside.sum() < 2:
        return None
    values = memory[:, np.where(inside, positions, 0)].astype(np.int64)
    known = inside[None, :] & (mapped > 0)
    best: Guess | None = None
    for offset in OFFSETS:
        right = known & (values == (mapped + offset) % 256)
        share = float(right[:, pivots].sum() + right.sum()) / float(known[:, pivots].sum() + known.sum())
        if best is None or share > best.share:
            best = Guess(np.where(inside, positions, -1), offset, share, stride, key_at, key_shift)
    return best


def _described(
    guess: Guess, frames: np.ndarray[Any, Any], sample: Sample, objects: Sequence[DataObject]
) -> Counts | None:
    """A guess with the variable that it lies in: its bounds, and the width of its elements."""
    known = guess.at >= 0
    address = int(guess.at[known][0]) + sample.base
    variable = next((item for item in objects if item.address <= address < item.address + item.size), None)
    kind, stride = COUNTS_ARRAY, guess.stride
    low, high = sample.base, sample.base + len(sample.memory)
    if guess.stride == 0:
        kind = COUNTS_TABLE
        spans = np.diff(np.sort(guess.at[known]))
        stride = int(np.gcd.reduce(spans[spans > 0])) if (spans > 0).any() else 16
    if variable is not None:
        low, high = variable.address, variable.address + variable.size
        array = _array(variable, address)
        if array is not None:
            low, high = array[0], array[1]
            stride = array[2] if kind == COUNTS_TABLE else stride
    base = address - stride * int(frames[known][0])
    if kind == COUNTS_TABLE:
        base = low + (address - low) % stride
    else:
        low, high = max(low, base), min(high, base + stride * FRAMES)
    width = _width(variable, address, stride)
    name = f"{variable.name} ({variable.unit})" if variable is not None and variable.unit else ""
    if not name and variable is not None:
        name = variable.name
    return Counts(
        kind, base, stride, width, guess.offset, low, high, guess.key_at, guess.key_shift, name, round(guess.share, 3)
    )


def _array(variable: DataObject, address: int) -> tuple[int, int, int] | None:
    """The innermost array that the address is in, by the variable's type: its bounds, and its stride; None for none."""
    kind, at, found = variable.type, variable.address, None
    while kind is not None:
        if kind.element is not None and kind.element.size:
            stride = kind.element.size
            found = (at, at + (kind.size or variable.address + variable.size - at), stride)
            at += (address - at) // stride * stride
            kind = kind.element
        elif kind.layout is not None:
            inner = [field for field in kind.layout.fields.values() if at + field.offset <= address < at + field.end]
            at += inner[0].offset if inner else 0
            kind = inner[0].type if inner else None
        else:
            kind = None
    return found


def _width(variable: DataObject | None, address: int, stride: int) -> int:
    """The size of the count: as its type says, and else as the distance to the next allows."""
    kind = variable.type if variable is not None else None
    if variable is not None and kind is not None:
        offset = address - variable.address
        while kind is not None:
            if kind.element is not None and kind.element.size:
                offset %= kind.element.size
                kind = kind.element
            elif kind.layout is not None:
                inner = [field for field in kind.layout.fields.values() if field.offset <= offset < field.end]
                if not inner:
                    break
                offset -= inner[0].offset
                kind = inner[0].type
            else:
                return kind.size if kind.size in (1, 2, 4, 8) and offset == 0 else 4
    return stride if stride in (1, 2) else 4


assert KERNBASE == FIRST_PPN << 12
