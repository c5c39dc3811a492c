"""What is where in a kernel that looks like xv6; what is said of one that does not; and of a real one, if at hand."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from cowcheck.machine.elf import KernelElf, KernelError, global_variables_in_data, read_kernel, xv6_layout
from cowcheck.machine.elf.xv6_layout import TRAMPOLINE


def test_tables_and_fields(tiny: KernelElf) -> None:
    layout = xv6_layout(tiny)
    assert (layout.procs.address, layout.procs.count, layout.procs.stride) == (tiny.symbols["proc"].address, 64, 336)
    assert layout.procs.address_of(2, "pid") == layout.procs.address + 2 * 336 + 36
    with pytest.raises(IndexError):
        layout.procs.address_of(64)
    assert (layout.cpus.count, layout.cpus.layout.fields["noff"].offset) == (4, 120)
    assert layout.proc_fields["trapframe"].offset == 72
    assert layout.states == {"UNUSED": 0, "USED": 1, "SLEEPING": 2, "RUNNABLE": 3, "RUNNING": 4, "ZOMBIE": 5}
    assert layout.structs["trapframe"].fields["epc"].offset == 24
    assert layout.files is not None
    assert (layout.files.count, layout.files.address - tiny.symbols["ftable"].address) == (10, 24)
    assert layout.file_types == {"FD_NONE": 0, "FD_PIPE": 1, "FD_INODE": 2}
    assert layout.structs["pipe"].size == 544
    assert layout.stack0 == (tiny.symbols["stack0"].address, 16384)
    assert layout.end % 4096 == 0
    assert layout.variables == {"kernel_pagetable": tiny.symbols["kernel_pagetable"].address}


def test_functions_and_where_they_were_inlined(tiny: KernelElf) -> None:
    layout = xv6_layout(tiny)
    assert layout.function("kalloc") == tiny.symbols["kalloc"].address
    assert layout.function("trampoline") == layout.function("uservec")
    assert list(layout.system_calls) == ["sys_fork", "sys_sbrk"]
    assert [copy.into for copy in layout.inlined["growproc"]] == ["sys_sbrk"]
    assert layout.absent["growproc"] == "growproc has no code of its own: the compiler put it into sys_sbrk"
    assert layout.linked_address(TRAMPOLINE + 8) == tiny.symbols["trampoline"].address + 8
    assert layout.linked_address(0x8000_0000) == 0x8000_0000
    assert layout.linked_address(TRAMPOLINE + 4096) == TRAMPOLINE + 4096


def test_what_is_not_there_has_a_reason(tiny: KernelElf) -> None:
    layout = xv6_layout(tiny)
    assert layout.function("uvmcopy") is None
    assert layout.absent["uvmcopy"] == "no function uvmcopy"
    assert layout.absent["exec"] == "no function kexec or exec"
    assert layout.absent["proc.chan"] == "struct proc has no field chan"
    assert layout.absent["disk"] == "no variable disk"
    assert layout.disk is None


def test_free_lists_of_one_allocator(tiny: KernelElf) -> None:
    kmem = tiny.symbols["kmem"].address
    assert [(item.name, item.head - kmem, item.next_offset, item.lock) for item in xv6_layout(tiny).free_lists] == [
        ("kmem.freelist", 32, 8, kmem + 8),
        ("kmem.large", 440, 8, kmem + 8),
    ]


def test_free_lists_of_each_hart(build: Callable[..., Path]) -> None:
    kernel = read_kernel(build("-O1", "-gdwarf-5", "-DPER_CPU"))
    kmems = kernel.symbols["kmems"].address
    found = [(item.name, item.head - kmems, item.lock) for item in xv6_layout(kernel).free_lists]
    assert found == [(f"kmems[{hart}].freelist", hart * 32 + 24, kmems + hart * 32) for hart in range(4)]


def test_the_names_of_2025(build: Callable[..., Path], tiny: KernelElf) -> None:
    layout = xv6_layout(read_kernel(build("-O1", "-gdwarf-5", "-DYEAR_2025")))
    assert (layout.functions["usertrapret"].name, layout.functions["fork"].name) == ("prepare_return", "kfork")
    layout = xv6_layout(tiny)
    assert (layout.functions["usertrapret"].name, layout.functions["fork"].name) == ("usertrapret", "fork")


def test_a_file_that_is_no_xv6(make_elf: Callable[..., Path]) -> None:
    kernel = read_kernel(make_elf(symbols={"_entry": 0x8000_0000, "kalloc": 0x8000_0000}))
    with pytest.raises(KernelError, match="this kernel has no function kfree \\(nor usertrap, usertrapret or prepare_"):
        xv6_layout(kernel)


def test_without_debugging_information_there_is_no_layout(build: Callable[..., Path]) -> None:
    with pytest.raises(KernelError, match=r"the layout of struct proc cannot be known; build it with -g"):
        xv6_layout(read_kernel(build("-O1", "-g0")))


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        (
            "-Dpagetable=other",
            "its proc is a struct proc [64], where xv6 has an array of structs with a field pagetable",
        ),
        ("-Dproc=process", "this kernel has no variable proc, where xv6 has an array"),
        ("-Dtrapframe=frame", "its struct proc has no field trapframe or tf; give an xv6 kernel"),
        ("-DZOMBIE=DEAD", "the type of its proc.state, enum procstate, has no value ZOMBIE"),
        ("-Dkfree=release_page", "this kernel has no function kfree; give an xv6 kernel"),
        ("-gsplit-dwarf", "its debugging information is in other files (-gsplit-dwarf), so the layout"),
        ("-Dsz=sz[3]", "its proc.sz is a uint64 [3] of 24 bytes"),
        ("kernel/proc.c:-g0", "its proc has no debugging information, so its layout cannot be known; build it with -g"),
        ("-Dcpus=harts", "this kernel has no variable cpus, where xv6 has an array of structs with a field proc"),
    ],
)
def test_what_is_missing_is_named(build: Callable[..., Path], flag: str, said: str) -> None:
    with pytest.raises(KernelError) as caught:
        xv6_layout(read_kernel(build("-O1", "-gdwarf-5", flag)))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("flag", "name", "reason"),
    [
        ("-Dftable=ft", "files", "no variable ftable"),
        ("-Dfile=record", "files", "ftable has no array of structs, file"),
        ("-Dpipe=tube", "files", "the struct of ftable.file has no fields type and pipe"),
        ("-Dpipe=tube", "struct pipe", "no struct pipe"),
        ("-Dnoff=depth", "cpu.noff", "struct cpu has no field noff"),
        ("-Dstack0=stacks", "stack0", "no variable stack0"),
        ("-Dkernel_pagetable=root", "kernel_pagetable", "no variable kernel_pagetable"),
    ],
)
def test_what_is_optional_may_be_missing(build: Callable[..., Path], flag: str, name: str, reason: str) -> None:
    layout = xv6_layout(read_kernel(build("-O1", "-gdwarf-5", flag)))
    assert layout.absent[name] == reason
    assert (layout.files is None) == (name in ("files", "struct pipe"))
    assert (layout.stack0 is None) == (name == "stack0")


@pytest.mark.parametrize("flag", ["-Dkmem=memory", "-Drun=node"])
def test_a_free_list_of_another_name(build: Callable[..., Path], flag: str) -> None:
    """In kalloc's file any list of struct run is one, and so is any list in the variable kmem."""
    layout = xv6_layout(read_kernel(build("-O1", "-gdwarf-5", flag)))
    assert [item.next_offset for item in layout.free_lists] == [8, 8]


