"""A scenario and the layout that it gives a program's states, as the numbers that the engine takes them in."""

from __future__ import annotations

from array import array
from typing import NamedTuple

from cowcheck.model.kernel import Kernel
from cowcheck.model.layout import Layout
from cowcheck.model.native.constants import op_number, region_number
from cowcheck.model.scenario import MAX_PAGES, OpKind, Scenario

_INIT_PROGRAM, _NO_PROGRAM = -2, -1


class Numbers(NamedTuple):
    """``sizes`` in the order of the C struct Sizes, ``ops`` of Op (five numbers each), ``starts`` by program."""

    sizes: array[int]
    ops: array[int]
    starts: array[int]


def numbers(layout: Layout, scenario: Scenario, kernel: Kernel) -> Numbers:
    """The numbers of a model."""
    programs = {name: number for number, name in enumerate(scenario.starts)}
    sizes = [
        layout.size, layout.frames, layout.pages, layout.processes, layout.harts, layout.tables, layout.leaves,
        layout.leaf_pages, layout.table_base, layout.table_size, layout.process_base, layout.process_size,
        layout.hart_base, layout.hart_size, len(scenario.ops), scenario.starts[scenario.first], len(scenario.pages),
        kernel.stack_page([], 0), any(op.kind is OpKind.MEET for op in scenario.ops),
    ]  # fmt: skip
    sizes += [region_number(kernel.region(page)) for page in range(MAX_PAGES)]
    ops = [
        number
        for op in scenario.ops
        for number in (
            op_number(op.kind), op.page, op.pages, programs.get(op.target, _NO_PROGRAM),
            programs.get(op.program, _INIT_PROGRAM),
        )
    ]  # fmt: skip
    return Numbers(array("i", sizes), array("i", ops), array("i", scenario.starts.values()))
