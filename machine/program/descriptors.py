"""Which file descriptor a process gets next: xv6 gives out the lowest that is free, so all are known beforehand."""

from __future__ import annotations

from cowcheck.machine.program.syscalls import OPEN_FILES
from cowcheck.model.errors import CowcheckError


class Descriptors:
    """A process's open files, as the program is written."""

    def __init__(self) -> None:
        self._open: set[int] = set()

    def open(self) -> int:
        """The descriptor of the next file. Raises :class:`CowcheckError` where a process may have no more."""
        for descriptor in range(OPEN_FILES):
            if descriptor not in self._open:
                self._open.add(descriptor)
                return descriptor
        raise CowcheckError(
            f"more than {OPEN_FILES} files at once, which xv6 does not allow; use fewer read() and meet() in a scenario"
        )

    def pipe(self) -> tuple[int, int]:
        """The reading and the writing end."""
        return self.open(), self.open()

    def close(self, descriptor: int) -> None:
        self._open.remove(descriptor)
