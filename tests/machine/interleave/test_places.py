"""Where a hart is stopped: at the instruction that makes the access, whatever block it stands in."""

from __future__ import annotations

from typing import Any

import pytest

from cowcheck.checker.check.conduct import Listener
from cowcheck.machine.board.state import KERNBASE
from cowcheck.machine.elf import read_kernel
from cowcheck.machine.interleave.interleaver import Interleaver
from cowcheck.machine.interleave.state import Access
from cowcheck.machine.program.scenario_program import scenario_workload
from cowcheck.machine.record.kernel import know
from cowcheck.machine.rig import Rig
from cowcheck.specs.races import Race
from tests.kernels.build import build, can_build

LOADS_AND_STORES = (0x03, 0x23, 0x2F)  # opcodes: unprivileged specification, table 24.1
SHORT = {0: (2, 3, 6, 7), 2: (2, 3, 6, 7)}  # funct3 of C.LW, C.LD, C.SW, C.SD and those by sp, by quadrant: table 16.5


def accesses_memory(ram: Any, pc: int) -> bool:
    half = int.from_bytes(ram[pc - KERNBASE : pc - KERNBASE + 2].tobytes(), "little")
    return half & 0x7F in LOADS_AND_STORES if half & 3 == 3 else half >> 13 in SHORT.get(half & 3, ())


@pytest.fixture(scope="module")
def interleaver() -> Interleaver:
    if not can_build():
        pytest.skip("ziglang is not installed")
    race = Race(("store", "store"))
    workload = scenario_workload(race.scenario(), race.spare, cached=True)
    made = Interleaver(Rig.boot(know(read_kernel(build())), harts=2, seed=0))
    problem = made.set_up(workload, lambda rows, texts: None, Listener(workload, frozenset()).hear)
    assert problem == ""
    made.cool(False)
    return made


def test_every_access_is_told_with_the_instruction_that_makes_it(interleaver: Interleaver) -> None:
    log = interleaver.run([(0, 0)]).log
    accesses = log[(log["kind"] == Access.LOAD) | (log["kind"] == Access.STORE)]
    places = sorted({int(pc) for pc in accesses["pc"] if KERNBASE <= pc < KERNBASE + (1 << 24)})
    assert len(places) > 20
    assert [hex(pc) for pc in places if not accesses_memory(interleaver.board.ram, pc)] == []


def test_a_hart_that_is_stopped_anywhere_does_what_it_would_have_done(interleaver: Interleaver) -> None:
    log = interleaver.run([(0, 0)]).log
    words = {int(row["object"]) & ~7 for row in log if row["kind"] in (Access.LOAD, Access.STORE)}
    interleaver.heat(sorted(words))
    whole = interleaver.run([(0, 0)])
    state, steps = interleaver.digest(), int((whole.steps["hart"] == 0).sum())
    assert steps > 20
    for step in range(1, steps):
        stopped = interleaver.run([(0, 0), (step, 1)])
        assert (stopped.ending, stopped.waiting, interleaver.digest()) == (None, (), state), step
