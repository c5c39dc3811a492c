"""Going back: after anything that ran since, the board is what it was, whoever watches the stores."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unicorn import unicorn_const

from cowcheck.machine.board.board import Board, Pause
from cowcheck.machine.board.snapshot import Snapshot
from cowcheck.machine.board.state import FIRST_PPN, KERNBASE, PAGE
from cowcheck.machine.native import address_of
from cowcheck.machine.program import encoding
from cowcheck.machine.program.encoding import Reg
from cowcheck.machine.record import hooks
from cowcheck.machine.record.observer import OBSERVER
from cowcheck.model import sv39
from tests.machine.board.bare import (
    FENCE_I,
    MEPC,
    MHARTID,
    MRET,
    MSTATUS,
    RESULTS,
    SATP,
    SSCRATCH,
    Program,
    csrrw,
    put,
    word,
)
from tests.machine.board.test_board import state_of

SOON = 100_000  # instructions until a snapshot is taken: every hart is in the middle of its loop
ROOT, OTHER = KERNBASE + 0x30_0000, KERNBASE + 0x31_0000


def busy() -> Program:
    """Each hart, in supervisor mode and through its own page table, writes a page a turn and code into itself."""
    program = Program()
    program.csrr(Reg.S0, MHARTID)
    program.li(Reg.T1, 8 << 60 | ROOT // PAGE)
    program.li(Reg.T2, (OTHER - ROOT) // PAGE)
    program.label("choose")
    program.beq(Reg.S0, Reg.ZERO, "chosen")
    program.emit(encoding.add(Reg.T1, Reg.T1, Reg.T2))
    program.label("chosen")
    program.csrw(SATP, Reg.T1)
    program.csrw(MSTATUS, 1 << 11)
    program.csrw_label(MEPC, "supervisor")
    program.emit(MRET)
    program.label("supervisor")
    program.emit(encoding.slli(Reg.S1, Reg.S0, 19))
    program.li(Reg.T1, RESULTS)
    program.emit(encoding.add(Reg.S1, Reg.S1, Reg.T1))
    program.la(Reg.S3, "patched")
    program.li(Reg.S4, PAGE)
    program.li(Reg.S5, encoding.addi(Reg.A0, Reg.ZERO, 0))
    program.label("loop")
    program.emit(encoding.addi(Reg.S2, Reg.S2, 1), encoding.sd(Reg.S2, Reg.S1, 8), csrrw(0, SSCRATCH, Reg.S2))
    program.label("patched")
    program.emit(encoding.addi(Reg.A0, Reg.ZERO, 0), encoding.sd(Reg.A0, Reg.S1, 16))
    program.emit(encoding.add(Reg.S1, Reg.S1, Reg.S4))
    program.emit(
        encoding.slli(Reg.T1, Reg.S2, 53), encoding.srli(Reg.T1, Reg.T1, 33), encoding.add(Reg.T1, Reg.T1, Reg.S5)
    )
    program.emit(encoding.sw(Reg.T1, Reg.S3, 0), FENCE_I)
    program.li(Reg.T1, 100)
    program.blt(Reg.S2, Reg.T1, "loop")
    program.li(Reg.S2, 0)
    program.li(Reg.T1, -100 * PAGE)
    program.emit(encoding.add(Reg.S1, Reg.S1, Reg.T1))
    program.j("loop")
    return program


class Watched:
    """A board at a moment in the middle of things, and what it was like then."""

    def __init__(self, harts: int, observed: bool) -> None:
        self.board = Board(busy().image(), harts=harts, seed=3)
        for root in (ROOT, OTHER):  # hart 0's and hart 1's; the pages are as if never used
            for gigapage, flags in ((0, 7), (2, 15)):
                pte = sv39.make_pte(gigapage << 18, flags)
                put(self.board, root + 8 * gigapage, pte.to_bytes(8, "little"))
        self.observer = np.zeros(1, OBSERVER)
        if observed:
            self.board.shared["observer"] = address_of(self.observer)
            user, everywhere = address_of(self.board.record), (KERNBASE, KERNBASE + (128 << 20) - 1)
            self.board.engine.hook(unicorn_const.UC_HOOK_MEM_WRITE, hooks.on_store, user, *everywhere)
        self.board.run(SOON)
        self.snapshot: Snapshot = self.board.snapshot()
        self.ram, self.state = self.board.ram.copy(), state_of(self.board)
        self.fields = fields_of(self.board)


def fields_of(board: Board) -> tuple[object, ...]:
    """What is neither RAM nor registers."""
    names = ("hart", "time", "retired", "traps", "lines", "mtimecmp", "stimecmp", "menvcfg")
    shared = [board.shared[name].tolist() for name in names]
    devices = (
        bytes(board.uart.printed),
        tuple(board.uart.typed),
        bytes(board.disk.disk),
        copy.deepcopy(vars(board.plic)),
    )
    return *shared, *devices, board.turn, list(board.waiting), board.random.getstate()


@pytest.fixture(scope="module", params=[(1, False), (1, True), (2, True)], ids=["alone", "observed", "two-harts"])
def watched(request: pytest.FixtureRequest) -> Watched:
    return Watched(*request.param)


@settings(max_examples=6, deadline=None)
@given(
    budgets=st.lists(st.integers(1, 60_000), min_size=1, max_size=2),
    typed=st.binary(max_size=3),
    disk=st.binary(max_size=3),
)
def test_the_board_is_what_it_was(watched: Watched, budgets: list[int], typed: bytes, disk: bytes) -> None:
    board = watched.board
    for budget in budgets:
        board.run(budget)
        board.uart.type(typed)
        board.uart.write(0, 1, ord("."))
        board.disk.disk[:] = disk
        board.plic.write(4, 4, budget)
    assert state_of(board) != watched.state
    board.restore(watched.snapshot)
    assert state_of(board) == watched.state
    assert fields_of(board) == watched.fields


def test_what_runs_then_is_the_same_again(watched: Watched) -> None:
    """Among it code that has been written over since, and translated."""
    board, states = watched.board, []
    for _ in range(2):
        board.restore(watched.snapshot)
        assert board.run(50_000) is Pause.BUDGET
        states.append(state_of(board))
        board.run(7_777)
    assert states[0] == states[1]
    assert {word(board, RESULTS + 16 + PAGE * page) for page in range(100)} > {3, 50}  # the patched code ran


def test_a_longer_stay(watched: Watched) -> None:
    """An older snapshot, and a newer one, in any order."""
    board = watched.board
    board.restore(watched.snapshot)
    board.run(20_000)
    newer, state = board.snapshot(), state_of(board)
    board.run(20_000)
    for snapshot, due in (
        (watched.snapshot, watched.state),
        (newer, state),
        (newer, state),
        (watched.snapshot, watched.state),
    ):
        board.restore(snapshot)
        assert state_of(board) == due
        board.run(1)


def test_a_device_that_writes_ram(watched: Watched) -> None:
    """The disk's data reaches RAM by no store of a hart."""
    board = watched.board
    board.restore(watched.snapshot)
    board.write_ram(KERNBASE + 0x70_0000 - 8, b"from the disk, over a page's end")
    assert not np.array_equal(board.ram, watched.ram)
    board.restore(watched.snapshot)
    assert np.array_equal(board.ram, watched.ram)


def test_the_bits_that_a_hart_sets_in_page_tables(watched: Watched) -> None:
    """Used pages get bits A and D, which no store puts there."""
    board = watched.board
    board.restore(watched.snapshot)
    before = [word(board, ROOT), word(board, ROOT + 16)]
    put(board, ROOT, sv39.make_pte(FIRST_PPN, 7).to_bytes(8, "little"))
    board.restore(watched.snapshot)
    assert [word(board, ROOT), word(board, ROOT + 16)] == before
