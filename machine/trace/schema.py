"""The JSON Schema of a trace's lines, made from the event vocabulary. ``docs/trace.schema.json`` is it, written out."""

from __future__ import annotations

from typing import Any

from cowcheck.machine.record.event import COMMON, FIELDS, Came, Ending, EventKind, ProcessState, Role
from cowcheck.machine.trace.event_check import MOST_PID, RANGES
from cowcheck.machine.trace.header import MOST_FRAMES, MOST_HARTS, MOST_PPN, MOST_TEXT, SCHEMA
from cowcheck.machine.trace.line import BEGIN, LEAST, MOST, NAMES, OPTIONAL, keys_of

KIND_TEXTS = {
    EventKind.RUN: "The hart goes on to run process `next` (xv6 sets c->proc), or none (0).",
    EventKind.TRAP: "User code of `pid` is left: a path of kernel code begins.",
    EventKind.USER: "The hart returns to user code of `pid`: the path ends.",
    EventKind.STATE: "p->state of process `of` becomes `state`.",
    EventKind.PTE: "A user leaf PTE of process `of`, at page `vpn`, changes from `old` to `new`; one of them is valid.",
    EventKind.OWN: "The kernel's own use of frame `ppn` becomes `role`.",
    EventKind.ALLOC: "kalloc returned frame `ppn`; 0 where no memory was left.",
    EventKind.FREE: "kfree was called with frame `ppn`.",
    EventKind.LIST: "Frame `ppn` is put on the free list (`step` 1) or taken off it (-1).",
    EventKind.COUNT: "The reference count of frame `ppn` changes; 1 is one mapping, whatever the kernel counts from.",
    EventKind.STORE: "Kernel code writes to the contents of frame `ppn`, which is free or mapped by another process.",
    EventKind.FENCE: "The hart executed sfence.vma.",
    EventKind.LOAD: "User code of `pid` loaded `seen` from page `vpn`, where `due` was due.",
    EventKind.REPORT: "The workload's program reports where it is.",
    EventKind.CENSUS: "`free` frames stand on the free list, counted by walking it; `expected` should (-1: not known).",
    EventKind.CONSOLE: "The kernel printed a line.",
    EventKind.PANIC: "The kernel panicked; `text` is what it said.",
    EventKind.END: "Nothing more is recorded of this run; `text` says why.",
    EventKind.PLACE: "`text` is the source place of the kernel's address `at`: function (file:line).",
    EventKind.KILLED: "p->killed of process `of` is set.",
    EventKind.OUTCOME: "An operation of the workload's program is over; `permitted`: a right kernel carries it out.",
    EventKind.CALL: "As a run ends: `pc` is a call on the stack of `pid`, at `depth`; at 0 it is where that is.",
    EventKind.FAULT: "Kernel code took a trap that it could not serve; `pc` is its sepc.",
    EventKind.NAME: "`text` is what the workload calls process `of`.",
    EventKind.NOTE: "`text` says what the workload could not do, so that something was not checked.",
    EventKind.SIZE: "p->sz of process `of` becomes `bytes`.",
}
FIELD_TEXTS = {
    "hart": "The hart that it happened on.",
    "pid": "The process that the hart ran then (p->pid); 0 for none.",
    "pc": "The address of the kernel's instruction; 0 where there is none, as in the state that a run starts in.",
    "by": "The address of the call of the function that `pc` is in; not there where it is not known.",
    "depth": "How many calls further in the hart is.",
    "time": "Instructions that all harts together have retired.",
    "vpn": "A virtual page number: va >> 12.",
    "ppn": "A frame: a physical page number, pa >> 12.",
    "old": "Before.",
    "new": "After.",
    "state": ", ".join(f"{state.value} {state.name}" for state in ProcessState),
    "role": ", ".join(f"{role.value} {role.name}" for role in Role),
    "came": ", ".join(f"{came.value} {came.name}" for came in Came),
    "starved": "Memory was out, so it may have failed.",
    "how": ", ".join(f"{ending.value} {ending.name}" for ending in Ending),
}


def trace_schema() -> dict[str, Any]:
    """The schema of any one line."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "trace.schema.json",
        "title": "a line of a cowcheck trace",
        "description": "The first line is the header; a begin line starts each run; every other line is an event.",
        "oneOf": [
            {"$ref": "#/$defs/header"},
            {"$ref": "#/$defs/begin"},
            *({"$ref": f"#/$defs/{name}"} for name in NAMES.values()),
        ],
        "$defs": {
            "word": {"description": "64 bits, as a number.", "type": "integer", "minimum": LEAST, "maximum": MOST},
            "header": _header(),
            "begin": _object({BEGIN: {"description": "The run's name.", "type": "string"}}, "A run starts."),
            **{name: _event(kind) for kind, name in NAMES.items()},
        },
    }


def _object(properties: dict[str, Any], text: str, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "description": text,
        "type": "object",
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
        "properties": properties,
    }


def _event(kind: EventKind) -> dict[str, Any]:
    properties: dict[str, Any] = {"kind": {"const": NAMES[kind]}}
    for name in keys_of(kind)[1:]:
        properties[name] = _field(kind, name)
    properties[OPTIONAL] = _field(kind, OPTIONAL)
    return _object(properties, KIND_TEXTS[kind], (OPTIONAL,))


def _field(kind: EventKind, name: str) -> dict[str, Any]:
    told = {"description": FIELD_TEXTS[name]} if name in FIELD_TEXTS else {}
    if name == "text" and "text" in FIELDS[kind]:
        return {"type": "string"}
    if name == "step":
        return {"enum": [1, -1]}
    limits = {"hart": (0, MOST_HARTS - 1), "pid": (0, MOST_PID), "time": (0, MOST >> 1)} if name in COMMON else {}
    least_most = limits.get(name) or RANGES.get((kind, name))
    if least_most is None:
        return {**told, "$ref": "#/$defs/word"}
    least, most = least_most
    return {**told, "type": "integer", "minimum": int(least), "maximum": int(most)}


def _header() -> dict[str, Any]:
    text = {"type": "string", "maxLength": MOST_TEXT}
    properties = {
        "schema": {"const": SCHEMA},
        "kernel": {"description": "Its name, as results show it.", **text},
        "build_id": {"description": "What tells this build from others.", **text},
        "machine": {"description": "What ran it.", **text},
        "harts": {"type": "integer", "minimum": 1, "maximum": MOST_HARTS},
        "ram": {
            "description": f"The first and the last frame that kalloc can give out; at most {MOST_FRAMES} frames.",
            "type": "array",
            "prefixItems": [{"type": "integer", "minimum": 1, "maximum": MOST_PPN}] * 2,
            "minItems": 2,
            "items": False,
        },
        "counts": {
            "description": "Where the kernel's reference counts stand, in the recorder's words; null where not known.",
            "anyOf": [
                {"type": "null"},
                {"type": "object", "maxProperties": 32, "additionalProperties": {"type": ["string", "integer"]}},
            ],
        },
        "no_counts": {"description": "Why they are not known.", **text},
        "ownership": {"description": "Own events tell what the kernel itself uses frames for.", "type": "boolean"},
        "no_ownership": {"description": "Why they do not.", **text},
        "workload": {"description": "What ran, where the file holds one run and has no begin line.", **text},
    }
    optional = ("build_id", "machine", "no_counts", "no_ownership", "workload")
    return _object(properties, "The header.", optional)
