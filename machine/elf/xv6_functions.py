"""xv6's functions in a kernel: where each begins, and where the compiler copied one into another."""

from __future__ import annotations

from dataclasses import dataclass

from cowcheck.machine.elf.damage import KernelError
from cowcheck.machine.elf.image import KernelElf
from cowcheck.machine.elf.symbols import Symbol
from cowcheck.machine.elf.xv6_names import IS_IT_XV6, OPTIONAL_FUNCTIONS, REQUIRED_FUNCTIONS

_KINDS = ("function", "label")  # what is written in assembly is a label


@dataclass(frozen=True, slots=True)
class InlinedCopy:
    """A copy of a function's body inside another function: a call that never reaches the function's own entry."""

    into: str
    ranges: tuple[tuple[int, int], ...]


def find_functions(kernel: KernelElf, absent: dict[str, str]) -> dict[str, Symbol]:
    """xv6's functions by their usual names; why an optional one is not there goes into ``absent``.

    Raises :class:`KernelError` where a required one is missing.
    """
    found: dict[str, Symbol] = {}
    missing = []
    for name, spellings in {**REQUIRED_FUNCTIONS, **OPTIONAL_FUNCTIONS}.items():
        symbols = [kernel.symbols[item] for item in spellings if item in kernel.symbols]
        symbol = next((item for item in symbols if item.kind in _KINDS and _in_text(kernel, item)), None)
        if symbol is not None:
            found[name] = symbol
        elif name in REQUIRED_FUNCTIONS:
            missing.append(" or ".join(sorted(spellings, reverse=True)))
        else:
            absent[name] = f"no function {' or '.join(spellings)}"
    if missing:
        more = f" (nor {', '.join(missing[1:])})" if missing[1:] else ""
        raise KernelError(kernel.path, f"this kernel has no function {missing[0]}{more}", IS_IT_XV6)
    return found


def _in_text(kernel: KernelElf, symbol: Symbol) -> bool:
    return any(first <= symbol.address < end for first, end in kernel.text_ranges)


def system_calls(kernel: KernelElf) -> dict[str, Symbol]:
    """The functions behind the system calls, ``sys_fork`` and so on."""
    found = (item for item in kernel.symbols.values() if item.kind == "function" and item.name.startswith("sys_"))
    return {item.name: item for item in sorted(found, key=lambda item: item.address)}


def inlined_copies(kernel: KernelElf, absent: dict[str, str]) -> dict[str, tuple[InlinedCopy, ...]]:
    """The copies that the compiler made of xv6's functions inside others; ``absent`` is told who has nothing else."""
    spellings = {**REQUIRED_FUNCTIONS, **OPTIONAL_FUNCTIONS}
    usual = {spelling: name for name, known in spellings.items() for spelling in known}
    found: dict[str, list[InlinedCopy]] = {}
    for outer in kernel.debug.functions:
        rest = list(outer.inlined)
        while rest:
            copy = rest.pop()
            rest += copy.inlined
            if copy.name in usual:
                found.setdefault(usual[copy.name], []).append(InlinedCopy(outer.name, copy.ranges))
    for name in absent.keys() & found.keys():
        into = ", ".join(sorted({copy.into for copy in found[name]}))
        absent[name] = f"{name} has no code of its own: the compiler put it into {into}"
    return {name: tuple(sorted(items, key=lambda item: item.ranges)) for name, items in sorted(found.items())}
