"""Finding QEMU, and one run of it: what is said where it is absent, too old or dies, and that nothing of it is left."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from cowcheck.machine.qemu.gdbstub import GdbStub
from cowcheck.machine.qemu.program import NAME, Run, find_qemu, qemu_version
from cowcheck.model.errors import CowcheckError

needs_qemu = pytest.mark.skipif(shutil.which(NAME) is None, reason=f"{NAME} is not installed")
QUIET = ("-machine", "virt", "-bios", "none", "-nodefaults", "-display", "none", "-S")


@pytest.fixture
def pretend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of QEMU's name, the only one on the PATH; a test writes what it does."""
    monkeypatch.setenv("PATH", str(tmp_path))
    program = tmp_path / NAME
    program.write_text("")
    return program


def write(program: Path, text: str) -> None:
    program.write_text(f"#!{sys.executable}\n{textwrap.dedent(text)}")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_where_there_is_no_qemu_it_is_said_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CowcheckError, match=r"not installed.*apt install qemu-system-misc"):
        find_qemu()


def test_an_old_qemu_is_refused_with_its_version(pretend: Path) -> None:
    write(pretend, "print('QEMU emulator version 4.2.1 (Debian 1:4.2-3)')")
    with pytest.raises(CowcheckError, match=r"QEMU 4\.2\.1"):
        find_qemu()


def test_a_version_without_a_third_number_is_understood(pretend: Path) -> None:
    write(pretend, "print('QEMU emulator version 10.0')")
    assert qemu_version(find_qemu()) == (10, 0, 0)


def test_a_program_that_tells_no_version_is_refused(pretend: Path) -> None:
    write(pretend, "print('hello')")
    with pytest.raises(CowcheckError, match="does not tell its version"):
        find_qemu()


def test_a_qemu_that_does_not_start_is_quoted(pretend: Path) -> None:
    write(pretend, "import sys; print('no such machine', file=sys.stderr); sys.exit(1)")
    with pytest.raises(CowcheckError, match=r"did not start \(exit status 1\); it said: no such machine"):
        Run(str(pretend), lambda folder: []).__enter__()


@needs_qemu
def test_a_qemu_that_dies_is_one_clear_error() -> None:
    with Run(find_qemu(), lambda folder: QUIET) as run:
        stub = GdbStub(run)
        assert run.process_id is not None
        os.kill(run.process_id, signal.SIGKILL)
        with pytest.raises(CowcheckError, match=r"it ended \(killed by signal 9\)"):
            ask_for_ever(stub)


def ask_for_ever(stub: GdbStub) -> None:
    while True:
        stub.general(0)


@needs_qemu
def test_bad_arguments_are_told_in_qemus_own_words() -> None:
    with pytest.raises(CowcheckError, match="nonsense"):
        Run(find_qemu(), lambda folder: [*QUIET, "-nonsense"]).__enter__()


@needs_qemu
def test_nothing_is_left_however_the_block_is_left() -> None:
    folders: list[Path] = []

    def arguments(folder: Path) -> tuple[str, ...]:
        folders.append(folder)
        return QUIET

    processes: list[int] = []

    def interrupted(run: Run) -> None:
        with run:
            assert run.process_id is not None
            processes.append(run.process_id)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted(Run(find_qemu(), arguments))
    assert not folders[0].exists()
    with pytest.raises(ProcessLookupError):
        os.kill(processes[0], 0)


@needs_qemu
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_it_dies_with_us_even_where_we_are_killed() -> None:
    source = f"""
        import os, signal
        from cowcheck.machine.qemu.program import Run, find_qemu
        run = Run(find_qemu(), lambda folder: {QUIET!r}).__enter__()
        print(run.process_id, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    child = subprocess.run([sys.executable, "-c", textwrap.dedent(source)], capture_output=True, text=True, check=False)
    assert child.returncode == -signal.SIGKILL, child.stderr
    status = Path("/proc") / child.stdout.strip() / "status"
    for _ in range(200):
        if not status.exists() or "State:\tZ" in status.read_text():
            return
        subprocess.run(["sleep", "0.05"], check=False)
    pytest.fail("QEMU is still there")
