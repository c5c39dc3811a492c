"""What a kernel's ELF file tells: its bytes and symbols, its types, its source lines, and where xv6 keeps things."""

from cowcheck.machine.elf.c_types import CType, Field, StructLayout
from cowcheck.machine.elf.damage import KernelError
from cowcheck.machine.elf.data_objects import DataObject, global_variables_in_data
from cowcheck.machine.elf.free_lists import FreeList
from cowcheck.machine.elf.functions import CallSite, SourceLine
from cowcheck.machine.elf.image import KernelElf, read_kernel
from cowcheck.machine.elf.segment import Segment
from cowcheck.machine.elf.symbols import Symbol
from cowcheck.machine.elf.variables import Variable
from cowcheck.machine.elf.xv6_functions import InlinedCopy
from cowcheck.machine.elf.xv6_layout import Xv6Layout, xv6_layout
from cowcheck.machine.elf.xv6_tables import Table

__all__ = [
    "CType",
    "CallSite",
    "DataObject",
    "Field",
    "FreeList",
    "InlinedCopy",
    "KernelElf",
    "KernelError",
    "Segment",
    "SourceLine",
    "StructLayout",
    "Symbol",
    "Table",
    "Variable",
    "Xv6Layout",
    "global_variables_in_data",
    "read_kernel",
    "xv6_layout",
]
