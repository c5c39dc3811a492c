"""A rig on QEMU: what it says of kernels that do not boot or do not go on, and what it can be asked for."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from cowcheck.machine.elf import read_kernel
from cowcheck.machine.program import encoding
from cowcheck.machine.program.encoding import Reg
from cowcheck.machine.program.report import ReportKind
from cowcheck.machine.program.syscalls import Syscall
from cowcheck.machine.program.user_code import UserCode
from cowcheck.machine.program.workload import PROGRAM
from cowcheck.machine.qemu.program import NAME
from cowcheck.machine.qemu.qemu import sets_pmp
from cowcheck.machine.qemu.rig import QemuRig
from cowcheck.machine.record.event import KIND, Ending, EventKind
from cowcheck.machine.record.kernel import Kernel, know
from cowcheck.machine.record.recorder import Recorder, Report, Rows
from cowcheck.machine.rig import NotBooted
from cowcheck.model.errors import CowcheckError
from tests.kernels.build import build, can_build

pytestmark = [
    pytest.mark.skipif(shutil.which(NAME) is None, reason=f"{NAME} is not installed"),
    pytest.mark.skipif(not can_build(), reason="ziglang is not installed"),
]
NO_COUNTS = "they are not needed here"


def kernel(*flags: str) -> Kernel:
    return know(read_kernel(build(flags)))


@pytest.fixture(scope="module")
def rig() -> QemuRig:
    return QemuRig.boot(kernel(), counts=NO_COUNTS)


def disk(code: UserCode) -> dict[str, bytes]:
    code.label("rest")
    code.j("rest")
    code.write_constants()
    return {PROGRAM: code.executable("start")}


def asking() -> dict[str, bytes]:
    """Asks for a number, and reports what it was given."""
    code = UserCode()
    code.label("start")
    code.report(ReportKind.ASK, 1, 5)
    code.mv(Reg.S2, Reg.A0)
    code.report(ReportKind.SEEN, 2, Reg.S2)
    code.report(ReportKind.FINISHED, 3)
    return disk(code)


def test_an_answer_goes_into_a0(rig: QemuRig) -> None:
    seen: list[int] = []

    def hear(report: Report, recorder: Recorder) -> int | Ending | None:
        if report.values[0] == ReportKind.SEEN:
            seen.append(report.values[2])
        if report.values[0] == ReportKind.FINISHED:
            return Ending.DONE
        return 77 if report.values[0] == ReportKind.ASK else None

    run = rig.run(asking(), lambda rows, texts: None, hear, 50_000_000)
    assert (run.ending, seen) == (Ending.DONE, [77])


def test_a_census_counts_what_is_free(rig: QemuRig) -> None:
    taken: list[Rows] = []
    free: list[int] = []

    def hear(report: Report, recorder: Recorder) -> Ending | None:
        free.append(recorder.census())
        return Ending.DONE

    rig.run(asking(), lambda rows, texts: taken.append(rows), hear, 50_000_000)
    rows = np.concatenate(taken)
    listed = rows[rows[:, KIND] == EventKind.LIST]
    assert free == [int(listed[:, 6].sum())]
    assert (rows[:, KIND] == EventKind.OWN).any()


def test_a_program_that_computes_for_ever_uses_its_budget_up(rig: QemuRig) -> None:
    code = UserCode()
    code.label("start")
    run = rig.run(disk(code), lambda rows, texts: None, lambda report, recorder: None, 1_000_000)
    assert run.ending is Ending.BUDGET


def test_processes_that_all_wait_hang(rig: QemuRig) -> None:
    code = UserCode()
    code.label("start")
    code.make_pipe()
    code.wait_for_end_of_file(0)
    run = rig.run(disk(code), lambda rows, texts: None, lambda report, recorder: None, 2_000_000)
    assert run.ending is Ending.HANG


def test_what_is_waited_for_ends_the_run(rig: QemuRig) -> None:
    code = UserCode()
    code.label("start")
    code.emit(encoding.NOP)
    began = time.monotonic()
    run = rig.run(
        disk(code), lambda rows, texts: None, lambda report, recorder: None, 10**9, until=lambda recorder: True
    )
    assert run.ending is Ending.DONE
    assert time.monotonic() - began < 60


def test_pid_1_may_not_exit(rig: QemuRig) -> None:
    code = UserCode()
    code.label("start")
    code.syscall(Syscall.EXIT, 0)
    run = rig.run(disk(code), lambda rows, texts: None, lambda report, recorder: None, 50_000_000)
    assert (run.ending, run.text) == (Ending.PANIC, "init exiting")


def test_a_kernel_that_has_no_free_page_is_said_not_to_boot() -> None:
    with pytest.raises(NotBooted) as failure:
        QemuRig.boot(kernel("BUG_FREE_AT_BOOT"), counts=NO_COUNTS)
    assert "did not come to its first process" in str(failure.value)


def test_a_kernel_of_before_pmp_is_known_by_its_instructions() -> None:
    assert sets_pmp(kernel().elf)
    older = kernel("VARIANT_NO_PMP")
    assert not sets_pmp(older.elf)
    assert (
        QemuRig.boot(older, counts=NO_COUNTS)
        .run(asking(), lambda rows, texts: None, lambda report, recorder: Ending.DONE, 50_000_000)
        .ending
        is Ending.DONE
    )


def test_without_qemu_there_is_one_clear_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CowcheckError, match="apt install qemu-system-misc"):
        QemuRig.boot(kernel())


def test_several_harts_run(rig: QemuRig) -> None:
    two = QemuRig.boot(rig.kernel, harts=2, counts=NO_COUNTS)
    run = two.run(asking(), lambda rows, texts: None, lambda report, recorder: Ending.DONE, 500_000_000)
    assert run.ending is Ending.DONE
