"""The invariants say something, say it of the right states, and say it so that a person can read it."""

from __future__ import annotations

import string
from typing import NamedTuple, cast, get_args

import pytest
import z3
from z3 import And, Implies, Not, Or

from cowcheck.model.errors import CowcheckError
from cowcheck.model.views import (
    FrameView,
    LoadView,
    MappingView,
    OperationView,
    SystemView,
    TouchView,
    TranslationView,
    View,
)
from cowcheck.specs.invariants import INVARIANTS, find_invariant, find_invariants
from cowcheck.specs.statement import SUBJECT, Invariant, Statement, symbolic

VIEWS: tuple[type[View], ...] = get_args(View)
STATEMENTS = [
    pytest.param(statement, id=f"{invariant.name}-{number}")
    for invariant in INVARIANTS
    for number, statement in enumerate(invariant.statements, 1)
]
EACH_STATEMENT = pytest.mark.parametrize("statement", STATEMENTS)

f = symbolic(FrameView)
o = symbolic(OperationView)

POSSIBLE: dict[type[View], z3.BoolRef] = {
    FrameView: And(
        f.mappings >= 0,
        f.writers >= 0,
        f.writers <= f.visible,
        f.free >= 0,
        f.free <= 2,
        f.held >= 0,
        f.owned >= 0,
        Implies(Not(f.counted), f.refs == 0),
        Implies(f.quiescent, f.held == 0),
    ),
    OperationView: Implies(Not(o.fault), Not(o.changed)),
}
"""What the meaning of the fields makes true of every view, lest a statement live on impossible views."""


def possible(view: type[View]) -> z3.BoolRef:
    return POSSIBLE.get(view, z3.BoolVal(True))


def satisfiable(*terms: z3.BoolRef) -> bool:
    solver = z3.Solver()
    solver.add(*terms)
    answer = solver.check()
    assert answer != z3.unknown
    return cast(bool, answer == z3.sat)


def broken_names(*views: View) -> list[str]:
    """The invariants that some of these views break, by z3."""
    return [
        invariant.name
        for invariant in INVARIANTS
        if any(
            satisfiable(Not(statement.at(view)))
            for statement in invariant.statements
            for view in views
            if isinstance(view, statement.view)
        )
    ]


# ---- each statement says something


@EACH_STATEMENT
def test_some_possible_view_satisfies_it_and_some_breaks_it(statement: Statement) -> None:
    assert satisfiable(possible(statement.view), statement.holds)
    assert satisfiable(possible(statement.view), Not(statement.holds))


@EACH_STATEMENT
def test_its_premise_is_met_by_some_possible_views_and_not_by_others(statement: Statement) -> None:
    if not z3.is_implies(statement.holds):
        return
    premise, conclusion = statement.holds.children()
    world = possible(statement.view)
    assert satisfiable(world, premise, conclusion)
    assert satisfiable(world, premise, Not(conclusion))
    assert satisfiable(world, Not(premise))


@EACH_STATEMENT
def test_no_other_statement_of_its_invariant_implies_it(statement: Statement) -> None:
    (invariant,) = [it for it in INVARIANTS if statement in it.statements]
    others = [it.holds for it in invariant.statements if it is not statement and it.view is statement.view]
    assert satisfiable(possible(statement.view), Not(statement.holds), *others)


UNJUDGED = {
    (
        MappingView,
        "cow",
    ): "a COW mark is the kernel's own note: it does harm only by what a later fault makes of it",
}
"""The fields that no statement depends on, and why the views carry them all the same."""


def depends_on(statement: Statement, field: str) -> bool:
    """Whether two views that differ in this field alone can be judged differently."""
    variable = getattr(symbolic(statement.view), field)
    other = z3.Const("other", variable.sort())
    return satisfiable(statement.holds != z3.substitute(statement.holds, (variable, other)))


def test_every_field_of_every_view_decides_some_verdict_or_is_listed_with_a_reason() -> None:
    dead = {
        (view, field)
        for view in VIEWS
        for field in view._fields
        if not any(
            depends_on(statement, field)
            for invariant in INVARIANTS
            for statement in invariant.statements
            if statement.view is view
        )
    }
    assert dead == set(UNJUDGED)


# ---- the statements of an invariant, taken together, are the whole claim


def starved() -> z3.BoolRef:
    return And(o.fault, o.permitted, o.out_of_memory)


WHOLE = {
    "refcount-equals-mappings": Implies(And(f.quiescent, f.counted, f.mappings >= 1), f.refs == f.mappings),
    "out-of-memory-kills": And(
        Implies(And(starved(), Not(And(o.succeeded, Not(o.killed)))), o.killed),
        Implies(And(starved(), o.killed, Not(o.kill_asked)), Not(o.changed)),
    ),
    "no-undue-failure": Implies(
        And(o.permitted, Or(o.killed, And(Not(o.fault), Not(o.succeeded)))), Or(o.kill_asked, o.out_of_memory)
    ),
}


