"""`cowcheck check`, `record` and `verify` as commands, on the project's own test kernel."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
QUICK = ("two-stores", "store-guard", "read-shared", "exec-after-fork")


def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The command, as a user calls it."""
    return subprocess.run(
        [sys.executable, "-m", "cowcheck.checker", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        timeout=600,
    )


def kernels() -> ModuleType:
    """tests/kernels/build.py, which is no package's."""
    spec = importlib.util.spec_from_file_location("test_kernel_build", ROOT / "tests" / "kernels" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def built(*flags: str) -> Path:
    """The test kernel with these flags."""
    pytest.importorskip("ziglang", reason="PyPI's ziglang compiles the test kernel, and is not installed")
    path: Path = kernels().build(flags)
    return path


@pytest.fixture(scope="module")
def kernel() -> Path:
    """The right test kernel."""
    return built()


def workloads(*names: str) -> list[str]:
    """The options that choose workloads."""
    return [item for name in names for item in ("--workload", name)]


def result_of(path: Path, schema: str = "kernel-results") -> dict[str, Any]:
    """The only result of a JSON file, which its schema describes."""
    document = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.validate(document, json.loads((ROOT / "docs" / f"{schema}.schema.json").read_text(encoding="utf-8")))
    result: dict[str, Any] = document["results"][0]
    return result


def test_the_right_kernel_holds_every_invariant_that_is_checked(kernel: Path, tmp_path: Path) -> None:
    done = run("check", kernel, *workloads(*QUICK), "--json", tmp_path / "result.json")
    assert done.returncode == 0, done.stdout + done.stderr
    result = result_of(tmp_path / "result.json")
    assert result["verdict"] == "pass"
    assert result["shares"]
    status = {item["invariant"]: item["status"] for item in result["invariants"]}
    assert status["refcount-equals-mappings"] == status["no-writable-shared-frame"] == status["no-leak"] == "holds"
    assert [item["ending"] for item in result["runs"]] == ["done"] * len(QUICK)


@pytest.mark.parametrize(
    ("flag", "workload", "invariant"),
    [
        ("BUG_PARENT_KEEPS_W", "two-stores", "no-writable-shared-frame"),
        ("BUG_COPYOUT_WRITES_SHARED", "addresses", "isolation"),
        ("BUG_GUARD_PAGE", "store-guard", "progress"),
        ("BUG_NO_DROP_FOR_COW", "two-stores", "refcount-equals-mappings"),
    ],
)
def test_a_bug_is_caught_with_its_place(flag: str, workload: str, invariant: str, tmp_path: Path) -> None:
    done = run("check", built(flag), *workloads(workload), "--json", tmp_path / "result.json")
    assert done.returncode == 1, done.stdout + done.stderr
    found = {finding["invariant"]: finding for finding in result_of(tmp_path / "result.json")["findings"]}
    assert invariant in found, list(found)
    assert any(".c:" in step["place"] for step in found[invariant]["steps"])


def test_a_recording_is_judged_later_to_the_same_result(kernel: Path, tmp_path: Path) -> None:
    trace, now, later = tmp_path / "run.jsonl.gz", tmp_path / "now.json", tmp_path / "later.json"
    assert run("check", kernel, *workloads("two-stores"), "--json", now, "--trace", trace).returncode == 0
    assert run("verify", trace, "--json", later).returncode == 0
    assert now.read_bytes() == later.read_bytes()


def test_a_panic_is_judged_later_to_the_same_result_with_its_calls(tmp_path: Path) -> None:
    kernel, named = built("BUG_GOES_ON_WITHOUT_FRAME"), workloads("fault-no-frame")
    trace, now, later = tmp_path / "run.jsonl", tmp_path / "now.json", tmp_path / "later.json"
    done = run("check", kernel, *named, "--json", now, "--trace", trace)
    assert done.returncode == 1, done.stdout + done.stderr
    assert run("verify", trace, "--json", later).returncode == 1
    assert now.read_bytes() == later.read_bytes()
    assert run("record", kernel, *named, "-o", tmp_path / "again.jsonl").returncode == 0
    assert trace.read_bytes() == (tmp_path / "again.jsonl").read_bytes()
    (finding,) = result_of(now)["findings"]
    assert [place.split(" ")[0] for place in finding["stack"]] == [
        "kerneltrap", "kernelvec", "memmove", "cowfault", "pagefault", "usertrap",
    ]  # fmt: skip
    assert finding["fault"].startswith("store page fault (scause 15) at stval 0x0, in memmove (kernel/string.c:")
    assert "(pid " in finding["during"]
    assert "cowfault" in done.stdout
    assert max(map(len, done.stdout.split("To run again")[0].splitlines())) <= 100


def test_two_recordings_with_one_seed_are_the_same_to_the_byte(kernel: Path, tmp_path: Path) -> None:
    for name in ("first.jsonl", "second.jsonl"):
        done = run("record", kernel, "-o", tmp_path / name, *workloads("two-stores", "grandchild"), "--seed", 7)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "first.jsonl").read_bytes() == (tmp_path / "second.jsonl").read_bytes()


def test_z3_judges_the_same(kernel: Path) -> None:
    done = run("check", kernel, *workloads("two-stores"), "--oracle", "z3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pass: " in done.stdout


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("kernel", b"#!/bin/sh\nexit 0\n", "ELF"),
        ("kernel", b"\x7fELF\x02\x01\x01" + bytes(57), ""),
        ("kernel", b"", ""),
    ],
)
def test_what_is_no_kernel_is_refused(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    done = run("check", tmp_path / name)
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_this_machines_own_program_is_refused_with_its_architecture() -> None:
    done = run("check", os.path.realpath(sys.executable))
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_tree_that_was_not_built_is_told_how(tmp_path: Path) -> None:
    for name in ("kernel", "user"):
        (tmp_path / name).mkdir()
    for name in ("kernel/kernel.ld", "kernel/kalloc.c", "kernel/vm.c", "kernel/proc.c"):
        (tmp_path / name).write_text("", encoding="utf-8")
    (tmp_path / "Makefile").write_text("kernel/kernel:\n\tfalse\n", encoding="utf-8")
    done = run("check", tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "make" in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--workload", "nonsense"), "unknown workload"),
        (("--harts", "9"), "--harts"),
        (("--run", "cowtest", "--workload", "two-stores"), "--run and --workload"),
        (("--run", "cowtest"), "fs.img"),
        (("--json", "/nowhere/result.json"), "cannot be written"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(options: tuple[str, ...], said: str, kernel: Path) -> None:
    done = run("check", kernel, *options)
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr


def test_a_kernel_that_does_not_boot_is_inconclusive(tmp_path: Path) -> None:
    done = run("check", built("BUG_FREE_AT_BOOT"), "--json", tmp_path / "result.json")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "did not come to its first process" in done.stdout
    assert result_of(tmp_path / "result.json")["verdict"] == "inconclusive"
