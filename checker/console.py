"""The consoles of the command line: rich's, with the rules of this one."""

from __future__ import annotations

import os
from typing import NoReturn

from rich.console import Console

PIPE_WIDTH = 80


class Stdout(Console):
    """Colour on a terminal (``NO_COLOR`` respected), plain text of 80 columns anywhere else.

    A terminal of fewer columns breaks the lines itself: nothing is left out for it.
    """

    def __init__(self) -> None:
        super().__init__(highlight=False, markup=False, emoji=False)
        if not self.is_terminal and "COLUMNS" not in os.environ:
            self.width = PIPE_WIDTH
        self.width = max(self.width, PIPE_WIDTH)

    def on_broken_pipe(self) -> NoReturn:
        """rich would exit with 1, which means a violation."""
        raise BrokenPipeError