def test_an_allocator_without_a_list(build: Callable[..., Path]) -> None:
    layout = xv6_layout(read_kernel(build("-O1", "-gdwarf-5", "-Dkmem=memory", "-Drun=node")))
    assert layout.free_lists == ()
    assert layout.absent["free_lists"] == "no variable of kalloc's file points to a linked list of free pages"


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (None, "this kernel has no symbol end, which says where the memory for kalloc begins; link it with"),
        (0x1000, "its symbol end is 0x1000, where there is no RAM"),
    ],
)
def test_the_end_of_the_kernel(tiny: KernelElf, tmp_path: Path, new: int | None, said: str) -> None:
    whole, end = tiny.data, tiny.symbols["end"]
    if new is None:
        whole = whole.replace(b"\0end\0", b"\0eof\0")
    else:
        whole = whole.replace(struct.pack("<QQ", end.address, 0), struct.pack("<QQ", new, 0))
    path = tmp_path / "kernel.elf"
    path.write_bytes(whole)
    with pytest.raises(KernelError) as caught:
        xv6_layout(read_kernel(path))
    assert said in str(caught.value)


def test_a_real_kernel(real_kernel: KernelElf) -> None:
    layout = xv6_layout(real_kernel)
    assert layout.procs.count == 64
    assert layout.free_lists
    assert layout.structs["trapframe"].size == 288
    assert {"walk", "mappages", "uvmcopy", "uvmunmap", "copyout", "swtch", "exec", "fork"} <= layout.functions.keys()
    assert len(layout.system_calls) >= 21
    assert {"proc", "cpus"} <= {item.name for item in global_variables_in_data(real_kernel)}
    found = real_kernel.locate(layout.functions["kalloc"].address)
    assert found is not None
    assert (found.function, found.file) == ("kalloc", "kernel/kalloc.c")
