"""Verifies a trace file: as far as it can be read, and says so where it cannot be read to its end."""

from __future__ import annotations

from typing import BinaryIO

from cowcheck.checker.verify.bad_event import BadEvent
from cowcheck.checker.verify.result import KernelResult
from cowcheck.checker.verify.verifier import Verifier
from cowcheck.machine.trace.line import Begin
from cowcheck.machine.trace.reader import TraceReader
from cowcheck.model.errors import CowcheckError


def verify_trace(file: BinaryIO, name: str, *, oracle: bool = False, reference: bool = False) -> KernelResult:
    """What the trace shows. Raises :class:`CowcheckError` where its header is none, or its events contradict each
    other."""
    reader = TraceReader(file, name)
    verifier = Verifier(reader.header, oracle=oracle, reference=reference)
    for part in reader:
        if isinstance(part, Begin):
            verifier.begin(part.name)
            continue
        before = verifier.events
        try:
            verifier.feed(part.rows, part.texts)
        except BadEvent as error:
            line = part.line + error.number - before - 1
            raise CowcheckError(f"{name}:{line}: {error.problem}; {error.remedy}") from error
    return verifier.finish(reader.damage and f"verified up to the damage: {reader.damage}")