@pytest.mark.parametrize("name", WHOLE)
def test_the_statements_together_are_the_whole_formula(name: str) -> None:
    together = And([statement.holds for statement in find_invariant(name).statements])
    assert not satisfiable(together != WHOLE[name])


@pytest.mark.parametrize(
    "name", ["refcount-equals-mappings", "no-stale-translation", "out-of-memory-kills", "no-undue-failure"]
)
def test_one_view_breaks_at_most_one_statement_of(name: str) -> None:
    statements = find_invariant(name).statements
    for index, statement in enumerate(statements):
        for other in statements[index + 1 :]:
            assert not satisfiable(Not(statement.holds), Not(other.holds))


# ---- what right kernels do is not accused

FREE = FrameView(counted=True, refs=0, mappings=0, visible=0, writers=0, free=1, held=0, owned=0, quiescent=True)
PRIVATE = FREE._replace(refs=1, mappings=1, visible=1, writers=1, free=0)
SHARED = FREE._replace(refs=2, mappings=2, visible=2, free=0)
DATA = MappingView(in_ram=True, visible=True, user=True, writable=True, cow=False, may_write=True)
TEXT = DATA._replace(writable=False, may_write=False)
SERVED = OperationView(
    fault=True,
    permitted=True,
    succeeded=True,
    killed=False,
    kill_asked=False,
    out_of_memory=False,
    changed=True,
)
SYSTEM_CALL = SERVED._replace(fault=False, changed=False)
CACHED = TranslationView(grants_write=True, pte_valid=True, pte_writable=True, same_frame=True)

RIGHT: dict[str, View] = {
    "a free frame": FREE,
    "a private page": PRIVATE,
    "a page that two processes share read-only": SHARED,
    "a page-table page": FREE._replace(refs=1, free=0, owned=1),
    "a kernel that keeps no counts": SHARED._replace(counted=False, refs=0),
    "uvmunmap calls kfree before it clears the PTE": FREE._replace(mappings=1, quiescent=False),
    "uvmcopy maps the child's page before it takes the reference": SHARED._replace(refs=1, visible=0, quiescent=False),
    "uvmcopy while the parent's PTE_W is still set": SHARED._replace(visible=0, writers=0, quiescent=False),
    "a handler drops the old reference before it rewrites the PTE": SHARED._replace(
        refs=1, visible=1, held=1, quiescent=False
    ),
    "a new page between kalloc and mappages": FREE._replace(refs=1, free=0, held=1, quiescent=False),
    "a fork that failed half way leaves a COW page with a count of 1": SHARED._replace(refs=1, mappings=1, visible=1),
    "that page's PTE": DATA._replace(writable=False, cow=True),
    "always copying leaves a sharer with a count of 1 and no PTE_W": SHARED._replace(refs=1, mappings=1, visible=1),
    "a free frame whose count is 1": FREE._replace(refs=1),
    "a free frame whose count is stale": FREE._replace(refs=-1),
    "a count that is stale on a page-table page": FREE._replace(refs=3, free=0, owned=1),
    "a page-table page that stays after sbrk shrinks": FREE._replace(free=0, owned=1),
    "text that is writable where all user memory is": DATA,
    "read-only text": TEXT,
    "read-only text with a COW mark": TEXT._replace(cow=True),
    "a guard page, without PTE_U, that keeps PTE_W": TEXT._replace(user=False, writable=True),
    "a page of a process in the kernel, writable until exec has loaded its text": TEXT._replace(
        visible=False, writable=True
    ),
    "a TLB entry that agrees with its PTE": CACHED,
    "a TLB entry that grants less than its PTE": CACHED._replace(grants_write=False),
    "a load of what was stored": LoadView(seen=7, due=7),
    "memmove from a page that is not free": TouchView(free=False),
    "a COW fault served": SERVED,
    "a fault on a page that another hart has served by now": SERVED._replace(changed=False),
    "out of memory, killed": SERVED._replace(succeeded=False, killed=True, out_of_memory=True, changed=False),
    "out of memory, but served by the last sharer's reuse": SERVED._replace(out_of_memory=True),
    "a store to text, killed": SERVED._replace(permitted=False, succeeded=False, killed=True, changed=False),
    "a store to text while memory is out, killed": SERVED._replace(
        permitted=False, succeeded=False, killed=True, out_of_memory=True, changed=False
    ),
    "a fault of a process that another has asked to be killed": SERVED._replace(killed=True, kill_asked=True),
    "a system call": SYSTEM_CALL,
    "copyout fails because memory is out": SYSTEM_CALL._replace(succeeded=False, out_of_memory=True),
    "copyout to text fails": SYSTEM_CALL._replace(permitted=False, succeeded=False),
    "a fault that is to be taken again": SERVED._replace(succeeded=False, changed=False),
    "a kernel that runs": SystemView(panicked=False, end_reachable=True),
}


