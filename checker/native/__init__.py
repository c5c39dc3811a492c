"""The native engine: a design's program as C, compiled by the system's compiler, and the search that runs it."""

from cowcheck.checker.native.compiler import CompilerError, find_compiler
from cowcheck.checker.native.engine import Engine, engine_of
from cowcheck.checker.native.explorer import Declined, Merge, NativeExplorer
from cowcheck.model.native import Unsupported

__all__ = [
    "CompilerError",
    "Declined",
    "Engine",
    "Merge",
    "NativeExplorer",
    "Unsupported",
    "engine_of",
    "find_compiler",
]
