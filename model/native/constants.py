"""The C header of the engine's constants, written from the Python that states them: no number stands in two places."""

from __future__ import annotations

from typing import get_args

from cowcheck.model import contents, kernel, language, layout, scenario, sv39
from cowcheck.model.hardware import SCAUSE_FETCH_ACCESS, SCAUSE_LOAD_ACCESS, SCAUSE_STORE_ACCESS
from cowcheck.model.scenario import PAGE_KINDS, OpKind
from cowcheck.model.views import View

VIEWS: tuple[type[View], ...] = get_args(View)
"""The kinds of view, by the numbers that the engine has for them."""

_LAYOUT = (
    "PANIC", "PHASE", "STATE", "PC", "UPC", "PARENT", "KILLED", "TABLE", "SZ", "LOCK", "NOFF", "INTR", "SCAUSE",
    "STVAL", "RETURN", "OOM", "KILL_ASKED", "FAULT_PTE", "FIXED", "INIT", "FIRST",
)  # fmt: skip
_LANGUAGE = ("UNUSED", "EMBRYO", "SLEEPING", "RUNNABLE", "ZOMBIE")
_CONTENTS = ("REST_BITS", "REST_MASK", "FIRST_STORE_TOKEN")
_SV39 = ("PTE_V", "PTE_R", "PTE_W", "PTE_X", "PTE_U", "PTE_COW", "FLAG_BITS", "FLAG_MASK")
_SCENARIO = ("MAX_PAGES", "MAX_HARTS", "MAX_FRAMES", "MAX_PROCESSES")


def op_number(kind: OpKind) -> int:
    """The engine's number for a kind of operation."""
    return list(OpKind).index(kind)


def region_number(kind: str) -> int:
    """The engine's number for a kind of page."""
    return PAGE_KINDS.index(kind)


def view_name(kind: type[View]) -> str:
    """``FRAME_VIEW`` for ``FrameView``."""
    return kind.__name__.removesuffix("View").upper() + "_VIEW"


def header() -> str:
    """The text of ``constants.h``."""
    values: dict[str, int] = {}
    for module, names in (
        (layout, _LAYOUT), (language, _LANGUAGE), (contents, _CONTENTS), (sv39, _SV39), (scenario, _SCENARIO),
    ):  # fmt: skip
        values |= {name: getattr(module, name) for name in names}
    values |= {name: value for name, value in vars(language).items() if name.startswith(("SCAUSE_", "SYS_"))}
    values |= {
        "SCAUSE_FETCH_ACCESS": SCAUSE_FETCH_ACCESS,
        "SCAUSE_LOAD_ACCESS": SCAUSE_LOAD_ACCESS,
        "SCAUSE_STORE_ACCESS": SCAUSE_STORE_ACCESS,
        "IMAGE_TOKEN": kernel.IMAGE_TOKEN,
        "MOST_FIELDS": max(len(kind._fields) for kind in VIEWS),
    }
    values |= {f"OP_{kind.name}": op_number(kind) for kind in OpKind}
    values |= {f"REGION_{kind.upper()}": region_number(kind) for kind in PAGE_KINDS}
    values |= {f"FLAGS_{kind.upper()}": kernel.REGION_FLAGS[kind] for kind in PAGE_KINDS}
    values |= {view_name(kind): number for number, kind in enumerate(VIEWS)}
    return "".join(f"#define {name} {value}\n" for name, value in values.items())
