"""What the setup of a scenario leaves: who maps which frame, with which flags and count, and which frames are free.

Boot and the forks before ``meet()`` are a hundred steps that run alone and are the same in every counterexample of a
scenario. A person who reads what comes after needs the state that they lead to, not the steps.
"""

from __future__ import annotations

from collections.abc import Iterator

from cowcheck.model.language import EMBRYO, SLEEPING, UNUSED, ZOMBIE
from cowcheck.model.layout import FIRST, KILLED, STATE, TABLE
from cowcheck.model.sv39 import FLAG_BITS, PTE_V, flag_letters
from cowcheck.model.system import Model, StateTuple

_REMARKS = {EMBRYO: "is being made", SLEEPING: "sleeps", ZOMBIE: "has ended"}


def setup_summary(model: Model, state: StateTuple) -> tuple[str, ...]:
    """The state in a few lines, for the start of a counterexample."""
    return (*_processes(model, state), *_counts(model, state), _free(model, state))


def _processes(model: Model, state: StateTuple) -> Iterator[str]:
    for pid in range(FIRST, model.layout.processes + 1):
        base = model.layout.process(pid)
        run = state[base + STATE]
        if run == UNUSED:
            continue
        remarks = [_REMARKS[run]] if run in _REMARKS else []
        remarks += ["is killed"] if state[base + KILLED] else []
        name = model.op_program(state, pid)
        if remarks:
            yield f"{name} {' and '.join(remarks)}"
        yield from (f"{name} {mapping}" for mapping in _mappings(model, state, state[base + TABLE]))


def _mappings(model: Model, state: StateTuple, table: int) -> Iterator[str]:
    if not table:
        return
    for page in range(model.layout.pages):
        pte = state[model.layout.pte(table, page)]
        if pte & PTE_V:
            frame = pte >> FLAG_BITS
            target = f"frame {frame}" if frame else "physical address 0"
            yield f"page {page} -> {target} ({flag_letters(pte)})"


def _counts(model: Model, state: StateTuple) -> Iterator[str]:
    """The reference counts of the frames that are mapped."""
    count = model.program.count
    if count is None:
        return
    mapped = {
        state[model.layout.pte(table, page)] >> FLAG_BITS
        for table in range(1, model.layout.tables + 1)
        for page in range(model.layout.pages)
        if state[model.layout.pte(table, page)] & PTE_V
    }
    name = count.split(".")[-1]
    for frame in sorted(mapped):
        if 0 < frame <= model.layout.frames:
            yield f"frame {frame}: {name} {state[model.layout.array(count, frame)]}"


def _free(model: Model, state: StateTuple) -> str:
    free = [str(frame) for frame, times in enumerate(model.kernel.free_counts(state)) if times]
    if not free:
        return "no frame is free"
    return f"free: frame{'s' if len(free) > 1 else ''} {', '.join(free)}"
