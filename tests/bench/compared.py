"""A program of a real xv6, run by plain QEMU and run by `cowcheck check` with everything that it judges.

The two take turns in one run, so that what else the machine does meets both. Both run on one hart. QEMU's time ends
when the shell asks for the next command; cowcheck's is the whole command, from Python's start to the verdict.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from cowcheck.machine.elf import read_kernel
from cowcheck.machine.qemu.program import NAME
from cowcheck.machine.qemu.qemu import sets_pmp

PROGRAM = "cowtest"
ROUNDS = 3
PROMPT = b"$ "
MOST_S = 300
JUDGED = (0, 1)  # exit statuses of a check that came to its end


class Spent(NamedTuple):
    """Seconds of one run."""

    cpu: float
    wall: float


class Compared(NamedTuple):
    """What was measured, or why nothing was."""

    qemu: tuple[Spent, ...] = ()
    ours: tuple[Spent, ...] = ()
    kernel: str = ""
    because: str = ""

    @property
    def cpu_ratio(self) -> float:
        return median(spent.cpu for spent in self.ours) / median(spent.cpu for spent in self.qemu)

    @property
    def wall_ratio(self) -> float:
        return median(spent.wall for spent in self.ours) / median(spent.wall for spent in self.qemu)


def measure_compared(tree: str) -> Compared:
    """Runs both, in turn."""
    if not tree:
        return Compared(because="COWCHECK_XV6 names no xv6 tree")
    if shutil.which(NAME) is None:
        return Compared(because=f"{NAME} is not installed")
    folder = Path(tree)
    kernel, image = folder / "kernel" / "kernel", folder / "fs.img"
    if not kernel.is_file() or not image.is_file():
        return Compared(because="COWCHECK_XV6 names no xv6 tree that has kernel/kernel and fs.img")
    check = [sys.executable, "-m", "cowcheck.checker", "check", tree, "--run", PROGRAM]
    spent, status, said = timed(check)  # compiles what is not compiled yet
    if status not in JUDGED:
        return Compared(because=f"cowcheck ended with {status}: {said.strip().splitlines()[-1:]}")
    with tempfile.TemporaryDirectory() as scratch:
        disk = Path(scratch) / "fs.img"
        legacy = next((legacy for legacy in (False, True) if plain_qemu(kernel, image, disk, legacy)), None)
        if legacy is None:
            return Compared(because=f"plain QEMU does not come to the end of {PROGRAM}")
        qemu, ours = [], []
        for number in range(ROUNDS):
            spent = plain_qemu(kernel, image, disk, legacy) or Spent(0, 0)
            qemu.append(spent)
            ours.append(timed(check)[0])
            sys.stderr.write(f"round {number + 1} of {ROUNDS}: QEMU {spent}, cowcheck {ours[-1]}\n")
    return Compared(tuple(qemu), tuple(ours), read_kernel(tree).path.replace(tree, folder.name))


def timed(command: Sequence[str]) -> tuple[Spent, int, str]:
    """One command: what it spent, its exit status, and what it wrote to stderr."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - began
        said.seek(0)
        text = said.read().decode("utf-8", "replace")
    return Spent(usage.ru_utime + usage.ru_stime, wall), process.returncode, text


def plain_qemu(kernel: Path, image: Path, disk: Path, legacy: bool) -> Spent | None:
    """One boot, with the program typed into the shell; None where the shell does not come back."""
    shutil.copyfile(image, disk)
    command = [
        NAME, "-machine", "virt", "-bios", "none", "-kernel", str(kernel), "-m", "128M", "-smp", "1", "-nographic",
        "-cpu", f"rv64,pmp={'true' if sets_pmp(read_kernel(kernel)) else 'false'}",
        "-global", f"virtio-mmio.force-legacy={'true' if legacy else 'false'}",
        "-drive", f"file={disk},if=none,format=raw,id=x0",
        "-device", "virtio-blk-device,drive=x0,bus=virtio-mmio-bus.0",
    ]  # fmt: skip
    began = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        came = _until(process.stdout.fileno(), PROMPT, began)
        if came:
            process.stdin.write(PROGRAM.encode() + b"\n")
            process.stdin.flush()
            came = _until(process.stdout.fileno(), b"\n" + PROMPT, began)
    finally:
        process.kill()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdin.close()
        process.stdout.close()
    return Spent(usage.ru_utime + usage.ru_stime, time.monotonic() - began) if came else None


def _until(console: int, end: bytes, began: float) -> bool:
    """Reads the console until it ends so; False where the kernel panics, or the time is up."""
    printed = b""
    while not printed.endswith(end):
        data = os.read(console, 4096)
        printed += data
        if not data or b"panic" in printed or time.monotonic() - began > MOST_S:
            return False
    return True