@pytest.mark.parametrize("what", RIGHT)
def test_a_right_kernel_is_not_accused(what: str) -> None:
    assert broken_names(RIGHT[what]) == []


class Wrong(NamedTuple):
    """A view that a wrong kernel shows, and every invariant that it breaks."""

    view: View
    breaks: tuple[str, ...]


WRONG = {
    "the child's reference was never taken": Wrong(SHARED._replace(refs=1), ("refcount-equals-mappings",)),
    "the kernel's own mapping was counted": Wrong(SHARED._replace(refs=3), ("refcount-equals-mappings",)),
    "an 8-bit count overflows": Wrong(
        SHARED._replace(refs=0, mappings=256, visible=256), ("refcount-equals-mappings",)
    ),
    "the parent keeps PTE_W": Wrong(SHARED._replace(writers=1), ("no-writable-shared-frame",)),
    "a page is freed while another process maps it": Wrong(
        FREE._replace(mappings=1, visible=1), ("refcount-equals-mappings", "no-free-frame-mapped")
    ),
    "the same, in a kernel that keeps no counts": Wrong(
        FREE._replace(counted=False, mappings=1, visible=1), ("no-free-frame-mapped",)
    ),
    "a page table is freed while it is in use": Wrong(FREE._replace(owned=1), ("no-free-frame-mapped",)),
    "memmove from a page after it was freed": Wrong(TouchView(free=True), ("no-free-frame-mapped",)),
    "two sharers free the same page": Wrong(FREE._replace(free=2), ("freed-once",)),
    "unmapping drops no reference": Wrong(FREE._replace(refs=1, free=0), ("no-leak",)),
    "text became writable": Wrong(TEXT._replace(writable=True), ("no-permission-gained",)),
    "another's store shows through": Wrong(LoadView(seen=2, due=1), ("isolation",)),
    "no TLB flush after unmapping": Wrong(CACHED._replace(pte_valid=False), ("no-stale-translation",)),
    "no TLB flush after a copy": Wrong(CACHED._replace(same_frame=False), ("no-stale-translation",)),
    "no TLB flush after PTE_W was cleared": Wrong(CACHED._replace(pte_writable=False), ("no-stale-translation",)),
    "memory is out, and the handler returns as if all were well": Wrong(
        SERVED._replace(succeeded=False, out_of_memory=True, changed=False), ("out-of-memory-kills",)
    ),
    "memory is out, and the handler maps what it did not get": Wrong(
        SERVED._replace(killed=True, out_of_memory=True), ("out-of-memory-kills",)
    ),
    "a deadlock": Wrong(SystemView(panicked=False, end_reachable=False), ("progress",)),
    "a panic": Wrong(SystemView(panicked=True, end_reachable=True), ("kernel-survives",)),
    "physical address 0 mapped": Wrong(DATA._replace(in_ram=False), ("mapping-in-ram",)),
    "a second fork drops the COW mark, and the child is killed": Wrong(
        SERVED._replace(succeeded=False, killed=True, changed=False), ("no-undue-failure",)
    ),
    "copyout refuses a COW page": Wrong(SYSTEM_CALL._replace(succeeded=False), ("no-undue-failure",)),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_kernel_breaks_exactly(what: str) -> None:
    assert broken_names(WRONG[what].view) == list(WRONG[what].breaks)


def test_the_examples_of_wrong_kernels_break_every_invariant() -> None:
    assert {name for wrong in WRONG.values() for name in wrong.breaks} == {it.name for it in INVARIANTS}


def test_a_page_table_that_is_being_torn_down_counts_as_owned_no_longer() -> None:
    # freewalk calls kfree before it clears the pointer; the observer sees a table inside an operation as not owned.
    assert broken_names(FREE._replace(owned=0, held=1, quiescent=False)) == []


def test_a_fault_may_be_served_after_all_while_another_process_asks_for_the_kill() -> None:
    assert broken_names(SERVED._replace(out_of_memory=True, killed=True, kill_asked=True)) == []


def test_a_frame_given_out_as_a_page_and_as_a_page_table_is_accused() -> None:
    assert broken_names(PRIVATE._replace(owned=1)) == ["no-writable-shared-frame"]


# ---- what a person reads


def fields_told(statement: Statement) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(statement.says) if name} - {SUBJECT}


