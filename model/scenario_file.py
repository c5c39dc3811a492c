"""Reading scenario files: small user programs, parsed and never run."""

from __future__ import annotations

import ast
from itertools import pairwise
from pathlib import Path
from typing import Any

from cowcheck.model.errors import CowcheckError, Place, SourceError, read_text
from cowcheck.model.language import MAXVA
from cowcheck.model.scenario import MAX_FRAMES, MAX_HARTS, MAX_PAGES, MAX_PROCESSES, PAGE_KINDS, Op, OpKind, Scenario
from cowcheck.model.source import literal_arguments, parse_python

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
    return parse_scenario(read_text(path), shown)


def parse_scenario(text: str, shown: str) -> Scenario:
    """The scenario in the text of a file that is called ``shown``. Raises :class:`SourceError`."""
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
