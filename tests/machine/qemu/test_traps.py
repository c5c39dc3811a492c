"""The board enters traps as QEMU does: a bare-metal program provokes them on both, and every word must be the same."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from cowcheck.machine.board.board import Board
from cowcheck.machine.board.state import KERNBASE
from cowcheck.machine.qemu.program import NAME
from cowcheck.machine.qemu.qemu import Qemu
from tests.machine.qemu.trap_cases import AGREED, GAPS, segments
from tests.machine.qemu.trap_program import DONE, RESULTS, WORDS, Case, Result, image, results

UXL_SXL = 0xF << 32
"""Bits of mstatus that say how wide registers are below machine mode: Unicorn has none, and xv6 never looks."""

BREAKPOINT = 3
GROUPS = {**AGREED, **GAPS}


@dataclass(frozen=True, slots=True)
class Both:
    """A case's result on both machines."""

    case: Case
    board: Result
    qemu: Result

    @property
    def agree(self) -> bool:
        qemu = self.qemu._replace(status=self.qemu.status & ~UXL_SXL)
        if qemu.cause == BREAKPOINT and qemu.tval in (0, qemu.epc):
            qemu = qemu._replace(tval=self.board.epc)  # either may be told (privileged architecture 1.12, 3.1.16)
        if self.case.atomic and qemu.cause in (4, 5):
            qemu = qemu._replace(cause=qemu.cause + 2)  # QEMU tells of the load in it, which the specification does not
        return self.board == qemu

    def __str__(self) -> str:
        return f"{self.case.name}:\n  board {self.board}\n  QEMU  {self.qemu}"


@pytest.fixture(scope="module")
def outcomes() -> dict[str, list[Both]]:
    """All cases, run once on each machine."""
    if shutil.which(NAME) is None:
        pytest.skip(f"{NAME} is not installed")
    cases = [case for group in GROUPS.values() for case in group]
    both = iter(zip(cases, on_board(cases), on_qemu(cases), strict=True))
    return {name: [Both(*next(both)) for _ in group] for name, group in GROUPS.items()}


def on_board(cases: Sequence[Case]) -> list[Result]:
    """The results on the board."""
    board = Board(image(cases, segments()))
    for _ in range(100_000):
        board.run(10_000)
        if board.ram[DONE - KERNBASE]:
            return found(board.ram, len(cases))
    raise AssertionError("the board never came to the end of the cases")


def on_qemu(cases: Sequence[Case]) -> list[Result]:
    """The results on QEMU."""
    with Qemu(image(cases, segments())) as machine:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            machine.run()
            if machine.ram[DONE - KERNBASE]:
                return found(machine.ram, len(cases))
    raise AssertionError("QEMU never came to the end of the cases")


def found(ram: np.ndarray[tuple[int], np.dtype[np.uint8]], cases: int) -> list[Result]:
    return results(ram[RESULTS - KERNBASE : RESULTS - KERNBASE + 8 * WORDS * cases].tobytes(), cases)


@pytest.mark.parametrize("group", AGREED)
def test_both_machines_enter_traps_alike(group: str, outcomes: dict[str, list[Both]]) -> None:
    differ = [str(both) for both in outcomes[group] if not both.agree]
    assert not differ, f"{len(differ)} of {len(outcomes[group])} differ:\n" + "\n".join(differ[:5])


@pytest.mark.xfail(strict=True, reason="Unicorn does otherwise")
@pytest.mark.parametrize("group", GAPS)
def test_a_known_gap(group: str, outcomes: dict[str, list[Both]]) -> None:
    assert all(both.agree for both in outcomes[group])


def test_every_class_of_exception_is_provoked(outcomes: dict[str, list[Both]]) -> None:
    causes = {both.qemu.cause for group in AGREED for both in outcomes[group]}
    assert {1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 15, 1 << 63 | 1} <= causes


def test_every_known_gap_is_documented() -> None:
    """docs/kernels.md has a row for each, and for no other."""
    text = (Path(__file__).resolve().parents[3] / "docs" / "kernels.md").read_text(encoding="utf-8")
    table = text.split("| known difference |")[1].split("\n\n")[0].splitlines()[2:]
    assert [row.split("|")[1].strip() for row in table] == list(GAPS)
