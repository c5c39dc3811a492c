"""The first line of a trace: which kernel was recorded, on what, and what its recorder could and could not see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from cowcheck.model.errors import CowcheckError

SCHEMA = "cowcheck/trace/1"
MOST_HARTS = 64
MOST_FRAMES = 1 << 20  # 4 GiB of RAM: xv6 has 128 MiB
MOST_PPN = (1 << 44) - 1  # Sv39
MOST_TEXT = 4096


@dataclass(frozen=True, slots=True)
class Header:
    """What holds for a whole recording.

    ``first_ppn`` to ``last_ppn`` are the frames that kalloc could give out: from ``end`` up to ``PHYSTOP``.
    ``counts`` says in the recorder's own words where the kernel's reference counts stand, and is None where they are
    not known, with the reason in ``no_counts``. ``ownership``: the events tell what the kernel itself uses frames
    for; where they do not, ``no_ownership`` has the reason.
    """

    kernel: str
    harts: int
    first_ppn: int
    last_ppn: int
    build_id: str = ""
    machine: str = ""
    counts: Mapping[str, str | int] | None = field(default_factory=dict)
    no_counts: str = ""
    ownership: bool = True
    no_ownership: str = ""
    workload: str = ""

    @property
    def frames(self) -> int:
        return self.last_ppn - self.first_ppn + 1


def header_to_json(header: Header) -> dict[str, Any]:
    """The header as JSON values."""
    return {
        "schema": SCHEMA,
        "kernel": header.kernel,
        "build_id": header.build_id,
        "machine": header.machine,
        "harts": header.harts,
        "ram": [header.first_ppn, header.last_ppn],
        "counts": None if header.counts is None else dict(header.counts),
        "no_counts": header.no_counts,
        "ownership": header.ownership,
        "no_ownership": header.no_ownership,
        "workload": header.workload,
    }


def header_from_json(values: Any, place: str) -> Header:
    """Checks what a file holds. Raises :class:`CowcheckError`, which begins with ``place``."""
    return _Reader(values, place).header()


class _Reader:
    """Checks one value after the other; a missing one that has a default is that default."""

    def __init__(self, values: Any, place: str) -> None:
        self.place = place
        if not isinstance(values, dict) or "schema" not in values:
            self._wrong("the first line is no header", f'a trace begins with {{"schema": "{SCHEMA}", ...}}')
        if values["schema"] != SCHEMA:
            told = repr(values["schema"])[:60]
            name, _, number = str(values["schema"])[:60].rpartition("/")
            if f"{name}/" == SCHEMA.rstrip("1") and number.isdigit():
                self._wrong(f"the schema is {told}, and this cowcheck reads {SCHEMA!r}", "use a newer cowcheck")
            self._wrong(f"the schema is {told}, not {SCHEMA!r}", "this is no trace of cowcheck's")
        self.values: dict[str, Any] = values

    def header(self) -> Header:
        known = header_to_json(Header("", 1, 0, 0))
        if strangers := sorted(set(self.values) - set(known)):
            self._wrong(f"unknown key {strangers[0][:60]!r} in the header", f"known: {', '.join(known)}")
        harts = self._number("harts", self.values.get("harts"), 1, MOST_HARTS)
        first, last = self._ram()
        counts = self._counts()
        return Header(
            kernel=self._text("kernel"),
            harts=harts,
            first_ppn=first,
            last_ppn=last,
            build_id=self._text("build_id"),
            machine=self._text("machine"),
            counts=counts,
            no_counts=self._text("no_counts"),
            ownership=self._flag("ownership"),
            no_ownership=self._text("no_ownership"),
            workload=self._text("workload"),
        )

    def _ram(self) -> tuple[int, int]:
        ram = self.values.get("ram")
        if not isinstance(ram, list) or len(ram) != 2:
            self._wrong("'ram' is no pair", "give [first, last]: the frames (pa >> 12) that kalloc can give out")
        assert isinstance(ram, list)
        first = self._number("ram[0]", ram[0], 1, MOST_PPN)
        last = self._number("ram[1]", ram[1], first, MOST_PPN)
        if last - first >= MOST_FRAMES:
            self._wrong(f"'ram' holds {last - first + 1} frames", f"at most {MOST_FRAMES} can be verified")
        return first, last

    def _counts(self) -> dict[str, str | int] | None:
        counts = self.values.get("counts")
        if counts is None:
            return None
        if not isinstance(counts, dict) or len(counts) > 32:
            self._wrong("'counts' is no object", "say where the counts stand, or null where that is not known")
        assert isinstance(counts, dict)
        for name, value in counts.items():
            if (
                isinstance(value, bool)
                or not isinstance(value, str | int)
                or len(name) > 60
                or len(str(value)[:5000]) > 300
            ):
                self._wrong(
                    f"'counts' holds something for {name[:60]!r} that is no short text and no number", "leave it out"
                )
        return counts

    def _text(self, name: str) -> str:
        value = self.values.get(name, "")
        if not isinstance(value, str) or len(value) > MOST_TEXT:
            self._wrong(f"'{name}' is no text of at most {MOST_TEXT} characters", "correct the header")
        return str(value)

    def _flag(self, name: str) -> bool:
        value = self.values.get(name)
        if not isinstance(value, bool):
            self._wrong(f"'{name}' is not true or false", "correct the header")
        return bool(value)

    def _number(self, name: str, value: Any, least: int, most: int) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            self._wrong(f"'{name}' is no number from {least} to {most}", "correct the header")
        assert isinstance(value, int)
        return value

    def _wrong(self, problem: str, remedy: str) -> NoReturn:
        raise CowcheckError(f"{self.place}: {problem}; {remedy}")
