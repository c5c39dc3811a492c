"""What a design compiles to, instruction by instruction: each reads or writes shared memory once at the most.

A listing has a line an instruction; ``*`` begins a step. Every usertrap here begins with ``pa = toy.frame`` (0 and 1).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cowcheck.checker.catalogue import Design, designs
from cowcheck.model.ir import (
    Acquire,
    Binary,
    Branch,
    Cell,
    Const,
    Expr,
    Instruction,
    Jump,
    Load,
    Local,
    Panic,
    Primitive,
    Program,
    Release,
    Self,
    Set,
    Sleep,
    Store,
    Unary,
    is_shared,
    successors,
)

HEAD = '''\
"""A toy."""

from cowcheck.model.language import NULL, PA2PTE, PTE2PA, PTE_V, Design, Frame, PerFrame, Spinlock, acquire, memmove
from cowcheck.model.language import memset, myproc, panic, pte_at, r_stval, release, sleep, syscall_buffer

DESIGN = Design(name="toy", title="a toy", count="toy.count")


class toy:
    lock: Spinlock
    word: int
    frame: Frame
    count: PerFrame[int]
    locks: PerFrame[Spinlock]


def same(n: int) -> int:
    return n


def only(n: int) -> int:
    if n:
        return toy.word
    return 3


def changed(n: int) -> int:
    n += 1
    return n


def usertrap() -> None:
    pa = toy.frame
'''


def expression(expr: Expr) -> str:
    match expr:
        case Const(value):
            return str(value)
        case Local(var):
            return var.name
        case Self():
            return "self"
        case Unary(op, operand):
            return f"{op}({expression(operand)})"
        case Binary(op, left, right):
            return f"({expression(left)} {op} {expression(right)})"


def memory(cell: Cell) -> str:
    return cell.name if cell.index is None else f"{cell.name}[{expression(cell.index)}]"


def words(instruction: Instruction, to: Callable[[int], str]) -> str:
    match instruction:
        case Set(target=target, value=value):
            return f"{target.name} = {expression(value)}"
        case Load(target=target, cell=cell):
            return f"{target.name} = *{memory(cell)}"
        case Store(cell=cell, value=value):
            return f"*{memory(cell)} = {expression(value)}"
        case Acquire(lock=lock):
            return f"acquire {memory(lock)}"
        case Release(lock=lock):
            return f"release {memory(lock)}"
        case Sleep(lock=lock):
            return f"sleep {memory(lock)}"
        case Branch(test=test, then=then, otherwise=otherwise):
            return f"if {expression(test)}: {to(then)} else {to(otherwise)}"
        case Jump(to=target):
            return f"goto {to(target)}"
        case Panic(message=message):
            return f"panic {message}"
        case Primitive(name=name, arguments=arguments, target=target):
            call = f"{name}({', '.join(map(expression, arguments))})"
            return f"{target.name} = {call}" if target is not None else call
    raise AssertionError(instruction)


def listing(program: Program) -> list[str]:
    """The toy's own instructions, numbered from its first; ``out`` is wherever usertrap returns to."""
    own = [index for index, one in enumerate(program.instructions) if one.place.file == "toy.py"]

    def to(index: int) -> str:
        return str(index - own[0]) if index in own else "out"

    return [
        f"{to(index)} {'*' if is_shared(program.instructions[index]) else ' '} {words(program.instructions[index], to)}"
        for index in own
    ]


