"""The callbacks on one rig, in the place of the recorder's, and the record that they share with Python."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from unicorn import unicorn_const

from cowcheck.machine.board.state import FRAMES, KERNBASE, PAGE
from cowcheck.machine.interleave import points, steps, strings
from cowcheck.machine.interleave.state import INTERLEAVING, LOGGED, MOST_HOT, MOST_LOGGED, MOST_STEPS, STEP
from cowcheck.machine.native import address_of
from cowcheck.machine.program.report import REPORT_VA
from cowcheck.machine.record.seen_stores import kernel_stacks
from cowcheck.machine.rig.rig import Rig
from cowcheck.model.errors import CowcheckError

LOCK_FUNCTIONS = frozenset({"acquire", "release", "holding", "push_off", "pop_off", "mycpu", "myproc"})
"""What xv6's spinlocks are made of (kernel/spinlock.c); their words are no matter of the schedule, the locks are."""


class Connection:
    """``shared`` is the record; ``hot`` are the words and locks that are preemption points."""

    def __init__(self, rig: Rig) -> None:
        self.rig, self.recorder, self.board = rig, rig.recorder, rig.recorder.board
        self.record = np.zeros(1, INTERLEAVING)
        self.shared = self.record[0]
        self.steps, self.log = np.zeros(MOST_STEPS, STEP), np.zeros(MOST_LOGGED, LOGGED)
        for name, array in (("board", self.board.record), ("steps", self.steps), ("log", self.log)):
            self.shared[name] = address_of(array)
        self.shared["harts"] = rig.harts
        functions = rig.kernel.layout.functions
        for name in LOCK_FUNCTIONS & functions.keys():
            first, end = functions[name].address - KERNBASE, functions[name].address + functions[name].size - KERNBASE
            self.shared["lock_code"][max(first, 0) // 2 : max(end, 0) // 2] = 1
        self.hot: set[int] = set()
        self.stacks = self._stacks()
        self._follow_hook: int | None = None
        self._connect()

    def _connect(self) -> None:
        """Puts callbacks that stop at points in the place of the recorder's."""
        engine, user, kernel = self.board.engine, address_of(self.record), self.recorder.kernel
        functions = kernel.layout.functions
        assert self.recorder.stores is not None
        self.recorder.stores.call(points.on_store, user)
        for number in self.recorder.string_hooks:
            engine.unhook(number)
        self.recorder.string_hooks.clear()
        for first, last in self._watched():
            engine.hook(unicorn_const.UC_HOOK_MEM_READ, points.on_load, user, first, last)
        for name, function in {
            "acquire": points.on_acquire,
            "release": points.on_release,
            "memset": strings.on_memset,
            "memmove": strings.on_memmove,
            "usertrap": points.on_trap,
            "kerneltrap": points.on_trap,
        }.items():
            if name in functions:
                engine.hook_code(function, user, functions[name].address)
        engine.hook(unicorn_const.UC_HOOK_CODE, points.on_report, user, REPORT_VA, REPORT_VA)
        engine.forget_code()

    def follow(self, wanted: bool) -> None:
        """Has the emulator know at every access of the kernel's which instruction it is; that takes time."""
        engine = self.board.engine
        if wanted == (self._follow_hook is not None):
            return
        if self._follow_hook is None:
            last = int(self.recorder.observer["text_end"]) - 1
            kind, user = unicorn_const.UC_HOOK_CODE, address_of(self.record)
            self._follow_hook = engine.hook(kind, points.on_instruction, user, KERNBASE, last)
        else:
            engine.unhook(self._follow_hook)
            self._follow_hook = None
        engine.forget_code()

    def _watched(self) -> list[tuple[int, int]]:
        """The ranges of RAM, by first and last address, that harts may share: all but code and stacks."""
        at, ranges = int(self.recorder.observer["text_end"]), []
        for frame in [*sorted(self.stacks), FRAMES]:
            if at < KERNBASE + frame * PAGE:
                ranges.append((at, KERNBASE + frame * PAGE - 1))
            at = KERNBASE + (frame + 1) * PAGE
        return ranges

    def _stacks(self) -> list[int]:
        """The frames of the kernel's stacks: those of processes, and those of the harts' schedulers."""
        found = kernel_stacks(self.board, self.recorder.kernel).tolist()
        stack0 = self.recorder.kernel.layout.stack0
        if stack0 is not None:
            first = stack0[0] - KERNBASE
            found += range(-(-first // PAGE), (first + stack0[1]) // PAGE)
        return found

    def cool(self, everything: bool) -> None:
        """No word is a preemption point; ``everything``: the entries of release are some, where those of acquire
        are."""
        self.hot.clear()
        self.shared["hot"][:] = 0
        self.shared["hot_frame"][:] = 0
        self.shared["everything"] = everything

    def heat(self, objects: Sequence[int]) -> None:
        """Makes these words and locks preemption points."""
        shared = self.shared
        for item in objects:
            if item in self.hot:
                continue
            self.hot.add(item)
            place = int(steps.slot_of(shared["hot"], np.int64(item)))
            shared["hot"][place] = item
            shared["hot_frame"][(item - KERNBASE) // PAGE] = 1
        if len(self.hot) > MOST_HOT // 2:
            raise CowcheckError("more words are shared than any xv6 shares")
