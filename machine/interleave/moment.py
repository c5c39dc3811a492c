"""What is put back before each schedule: the board and what its recorder knows, as they were at the gates."""

from __future__ import annotations

from typing import Any

import numpy as np

from cowcheck.machine.board.board import Board
from cowcheck.machine.board.snapshot import put_devices_back
from cowcheck.machine.board.state import KERNBASE, PAGE
from cowcheck.machine.interleave.points import put_frames_back
from cowcheck.machine.native import address_of
from cowcheck.machine.record.recorder import Recorder

MANY = 100  # frames: to forget the code of each would take longer than to translate all anew


class Moment:
    """The board and its recorder now."""

    def __init__(self, board: Board, recorder: Recorder) -> None:
        self.snapshot = board.snapshot()
        self.board_record = board.record.copy()
        self.device_uses = board.device_uses
        self.observed = recorder.record.copy()
        self.printed = recorder.printed
        self.told = set(recorder.told)

    def put_back(self, board: Board, recorder: Recorder, code: np.ndarray[Any, Any]) -> None:
        """Everything as it was, as :meth:`Board.restore` would have it, but only what may differ.

        ``code``: by frame, whether user code was in it. Bits A and D of page tables that no hart was using then stay
        as they are: nobody goes by them.
        """
        snapshot = self.snapshot
        overwritten = np.flatnonzero(board.shared["dirty"] & code)
        put_frames_back(address_of(board.record), address_of(snapshot.ram))
        if len(overwritten) > MANY:
            board.engine.forget_code()
            overwritten = overwritten[:0]
        for frame in overwritten.tolist():
            board.engine.forget_code_at(KERNBASE + frame * PAGE, KERNBASE + (frame + 1) * PAGE)
        board.record[:] = self.board_record
        if board.device_uses != self.device_uses:
            put_devices_back(board, snapshot)
            self.device_uses = board.device_uses
        for context, saved in zip(board.contexts, snapshot.contexts, strict=True):
            board.engine.uc.context_restore(saved)
            board.engine.uc.context_update(context)
        board.engine.restore(board.contexts[int(board.shared["hart"])])
        board.waiting = list(snapshot.waiting)
        board.shared["lines"][:] = 0
        recorder.record[:] = self.observed
        recorder.texts.clear()
        recorder.printed = self.printed
        recorder.told = set(self.told)
