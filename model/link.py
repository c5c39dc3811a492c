"""Linking a design with the base kernel: its functions take the place of the base kernel's.

Linking is C's: one flat name space in which the base kernel's definitions (``specs/xv6``) are weak, and a design's
own, with those it imports by name from another design, are strong. So ``from cowcheck.specs.designs.lab_plan import
copyout`` says, and is how a doc page knows, that this part was taken from the lab's plan.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cowcheck.model import language
from cowcheck.model.errors import Place, SourceError
from cowcheck.model.ir import Global, Type
from cowcheck.model.source import DesignInfo, Function, Unit, load_unit

LANGUAGE_MODULE = "cowcheck.model.language"
XV6_PACKAGE = "cowcheck.specs.xv6."
DESIGNS_PACKAGE = "cowcheck.specs.designs."

_FIELD_TYPES = {"int": Type.INT, "Frame": Type.FRAME}


@dataclass(eq=False, slots=True)
class Linked:
    """A design and the base kernel as one name space. ``taken`` maps a function taken from another design to it."""

    info: DesignInfo
    unit: Unit
    functions: dict[str, Function]
    globals: dict[str, Global]
    taken: dict[str, str]
    units: tuple[Unit, ...]

    def source_line(self, place: Place) -> str:
        """The text of a line, stripped; empty for a place in no file of this design."""
        for unit in self.units:
            if unit.shown == place.file:
                lines = unit.text.splitlines()
                return lines[place.line - 1].strip() if 0 < place.line <= len(lines) else ""
        return ""


def load_base(directory: Path) -> tuple[Unit, ...]:
    """The base kernel's files, in the order of their names."""
    return tuple(
        load_unit(path, f"specs/xv6/{path.name}")
        for path in sorted(directory.glob("*.py"))
        if path.name != "__init__.py"
    )


def link(path: Path, shown: str, base: tuple[Unit, ...], designs: Path) -> Linked:
    """The design in ``path`` linked with the base kernel. ``designs`` is where the designs that it may import from are.

    Raises :class:`SourceError` where the file breaks a rule of the language.
    """
    unit = load_unit(path, shown)
    if unit.info is None:
        raise SourceError(
            Place(shown, 1), "the file declares no design", "add DESIGN = Design(name='...', title='...')"
        )
    functions = {
        name: Function(name, node, base_unit) for base_unit in base for name, node in base_unit.functions.items()
    }
    base_names = set(functions) | {name for base_unit in base for name in base_unit.structs}
    structs = {name: (node, base_unit) for base_unit in base for name, node in base_unit.structs.items()}
    taken: dict[str, str] = {}
    others: dict[str, Unit] = {}
    for name, (module, line) in unit.imports.items():
        place = unit.place(line)
        if module == LANGUAGE_MODULE:
            if name.startswith("_") or not hasattr(language, name):
                raise SourceError(place, f"the language has no '{name}'", "see model/language.py for what it has")
        elif module.startswith(XV6_PACKAGE):
            if name not in base_names:
                raise SourceError(place, f"the base kernel has no '{name}'", "see specs/xv6 for what it has")
        elif module.startswith(DESIGNS_PACKAGE):
            other = others.get(module) or _other_design(module, designs, place)
            others[module] = other
            if name in other.functions:
                functions[name] = Function(name, other.functions[name], other)
            elif name in other.structs:
                structs[name] = (other.structs[name], other)
            else:
                raise SourceError(place, f"{other.shown} defines no '{name}'", "import what it defines")
            taken[name] = other.info.name if other.info else module
        else:
            raise SourceError(
                place,
                f"import from '{module}'",
                f"a design imports from {LANGUAGE_MODULE}, {XV6_PACKAGE}* and {DESIGNS_PACKAGE}* only",
            )
    for name, node in unit.functions.items():
        if name in taken:
            raise SourceError(unit.place(node), f"'{name}' is imported and defined", "keep one of the two")
        if hasattr(language, name):
            raise SourceError(unit.place(node), f"'{name}' is a built-in of the language", "give it another name")
        _check_signature(unit, node, functions.get(name))
        functions[name] = Function(name, node, unit)
    structs |= {name: (node, unit) for name, node in unit.structs.items()}
    global_names = {declared.name: declared for name in structs for declared in _struct_fields(name, *structs[name])}
    _check_count(unit, unit.info, global_names)
    return Linked(unit.info, unit, functions, global_names, taken, (unit, *others.values(), *base))


def _signature(node: ast.FunctionDef) -> str:
    arguments = ", ".join(ast.unparse(argument) for argument in node.args.args)
    result = "" if node.returns is None else f" -> {ast.unparse(node.returns)}"
    return f"{node.name}({arguments}){result}"


def _check_signature(unit: Unit, node: ast.FunctionDef, replaced: Function | None) -> None:
    """A function that takes another's place is called as that one was."""
    if replaced is None:
        return
    ours, theirs = (
        [ast.unparse(a.annotation) if a.annotation else "" for a in n.args.args] for n in (node, replaced.node)
    )
    results = [ast.unparse(n.returns) if n.returns else "None" for n in (node, replaced.node)]
    if ours != theirs or results[0] != results[1]:
        raise SourceError(
            unit.place(node),
            f"{_signature(node)} takes the place of {_signature(replaced.node)} ({replaced.unit.shown})",
            "give it the same types",
        )


def _other_design(module: str, designs: Path, place: Place) -> Unit:
    stem = module.removeprefix(DESIGNS_PACKAGE)
    path = designs / f"{stem}.py"
    if not stem.isidentifier() or not path.is_file():
        raise SourceError(place, f"there is no design module '{module}'", "see `cowcheck list designs`")
    return load_unit(path, f"specs/designs/{stem}.py")


def _struct_fields(struct: str, node: ast.ClassDef, unit: Unit) -> Iterator[Global]:
    for item in node.body:
        match item:
            case ast.Expr(value=ast.Constant(value=str())) | ast.Pass():
                continue
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=None):
                per_frame = False
                if (
                    isinstance(annotation, ast.Subscript)
                    and isinstance(annotation.value, ast.Name)
                    and annotation.value.id == "PerFrame"
                ):
                    per_frame, annotation = True, annotation.slice
                kind = annotation.id if isinstance(annotation, ast.Name) else ""
                if kind == "Spinlock" or kind in _FIELD_TYPES:
                    yield Global(
                        f"{struct}.{name}",
                        _FIELD_TYPES.get(kind, Type.INT),
                        kind == "Spinlock",
                        per_frame,
                        unit.place(item),
                    )
                    continue
        raise SourceError(
            unit.place(item),
            f"unsupported field in class {struct}",
            "a field is `name: type` with Spinlock, int, Frame or PerFrame[int | Spinlock]",
        )


def _check_count(unit: Unit, info: DesignInfo, names: dict[str, Global]) -> None:
    if info.count and (info.count not in names or not names[info.count].per_frame or names[info.count].lock):
        arrays = [name for name, declared in names.items() if declared.per_frame and not declared.lock]
        raise SourceError(
            unit.place(1),
            f"the count '{info.count}' is no PerFrame[int] of this design",
            f"known: {', '.join(arrays) or 'none'}",
        )
