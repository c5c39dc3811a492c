"""The test kernel is a right one: it boots, keeps its names for the checker, and passes its self test on QEMU.

What is not right about its mutants is not tested here: finding that out is cowcheck's own work.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from pathlib import Path
from typing import NamedTuple

import pytest

from cowcheck.machine.disk import make_image
from cowcheck.machine.elf import read_kernel, xv6_layout
from tests.kernels.build import FOLDER, BuildError, build, build_selftest, can_build
from tests.kernels.mutants import MUTANTS, VARIANTS, Variant

QEMU = "qemu-system-riscv64"
PASSED = "ALL TESTS PASSED"
TIMEOUT_S = 300

needs_compiler = pytest.mark.skipif(not can_build(), reason="ziglang is not installed")
needs_qemu = pytest.mark.skipif(shutil.which(QEMU) is None, reason=f"{QEMU} is not installed")


class Run(NamedTuple):
    """A machine to run on, and what is typed at its console once it says "type"."""

    harts: int = 1
    legacy: bool = False
    pmp: bool = True
    typed: bytes = b""


def console(kernel: Path, init: Path, folder: Path, run: Run) -> str:
    """What QEMU's console shows until the tests are done, the kernel panics, or the time is up."""
    image = folder / "fs.img"
    image.write_bytes(make_image({"init": init.read_bytes()}))
    command = [QEMU, "-machine", "virt", "-bios", "none", "-kernel", str(kernel), "-m", "128M"]
    command += ["-smp", str(run.harts), "-display", "none", "-serial", "stdio"]
    command += ["-cpu", "rv64,pmp=" + ("true" if run.pmp else "false")]
    command += ["-global", "virtio-mmio.force-legacy=" + ("true" if run.legacy else "false")]
    command += ["-drive", f"file={image},if=none,format=raw,id=x0,read-only=on"]
    command += ["-device", "virtio-blk-device,drive=x0,bus=virtio-mmio-bus.0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as machine:
        assert machine.stdin is not None
        assert machine.stdout is not None
        alarm = threading.Timer(TIMEOUT_S, machine.kill)
        alarm.start()
        lines = []
        try:
            for line in machine.stdout:
                lines.append(line.decode("latin-1"))
                if line == b"type\n":
                    machine.stdin.write(run.typed)
                    machine.stdin.flush()
                if re.search(r"panic: |ALL TESTS PASSED|TESTS FAILED", lines[-1]):
                    break
        finally:
            alarm.cancel()
            machine.kill()
    return "".join(lines)


def test_the_flags_are_those_of_the_sources() -> None:
    """A flag that is spelled wrongly would build the right kernel."""
    listed = [mutant.flag for mutant in MUTANTS] + [variant.flag for variant in VARIANTS]
    assert len(listed) == len(set(listed))
    text = "".join(path.read_text("utf-8") for path in sorted((FOLDER / "kernel").iterdir()) if path.name != "flags.h")
    used = {f"{kind}_{name}" for kind, name in re.findall(r"\b(BUG|VARIANT)\((\w+)\)", text)}
    assert used == set(listed)


def test_every_pattern_has_a_mutant() -> None:
    assert {mutant.pattern for mutant in MUTANTS} == set(range(1, 33))
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


@needs_compiler
def test_a_kernel_is_built_once(tmp_path: Path) -> None:
    right = build(cache=tmp_path)
    changed = right.stat().st_mtime_ns
    assert build(cache=tmp_path) == right
    assert right.stat().st_mtime_ns == changed
    wrong = build(["BUG_NO_LOCK"], cache=tmp_path)
    assert wrong.read_bytes() != right.read_bytes()
    assert sorted(path.suffix for path in tmp_path.iterdir() if path.is_file()) == [".elf", ".elf"]


@needs_compiler
def test_the_compilers_message_is_told(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="proc"):
        build(["proc"], cache=tmp_path)


@needs_compiler
def test_it_has_xv6s_names() -> None:
    layout = xv6_layout(read_kernel(build()))
    assert {"kalloc", "kfree", "walk", "uvmcopy", "usertrap", "copyout", "fork", "exit"} <= layout.functions.keys()
    assert not layout.inlined
    assert [it.name for it in layout.free_lists] == ["kmem.freelist"]
    assert layout.procs.count == 64
    assert layout.cpus is not None
    assert layout.cpus.count == 8


@needs_compiler
@needs_qemu
@pytest.mark.parametrize("run", [Run(harts=1, legacy=True), Run(harts=2)], ids=["legacy", "two-harts"])
def test_it_passes_its_self_test(run: Run, tmp_path: Path) -> None:
    assert PASSED in console(build(), build_selftest(), tmp_path, run)


@needs_compiler
@needs_qemu
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_a_variant_runs(variant: Variant, tmp_path: Path) -> None:
    flag = variant.flag
    run = Run(harts=2, pmp=flag != "VARIANT_NO_PMP")
    assert PASSED in console(build([flag]), build_selftest("siblings"), tmp_path, run)


@needs_compiler
@needs_qemu
def test_the_console_can_be_read(tmp_path: Path) -> None:
    run = Run(typed=b"cox\x7fw\r\x04")
    assert PASSED in console(build(), build_selftest("console_input"), tmp_path, run)
