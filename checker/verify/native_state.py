"""What the native engine knows, as one numpy record of plain numbers: the reference engine's classes, laid flat.

One record and not a dozen arrays, because compiled code follows a record by its address alone, and counts no
references (a hundred times as fast, measured). So the sizes are fixed; memory that is never touched is never taken.
Lists are linked by index, with NIL at their ends.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from cowcheck.checker.verify.scene import HISTORY, MOST_REMEMBERED
from cowcheck.machine.record.event import WIDTH
from cowcheck.machine.trace.header import MOST_FRAMES, MOST_HARTS

Record: TypeAlias = Any  # a numpy record: its fields are the names below
Value: TypeAlias = Any  # what compiled code computes: an int or a bool
Words: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"

NIL = -1
USUAL_FRAMES = 1 << 15  # xv6's 128 MiB
MOST_PROCESSES = 1 << 10  # slots; the first are of harts that run no process
MOST_MAPPINGS = 1 << 20
MOST_TOUCHES = 1 << 20
MEMO = 1 << 15
LEAST_INDEX = 1 << 12
PAST_WIDTH = WIDTH + 3  # a row, then the columns of scene.Past
NUMBER, FREE_BEFORE, BROKEN = WIDTH, WIDTH + 1, WIDTH + 2
SINCE = HISTORY  # of a frame's past: the step from which on it was never right again
DEPTH, ITEM = 64, 8


def _words(*names: str) -> list[Any]:
    return [(name, np.int64) for name in names]


FRAME = np.dtype(_words("seen", "free", "counted", "refs", "role", "first", "touch", "told", "past_count", "since"))
PROCESS = np.dtype(
    _words("pid", "used", "state", "new", "killed", "size", "pages", "image", "first", "told")
    + _words("live", "touched", "last_touched", "graves", "trapped", "trap_number", "asked", "short", "starved")
    + _words("fault", "vpn", "pte", "permitted")
    + _words("sepc", "scause", "stval", "repeats", "idle", "first_fault")
    + [("trap", np.int64, (WIDTH,))]
)
MAPPING = np.dtype(
    _words("slot", "vpn", "pte", "frame", "may_write", "maker", "fresh", "buried", "image")
    + _words("next_of_frame", "previous_of_frame", "next_of_process", "previous_of_process", "next")
)
TOUCH = np.dtype(_words("slot", "frame", "next_of_frame", "next_of_path"))
HART = np.dtype(_words("current", "user", "epoch", "remembered"))
CACHED = np.dtype(_words("pid", "vpn", "pte"))
ENTRY = np.dtype(_words("key", "value"))
DECIDED = np.dtype(_words("key", "mask", "hits"))


def state_dtype(frames: int) -> np.dtype[Any]:
    """The record for that many frames: one of two sizes, because code is compiled for each."""
    frames = USUAL_FRAMES if frames <= USUAL_FRAMES else MOST_FRAMES
    return np.dtype(
        [
            ("frames", FRAME, (frames,)),
            ("past", np.int64, (frames, HISTORY + 1, PAST_WIDTH)),
            ("processes", PROCESS, (MOST_PROCESSES,)),
            (
                "ran",
                np.int64,
                (MOST_HARTS, MOST_PROCESSES),
            ),  # the hart's epoch in which the process's user code ran there
            ("process_index", ENTRY, (2 * MOST_PROCESSES,)),  # pid -> slot
            ("mappings", MAPPING, (MOST_MAPPINGS,)),
            (
                "mapping_index",
                ENTRY,
                (2 * MOST_MAPPINGS,),
            ),  # slot and vpn -> mapping; the first index_size entries are used
            ("touches", TOUCH, (MOST_TOUCHES,)),
            ("harts", HART, (MOST_HARTS,)),
            ("cached", CACHED, (MOST_HARTS, MOST_REMEMBERED)),
            ("memo", DECIDED, (MEMO,)),
            ("work", np.int64, (DEPTH, ITEM)),
            ("row", np.int64, (WIDTH,)),  # the event at hand
            *_words("number", "first_ppn", "frame_count", "hart_count", "counts", "ownership"),
            *_words("initial", "memory_known", "kfree_known", "free_frames", "forks", "returns", "actor"),
            *_words("depth", "applied", "again", "memo_used", "index_size"),
            *_words(
                "free_mapping",
                "mappings_used",
                "mappings_live",
                "free_touch",
                "touches_used",
                "touches_live",
                "processes_live",
            ),
            *_words("asked_key", "known_pte"),  # what is wanted of Python
            *_words("found_key", "found_mask", "what", "ppn", "pid", "vpn", "other"),  # what was found
        ]
    )


def reset(state: Record) -> None:
    """A run starts: nothing is known but what was decided of views."""
    frames, processes = state["frames"][: state["frame_count"]], state["processes"]
    frames[:] = 0
    frames["first"] = frames["touch"] = NIL
    processes[:] = 0
    for name in ("first", "touched", "last_touched", "graves", "vpn", "size"):
        processes[name] = NIL
    for name in ("initial", "memory_known", "kfree_known", "free_frames", "actor", "depth", "applied", "again"):
        state[name] = name == "initial"
    state["ran"][: state["hart_count"]] = 0
    state["harts"][:] = 0
    state["harts"]["epoch"] = 1
    state["process_index"]["key"] = NIL
    state["index_size"] = LEAST_INDEX
    state["mapping_index"]["key"][:LEAST_INDEX] = NIL
    for name in ("mappings_used", "mappings_live", "touches_used", "touches_live"):
        state[name] = 0
    state["free_mapping"] = state["free_touch"] = NIL
    harts = np.arange(state["hart_count"])
    processes["pid"][harts] = -1 - harts
    processes["used"][harts] = 1
    state["processes_live"] = len(harts)


def forget_decisions(state: Record) -> None:
    """Empties the memo."""
    state["memo"]["key"] = NIL
    state["memo_used"] = 0
