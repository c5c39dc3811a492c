"""A program as C: every built-in of the language has its function, and what the C cannot hold is refused."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cowcheck.checker.catalogue import Design, designs, scenarios
from cowcheck.model import native
from cowcheck.model.ir import ENDING_PRIMITIVES, Primitive
from cowcheck.model.kernel import Kernel
from cowcheck.model.native import ProgramWriter, Unsupported
from cowcheck.model.system import Model

KERNEL_H = (Path(native.__file__).parent / "kernel.h").read_text("utf-8")


def writer(design: Design) -> ProgramWriter:
    model = Model(design.program, scenarios()["two-stores"])
    return ProgramWriter(design.program, model.allocation, model.layout)


def test_every_built_in_that_a_program_uses_has_a_function_with_its_arguments() -> None:
    used = {
        (instruction.name, len(instruction.arguments))
        for design in designs().values()
        for instruction in design.program.instructions
        if isinstance(instruction, Primitive) and instruction.name not in ENDING_PRIMITIVES - {"sret"}
    }
    assert len(used) > 20
    for name, count in used:
        found = re.search(rf"\bdo_{name}\(([^)]*)\);", KERNEL_H)
        assert found is not None, name
        assert len(found.group(1).split(",")) == 2 + count, name
        assert len(inspect.signature(getattr(Kernel, name)).parameters) == 3 + count, name


def test_each_instruction_is_told_with_its_source_line() -> None:
    design = designs()["kref-lock"]
    text = writer(design).text()
    places = {f"{it.function} {it.place}" for it in design.program.instructions}
    assert all(f"/* {place} */" in text for place in places)


def test_a_constant_that_is_too_large_is_refused(write_design: Callable[[str], Design]) -> None:
    design = write_design(
        """
        from cowcheck.model.language import Design, acquire, release
        from cowcheck.specs.xv6.kalloc import kmem
        from cowcheck.model.language import Frame
        DESIGN = Design(name="large", title="a large constant")

        class ever:
            total: int

        def kfree(pa: Frame) -> None:
            acquire(kmem.lock)
            if ever.total == 4294967296:
                ever.total = 0
            pa.next = kmem.freelist
            kmem.freelist = pa
            release(kmem.lock)
        """
    )
    with pytest.raises(Unsupported, match="4294967296"):
        writer(design).text()
