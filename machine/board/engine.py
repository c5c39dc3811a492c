"""Unicorn as this board uses it: one engine for all harts, compiled callbacks, contexts.

Measured facts that the code relies on: one context holds a hart's registers and CSRs but not the softmmu's TLB, so that
is flushed at each switch; blocks translated before a hook was added do not call it, so they are flushed too.
"""

from __future__ import annotations

import ctypes
from typing import Any, cast

import numpy as np
import unicorn as _unicorn
from unicorn import riscv_const, unicorn_const

from cowcheck.machine import interruption
from cowcheck.machine.board.state import KERNBASE, MACHINE, PRIV, RAM_BYTES
from cowcheck.machine.native import address_of, library
from cowcheck.model.errors import CowcheckError

unicorn = cast(Any, _unicorn)  # some versions carry types for some of it
EngineError: Any = unicorn.UcError

NEVER = 0xFFFFFFFFFFFFFFF0  # an address that no code runs at: ``until`` of emu_start


class Engine:
    """A Unicorn engine with the board's RAM. ``handle`` is its address, as callbacks get it."""

    def __init__(self) -> None:
        self.uc: Any = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV64)
        self.handle = int(self.uc._uch.value)
        self.ram: np.ndarray[Any, np.dtype[np.uint8]] = np.zeros(RAM_BYTES, np.uint8)
        self.uc.mem_map_ptr(KERNBASE, RAM_BYTES, unicorn.UC_PROT_ALL, ctypes.c_void_p(address_of(self.ram)))

    def hook(self, kind: int, function: Any, user: int, first: int, last: int) -> int:
        """Has Unicorn call a compiled callback; ``user`` is its last argument. Gives a number to :meth:`unhook` by."""
        handle = ctypes.c_size_t()
        error = library.uc_hook_add(
            self.uc._uch,
            ctypes.byref(handle),
            ctypes.c_int(kind),
            ctypes.c_void_p(function.address),
            ctypes.c_void_p(user),
            ctypes.c_uint64(first),
            ctypes.c_uint64(last),
        )
        if error:
            raise CowcheckError(f"the emulator refused a callback at {first:#x} (Unicorn error {error})")
        return int(handle.value)

    def hook_code(self, function: Any, user: int, *addresses: int) -> list[int]:
        """Calls ``function`` before the instruction at each address. Gives numbers to :meth:`unhook` by."""
        return [self.hook(unicorn_const.UC_HOOK_CODE, function, user, address, address) for address in addresses]

    def unhook(self, number: int) -> None:
        """Takes a hook away."""
        error = library.uc_hook_del(self.uc._uch, ctypes.c_size_t(number))  # the binding knows its own hooks only
        assert not error, error

    def forget_code(self) -> None:
        """Throws translated blocks away: after hooks changed, or code was written from outside."""
        self.uc.ctl_flush_tb()

    def forget_code_at(self, first: int, end: int) -> None:
        """Throws away what was translated of a range of RAM. To write there through the emulator does not do that.

        The emulator is given addresses as the hart that runs sees them, so it is taken to machine mode meanwhile.
        """
        privilege = self.read(PRIV)
        self.write(PRIV, MACHINE)
        self.uc.ctl_remove_cache(first, end)
        self.write(PRIV, privilege)

    def forget_translations(self) -> None:
        """Flushes the softmmu's TLB."""
        self.uc.ctl(unicorn_const.UC_CTL_TLB_FLUSH, unicorn_const.UC_CTL_IO_WRITE)

    def save(self) -> Any:
        """The registers of the hart that runs, as a context."""
        return self.uc.context_save()

    def restore(self, context: Any) -> None:
        """Puts a hart's registers back."""
        self.uc.context_restore(context)
        self.forget_translations()

    def read(self, register: int) -> int:
        """A register of the hart that runs."""
        return int(self.uc.reg_read(register))

    def write(self, register: int, value: int) -> None:
        """Sets a register of the hart that runs."""
        self.uc.reg_write(register, value)

    def run(self) -> None:
        """Runs from pc on until a callback stops it. Raises :data:`EngineError` at an access to no memory."""
        interruption.hold()
        try:
            self.uc.emu_start(self.read(riscv_const.UC_RISCV_REG_PC), NEVER)
        finally:
            interruption.release()
