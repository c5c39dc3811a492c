"""The sweeps are complete, and what they call right agrees with itself."""

from __future__ import annotations

import pytest

from cowcheck.machine.program import Case, Ending, Workload, steps_beyond, sweeps
from cowcheck.machine.program.address_classes import LEAF_BYTES
from cowcheck.machine.program.allocation_operations import LARGE
from cowcheck.machine.program.kernel_age import FORK_WITHOUT_MEMORY, inabilities
from cowcheck.machine.program.report import WORKS

SWEEPS = {workload.name: workload for workload in sweeps()}
ADDRESSES = [workload for name, workload in SWEEPS.items() if name.startswith("addresses")]


def cases(workload: Workload) -> list[Case]:
    return [point for point in workload.points if isinstance(point, Case)]


def test_every_operation_meets_every_class_of_address() -> None:
    texts = [case.text for case in cases(SWEEPS["addresses"])]
    for operation in (
        "a load from",
        "a store to",
        "a jump to",
        "read() of 8",
        "write() to a pipe of 8",
        "fstat()",
        "wait()",
    ):
        for place in (
            "a shared heap page", "the data segment", "the guard page", "the break itself", "TRAPFRAME", "TRAMPOLINE",
            "2^31", "2^63", "MAXVA", "the UART", "where the leaf page of the page table is missing", "address 0",
        ):  # fmt: skip
            assert any(text.startswith(operation) and place in text for text in texts), (operation, place)


@pytest.mark.parametrize("workload", ADDRESSES, ids=lambda workload: workload.name)
def test_there_is_a_step_for_each_case_and_no_case_twice(workload: Workload) -> None:
    assert [step.text for step in workload.steps] == [case.text for case in cases(workload)]
    assert len(set(workload.steps)) == len({step.text for step in workload.steps}) == workload.cases


def test_user_accesses_are_never_minus_one_and_system_calls_never_only_killed() -> None:
    for workload in ADDRESSES:
        for case in cases(workload):
            if case.text.startswith("a "):
                assert Ending.FAILS not in case.right, case
            else:
                assert case.right != {Ending.KILLED}, case


def test_own_memory_must_work_and_no_memory_must_not() -> None:
    for case in cases(SWEEPS["addresses"]):
        if "a shared heap page" in case.text and not case.text.startswith("a jump"):
            assert case.right == WORKS, case
        if "TRAPFRAME" in case.text or "kernel's text" in case.text or "MAXVA" in case.text:
            assert Ending.WORKS not in case.right, case


def test_fork_of_many_pages_is_tried_where_its_second_leaf_cannot_be_had() -> None:
    """Trapframe, root, two pages for the trampoline, one in the middle, the first leaf: the next one fails."""
    (many,) = (operation for operation in LARGE if operation.name == "fork-many")
    assert many.least_frames == 6
    assert many.grow_to > 2 * LEAF_BYTES
    assert SWEEPS["allocations-many-pages"].forks_half_way
    assert not any(step.needs for step in SWEEPS["allocations-many-pages"].steps)


def test_a_kernel_of_before_august_2020_is_not_asked_to_fork_without_memory() -> None:
    assert inabilities(b"... uvmcreate: out of memory\0 ...") == {FORK_WITHOUT_MEMORY}
    assert inabilities(b"uvmunmap: walk") == frozenset()
    workload = SWEEPS["allocations"]
    spared = {workload.steps[number].text for number in steps_beyond(workload, b"uvmcreate: out of memory")}
    assert spared == {"fork()", "exec()"}
    assert steps_beyond(workload, b"") == frozenset()
