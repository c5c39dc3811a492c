"""A hart that is stopped before an access has not made it, and makes it once when it goes on; atomics too."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unicorn import unicorn_const

from cowcheck.machine.board.state import KERNBASE, PC, RAM_BYTES
from cowcheck.machine.interleave import points, steps
from cowcheck.machine.interleave.interleaver import take_back
from cowcheck.machine.interleave.state import (
    INTERLEAVING,
    LOGGED,
    MOST_HOT,
    MOST_LOGGED,
    MOST_STEPS,
    STEP,
    Access,
    Halt,
)
from cowcheck.machine.native import address_of
from cowcheck.machine.program import encoding
from cowcheck.machine.program.encoding import Reg
from tests.machine.board.bare import Program, amo, word
from tests.machine.record.machine import Machine

WORD, OTHER = KERNBASE + 0x20_0000, KERNBASE + 0x20_0040
ADD, LR, SC = 0, 2, 3
NEVER = 1 << 62


class Stopped:
    """One hart, one hot word, and the callbacks at its accesses."""

    def __init__(self, program: Program) -> None:
        self.machine = Machine(program)
        self.board = self.machine.board
        self.record = np.zeros(1, INTERLEAVING)
        self.shared = self.record[0]
        self.steps, self.log = np.zeros(MOST_STEPS, STEP), np.zeros(MOST_LOGGED, LOGGED)
        for name, array in (("board", self.board.record), ("steps", self.steps), ("log", self.log)):
            self.shared[name] = address_of(array)
        self.shared["harts"] = 1
        self.shared["active"] = 1
        self.shared["hot"][steps.slot_of(self.shared["hot"], np.int64(WORD))] = WORD
        self.shared["hot_frame"][(WORD - KERNBASE) >> 12] = 1
        last = KERNBASE + RAM_BYTES - 1
        for kind, function in (
            (unicorn_const.UC_HOOK_MEM_READ, points.on_load),
            (unicorn_const.UC_HOOK_MEM_WRITE, points.on_store),
        ):
            self.board.engine.hook(kind, function, address_of(self.record), KERNBASE, last)
        self.board.engine.forget_code()

    def begin(self, label: str) -> None:
        """The word is 7; the hart is at a routine, and has made no step."""
        self.machine.clean()
        self.board.ram[WORD - KERNBASE : WORD - KERNBASE + 8] = list((7).to_bytes(8, "little"))
        for name in ("step_count", "log_count", "passing", "halt", "atomic_pc", "repeats", "last_place"):
            self.shared[name] = 0
        self.machine.set({Reg.A0: WORD, Reg.A1: 1, Reg.A2: OTHER})
        self.board.engine.write(PC, self.machine.program.address_of(label))
        self.board.waiting = [False]

    def go_on(self, switch_at: int) -> Halt:
        """Runs up to before a step, or to the end; why it was stopped."""
        self.shared["switch_at"], self.shared["halt"] = switch_at, Halt.NONE
        self.board.run(100_000)
        take_back(self.shared, self.board.ram)
        return Halt(int(self.shared["halt"]))

    @property
    def kinds(self) -> list[Access]:
        return [Access(int(kind)) for kind in self.steps["kind"][: int(self.shared["step_count"])]]

    @property
    def logged(self) -> list[Access]:
        log = self.log[: int(self.shared["log_count"])]
        return [Access(int(row["kind"])) for row in log if row["object"] == WORD]


@pytest.fixture(scope="module")
def hart() -> Stopped:
    program = Program()
    program.stop()
    program.label("load")
    program.emit(encoding.ld(Reg.T1, Reg.A0, 0))
    program.stop()
    program.label("store")
    program.emit(encoding.sd(Reg.A1, Reg.A0, 0))
    program.stop()
    program.label("other")
    program.emit(encoding.sd(Reg.A1, Reg.A2, 0))
    program.stop()
    program.label("amo")
    program.emit(amo(ADD, 8, Reg.T1, Reg.A0, Reg.A1))
    program.stop()
    program.label("twice")
    program.emit(amo(ADD, 8, Reg.T1, Reg.A0, Reg.A1), amo(ADD, 8, Reg.T1, Reg.A0, Reg.A1))
    program.stop()
    program.label("pair")
    program.emit(amo(LR, 8, Reg.T1, Reg.A0, Reg.ZERO))
    program.emit(encoding.add(Reg.T1, Reg.T1, Reg.A1))
    program.emit(amo(SC, 8, Reg.T2, Reg.A0, Reg.T1))
    program.bne(Reg.T2, Reg.ZERO, "pair")
    program.stop()
    program.label("spin")
    program.emit(encoding.ld(Reg.T1, Reg.A0, 0))
    program.bne(Reg.T1, Reg.ZERO, "spin")
    program.stop()
    return Stopped(program)


def register(hart: Stopped) -> int:
    return hart.machine.register(Reg.T1)


def test_a_load_is_made_after_the_stop(hart: Stopped) -> None:
    hart.begin("load")
    assert hart.go_on(0) is Halt.SWITCH
    assert hart.logged == []
    hart.board.ram[WORD - KERNBASE] = 9  # another hart's store
    hart.shared["passing"] = 1
    assert hart.go_on(NEVER) is Halt.NONE
    assert register(hart) == 9
    assert hart.kinds == hart.logged == [Access.LOAD]


def test_a_store_is_made_after_the_stop(hart: Stopped) -> None:
    hart.begin("store")
    assert hart.go_on(0) is Halt.SWITCH
    assert word(hart.board, WORD) == 7
    hart.shared["passing"] = 1
    assert hart.go_on(NEVER) is Halt.NONE
    assert word(hart.board, WORD) == 1
    assert hart.kinds == hart.logged == [Access.STORE]


def test_a_word_that_is_not_hot_is_no_point(hart: Stopped) -> None:
    hart.begin("other")
    assert hart.go_on(0) is Halt.NONE
    assert hart.kinds == []
    assert int(hart.shared["log_count"]) == 1


@pytest.mark.parametrize(("label", "added"), [("amo", 1), ("twice", 2)])
def test_an_atomic_instruction_is_one_step(hart: Stopped, label: str, added: int) -> None:
    hart.begin(label)
    assert hart.go_on(NEVER) is Halt.NONE
    assert word(hart.board, WORD) == 7 + added
    assert hart.kinds == [Access.ATOMIC] * added
    assert hart.logged == [Access.LOAD, Access.STORE] * added


@pytest.mark.parametrize("label", ["amo", "twice"])
def test_an_atomic_instruction_that_was_stopped_at_is_done_once(hart: Stopped, label: str) -> None:
    hart.begin(label)
    steps = 2 if label == "twice" else 1
    for step in range(steps):
        assert hart.go_on(step) is Halt.SWITCH
        assert word(hart.board, WORD) == 7 + step
        assert len(hart.kinds) == step
        hart.shared["passing"] = 1
    assert hart.go_on(NEVER) is Halt.NONE
    assert word(hart.board, WORD) == 7 + steps
    assert hart.kinds == [Access.ATOMIC] * steps


def test_a_pair_that_was_stopped_at_adds_once(hart: Stopped) -> None:
    """LR and SC are a step each; a stop between them may cost another round."""
    hart.begin("pair")
    assert hart.go_on(NEVER) is Halt.NONE
    assert word(hart.board, WORD) == 8
    steps = len(hart.kinds)
    for step in range(steps):
        hart.begin("pair")
        assert hart.go_on(step) is Halt.SWITCH
        assert word(hart.board, WORD) == 7
        hart.shared["passing"] = 1
        assert hart.go_on(NEVER) is Halt.NONE
        assert word(hart.board, WORD) == 8


def test_a_pair_sees_what_another_hart_stored_in_between(hart: Stopped) -> None:
    hart.begin("pair")
    assert hart.go_on(1) is Halt.SWITCH
    hart.board.ram[WORD - KERNBASE] = 20
    hart.shared["passing"] = 1
    assert hart.go_on(NEVER) is Halt.NONE
    assert word(hart.board, WORD) == 21


def test_a_hart_that_goes_round_at_one_word_is_stopped(hart: Stopped) -> None:
    hart.begin("spin")
    assert hart.go_on(NEVER) is Halt.SPINS
    rounds = len(hart.kinds)
    assert rounds == steps.PATIENCE
    hart.board.ram[WORD - KERNBASE] = 0
    hart.shared["passing"] = 1
    assert hart.go_on(NEVER) is Halt.NONE
    assert hart.kinds == [Access.LOAD] * (rounds + 1)


@settings(max_examples=50, deadline=None)
@given(
    words=st.sets(st.integers(1, RAM_BYTES // 8 - 1), max_size=200), others=st.sets(st.integers(1, RAM_BYTES // 8 - 1))
)
def test_the_table_of_points_is_a_set(words: set[int], others: set[int]) -> None:
    table = np.zeros(MOST_HOT, np.int64)
    for item in words:
        table[steps.slot_of(table, np.int64(item * 8))] = item * 8
    assert sorted(table[table != 0].tolist()) == sorted(item * 8 for item in words)
    for item in words | others:
        assert (int(table[steps.slot_of(table, np.int64(item * 8))]) == item * 8) is (item in words)
