"""Building a submission with its own Makefile, where ``--build`` asks for it; what make says is passed on.

This runs the submission's Makefile outside the emulator, so it is done only when asked for.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from cowcheck.checker.printable import printable
from cowcheck.model.errors import CowcheckError

TARGETS = ("kernel/kernel", "fs.img")
MOST_SECONDS = 600
SHOWN_LINES = 12
TOOLCHAINS = ("riscv64-unknown-elf-", "riscv64-linux-gnu-", "riscv64-elf-", "riscv64-unknown-linux-gnu-")
_AS_ERROR = re.compile(r"\[-Werror=([\w-]+)\]")


def build(tree: Path) -> None:
    """Makes the kernel and its file system. Raises :class:`CowcheckError` with what make said, and a remedy."""
    if not (tree / "Makefile").is_file():
        raise CowcheckError(f"--build {tree}: there is no Makefile in it; name the folder of the xv6 tree")
    if shutil.which("make") is None:
        raise CowcheckError("--build: there is no `make` here; install it, or build the kernel elsewhere")
    prefix = next((item for item in TOOLCHAINS if shutil.which(f"{item}gcc")), None)
    if prefix is None:
        raise CowcheckError(
            f"--build: no RISC-V compiler was found ({', '.join(f'{item}gcc' for item in TOOLCHAINS)}); "
            "install one (Debian: gcc-riscv64-unknown-elf)"
        )
    output = ""
    for target in TARGETS:
        status, output = _make(tree, prefix, target)
        if status and target == TARGETS[0]:
            raise CowcheckError(_told(tree, prefix, output))


def _make(tree: Path, prefix: str, target: str) -> tuple[int, str]:
    command = ["make", "-C", str(tree), f"TOOLPREFIX={prefix}", target]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise CowcheckError(f"--build {tree}: make cannot be run ({error.strerror or error})") from error
    try:
        output, _ = process.communicate(timeout=MOST_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise CowcheckError(f"--build {tree}: make did not end within {MOST_SECONDS} s") from error
    finally:
        if process.returncode is None:  # too late, or Ctrl-C: what make has started ends with it
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    return process.returncode, output.decode("utf-8", "replace")


def _told(tree: Path, prefix: str, output: str) -> str:
    last = "\n".join(f"  | {printable(line)}" for line in output.strip().splitlines()[-SHOWN_LINES:])
    flags = sorted(set(_AS_ERROR.findall(output)))
    remedy = "Mend what it says, or build the tree yourself, and check it without --build."
    if flags:
        spared = " ".join(f"-Wno-error={flag}" for flag in flags)
        remedy = (
            "A newer compiler warns of what the tree's own did not, and -Werror makes that an error. "
            f"Build it with\n  make -C {printable(str(tree))} TOOLPREFIX={prefix} "
            f"CC='{prefix}gcc {spared}' {TARGETS[0]}\n"
            "and check it without --build."
        )
    return f"--build {printable(str(tree))}: make failed:\n{last}\n{remedy}"
