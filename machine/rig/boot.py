"""Booting a kernel to the moment when it first wants its disk: nothing has depended on the disk's contents until then.

From there the same snapshot serves every workload, whatever is on its disk, and whether the kernel runs its first
program from a buffer of its own (until 2024) or from the disk (since 2025).
"""

from __future__ import annotations

from collections.abc import Callable

from cowcheck.machine.board.board import Board
from cowcheck.machine.record.event import Ending
from cowcheck.machine.record.kernel import Kernel
from cowcheck.machine.record.recorder import Recorder, Seen, Sink

BOOT_INSTRUCTIONS = 1_500_000_000  # filling 128 MiB byte by byte takes 420 million
VIRTIO_1, LEGACY = 2, 1  # what the disk's version register says; xv6 took the one until 2021, then the other

WHAT = {
    Ending.PANIC: "it panicked",
    Ending.HANG: "it waits for something that never comes",
    Ending.BUDGET: f"it was still busy after {BOOT_INSTRUCTIONS:,} instructions",
    Ending.BROKEN: "it went where no code is",
}


class NotBooted(Exception):
    """The kernel never came to its first process. The message says how far it came, ``console`` what it printed."""

    def __init__(self, message: str, console: str) -> None:
        super().__init__(message)
        self.console = console


def boot(kernel: Kernel, harts: int, seed: int, sink: Sink) -> Recorder:
    """A recorder on a board whose kernel waits for its disk. Raises :class:`NotBooted`."""
    failures = []
    for version in (VIRTIO_1, LEGACY):
        board = Board(kernel.image, harts=harts, seed=seed, virtio=version)
        recorder = Recorder(board, kernel, sink)
        board.disk.held = True
        seen = recorder.run(BOOT_INSTRUCTIONS)
        if seen.ending is None:
            return recorder
        failures.append((recorder, seen))
        if seen.ending != Ending.PANIC:  # with the wrong disk, xv6 panics
            break
    recorder, seen = failures[-1] if "virtio" in failures[0][1].text else failures[0]
    raise NotBooted(message(recorder, seen), recorder.board.uart.printed.decode("utf-8", "backslashreplace"))


def message(recorder: Recorder, seen: Seen) -> str:
    """Why a kernel did not boot, and what its memory tells of it."""
    said = f": {seen.text}" if seen.ending == Ending.PANIC and seen.text else ""
    assert seen.ending is not None
    what = "it printed for ever" if recorder.board.uart.discarded else WHAT[seen.ending]
    places = ", ".join(sorted(set(where(recorder))))
    heads = recorder.kernel.layout.free_lists
    empty = bool(heads) and all(recorder.word(item.head) == 0 for item in heads)
    free = " The list of free pages is empty." if empty else ""
    return f"the kernel did not come to its first process: {what}{said}, in {places}.{free}"


def where(recorder: Recorder) -> list[str]:
    """The places that the harts are at."""
    from cowcheck.machine.board.state import PC

    return [
        recorder.kernel.place(at(recorder.board, hart, lambda board: board.engine.read(PC)))
        for hart in range(recorder.board.harts)
    ]


def at(board: Board, hart: int, read: Callable[[Board], int]) -> int:
    """What ``read`` gives with that hart's registers in place."""
    current = int(board.shared["hart"])
    board.switch(hart)
    value = read(board)
    board.switch(current)
    return value
