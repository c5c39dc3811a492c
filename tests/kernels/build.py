"""The test kernel and its self test as ELF files, compiled by zig (PyPI's `ziglang`) once for each set of flags.

`build()` is the kernel, `build(["BUG_NO_LOCK"])` the one with that bug; `mutants.py` lists the flags. A build takes two
seconds, and what was built once is found again, under the name that the sources, the flags and the compiler's version
give it. A file appears by a rename: workers that build the same kernel at the same time each make it, and do not meet.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from functools import cache as remember
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

FOLDER = Path(__file__).parent

COMPILE = (
    *("-target", "riscv64-freestanding-none", "-mcpu=generic_rv64+m+a+c+zicsr+zifencei", "-mabi=lp64"),
    *("-mcmodel=medany", "-ffreestanding", "-nostdlib", "-fno-builtin", "-fno-sanitize=all", "-fno-stack-protector"),
    *("-O1", "-g", "-gdwarf-4", "-fno-omit-frame-pointer", "-fno-inline-functions"),
    *("-fno-unwind-tables", "-fno-asynchronous-unwind-tables"),
    *("-std=gnu17", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror"),
    "-fdebug-compilation-dir=.",  # the same bytes wherever the sources are
)
LINK = ("-Wl,--no-gc-sections", "-Wl,--build-id=none")


class BuildError(Exception):
    """The compiler refused; its message says what and where."""


def can_build() -> bool:
    """Is the compiler installed?"""
    return find_spec("ziglang") is not None


def cache_folder() -> Path:
    """Where built kernels are kept: `$XDG_CACHE_HOME/cowcheck/test-kernels`, below `~/.cache` by default."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "cowcheck" / "test-kernels"


def build(flags: Iterable[str] = (), *, cache: Path | None = None) -> Path:
    """The kernel's ELF file, with `flags` such as `BUG_NO_LOCK` or `VARIANT_SSTC` (no -D) defined as 1."""
    assert not isinstance(flags, str), "give a list of flags"
    wanted = sorted(set(flags))
    return _build("kernel", "_entry", [f"-D{flag}" for flag in wanted], "-".join(("kernel", *wanted)), cache)


def build_selftest(only: str = "", *, cache: Path | None = None) -> Path:
    """The ELF file of the kernel's self test (user/), linked at address 0; it is to be the disk's /init.

    `only` names a single test to run, such as `execs`.
    """
    if only:
        return _build("user", "start", [f'-DONLY="{only}"'], f"selftest-{only}", cache)
    return _build("user", "start", [], "selftest", cache)


def _build(kind: str, entry: str, defined: list[str], name: str, cache: Path | None) -> Path:
    folder = cache_folder() if cache is None else cache
    sources = sorted(path for path in (FOLDER / kind).iterdir() if path.suffix in (".c", ".S", ".h", ".ld"))
    built = folder / f"{name}-{_digest(sources, (entry, *COMPILE, *LINK, *defined))}.elf"
    if built.is_file():
        return built

    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=folder) as scratch:
        output = Path(scratch) / built.name
        command = [sys.executable, "-m", "ziglang", "cc", *COMPILE, *LINK, *defined]
        command += [f"-Wl,--entry={entry}", "-T", f"{kind}/{kind}.ld", "-o", str(output)]
        command += [path.relative_to(FOLDER).as_posix() for path in sources if path.suffix in (".c", ".S")]
        zig_cache = str(folder / "zig")
        environment = os.environ | {"ZIG_GLOBAL_CACHE_DIR": zig_cache, "ZIG_LOCAL_CACHE_DIR": zig_cache}
        run = subprocess.run(command, cwd=FOLDER, env=environment, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise BuildError(f"zig cc ended with {run.returncode}: {run.stderr.strip()}")
        output.replace(built)
    return built


@remember
def _compiler() -> str:
    return metadata.version("ziglang")


def _digest(sources: list[Path], words: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for part in (_compiler(), *words, *(text for path in sources for text in (path.name, path.read_text("utf-8")))):
        digest.update(f"{len(part)}:{part}".encode())
    return digest.hexdigest()[:16]
