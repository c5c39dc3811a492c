"""`cowcheck check` and `record` with ``--machine qemu``: the same verdicts, and what QEMU cannot do is said."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cowcheck.checker.check.options import CheckOptions
from cowcheck.checker.check.plan import plan
from cowcheck.checker.check.subject import Subject, open_kernel
from cowcheck.checker.check_command import all_but, left_out
from cowcheck.machine.machine import MACHINES
from cowcheck.machine.qemu.program import NAME
from tests.kernels.build import build, can_build

ROOT = Path(__file__).resolve().parent.parent.parent
needs_qemu = pytest.mark.skipif(shutil.which(NAME) is None, reason=f"{NAME} is not installed")
pytestmark = pytest.mark.skipif(not can_build(), reason="ziglang is not installed")


def run(*arguments: object, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The command, as a user calls it; ``path`` is all that is on the PATH."""
    environment = os.environ if path is None else {**os.environ, "PATH": str(path)}
    command = [sys.executable, "-m", "cowcheck.checker", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=600)


def result_of(path: Path) -> dict[str, Any]:
    """The only result of a JSON file, which its schema describes."""
    document = json.loads(path.read_text(encoding="utf-8"))
    schema = ROOT / "docs" / "kernel-results.schema.json"
    jsonschema.validate(document, json.loads(schema.read_text(encoding="utf-8")))
    result: dict[str, Any] = document["results"][0]
    return result


@needs_qemu
def test_a_right_kernel_passes_and_the_verdict_says_what_ran_it(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    done = run("check", build(), "--machine", "qemu", "--workload", "two-stores", "--json", file)
    assert done.returncode == 0, done.stdout + done.stderr
    result = result_of(file)
    assert re.fullmatch(r"QEMU \d+\.\d+\.\d+", result["subject"]["machine"])
    assert f" on {result['subject']['machine']}" in done.stdout
    status = {item["invariant"]: item["status"] for item in result["invariants"]}
    assert {name for name, told in status.items() if told == "holds"} >= {
        "refcount-equals-mappings", "no-writable-shared-frame", "no-leak", "progress", "kernel-survives",
    }  # fmt: skip
    because = {item["invariant"]: item["because"] for item in result["invariants"]}
    assert because["out-of-memory-kills"] == "memory never ran out in a page fault"


@needs_qemu
@pytest.mark.parametrize(
    ("flag", "workload", "invariant"),
    [
        ("BUG_PARENT_KEEPS_W", "two-stores", "no-writable-shared-frame"),
        ("BUG_COPYOUT_WRITES_SHARED", "wait-shared", "isolation"),
        ("BUG_NO_DROP_FOR_COW", "two-stores", "refcount-equals-mappings"),
        ("BUG_GUARD_PAGE", "store-guard", "progress"),
    ],
)
def test_what_the_board_finds_is_confirmed(flag: str, workload: str, invariant: str, tmp_path: Path) -> None:
    """On one hart, for there the two run the processes in the same order."""
    for machine in MACHINES:
        file = tmp_path / f"{machine}.json"
        where = ("--machine", machine, "--harts", 1)
        done = run("check", build((flag,)), *where, "--workload", workload, "--json", file)
        assert done.returncode == 1, done.stdout + done.stderr
        assert invariant in {finding["invariant"] for finding in result_of(file)["findings"]}


@needs_qemu
def test_a_recording_is_judged_later_to_the_same_verdict(tmp_path: Path) -> None:
    trace, result = tmp_path / "run.jsonl", tmp_path / "result.json"
    done = run("record", build(), "--machine", "qemu", "--workload", "read-shared", "-o", trace)
    assert done.returncode == 0, done.stdout + done.stderr
    assert run("verify", trace, "--json", result).returncode == 0
    assert result_of(result)["subject"]["machine"].startswith("QEMU ")


@needs_qemu
def test_a_command_that_runs_it_again_names_the_machine() -> None:
    workloads = ("--workload", "two-stores", "--workload", "two-reads")
    done = run("check", build(("BUG_PARENT_KEEPS_W",)), "--machine", "qemu", *workloads)
    assert "--workload two-stores --machine qemu" in done.stdout


@needs_qemu
def test_nothing_is_drawn_on_qemu() -> None:
    done = run("check", build(), "--machine", "qemu", "--seed", 3)
    assert done.returncode == 2
    assert "--seed: nothing is drawn" in done.stderr


@pytest.mark.parametrize("command", [("check",), ("record", "-o", "never.jsonl")])
def test_without_qemu_there_is_one_clear_message(command: tuple[str, ...], tmp_path: Path) -> None:
    done = run(*command, build(), "--machine", "qemu", path=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "apt install qemu-system-misc" in done.stderr
    assert "--machine board" in done.stderr
    assert "Traceback" not in done.stderr
    assert not Path("never.jsonl").exists()


def test_an_unknown_machine_lists_the_known() -> None:
    done = run("check", build(), "--machine", "spike")
    assert done.returncode == 2
    assert all(name in done.stderr for name in MACHINES)


@pytest.fixture
def subject_on() -> Callable[[str], Subject]:
    return lambda machine: open_kernel(build(), machine=machine)


@pytest.mark.parametrize("machine", MACHINES)
def test_what_is_not_run_is_said(machine: str, subject_on: Callable[[str], Subject]) -> None:
    options = CheckOptions("kernel", machine=machine)
    reasons = {item.name: left_out(item, subject_on(machine), options) for item, _ in plan((), None).steps}
    without = {name for name, reason in reasons.items() if reason}
    exhausting = {item.name for item, _ in plan((), None).steps if item.exhausts_memory}
    assert "allocations" in exhausting
    assert without == (exhausting if machine == "qemu" else set())
    assert all(name in all_but(reasons) for name in without)
    assert bool(all_but(reasons)) == bool(without)


def test_what_is_asked_for_by_name_is_run(subject_on: Callable[[str], Subject]) -> None:
    options = CheckOptions("kernel", machine="qemu", workloads=("allocations",))
    ((workload, _),) = plan(("allocations",), None).steps
    assert left_out(workload, subject_on("qemu"), options) == ""
