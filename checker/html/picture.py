"""Who maps which frame at one moment, and the same for every step of a story in little room.

A story of 10,000 steps has 10,001 pictures that hardly differ, so what a page holds is the first one and, for each
step, what is otherwise after it. The page's script puts them together again and draws the one that is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Key = tuple[str, int, int]


class Page(NamedTuple):
    """A page of a process, or an entry of a hart's TLB. Where it leads to no frame that is shown, ``frame`` is None and
    ``flags`` say so."""

    owner: str
    label: str
    frame: int | None
    flags: str  # as ``RW-U-``
    writable: bool


class Frame(NamedTuple):
    """A frame: its count, its place on the free list and so on, a few words each."""

    label: str
    free: bool
    facts: tuple[str, ...]


class Picture(NamedTuple):
    """One moment. ``remarks`` says of an owner what is so now, such as that it has ended."""

    pages: Mapping[Key, Page]
    frames: Mapping[int, Frame]
    remarks: Mapping[str, str]


def drawing(pictures: Sequence[Picture]) -> dict[str, Any]:
    """The pictures as JSON values: what there is to draw at any time, and for each picture what is new in it.

    ``owners`` and ``frames`` are names, ``pages`` are ``[owner, label]``. An item of ``moments`` holds by number, in
    ``o`` an owner's remark, in ``p`` a page's ``[frame, flags, writable]``, in ``f`` a frame's ``[free, facts]``.
    """
    pages: dict[Key, Page] = {}
    frames: dict[int, Frame] = {}
    for picture in pictures:
        pages.update(picture.pages)
        frames.update(picture.frames)
    page_keys, frame_keys = sorted(pages), sorted(frames)
    owners = list(dict.fromkeys(pages[key].owner for key in page_keys))
    place = {frame: number for number, frame in enumerate(frame_keys)}
    moments: list[dict[str, Any]] = []
    before: dict[str, list[Any]] = {}
    for picture in pictures:
        now: dict[str, list[Any]] = {
            "o": [picture.remarks.get(owner, "") for owner in owners],
            "p": [_page(picture.pages.get(key), place) for key in page_keys],
            "f": [_frame(picture.frames.get(key)) for key in frame_keys],
        }
        new = {
            kind: {str(number): value for number, value in enumerate(values)
                   if not before or value != before[kind][number]}
            for kind, values in now.items()
        }  # fmt: skip
        moments.append({kind: values for kind, values in new.items() if values})
        before = now
    return {
        "owners": owners,
        "pages": [[owners.index(pages[key].owner), pages[key].label] for key in page_keys],
        "frames": [frames[key].label for key in frame_keys],
        "moments": moments,
    }


def _page(page: Page | None, place: Mapping[int, int]) -> list[Any]:
    if page is None:
        return [None, "", 0]
    return [None if page.frame is None else place[page.frame], page.flags, int(page.writable)]


def _frame(frame: Frame | None) -> list[Any]:
    return [0, []] if frame is None else [int(frame.free), list(frame.facts)]
