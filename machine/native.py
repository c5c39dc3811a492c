"""Python that is compiled to machine code: callbacks that the emulator calls without the interpreter.

An emulator that calls Python at every trap spends its time on the way in and out (2 to 3 µs a call, and 34 register
accesses a trap). numba compiles a typed subset of Python with LLVM, and its compiled functions can be given to a C
library as callbacks; they call that library's own functions by name. A callback then costs some 10 ns, so that every
store of a kernel can be watched. Compiled code is kept in the user's cache (``native_cache.py``): it is compiled once.

This module is the one place that knows numba's untyped surface: everything else imports these names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import llvmlite.binding
import numba as _numba
import numpy as np
from numba import extending as _extending
from numba import types as _types
from numba.core import cgutils
from unicorn.unicorn_py3 import unicorn as binding

from cowcheck.machine.native_cache import cache_directory

F = TypeVar("F", bound=Callable[..., Any])

Array: TypeAlias = Any
"""In compiled code: a numpy array."""

Record: TypeAlias = Any
"""In compiled code: a numpy record, whose fields are read and written by name."""

Value: TypeAlias = Any
"""In compiled code: a number. numba infers which (64 bits with or without a sign, or a truth), Python does not say."""

numba, types = cast(Any, _numba), cast(Any, _types)  # some versions carry types for some of it

library = binding.uclib
"""Unicorn's shared library, as the Python package loaded it (ctypes)."""

llvmlite.binding.load_library_permanently(library._name)

ADDRESS = types.uint64  # a pointer of the C interface: numba code computes with it as a number

uc_reg_read = types.ExternalFunction("uc_reg_read", types.int32(ADDRESS, types.int32, ADDRESS))
uc_reg_write = types.ExternalFunction("uc_reg_write", types.int32(ADDRESS, types.int32, ADDRESS))
uc_mem_write = types.ExternalFunction("uc_mem_write", types.int32(ADDRESS, types.uint64, ADDRESS, types.uint64))
uc_emu_stop = types.ExternalFunction("uc_emu_stop", types.int32(ADDRESS))

INTERRUPT_CALLBACK = types.void(ADDRESS, types.uint32, ADDRESS)  # (engine, exception number, user data)
CODE_CALLBACK = types.void(ADDRESS, types.uint64, types.uint32, ADDRESS)  # (engine, pc, size, user data)
MEMORY_CALLBACK = types.void(ADDRESS, types.int32, types.uint64, types.int32, types.int64, ADDRESS)
"""(engine, kind of access, address, size, value, user data)"""


@contextmanager
def _kept_for(function: Callable[..., Any]) -> Iterator[None]:
    """What numba is told to compile in here is kept under everything that the function's file depends on."""
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(cache_directory(Path(function.__code__.co_filename)))
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before


def compiled(function: F) -> F:
    """The function, compiled by numba at its first call with each combination of argument types."""
    with _kept_for(function):
        return cast(F, numba.njit(function, cache=True, error_model="numpy"))


def callback(signature: Any) -> Callable[[Callable[..., None]], Any]:
    """A decorator: the function compiled as a C callback; ``.address`` is what a C library is given."""

    def compile_now(function: Callable[..., None]) -> Any:
        with _kept_for(function):
            return numba.cfunc(signature, cache=True, error_model="numpy")(function)

    return compile_now


def _pointer(typing_context: Any, address: Any) -> Any:
    """A number as a pointer: what numba's ``intrinsic`` asks for, a type and a generator of LLVM code."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(types.uint64), generate


pointer: Callable[[Value], Any] = cast(Any, _extending).intrinsic(_pointer)
"""In compiled code: the address as a pointer, for ``carray``."""

carray: Callable[..., Any] = numba.carray
"""In compiled code: a view of memory at a pointer as a numpy array."""


def address_of(array: np.ndarray[Any, Any]) -> int:
    """Where an array's contents lie. The caller keeps the array alive for as long as the address is used."""
    return int(array.ctypes.data)
