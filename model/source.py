"""Reading files of designs and of the base kernel: parsed, never run, and their top level checked."""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cowcheck.model.errors import Place, SourceError, read_text


@dataclass(frozen=True, slots=True)
class DesignInfo:
    """What a design file says of itself (``DESIGN = Design(...)``)."""

    name: str
    title: str
    write_up: str = ""
    count: str = ""
    count_offset: int = 0
    claims: tuple[str, ...] = ()
    variant_of: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Function:
    """A function definition and where it stands."""

    name: str
    node: ast.FunctionDef
    unit: Unit


@dataclass(eq=False, slots=True)
class Unit:
    """One parsed file. ``imports`` maps a name to the module that it is imported from."""

    path: Path
    shown: str
    text: str
    tree: ast.Module
    functions: dict[str, ast.FunctionDef]
    structs: dict[str, ast.ClassDef]
    constants: dict[str, int]
    imports: dict[str, tuple[str, int]]
    info: DesignInfo | None

    def place(self, node: ast.AST | int) -> Place:
        line = node if isinstance(node, int) else getattr(node, "lineno", 1)
        return Place(self.shown, line)


MAX_NESTING = 90
"""Levels of a syntax tree. The compiler recurses over it, and Python, which a step's code is compiled to, reads some
200 parentheses inside each other at the most."""


def parse_python(text: str, shown: str) -> ast.Module:
    """The syntax tree of a file. Raises :class:`SourceError` at the place where Python cannot read it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # such as `1if x`: what is wrong here is told as an error
            tree = ast.parse(text)
    except SyntaxError as error:
        raise SourceError(Place(shown, error.lineno or 1), f"not Python: {error.msg}", "mend the syntax") from error
    except ValueError as error:  # a NUL byte
        raise SourceError(Place(shown, 1), f"not Python: {error}", "give a text file") from error
    except (RecursionError, MemoryError) as error:
        raise SourceError(Place(shown, 1), "nested too deeply", "write simpler expressions") from error
    _check_nesting(tree, shown)
    return tree


def _check_nesting(tree: ast.Module, shown: str) -> None:
    work: list[tuple[ast.AST, int, int]] = [(tree, 0, 1)]
    while work:
        node, depth, line = work.pop()
        line = getattr(node, "lineno", line)
        if depth > MAX_NESTING:
            raise SourceError(Place(shown, line), "nested too deeply", "write simpler expressions, and fewer elif")
        work.extend((child, depth + 1, line) for child in ast.iter_child_nodes(node))


def literal_arguments(call: ast.Call, shown: str, allowed: dict[str, type]) -> dict[str, Any]:
    """The keyword arguments of a declaration such as ``Design(...)``: literals of the types given."""
    values: dict[str, Any] = {}
    if call.args:
        raise SourceError(
            Place(shown, call.lineno),
            "a positional argument in the declaration",
            "give every argument its name",
        )
    for keyword in call.keywords:
        place = Place(shown, keyword.value.lineno)
        name = keyword.arg or "**"
        if name not in allowed:
            raise SourceError(place, f"unknown argument '{name}'", f"known: {', '.join(allowed)}")
        try:
            value: object = ast.literal_eval(keyword.value)
        except (ValueError, TypeError, SyntaxError) as error:
            raise SourceError(place, f"the value of '{name}' is not a literal", "write it out") from error
        wanted = allowed[name]
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            raise SourceError(
                place, f"'{name}' is {value!r}, which is no {wanted.__name__}", f"give a {wanted.__name__}"
            )
        if isinstance(value, tuple) and not all(isinstance(item, str) for item in value):
            raise SourceError(place, f"'{name}' holds something that is no string", "give strings")
        values[name] = value
    return values


_DESIGN_ARGUMENTS: dict[str, type] = {
    "name": str,
    "title": str,
    "write_up": str,
    "count": str,
    "count_offset": int,
    "claims": tuple,
    "variant_of": str,
    "notes": tuple,
}


def load_unit(path: Path, shown: str) -> Unit:
    """Parses a file of designs or of the base kernel and checks its top level."""
    text = read_text(path)
    tree = parse_python(text, shown)
    unit = Unit(path, shown, text, tree, {}, {}, {}, {}, None)
    for node in tree.body:
        _top_level(unit, node)
    return unit


def _top_level(unit: Unit, node: ast.stmt) -> None:
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            pass
        case ast.ImportFrom(module=module, names=names) if module is not None:
            for alias in names:
                if alias.asname is not None:
                    raise SourceError(
                        unit.place(node), f"'{alias.name}' is imported as '{alias.asname}'", "keep its name"
                    )
                if module != "__future__":
                    unit.imports[alias.name] = (module, node.lineno)
        case ast.FunctionDef(name=name):
            if name in unit.functions:
                raise SourceError(
                    unit.place(node),
                    f"'{name}' is defined twice (first in line {unit.functions[name].lineno})",
                    "remove one",
                )
            unit.functions[name] = node
        case ast.ClassDef(name=name):
            unit.structs[name] = node
        case ast.Assign(targets=[ast.Name(id="DESIGN")], value=ast.Call(func=ast.Name(id="Design")) as call):
            if unit.info is not None:
                raise SourceError(unit.place(node), "the file declares a second design", "remove one")
            values = literal_arguments(call, unit.shown, _DESIGN_ARGUMENTS)
            for needed in ("name", "title"):
                if not values.get(needed):
                    raise SourceError(unit.place(node), f"the design has no {needed}", f"add {needed}='...'")
            unit.info = DesignInfo(**values)
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            try:
                constant = ast.literal_eval(value)
            except (ValueError, TypeError, SyntaxError):
                constant = None
            if not isinstance(constant, int):
                raise SourceError(
                    unit.place(node),
                    f"'{name}' is not an integer constant",
                    "shared memory is declared in a class, as `class kmem: lock: Spinlock`",
                )
            unit.constants[name] = constant
        case _:
            raise SourceError(
                unit.place(node),
                f"unsupported at the top level of a design: {type(node).__name__}",
                "only imports by name, integer constants, classes (shared memory) and functions stand here",
            )
