"""Which lines of a design a search has run, and which none of its scenarios reach.

A check that cannot fail is a defect, and so is code that nothing runs. A line counts where one of its steps has run,
in any of the places that its function is inlined at. The interpreter notes the basic blocks that ran; in such a block
every instruction ran, unless one of them panicked. Lines of the base kernel are left out: they are every design's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cowcheck.checker.catalogue import Design
from cowcheck.checker.result import Unreached
from cowcheck.model.errors import Place
from cowcheck.model.interpreter import Interpreter
from cowcheck.model.ir import Instruction, Panic, falls_through


def own_files(design: Design) -> set[str]:
    """The design's own file and the designs that it takes parts from, as they are shown."""
    return {unit.shown for unit in design.linked.units if unit.info is not None}


def reached_lines(design: Design, interpreter: Interpreter) -> dict[str, tuple[int, ...]]:
    """By file, the lines of the design that have run."""
    files = own_files(design)
    lines: dict[str, set[int]] = {}
    instructions = interpreter.program.instructions
    for leader, ran in enumerate(interpreter.blocks_run):
        if not ran:
            continue
        index = leader
        while True:
            place = instructions[index].place
            if place.file in files:
                lines.setdefault(place.file, set()).add(place.line)
            follows = index + 1
            if not falls_through(instructions[index]) or follows in interpreter.code.leaders:
                break
            index = follows
    return {file: tuple(sorted(lines[file])) for file in sorted(lines)}


def unreached_lines(design: Design, reached: Iterable[Mapping[str, tuple[int, ...]]]) -> tuple[Unreached, ...]:
    """The lines of the design that compile to instructions and that no search has run, in the order of the source."""
    ran = {Place(file, line) for lines in reached for file, numbers in lines.items() for line in numbers}
    files = own_files(design)
    left: dict[Place, list[Instruction]] = {}
    for instruction in design.program.instructions:
        if instruction.place.file in files and instruction.place not in ran:
            left.setdefault(instruction.place, []).append(instruction)
    return tuple(
        Unreached(
            source=str(place),
            function=left[place][0].function,
            code=design.linked.source_line(place),
            panic=all(isinstance(instruction, Panic) for instruction in left[place]),
        )
        for place in sorted(left, key=lambda place: (place.file, place.line))
    )
