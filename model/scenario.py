"""Scenarios: what the user processes do. A scenario is a file of small user programs, parsed and never run.

One function is one program; the one that no other forks is where the scenario starts. Setup comes first: until every
live process has reached its first ``meet()``, one process runs at a time, the lowest first, so that the interleavings
explored are those of what comes after; a later ``meet()`` is a barrier and nothing more. Operations are numbered
through; ``upc`` (a process's place in the scenario) is that number.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any

from cowcheck.model.errors import CowcheckError, Place, SourceError, read_text
from cowcheck.model.language import MAXVA
from cowcheck.model.source import literal_arguments, parse_python

PAGE_KINDS = ("text", "data", "guard")
"""What a page of the program's image may be: R X U, R W U, or R W without U (xv6's stack guard)."""

MAX_PAGES = 16
MAX_HARTS = 8
MAX_FRAMES = 31
MAX_PROCESSES = 8


class OpKind(StrEnum):
    """What a user process can do; the names are those of the functions in a scenario file."""

    LOAD = "load"
    STORE = "store"
    EXECUTE = "execute"
    FORK = "fork"
    WAIT = "wait"
    EXIT = "exit"
    READ = "read"
    EXEC = "exec"
    SBRK = "sbrk"
    KILL = "kill"
    MEET = "meet"
    REAP = "reap"  # init's life: to wait for orphans


ACCESSES = frozenset({OpKind.LOAD, OpKind.STORE, OpKind.EXECUTE})
"""What user code does to memory without the kernel."""


@dataclass(frozen=True, slots=True)
class Op:
    """One operation: ``page`` and ``pages`` for accesses, ``target`` a program's name for fork and kill."""

    kind: OpKind
    program: str
    place: Place
    page: int = 0
    pages: int = 1
    target: str = ""

    @property
    def subject(self) -> str:
        """The operation as the subject of a sentence: ``child's store to page 0``."""
        words = {OpKind.LOAD: "load of", OpKind.STORE: "store to", OpKind.EXECUTE: "jump to"}
        if self.kind in words:
            return f"{self.program}'s {words[self.kind]} page {self.page}"
        return f"{self.program}'s {self}"

    def __str__(self) -> str:
        match self.kind:
            case OpKind.LOAD | OpKind.STORE | OpKind.EXECUTE:
                return f"{self.kind} page {self.page}"
            case OpKind.WAIT if self.page >= 0:
                return f"wait() into page {self.page}"
            case OpKind.READ:
                span = f"page {self.page}" if self.pages == 1 else f"pages {self.page}-{self.page + self.pages - 1}"
                return f"read() into {span}"
            case OpKind.SBRK:
                return f"sbrk({self.pages:+d} page{'' if abs(self.pages) == 1 else 's'})"
            case OpKind.FORK:
                return f"fork() of '{self.target}'"
            case OpKind.KILL:
                return f"kill('{self.target}')"
            case OpKind.MEET:
                return "meet"
            case _:
                return f"{self.kind}()"


