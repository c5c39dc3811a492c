"""What a program means, in C: the counterpart of the reference interpreter. It searches nothing and judges nothing."""

from cowcheck.model.native.constants import VIEWS, header, view_name
from cowcheck.model.native.program import ProgramWriter
from cowcheck.model.native.sizes import Numbers, numbers
from cowcheck.model.native.statements import Unsupported, comment

__all__ = ["VIEWS", "Numbers", "ProgramWriter", "Unsupported", "comment", "header", "numbers", "view_name"]