CASES = {
    "a read and a write": (
        "toy.word += 1",
        ["2 * memory = *toy.word", "3 * *toy.word = (memory + 1)"],
    ),
    "an element": (
        "toy.count[pa] -= 1",
        ["2 * memory = *toy.count[pa]", "3 * *toy.count[pa] = (memory - 1)"],
    ),
    "which element is decided once": (
        "toy.count[toy.frame] += same(2)",
        [
            "2 * memory = *toy.frame",
            "3 * memory = *toy.count[memory]",
            "4   same() = 2",
            "5   goto 6",
            "6 * *toy.count[memory] = (memory + same())",
        ],
    ),
    "private accesses and sums begin no step": (
        "p = myproc()\nsz = p.sz + 1\np.sz = sz & 3",
        [
            "2   p = self",
            "3   memory = *sz[p]",
            "4   sz = (memory + 1)",
            "5   *sz[p] = (sz & 3)",
        ],
    ),
    "what others may change begins a step": (
        "p = myproc()\nif p.killed == 0:\n    p.state = 1",
        [
            "2   p = self",
            "3 * memory = *killed[p]",
            "4   if (memory == 0): 5 else out",
            "5 * *state[p] = 1",
            "6   goto out",
        ],
    ),
    "a page table is private": (
        "pte = pte_at(myproc().pagetable, r_stval())\nif pte != NULL:\n    pte[0] &= ~PTE_V",
        [
            "2   memory = *pagetable[self]",
            "3   r_stval = *stval[self]",
            "4   pte_at() = pte_at(memory, r_stval)",
            "5   pte = pte_at()",
            "6   if (pte != 0): 7 else out",
            "7   memory = *pte[pte]",
            "8   *pte[pte] = (memory & -2)",
            "9   goto out",
        ],
    ),
    "and stops at the first that is false": (
        "if toy.word and toy.count[pa]:\n    toy.word = 1\nelse:\n    toy.word = 2",
        [
            "2 * memory = *toy.word",
            "3   if memory: 4 else 8",
            "4 * memory = *toy.count[pa]",
            "5   if memory: 6 else 8",
            "6 * *toy.word = 1",
            "7   goto out",
            "8 * *toy.word = 2",
        ],
    ),
    "or stops at the first that is true": (
        "if not (toy.word or toy.frame == pa):\n    toy.word = 1",
        [
            "2 * memory = *toy.word",
            "3   if memory: out else 4",
            "4 * memory = *toy.frame",
            "5   if (memory == pa): out else 6",
            "6 * *toy.word = 1",
            "7   goto out",
        ],
    ),
    "a truth value is 0 or 1": (
        "x = toy.word == 1 or toy.word == 2",
        [
            "2 * memory = *toy.word",
            "3   if (memory == 1): 6 else 4",
            "4 * memory = *toy.word",
            "5   if (memory == 2): 6 else 8",
            "6   condition = 1",
            "7   goto 10",
            "8   condition = 0",
            "9   goto 10",
            "10   x = condition",
        ],
    ),
    "a loop, continue and break": (
        "for i in range(1, 3):\n    if toy.word == i:\n      continue\n    if toy.word:\n      break\n    toy.word = i",
        [
            "2   past the last i = 3",
            "3   i = 1",
            "4   if (i < past the last i): 5 else out",
            "5 * memory = *toy.word",
            "6   if (memory == i): 10 else 7",
            "7 * memory = *toy.word",
            "8   if memory: out else 9",
            "9 * *toy.word = i",
            "10   i = (i + 1)",
            "11   goto 4",
        ],
    ),
    "a loop that sleeps": (
        "while True:\n    if toy.word:\n        break\n    sleep(toy.lock)",
        [
            "2 * memory = *toy.word",
            "3   if memory: out else 4",
            "4 * sleep toy.lock",
            "5 * acquire toy.lock",
            "6   goto 2",
        ],
    ),
    "the constant side of an if": (
        "if 0:\n    toy.word = 1\nelif PTE_V == 1:\n    toy.word = 2\nelse:\n    toy.word = 3",
        ["2   goto 3", "3 * *toy.word = 2"],
    ),
    "a constant argument is folded into the callee": (
        "x = only(0)",
        ["2   goto 3", "3   only() = 3", "4   goto 5", "5   x = only()"],
    ),
    "and so is a local one": (
        "x = only(r_stval())",
        [
            "2   r_stval = *stval[self]",
            "3   if r_stval: 4 else 7",
            "4 * memory = *toy.word",
            "5   only() = memory",
            "6   goto 9",
            "7   only() = 3",
            "8   goto 9",
            "9   x = only()",
        ],
    ),
    "a parameter that is assigned is a copy": (
        "x = 1\ny = changed(x)",
        ["2   x = 1", "3   n = x", "4   n = (n + 1)", "5   changed() = n", "6   goto 7", "7   y = changed()"],
    ),
    "a page is read and then written": (
        "memmove(pa, toy.frame)",
        [
            "2 * memory = *toy.frame",
            "3 * page contents = *page.data[memory]",
            "4 * *page.data[pa] = page contents",
        ],
    ),
    "what a system call copies out is no whole page": (
        "memmove(pa, syscall_buffer())",
        ["2   syscall_buffer() = syscall_buffer()", "3 * *page.word[pa] = syscall_buffer()"],
    ),
    "a page is filled": (
        "memset(pa, 5)",
        ["2 * *page.data[pa] = 45"],  # the token in the first word and in the rest, see contents.py
    ),
    "the free list's link is in the page": (
        "pa.next = pa.next.next",
        ["2 * memory = *run.next[pa]", "3 * memory = *run.next[memory]", "4 * *run.next[pa] = memory"],
    ),
    "sums of constants": (
        "toy.word = (1 | 4) + 2 - (3 - 5) + ~0",
        ["2 * *toy.word = 8"],
    ),
    "a PTE's parts": (
        "toy.frame = PTE2PA(PA2PTE(pa) | PTE_V)",
        ["2 * *toy.frame = PTE2PA((PA2PTE(pa) | 1))"],
    ),
    "nothing follows a panic": (
        'panic("why")\ntoy.word = 1',
        ["2   panic why"],
    ),
    "nothing follows a return": (
        "return\ntoy.word = 1",
        ["2   goto out"],
    ),
    "locks": (
        "acquire(toy.locks[pa])\nrelease(toy.locks[pa])",
        ["2 * acquire toy.locks[pa]", "3 * release toy.locks[pa]"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_statement_compiles_to(case: str, write_design: Callable[[str], Design]) -> None:
    body, expected = CASES[case]
    program = write_design(HEAD + "".join(f"    {line}\n" for line in body.split("\n"))).program
    assert listing(program) == ["0 * memory = *toy.frame", "1   pa = memory", *expected]


def test_an_instruction_knows_its_line_and_function(write_design: Callable[[str], Design]) -> None:
    program = write_design(HEAD + "    toy.word = same(1)\n    toy.word = 2\n").program
    told = [(one.function, one.place.line) for one in program.instructions if one.place.file == "toy.py"]
    last = HEAD.count("\n")
    head, call, store = ("usertrap", last), ("same", 18), ("usertrap", last + 1)
    assert told == [head, head, call, call, store, ("usertrap", last + 2)]


def test_every_instruction_is_reached() -> None:
    for design in designs().values():
        program = design.program
        work, seen = [program.boot, program.trap], set[int]()
        while work:
            index = work.pop()
            if index not in seen:
                seen.add(index)
                work.extend(successors(index, program.instructions[index]))
        assert seen == set(range(len(program.instructions)))


def test_no_jump_leads_to_a_jump() -> None:
    for design in designs().values():
        code = design.program.instructions
        for index, one in enumerate(code):
            if isinstance(one, Jump | Branch):
                assert not any(isinstance(code[follower], Jump) for follower in successors(index, one))


def test_a_design_takes_the_place_of_the_base_kernel(write_design: Callable[[str], Design]) -> None:
    """One name space, the design's functions strong: the base kernel's kfree calls are the design's."""
    design = write_design(
        HEAD
        + "    pass\n\n\ndef kalloc() -> Frame:\n    return toy.frame\n\n\ndef kfree(pa: Frame) -> None:\n    pass\n"
    )
    files = {one.place.file for one in design.program.instructions if one.function in ("kalloc", "kfree")}
    assert files == {"toy.py"}
    assert {one.function for one in design.program.instructions} >= {"uvmcreate", "walk", "boot", "uservec"}


def test_what_is_taken_from_another_design_is_known() -> None:
    linked = designs()["refcount-array"].linked
    assert linked.taken == {"copyout": "lab-plan", "cow_fault": "lab-plan", "usertrap": "lab-plan"}
    assert linked.functions["copyout"].unit.shown == "specs/designs/lab_plan.py"
