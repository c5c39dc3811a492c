"""A board at rest as a value, and going back to it.

RAM is 128 MiB, and a run changes little of it. Whoever watches the stores keeps ``dirty``, a byte a frame, so that
going back to the last snapshot copies only what may differ. Some stores reach no callback: bits A and D, which the
emulator sets in page tables by itself; those to frames that are left out (``unseen``); and all, on a board that nobody
watches. So the tables that are in use and the frames that are left out count as changed.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from unicorn import riscv_const as rv

from cowcheck.machine.board.state import FRAMES, MACHINE, PAGE, PRIV
from cowcheck.machine.board.walk import mark_tables

if TYPE_CHECKING:
    from cowcheck.machine.board.board import Board

CONNECTIONS = ("ram", "write_ram", "signal")  # what a device knows of its board


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A whole board. Nothing in it is shared with the board, nor with another snapshot."""

    ram: np.ndarray[Any, np.dtype[np.uint8]]
    record: np.ndarray[Any, Any]
    contexts: tuple[Any, ...]
    devices: Any
    turn: int
    waiting: tuple[bool, ...]
    draws: Any


def take(board: Board) -> Snapshot:
    """The board as it is."""
    board.engine.uc.context_update(board.contexts[int(board.shared["hart"])])
    board.shared["dirty"][:] = 0
    snapshot = Snapshot(
        board.ram.copy(),
        board.record.copy(),
        tuple(copy.copy(context) for context in board.contexts),
        _device_states(board),
        board.turn,
        tuple(board.waiting),
        board.random.getstate(),
    )
    board.last = snapshot
    _mark_unseen(board)
    return snapshot


def go_back(board: Board, snapshot: Snapshot) -> None:
    """Makes the board what it was."""
    observer = board.shared["observer"]
    if snapshot is board.last and observer:
        dirty = np.flatnonzero(board.shared["dirty"])
        board.ram.reshape(FRAMES, PAGE)[dirty] = snapshot.ram.reshape(FRAMES, PAGE)[dirty]
    else:
        board.ram[:] = snapshot.ram
    board.last = snapshot
    board.record[:] = snapshot.record
    board.shared["observer"] = observer
    put_devices_back(board, snapshot)
    board.turn, board.waiting = snapshot.turn, list(snapshot.waiting)
    board.random.setstate(snapshot.draws)
    for context, saved in zip(board.contexts, snapshot.contexts, strict=True):
        board.engine.restore(saved)
        board.engine.uc.context_update(context)
    board.engine.restore(board.contexts[int(board.shared["hart"])])
    board.engine.forget_code()
    _mark_unseen(board)


def put_devices_back(board: Board, snapshot: Snapshot) -> None:
    """The devices as they were."""
    devices = copy.deepcopy(snapshot.devices)
    for device, state in zip((board.uart, board.disk, board.plic), devices, strict=True):
        vars(device).update(state)


def _mark_unseen(board: Board) -> None:
    """The page tables that a hart has in its ``satp`` are written to by nobody's store; some frames are left out."""
    board.shared["dirty"][board.unseen] = 1
    current = int(board.shared["hart"])
    for hart in range(board.harts):
        board.switch(hart)
        privilege = board.engine.read(PRIV)
        board.engine.write(PRIV, MACHINE)
        mark_tables(board.ram, np.uint64(board.engine.read(rv.UC_RISCV_REG_SATP)), board.shared["dirty"])
        board.engine.write(PRIV, privilege)
    board.switch(current)


def _device_states(board: Board) -> list[dict[str, Any]]:
    """What a snapshot holds of the devices: all that they have but their connections."""
    return [
        copy.deepcopy({name: value for name, value in vars(device).items() if name not in CONNECTIONS})
        for device in (board.uart, board.disk, board.plic)
    ]
