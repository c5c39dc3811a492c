"""What an export is made of: reachable code, what is known before a step, operations, statements of invariants."""

from __future__ import annotations

import re
from typing import Any, get_type_hints

import pytest
import z3
from hypothesis import given
from hypothesis import strategies as st

from cowcheck.checker.catalogue import scenarios, shipped_design
from cowcheck.checker.compile_z3 import compile_predicate
from cowcheck.checker.explore import Explorer
from cowcheck.checker.export.binding import Binding
from cowcheck.checker.export.judging import promela_text
from cowcheck.checker.judge import Judge
from cowcheck.model import language
from cowcheck.model.errors import CowcheckError
from cowcheck.model.ir import Acquire, Release, Space
from cowcheck.model.layout import FIRST, SZ
from cowcheck.model.scenario import OpKind
from cowcheck.specs.invariants import INVARIANTS
from cowcheck.specs.statement import Statement, symbolic

STATEMENTS = [(invariant.name, statement) for invariant in INVARIANTS for statement in invariant.statements]


def python_of(promela: str) -> str:
    """A Promela expression without arrows, in Python."""
    assert "->" not in promela
    text = promela.replace("&&", " and ").replace("||", " or ")
    return re.sub(r"!(?!=)", " not ", text)


@pytest.mark.parametrize(("name", "statement"), STATEMENTS)
@given(data=st.data())
def test_a_statement_says_in_promela_what_its_compiled_form_says(
    name: str, statement: Statement, data: st.DataObject
) -> None:
    kinds = get_type_hints(statement.view)
    values: dict[str, Any] = {
        field: data.draw(st.booleans() if kind is bool else st.integers(-3, 4)) for field, kind in kinds.items()
    }
    text = promela_text(statement.holds, {field: f"({int(value)})" for field, value in values.items()}, name)
    holds = compile_predicate(statement.holds, symbolic(statement.view), name)
    assert bool(eval(python_of(text))) == holds(statement.view(**values))


def test_operators_of_z3_that_no_invariant_has_yet() -> None:
    x, y = z3.Ints("x y")
    fields = {"x": "a", "y": "b"}
    assert promela_text(z3.If(x > y, x, -y) == 2, fields, "n") == "(((a > b) -> a : (-b)) == (2))"
    assert promela_text(z3.Distinct(x, y, x + y), fields, "n") == "(a != b && a != (a + b) && b != (a + b))"
    assert promela_text(z3.And(), fields, "n") == "1"
    with pytest.raises(CowcheckError, match=r"invariant n: the z3 operator div \(in x/y\) has no Promela form"):
        promela_text(x / y == 1, fields, "n")


@pytest.mark.parametrize("scenario", ["two-stores", "exec-after-fork", "sbrk-down", "kill-in-fault", "wait-shared"])
def test_everything_that_runs_is_reachable(scenario: str) -> None:
    """The pruning against what the reference interpreter runs."""
    binding = Binding(shipped_design("kref-lock"), scenarios()[scenario])
    explorer = Explorer(binding.model, Judge())
    explorer.run()
    ran = {index for index, ran in enumerate(binding.model.interpreter.blocks_run) if ran}
    assert ran <= set(binding.instructions)
    assert len(binding.instructions) < len(binding.program.instructions)


def test_locks_that_are_known_to_be_held_or_free() -> None:
    binding = Binding(shipped_design("lab-plan"), scenarios()["two-stores"])
    acquired = released = 0
    for index in binding.instructions:
        match binding.program.instructions[index]:
            case Acquire(lock) if lock.space is Space.GLOBAL:
                acquired += 1
                assert lock.name not in binding.known[index].may_hold
            case Release(lock) if lock.space is Space.GLOBAL:
                released += 1
                assert lock.name in binding.known[index].must_hold
    assert acquired
    assert released


def test_operations_answer_as_the_kernel_does() -> None:
    binding = Binding(shipped_design("lab-plan"), scenarios()["read-two-pages"])
    by_kind = {operation.op.kind: operation for operation in binding.operations}
    read, load, wait = by_kind[OpKind.READ], by_kind[OpKind.LOAD], by_kind[OpKind.REAP]
    assert (read.syscall, read.arguments, read.judged) == (language.SYS_read, (read.op.page, read.op.pages), True)
    assert (load.fault, load.bad_address, load.syscall) == (language.SCAUSE_LOAD_FAULT, 5, 0)
    assert load.needs == language.PTE_V | language.PTE_R | language.PTE_U
    assert (wait.syscall, wait.arguments[0], wait.judged) == (language.SYS_wait, -1, False)
    for operation in binding.operations:
        for sz in range(binding.layout.pages + 1):
            state = [0] * binding.layout.size
            state[binding.layout.process(FIRST) + SZ] = sz
            permitted = binding.kernel.permitted(state, FIRST, operation.op)
            assert permitted == (sz >= operation.least_sz)


def test_registers_that_matter_together_are_apart() -> None:
    for name in ("lab-plan", "kref-lock"):
        binding = Binding(shipped_design(name), scenarios()["exec-after-fork"])
        for index in binding.steps:
            slots = [binding.slots[kept.var] for kept in binding.kept(index)]
            assert len(slots) == len(set(slots))
