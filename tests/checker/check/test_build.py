"""``--build``: the submission's own make, with a compiler that a script stands in for."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from cowcheck.checker.check import build as building
from cowcheck.checker.check.build import build
from cowcheck.checker.check.subject import open_kernel
from cowcheck.checker.cli import main
from cowcheck.model.errors import CowcheckError
from tests.kernels.build import build as build_kernel
from tests.kernels.build import can_build

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")

MAKEFILE = """
CC = $(TOOLPREFIX)gcc
kernel/kernel:
\t$(CC) -Wall -Werror -o kernel/kernel kernel/vm.c
fs.img:
\t@echo no mkfs here; exit 1
"""
WARNED = """
echo "kernel/vm.c:21:9: error: array subscript 4096 is outside array bounds [-Werror=array-bounds]" >&2
echo "user/sh.c:58:1: error: infinite recursion detected [-Werror=infinite-recursion]" >&2
echo "cc1: all warnings being treated as errors" >&2
exit 1
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree that was not built."""
    folder = tmp_path / "xv6"
    (folder / "kernel").mkdir(parents=True)
    (folder / "kernel" / "vm.c").touch()
    (folder / "Makefile").write_text(MAKEFILE, encoding="utf-8")
    return folder


def use_compiler(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has a script be the only RISC-V compiler on the path; the shell, make and cp are there as well."""
    tools = folder / "tools"
    tools.mkdir()
    compiler = tools / "riscv64-unknown-elf-gcc"
    compiler.write_text("#!/bin/sh\n" + script, encoding="utf-8")
    compiler.chmod(0o755)
    for name in ("make", "sh", "cp", "sleep", "echo"):
        found = shutil.which(name)
        if found:
            (tools / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(tools))


def refusal(tree: Path) -> str:
    with pytest.raises(CowcheckError) as error:
        build(tree)
    return str(error.value)


def test_a_tree_is_built_and_can_be_checked_though_it_has_no_image(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not can_build():
        pytest.skip("ziglang is not installed")
    use_compiler(tree.parent, f'cp "{build_kernel()}" kernel/kernel\n', monkeypatch)
    build(tree)
    assert open_kernel(str(tree)).kernel.elf.path.endswith("kernel/kernel")


def test_a_warning_that_is_an_error_is_shown_with_the_remedy(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_compiler(tree.parent, WARNED, monkeypatch)
    said = refusal(tree)
    assert "kernel/vm.c:21:9: error: array subscript 4096 is outside array bounds" in said
    assert "-Wno-error=array-bounds -Wno-error=infinite-recursion" in said
    assert f"make -C {tree} TOOLPREFIX=riscv64-unknown-elf- CC=" in said


def test_the_remedy_builds_the_tree(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command that the message gives, run as it stands: the flags come to the compiler."""
    accepts = f'case "$*" in *-Wno-error=array-bounds*) echo built > kernel/kernel; exit 0;; esac\n{WARNED}'
    use_compiler(tree.parent, accepts, monkeypatch)
    command = next(line for line in refusal(tree).splitlines() if line.startswith("  make "))
    assert os.system(command.strip()) == 0
    assert (tree / "kernel" / "kernel").read_text(encoding="utf-8") == "built\n"


def test_what_make_says_is_harmless_and_its_end_is_shown(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shout = "i=0; while [ $i -lt 100 ]; do echo line $i; i=$((i+1)); done; printf '\\033[31mred\\n'; exit 3\n"
    use_compiler(tree.parent, shout, monkeypatch)
    said = refusal(tree)
    assert "\033" not in said
    assert "line 99" in said
    assert "line 50" not in said


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_make_that_does_not_end(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what it has started ends with it."""
    use_compiler(tree.parent, "sleep 60 &\necho $! > pid\nwait\n", monkeypatch)
    monkeypatch.setattr(building, "MOST_SECONDS", 1)
    assert "did not end within 1 s" in refusal(tree)
    started = int((tree / "pid").read_text(encoding="utf-8"))
    status = Path(f"/proc/{started}/status")
    assert not status.exists() or "State:\tZ" in status.read_text(encoding="utf-8")


def test_without_a_compiler_or_a_makefile_nothing_is_run(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_compiler(tree.parent, "exit 1\n", monkeypatch)
    (tree.parent / "tools" / "riscv64-unknown-elf-gcc").unlink()
    assert "no RISC-V compiler was found" in refusal(tree)
    (tree / "Makefile").unlink()
    assert main(("check", str(tree), "--build")) == 2
    assert "there is no Makefile in it" in capsys.readouterr().err
