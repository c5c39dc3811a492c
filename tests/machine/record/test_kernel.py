"""A kernel's file as addresses to hook and numbers for the callbacks, held against what the tools say of the file."""

from __future__ import annotations

import numpy as np
import pytest

from cowcheck.machine.elf import KernelError, read_kernel
from cowcheck.machine.record.event import ProcessState
from cowcheck.machine.record.kernel import SFENCE, SRET, TRAMPOLINE, Kernel, know
from cowcheck.machine.record.observer import OBSERVER
from tests.kernels.build import build, can_build


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    if not can_build():
        pytest.skip("ziglang is not installed")
    return know(read_kernel(build()))


def instruction(kernel: Kernel, address: int) -> int:
    return int.from_bytes(kernel.elf.read(address, 4), "little")


def test_the_image(kernel: Kernel) -> None:
    image = kernel.image
    assert image.entry == kernel.elf.entry
    assert image.segments[0][0] == 0x80000000
    assert [instruction(kernel, address) & 0xFFFFF07F for address in image.mhartid] == [0xF1402073] * len(image.mhartid)
    assert len(image.mhartid) >= 1
    assert [instruction(kernel, address) for address in image.wfi] == [0x10500073] * len(image.wfi)


def test_the_trampoline_runs_at_the_highest_page(kernel: Kernel) -> None:
    functions = kernel.layout.functions
    start = functions["trampoline"].address
    assert kernel.high(start) == TRAMPOLINE
    assert kernel.high(functions["userret"].address) == TRAMPOLINE + functions["userret"].address - start
    assert kernel.high(functions["kalloc"].address) == functions["kalloc"].address
    fences = kernel.everywhere(SFENCE)
    assert any(address >= TRAMPOLINE for address in fences)
    assert any(address < TRAMPOLINE for address in fences)
    assert {kernel.high(address) for address in kernel.elf.instructions_like(*SRET)} <= set(kernel.everywhere(SRET))


def test_where_kalloc_returns(kernel: Kernel) -> None:
    symbol = kernel.layout.functions["kalloc"]
    assert kernel.kalloc_returns
    for address in kernel.kalloc_returns:
        assert symbol.address <= address < symbol.address + symbol.size
        assert instruction(kernel, address) == 0x8067 or instruction(kernel, address) & 0xFFFF == 0x8082


def test_places_are_for_people(kernel: Kernel) -> None:
    address = kernel.layout.functions["uvmcopy"].address
    assert kernel.place(address).startswith("uvmcopy (kernel/vm.c:")
    assert "kernel/trampoline.S:" in kernel.place(kernel.high(kernel.layout.functions["uservec"].address))
    assert kernel.place(0x1234) == "0x1234"


def test_the_observers_layout(kernel: Kernel) -> None:
    observer = np.zeros(1, OBSERVER)[0]
    kernel.fill(observer)
    layout, fields = kernel.layout, kernel.layout.proc_fields
    assert int(observer["proc_end"]) == layout.procs.address + 64 * layout.procs.stride
    for name, field in (("pid_at", "pid"), ("state_at", "state"), ("sz_at", "sz"), ("pagetable_at", "pagetable")):
        assert int(observer[name]) == fields[field].offset
    assert [int(number) for number in observer["state_names"][: len(ProcessState)]] == [
        ProcessState[name] for name, _ in sorted(layout.states.items(), key=lambda item: item[1])
    ]
    assert int(observer["cpus_end"]) - int(observer["cpus"]) == 8 * int(observer["cpu_stride"])
    assert int(observer["list_heads"][0]) == layout.free_lists[0].head
    assert int(observer["image_end"]) == (layout.end + 4095 - 0x80000000) // 4096
    text_end = int(observer["text_end"])
    assert layout.functions["kalloc"].address < text_end <= layout.free_lists[0].head


def test_tables_that_are_too_large_are_refused(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cowcheck.machine.record.kernel.MOST_SLOTS", 63)
    with pytest.raises(KernelError, match="64 processes"):
        kernel.fill(np.zeros(1, OBSERVER)[0])