@dataclass(frozen=True, slots=True)
class Scenario:
    """Programs over ``pages`` (the image, a kind each), with ``frames`` frames of RAM, on ``harts`` harts.

    ``ops`` holds init's reap first, then each program's operations, each ended by an exit; ``starts`` maps a program to
    its first operation.
    """

    name: str
    title: str
    harts: int
    frames: int
    pages: tuple[str, ...]
    ops: tuple[Op, ...]
    starts: Mapping[str, int]
    first: str
    processes: int  # slots of the process table, init's included
    shown: str
    source: str
    leaf_pages: int = MAX_PAGES  # pages that one leaf page of a page table maps (hardware: 512)

    def resized(self, harts: int | None, frames: int | None, pages: int | None) -> Scenario:
        """The same scenario with other sizes. Raises :class:`CowcheckError` for a size that cannot be."""
        for name, value, most in (
            ("harts", harts, MAX_HARTS),
            ("frames", frames, MAX_FRAMES),
            ("pages", pages, MAX_PAGES),
        ):
            if value is not None and not 1 <= value <= most:
                raise CowcheckError(f"--{name} {value}: give a number from 1 to {most}")
        kinds = self.pages
        if pages is not None:
            least = 1 + max((op.page + op.pages - 1 for op in self.ops if _inside(op, len(kinds))), default=0)
            if pages < least:
                raise CowcheckError(f"--pages {pages}: scenario '{self.name}' uses {least} pages; give {least} or more")
            kinds = (kinds + ("data",) * pages)[:pages]
        sized = replace(self, harts=harts or self.harts, frames=frames or self.frames, pages=kinds)
        if sized.table_pages > MAX_PAGES:
            raise CowcheckError(
                f"scenario '{self.name}' could grow to {sized.table_pages} pages; {MAX_PAGES} are the most: "
                "give the image fewer pages, or sbrk() fewer"
            )
        needed = len(sized.pages) + 1 + -(-len(sized.pages) // sized.leaf_pages)
        if sized.frames < needed:
            raise CowcheckError(
                f"{sized.frames} frames are too few for scenario '{self.name}': its first process needs {needed} "
                f"({len(sized.pages)} pages, and the rest for its page table); give --frames {needed} or more"
            )
        return sized

    @property
    def table_pages(self) -> int:
        """Entries of a leaf page table that are modelled: the image's and those that sbrk can add."""
        return len(self.pages) + sum(op.pages for op in self.ops if op.kind is OpKind.SBRK and op.pages > 0)

    @property
    def leaf_count(self) -> int:
        """Leaf pages that a page table may have."""
        return -(-self.table_pages // self.leaf_pages)


def _inside(op: Op, count: int) -> bool:
    return (op.kind in ACCESSES or op.kind in (OpKind.READ, OpKind.WAIT)) and 0 <= op.page < count


_ARGUMENTS: dict[str, type] = {
    "name": str,
    "title": str,
    "harts": int,
    "frames": int,
    "pages": tuple,
    "leaf_pages": int,
}
_NAMED_PAGES = {"FAR": MAXVA - 1, "MAXVA": MAXVA}
_SIGNATURES: dict[str, str] = {
    "load": "page",
    "store": "page",
    "execute": "page",
    "read": "page [pages]",
    "fork": "program",
    "kill": "program",
    "sbrk": "pages",
    "wait": "[page]",
    "exit": "",
    "exec": "",
    "meet": "",
}


def load_scenario(path: Path, shown: str) -> Scenario:
    """Reads a scenario file. Raises :class:`SourceError` with the place and a remedy."""
    text = read_text(path)
    tree = parse_python(text, shown)
    header: dict[str, Any] | None = None
    header_place = Place(shown, 1)
    programs: dict[str, ast.FunctionDef] = {}
    for node in tree.body:
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                continue
            case ast.ImportFrom(module="__future__" | "cowcheck.model.user"):
                continue
            case ast.Assign(targets=[ast.Name(id="SCENARIO")], value=ast.Call(func=ast.Name(id="Scenario")) as call):
                header = literal_arguments(call, shown, _ARGUMENTS)
                header_place = Place(shown, node.lineno)
            case ast.FunctionDef(name=name):
                if name in programs:
                    raise SourceError(Place(shown, node.lineno), f"'{name}' is defined twice", "remove one")
                programs[name] = node
            case _:
                raise SourceError(
                    Place(shown, node.lineno),
                    f"unsupported at the top level of a scenario: {type(node).__name__}",
                    "SCENARIO = Scenario(...) and a function for each process stand here",
                )
    if header is None:
        raise SourceError(Place(shown, 1), "the file declares no scenario", "add SCENARIO = Scenario(name='...', ...)")
    if not programs:
        raise SourceError(
            header_place,
            "the scenario has no process",
            "add a function such as `def parent() -> None: store(0)`",
        )
    return _build(header, header_place, programs, shown, text)


def _build(
    header: dict[str, Any], place: Place, programs: dict[str, ast.FunctionDef], shown: str, text: str
) -> Scenario:
    for needed in _ARGUMENTS:
        if needed not in header and needed != "leaf_pages":
            raise SourceError(place, f"the scenario has no '{needed}'", f"add {needed}=...")
    pages = header["pages"]
    for name, most in (("harts", MAX_HARTS), ("frames", MAX_FRAMES)):
        if not 1 <= header[name] <= most:
            raise SourceError(place, f"{name}={header[name]}", f"give a number from 1 to {most}")
    if not 1 <= len(pages) <= MAX_PAGES or any(kind not in PAGE_KINDS for kind in pages):
        raise SourceError(
            place,
            f"pages={pages!r}",
            f"give 1 to {MAX_PAGES} kinds of page, each one of {', '.join(PAGE_KINDS)}",
        )
    leaf_pages = header.get("leaf_pages", MAX_PAGES)
    if not 1 <= leaf_pages <= MAX_PAGES:
        raise SourceError(place, f"leaf_pages={leaf_pages}", f"give a number from 1 to {MAX_PAGES}")
    ops = [Op(OpKind.REAP, "init", place)]
    starts: dict[str, int] = {}
    for name, node in programs.items():
        starts[name] = len(ops)
        own = [_op(statement, name, programs, shown) for statement in node.body if not _docstring(statement)]
        if late := [op for before, op in pairwise(own) if before.kind is OpKind.EXIT]:
            raise SourceError(late[0].place, f"{late[0]} comes after exit()", "remove what never runs")
        ops.extend(own)
        ops.append(Op(OpKind.EXIT, name, Place(shown, node.end_lineno or node.lineno)))
    forked = [op.target for op in ops if op.kind is OpKind.FORK]
    roots = [name for name in programs if name not in forked]
    for name, node in programs.items():
        if node.args.args or node.args.vararg or node.args.kwarg:
            raise SourceError(Place(shown, node.lineno), f"program '{name}' has parameters", "remove them")
    if not roots:
        _count_processes(next(iter(programs)), ops, place, ())
    if len(roots) != 1:
        raise SourceError(
            place,
            f"{len(roots)} programs are not forked by another ({', '.join(roots) or 'none'})",
            "exactly one program starts the scenario; the others are forked by it",
        )
    processes = 1 + _count_processes(roots[0], ops, place, ())
    if processes > MAX_PROCESSES:
        raise SourceError(place, f"{processes} processes, init included", f"{MAX_PROCESSES} are the most")
    scenario = Scenario(
        header["name"], header["title"], header["harts"], header["frames"], pages, tuple(ops), starts, roots[0],
        processes, shown, text, leaf_pages,
    )  # fmt: skip
    try:
        return scenario.resized(None, None, None)
    except CowcheckError as error:
        raise SourceError(place, str(error), "change the size") from error


def _count_processes(program: str, ops: list[Op], place: Place, chain: tuple[str, ...]) -> int:
    if program in chain:
        raise SourceError(
            place, f"'{program}' forks itself ({' -> '.join((*chain, program))})", "give the child a program"
        )
    forks = [op for op in ops if op.program == program and op.kind is OpKind.FORK]
    return 1 + sum(_count_processes(op.target, ops, op.place, (*chain, program)) for op in forks)


def _docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _op(node: ast.stmt, program: str, programs: dict[str, ast.FunctionDef], shown: str) -> Op:
    place = Place(shown, node.lineno)
    match node:
        case ast.Expr(value=ast.Call(func=ast.Name(id=name), args=arguments, keywords=[])) if name in _SIGNATURES:
            pass
        case _:
            raise SourceError(
                place,
                f"unsupported in a program: {ast.unparse(node).splitlines()[0][:60]}",
                f"a program is a list of calls: {', '.join(_SIGNATURES)}",
            )
    signature = _SIGNATURES[name]
    most = len(signature.replace("[", "").split())
    least = most - signature.count("[")
    if not least <= len(arguments) <= most:
        raise SourceError(place, f"{name}() with {len(arguments)} arguments", f"write {name}({signature})")
    kind = OpKind(name)
    if signature == "program":
        target = arguments[0].id if isinstance(arguments[0], ast.Name) else ""
        if target not in programs:
            raise SourceError(place, f"{name}() of an unknown program '{ast.unparse(arguments[0])}'", "define it")
        return Op(kind, program, place, target=target)
    numbers = [_number(argument, place) for argument in arguments]
    if kind is OpKind.SBRK:
        if numbers[0] == 0 or abs(numbers[0]) > MAX_PAGES:
            raise SourceError(place, f"sbrk({numbers[0]})", f"give 1 to {MAX_PAGES} pages, up or down")
        return Op(kind, program, place, pages=numbers[0])
    if numbers and not 0 <= numbers[0] <= MAXVA:
        raise SourceError(place, f"page {numbers[0]}", "give a page number from 0, FAR or MAXVA")
    if len(numbers) == 2 and not 1 <= numbers[1] <= MAX_PAGES:
        raise SourceError(place, f"{numbers[1]} pages", f"give 1 to {MAX_PAGES}")
    page = numbers[0] if numbers else -1 if kind is OpKind.WAIT else 0
    return Op(kind, program, place, page=page, pages=numbers[1] if len(numbers) > 1 else 1)


def _number(node: ast.expr, place: Place) -> int:
    if isinstance(node, ast.Name) and node.id in _NAMED_PAGES:
        return _NAMED_PAGES[node.id]
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        value = None
    if not isinstance(value, int) or isinstance(value, bool):
        raise SourceError(place, f"'{ast.unparse(node)}' is no page number", "give an integer, FAR or MAXVA")
    return value