@EACH_STATEMENT
def test_its_message_tells_the_numbers_and_is_whole_sentences(statement: Statement) -> None:
    values = {field: 1000 + number for number, field in enumerate(statement.view._fields)}
    said = statement.says.format(subject="frame 3", **values)
    assert said.count("frame 3") == 1
    for field in fields_told(statement):
        assert str(values[field]) in said
    for text in (said, statement.matters):
        assert text.endswith(".")
        assert not set(text) & set("{}")
        assert "  " not in text


@EACH_STATEMENT
def test_its_message_tells_no_bare_truth_value(statement: Statement) -> None:
    variables = symbolic(statement.view)
    assert not [field for field in fields_told(statement) if z3.is_bool(getattr(variables, field))]


def test_no_two_statements_have_the_same_message() -> None:
    messages = [statement.says for invariant in INVARIANTS for statement in invariant.statements]
    assert len(set(messages)) == len(messages)


@pytest.mark.parametrize("view", VIEWS)
def test_a_message_may_tell_any_field(view: type[View]) -> None:
    says = "{subject}: " + ", ".join(f"{{{field}}}" for field in view._fields)
    statement = Statement(view, z3.BoolVal(True), says=says, matters="It matters.")
    values = dict.fromkeys(view._fields, 5)
    assert statement.says.format(subject="it", **values) == "it: " + ", ".join("5" for _ in values)


@pytest.mark.parametrize("invariant", INVARIANTS, ids=lambda it: it.name)
def test_an_invariant_stands_with_its_reason_and_source(invariant: Invariant) -> None:
    assert invariant.statements
    assert invariant.reason.endswith(".")
    assert invariant.source
    assert len(invariant.summary) <= 100
    assert not invariant.summary.endswith(".")


# ---- names and mistakes


def test_the_names() -> None:
    assert [invariant.name for invariant in INVARIANTS] == [
        "refcount-equals-mappings",
        "no-writable-shared-frame",
        "no-free-frame-mapped",
        "freed-once",
        "no-leak",
        "no-permission-gained",
        "isolation",
        "no-stale-translation",
        "out-of-memory-kills",
        "progress",
        "kernel-survives",
        "mapping-in-ram",
        "no-undue-failure",
    ]


def test_an_invariant_is_found_by_its_name() -> None:
    assert find_invariant("no-leak").name == "no-leak"


def test_invariants_are_found_in_their_own_order() -> None:
    assert [it.name for it in find_invariants(["progress", "no-leak", "progress"])] == ["no-leak", "progress"]


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(CowcheckError, match=r"^unknown invariant 'no-leek'; known: .*\bno-leak, .*failure$"):
        find_invariant("no-leek")


def test_a_statement_over_what_is_no_field_is_refused() -> None:
    with pytest.raises(CowcheckError, match=r"over LoadView names sene .*its fields: seen, due$"):
        Statement(LoadView, z3.Int("sene") == 1, says="{subject} is wrong.", matters="It matters.")


def test_a_message_that_tells_what_is_no_field_is_refused() -> None:
    with pytest.raises(CowcheckError, match=r"over LoadView names refs .*its fields: seen, due$"):
        Statement(LoadView, z3.BoolVal(True), says="{subject} has {refs}.", matters="It matters.")


def test_a_message_without_a_subject_is_refused() -> None:
    with pytest.raises(CowcheckError, match=r"never names its \{subject\}"):
        Statement(LoadView, z3.BoolVal(True), says="Something is wrong.", matters="It matters.")


# ---- the variables


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_of_variables_has_the_names_and_sorts_of_the_fields(view: type[View]) -> None:
    variables = symbolic(view)
    assert [str(variable) for variable in variables] == list(view._fields)
    annotations = [view.__annotations__[field] for field in view._fields]
    sorts = {"int": z3.IntSort(), "bool": z3.BoolSort()}
    for variable, annotation in zip(variables, annotations, strict=True):
        written = annotation.__forward_arg__ if hasattr(annotation, "__forward_arg__") else annotation.__name__
        assert cast(z3.ExprRef, variable).sort() == sorts[written]


def test_terms_may_stand_in_place_of_the_values() -> None:
    (statement,) = find_invariant("isolation").statements
    token = z3.Int("token")
    assert not satisfiable(Not(statement.at(LoadView(seen=token, due=token))))
    assert satisfiable(Not(statement.at(LoadView(seen=token, due=3))))


def test_swapped_variables_are_put_in_place_at_once() -> None:
    statement = find_invariant("no-writable-shared-frame").statements[0]
    swapped = f._replace(writers=f.visible, visible=f.writers)
    assert statement.at(swapped).eq(Implies(f.visible >= 1, f.writers == 1))
