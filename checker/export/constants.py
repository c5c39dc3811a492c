"""What the scenario and the program fix in an export: sizes, names, and tables that are no part of the state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cowcheck.checker.export.binding import Binding
from cowcheck.checker.export.primitives import BIAS
from cowcheck.checker.export.terms import Terms
from cowcheck.model import language
from cowcheck.model.contents import FIRST_STORE_TOKEN, REST_BITS, REST_MASK
from cowcheck.model.hardware import FAULTS
from cowcheck.model.scenario import OpKind

_NAMED = (
    "UNUSED", "EMBRYO", "SLEEPING", "RUNNABLE", "ZOMBIE", "PTE_V", "SCAUSE_SYSCALL", "SCAUSE_TIMER", "SYS_exit",
)  # fmt: skip


def constants(binding: Binding, terms: Terms) -> Iterator[str]:
    """``#define`` lines."""
    layout = binding.layout
    sizes = {
        "PROCESSES": layout.processes,
        "HARTS": layout.harts,
        "FRAMES": layout.frames,
        "PAGES": layout.pages,
        "TABLES": layout.tables,
        "LEAVES": layout.leaves,
        "LEAF_PAGES": layout.leaf_pages,
        "OPERATIONS": len(binding.operations),
        "REAP": 0,
        "BIAS": BIAS,
        "PROC_LOCKS": binding.lock_numbers["proc.lock"],
    }
    for name, value in (sizes | {name: getattr(language, name) for name in _NAMED}).items():
        yield f"#define {name} {value}"
    yield ""
    yield "#define IN_RAM(f) ((f) > 0 && (f) <= FRAMES)"
    yield f"#define IS_FAULT(c) ({' || '.join(f'(c) == {cause}' for cause in sorted(FAULTS))})"
    yield "#define LOCK(n) lock[(n) - 1]"
    yield "/* what a page holds: the token in its first word, and the token that fills the rest */"
    yield f"#define WORD_OF(contents) ((contents) >> {REST_BITS})"
    yield f"#define WITH_WORD(contents, token) (((token) << {REST_BITS}) | ((contents) & {REST_MASK}))"
    yield f"#define FILLED(token) (((token) << {REST_BITS}) | ((token) & {REST_MASK}))"
    yield "/* what the operation of the running process stores: a value of its own */"
    yield f"#define TOKEN ({FIRST_STORE_TOKEN} + me * OPERATIONS + proc[self].upc)"
    single = {declared.name for declared in binding.program.globals if declared.lock and not declared.per_frame}
    for name, number in binding.lock_numbers.items():
        yield f"/* lock {number if name in single else f'{number + 1} and on'}: {name} */"
    yield "/* the design's variables that outlive a step, each in a register of the running process */"
    for var, slot in sorted(binding.slots.items(), key=lambda item: item[0].index):
        yield f"#define {terms.var(var)} proc[self].{slot.name}"


def tables(binding: Binding) -> Iterator[str]:
    """Constant arrays: by operation, by page, by step."""
    operations = binding.operations
    programs = list(dict.fromkeys(one.op.program for one in operations))
    spans = [
        (one.op.page, one.op.page + one.op.pages)
        if one.op.kind is OpKind.READ or (one.op.kind is OpKind.WAIT and one.op.page >= 0)
        else (0, 0)
        for one in operations
    ]
    yield "/* --- what the scenario and the program fix: no part of the state --- */"
    yield "/* operations, by the place of a process in the scenario (upc):"
    for place, one in enumerate(operations):
        yield f"   {place}: {one.op.program}: {one.op}"
    yield "*/"
    yield _table("byte", "op_syscall", [one.syscall for one in operations])
    for n in (0, 1):
        yield _table("short", f"op_argument{n}", [one.arguments[n] + BIAS for one in operations])
    yield _table("short", "op_page", [max(one.op.page, 0) for one in operations])
    yield _table("short", "op_needs", [one.needs for one in operations])
    yield _table("short", "op_least_sz", [one.least_sz for one in operations])
    yield _table("byte", "op_judged", [int(one.judged) for one in operations])
    yield _table("short", "op_start", [one.start for one in operations])
    yield _table("byte", "op_program", [programs.index(one.op.program) for one in operations])
    yield _table("byte", "op_target", [programs.index(one.op.target) if one.op.target else 0 for one in operations])
    yield _table("short", "op_first", [first for first, _ in spans])
    yield _table("short", "op_past", [past for _, past in spans])
    kernel, pages = binding.kernel, range(binding.layout.pages)
    yield _table("byte", "region_is_data", [int(kernel.region(page) == "data") for page in pages])
    yield _table("byte", "region_flags", [kernel.region_flags([], 0, page) for page in pages])
    keeps, refers = [0] * (len(binding.steps) + 1), [0] * (len(binding.steps) + 1)
    bits = {slot: 1 << place for place, slot in enumerate(binding.registers)}
    for index, step in binding.steps.items():
        keeps[step] = sum(bits[binding.slots[kept.var]] for kept in binding.kept(index))
        refers[step] = sum(bits[binding.slots[kept.var]] for kept in binding.kept(index) if kept.reference)
    yield "/* by step, a bit for each register: those that matter before it, those that refer to something */"
    yield _table("int", "keeps", keeps)
    yield _table("int", "refers", refers)


def _table(kind: str, name: str, values: Sequence[int]) -> str:
    return f"hidden {kind} {name}[{len(values)}] = {{ {', '.join(map(str, values))} }};"
