"""A board whose stores are recorded into a world's records: routines in machine code, and what is told of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from unicorn import unicorn_const

from cowcheck.machine.board.board import Board, Pause
from cowcheck.machine.board.state import KERNBASE, PC, RA, RAM_BYTES, X0
from cowcheck.machine.native import address_of
from cowcheck.machine.record import hooks
from tests.machine.board.bare import Program, word
from tests.machine.record.world import World


class Machine:
    """``program`` has a label ``back``, where a routine returns to and the hart waits."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.board = Board(program.image())
        self.world = World(self.board.ram)
        self.board.shared["observer"] = address_of(self.world.record)
        self.user = address_of(self.board.record)
        last = KERNBASE + RAM_BYTES - 1
        self.board.engine.hook(unicorn_const.UC_HOOK_MEM_WRITE, hooks.on_store, self.user, KERNBASE, last)
        self.board.shared["dirty"][:] = 0

    def hook(self, function: Any, label: str) -> None:
        """Calls a compiled callback at a label."""
        self.board.engine.hook_code(function, self.user, self.program.address_of(label))
        self.board.engine.forget_code()

    def clean(self) -> World:
        """Memory and belief as they were in the beginning; what was stored to is known by ``dirty``."""
        world = self.world
        world.touched |= set(np.flatnonzero(self.board.shared["dirty"]).tolist()) - {0}  # the program
        world.clear()
        self.board.shared["dirty"][:] = 0
        return world

    def set(self, registers: Mapping[int, int]) -> None:
        """Sets registers."""
        for register, value in registers.items():
            self.board.engine.write(X0 + register, value)

    def call(self, label: str, registers: Mapping[int, int]) -> None:
        """Runs a routine to its end, and takes what was told."""
        engine = self.board.engine
        self.set(registers)
        engine.write(RA, self.program.address_of("back"))
        engine.write(PC, self.program.address_of(label))
        self.board.waiting = [False]
        assert self.board.run(10_000_000) is Pause.STILL
        assert engine.read(PC) in (self.program.address_of("back"), self.program.address_of("back") + 4)
        self.world.fold()

    def register(self, register: int) -> int:
        """What a routine left in a register."""
        return self.board.engine.read(X0 + register)

    def word(self, address: int) -> int:
        """Eight bytes of memory."""
        return word(self.board, address)
