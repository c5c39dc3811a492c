"""Running one of the submission's own programs, from its own disk, typed into its shell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cowcheck.checker.check.consumer import Consumer
from cowcheck.machine.disk import read_image
from cowcheck.machine.machine import Machine
from cowcheck.machine.record.recorder import Recorder
from cowcheck.machine.rig import Run
from cowcheck.model.errors import CowcheckError

IMAGE = "fs.img"
PROMPT = b"$ "
INSTRUCTIONS = 6_000_000_000  # usertests takes most of it
MOST_BYTES = 1 << 26  # of a disk: xv6's has one or two million


@dataclass(slots=True)
class Typed:
    """A command that is typed once the shell is there; the run ends when the shell asks for the next one."""

    command: str
    at: int = -1  # bytes printed when it was typed

    def over(self, recorder: Recorder) -> bool:
        """Types the command when it is time; True when it has come back."""
        printed = recorder.board.uart.printed
        if self.at < 0:
            if printed.endswith(PROMPT):
                self.at = len(printed)
                recorder.board.uart.type(self.command.encode() + b"\n")
            return False
        return len(printed) > self.at + len(self.command) + len(PROMPT) and printed.endswith(b"\n" + PROMPT)


def find_image(kernel: str) -> bytes:
    """The disk of a submission: ``fs.img`` in its tree, or above its kernel. Raises :class:`CowcheckError`."""
    path = Path(kernel)
    places = [path / IMAGE] if path.is_dir() else [path.parent / IMAGE, path.parent.parent / IMAGE]
    for place in places:
        if place.is_file():
            if place.stat().st_size > MOST_BYTES:
                raise CowcheckError(f"{place}: larger than {MOST_BYTES:,} bytes; this is no disk of xv6's")
            try:
                return place.read_bytes()
            except OSError as error:
                raise CowcheckError(f"{place}: cannot be read ({error.strerror or error})") from error
    shown = " and ".join(str(place) for place in places)
    raise CowcheckError(f"--run needs the submission's own disk, and there is no {shown}; make it: make {IMAGE}")


def check_program(image: bytes, command: str) -> None:
    """Raises :class:`CowcheckError` where the disk has no such program, or is no xv6 file system."""
    files = read_image(image).names
    for name in ("init", "sh", command.split(maxsplit=1)[0]):
        if name not in files:
            raise CowcheckError(
                f"--run {command}: the disk has no program {name!r}; it has {', '.join(sorted(files)) or 'none'}"
            )


def run_program(rig: Machine, image: bytes, command: str, consumer: Consumer) -> Run:
    """Boots to the shell, types the command, and runs until the shell is back."""
    consumer.begin(command)
    typed = Typed(command)
    return rig.run(image, consumer.take, lambda report, recorder: None, INSTRUCTIONS, until=typed.over, reports=False)
