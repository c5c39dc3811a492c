"""What a report page shows, as plain values: no HTML here, and no result type. The two kinds of results become pages
in ``of_exploration.py`` and ``of_kernel.py``; ``document.py`` makes HTML of a page.

All text is as it came: it is made harmless where HTML is made, and nowhere else.
"""

from __future__ import annotations

from typing import NamedTuple

from cowcheck.checker.html.picture import Picture


class Source(NamedTuple):
    """A place in a source file, and what was seen and changed there. ``place`` is ``file:line``, ``code`` the line;
    each is empty where it is not known."""

    function: str
    place: str = ""
    code: str = ""
    told: tuple[str, ...] = ()


class Step(NamedTuple):
    """One step of one hart, at one place of the source or several."""

    number: str
    hart: int
    who: str
    sources: tuple[Source, ...]
    marked: bool = False  # it has to do with what the violation is about
    repeats: bool = False  # it is one of those that repeat for ever
    stops: bool = False  # the schedule has the hart stop here, and another go on


class Passage(NamedTuple):
    """Some lines under a heading."""

    title: str
    lines: tuple[str, ...]


class Story(NamedTuple):
    """A violation that one can step through.

    ``start`` says what is so before the first step. ``pictures`` are empty, or one of the start and one after each
    step. ``commands`` run it again.
    """

    title: str
    claim: str
    message: str
    remarks: tuple[str, ...]
    start: Passage
    harts: tuple[tuple[int, str], ...]  # those that the steps are of, with the title of each column
    steps: tuple[Step, ...]
    pictures: tuple[Picture, ...]
    passages: tuple[Passage, ...] = ()
    commands: tuple[str, ...] = ()


class Table(NamedTuple):
    """Rows of text, the first of each what the row is of; ``state`` is the column of a verdict or status, -1 for
    none."""

    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    state: int = -1
    folded: bool = False  # it is long, or of little interest: a click shows it


class Page(NamedTuple):
    """A whole report: what was found comes before what was checked."""

    title: str
    verdict: str
    summary: str
    subject: tuple[str, ...]
    warnings: tuple[str, ...]
    stories: tuple[Story, ...]
    tables: tuple[Table, ...]
    passages: tuple[Passage, ...] = ()
