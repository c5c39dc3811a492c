"""What a process keeps between its steps: what may still be read, and which of that is a reference to a page."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cowcheck.checker.catalogue import Design, designs
from cowcheck.model.ir import Program, successors
from cowcheck.model.liveness import allocate

HEAD = '''\
"""A toy."""

from cowcheck.model.language import NULL, PTE_W, Design, Frame, PerFrame, Spinlock, myproc, pte_at, r_stval

DESIGN = Design(name="toy", title="a toy", count="toy.count")


class toy:
    lock: Spinlock
    word: int
    frame: Frame
    count: PerFrame[int]


def taken() -> Frame:
    pa = toy.frame
    toy.word = 7
    return pa


def usertrap() -> None:
'''


def kept(program: Program, line: int) -> list[tuple[str, bool]]:
    """The variables that are kept before the first step of a line, and whether each holds a reference."""
    allocation = allocate(program)
    for index, instruction in enumerate(program.instructions):
        boundary = allocation.boundary[index]
        if instruction.place.file == "toy.py" and instruction.place.line == line and boundary is not None:
            return sorted((one.var.name, one.reference) for one in boundary)
    raise AssertionError(f"line {line} begins no step")


# the lines of usertrap, and what is kept where each of them begins a step (None: none begins there)
CASES: dict[str, list[tuple[str, list[tuple[str, bool]] | None]]] = {
    "a value is kept until its last use": [
        ("pa = toy.frame", []),
        ("x = toy.word", [("pa", True)]),
        ("toy.frame = pa", [("pa", True), ("x", True)]),
        ("toy.word = x", [("x", True)]),
        ("toy.word = 0", []),
    ],
    "what is only tested is no reference": [
        ("pa = toy.frame", []),
        ("toy.word = 1", [("pa", False)]),
        ("if pa == NULL:", None),
        ("    toy.word = 2", []),
    ],
    "a page that is written through is a reference": [
        ("pa = toy.frame", []),
        ("toy.word = 1", [("pa", True)]),
        ("if pa == NULL:", None),
        ("    toy.word = 2", [("pa", True)]),
        ("toy.count[pa] = 0", [("pa", True)]),
    ],
    "on one path is on both": [
        ("pa = toy.frame", []),
        ("if toy.word:", [("pa", True)]),
        ("    pa = NULL", None),
        ("toy.frame = pa", [("pa", True)]),
    ],
    "a result that the caller only tests holds nothing": [
        ("if taken() == NULL:", None),
        ("    toy.word = 2", []),
    ],
    "a result that the caller uses holds its page": [
        ("pa = taken()", None),
        ("toy.frame = pa", [("pa", True)]),
    ],
    "an address stays an address through sums of flags": [
        ("pte = pte_at(myproc().pagetable, r_stval())", None),
        ("old = pte[0] & ~PTE_W", None),
        ("toy.word = 1", [("old", True), ("pte", True)]),
        ("pte[0] = old", None),
    ],
    "a loop keeps what its next round needs": [
        ("for i in range(0, 3):", None),
        ("    toy.word = i", [("i", True), ("past the last i", False)]),
    ],
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_kept(case: str, write_design: Callable[[str], Design]) -> None:
    lines = CASES[case]
    program = write_design(HEAD + "".join(f"    {line}\n" for line, _ in lines)).program
    first = HEAD.count("\n") + 1
    for number, (line, expected) in enumerate(lines, first):
        if expected is not None:
            assert kept(program, number) == expected, line


def test_inside_a_call_the_result_that_is_only_tested_holds_nothing(write_design: Callable[[str], Design]) -> None:
    """`toy.word = 7` stands between the read of the page and `return pa`."""
    line = HEAD.split("\n").index("    toy.word = 7") + 1
    tested = write_design(HEAD + "    if taken() == NULL:\n        toy.word = 2\n").program
    assert kept(tested, line) == [("pa", False)]
    used = write_design(HEAD + "    toy.frame = taken()\n").program
    assert kept(used, line) == [("pa", True)]


def test_a_variable_within_one_step_is_scratch(write_design: Callable[[str], Design]) -> None:
    body = "    x = r_stval()\n    y = x + 1\n    z = toy.word\n    toy.word = y + z\n"
    program = write_design(HEAD + body).program
    allocation = allocate(program)
    kept_names = {
        var.name: allocation.registers[var.index].kept
        for var in program.variables
        if var.name in ("x", "y", "z") and any(var is one.writes() for one in program.instructions)
    }
    assert kept_names == {"x": False, "y": True, "z": True}


def test_registers_of_variables_that_are_alive_together_differ() -> None:
    """Kept registers, recomputed here from scratch: no two variables of a boundary share one."""
    for design in designs().values():
        for steps in (False, True):
            allocation = allocate(design.program, steps)
            for boundary in allocation.boundary:
                if boundary is not None:
                    registers = [one.register for one in boundary]
                    assert len(set(registers)) == len(registers)
                    assert all(register < allocation.kept_count for register in registers)


def test_a_register_is_not_overwritten_before_its_last_use() -> None:
    """Along every edge: what is alive after an instruction stands in registers that the instruction leaves alone."""
    for design in designs().values():
        program = design.program
        allocation = allocate(program, pte_steps=True)
        for index, instruction in enumerate(program.instructions):
            written = instruction.writes()
            if written is None:
                continue
            target = allocation.registers[written.index]
            for follower in successors(index, instruction):
                for one in allocation.boundary[follower] or ():
                    if one.var is not written:
                        assert allocation.registers[one.var.index] != target


def test_more_steps_keep_more() -> None:
    program = designs()["lab-plan"].program
    few, many = allocate(program), allocate(program, pte_steps=True)
    assert sum(one is not None for one in few.boundary) < sum(one is not None for one in many.boundary)
    assert few.kept_count <= many.kept_count
