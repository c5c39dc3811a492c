"""The commands with these options: every format, together and alone, whatever comes of the command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml
from sarif_pydantic import Sarif

from cowcheck.checker.cli import main
from cowcheck.checker.formats import writing as module
from cowcheck.checker.formats.writing import writing
from cowcheck.machine.interruption import Terminated
from cowcheck.machine.record.event import Ending, EventKind
from cowcheck.model.errors import CowcheckError
from tests.checker.verify.conftest import ToyKernel

DESIGN = ("explore", "--design", "kref-lock", "--scenario", "two-stores", "--jobs", "1")
RIGHT = ("explore", "--design", "lab-plan", "--scenario", "two-stores", "--jobs", "1")


@pytest.fixture
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, an empty one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Files:
    """The files of one call, each read by a reader of its format."""

    def __init__(self, folder: Path) -> None:
        self.junit, self.sarif, self.gradescope = folder / "j.xml", folder / "s.sarif", folder / "g.json"

    @property
    def options(self) -> list[str]:
        return ["--junit", str(self.junit), "--sarif", str(self.sarif), "--gradescope", str(self.gradescope)]

    def named(self) -> dict[str, Any]:
        """The options as click gives them."""
        files = {"junit_file": self.junit, "sarif_file": self.sarif, "gradescope_file": self.gradescope}
        return {**{name: str(file) for name, file in files.items()}, "github": False, "rubric_file": None}

    def read(self) -> tuple[JUnitXml, Any, Any]:
        Sarif.model_validate_json(self.sarif.read_text(encoding="utf-8"))
        (run,) = json.loads(self.sarif.read_text(encoding="utf-8"))["runs"]
        return JUnitXml.fromfile(str(self.junit)), run, json.loads(self.gradescope.read_text(encoding="utf-8"))

    def say(self, text: str) -> None:
        """Each of them tells of a fault, and gives no points."""
        junit, run, graded = self.read()
        assert junit.errors == 1
        assert text in str(next(iter(next(iter(junit)))).result[0].message)
        assert not run["invocations"][0]["executionSuccessful"]
        assert text in json.dumps(run["invocations"])
        assert text in graded["output"]
        assert graded["score"] == 0
        assert graded["tests"]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture
def recording(tmp_path: Path) -> Callable[..., Path]:
    """A trace file of the toy kernel with these bugs, and what it printed."""

    def write(*bugs: str, printed: str = "") -> Path:
        kernel = ToyKernel(bugs).play()
        if printed:
            kernel.event(EventKind.CONSOLE, "", kernel.text(printed))
        return kernel.end(Ending.DONE).write(tmp_path / "run.jsonl")

    return write


def test_explore_writes_all_of_them(files: Files) -> None:
    assert main([*DESIGN, *files.options]) == 1
    junit, run, graded = files.read()
    assert (junit.failures, junit.errors) == (2, 0)
    assert [result["ruleId"] for result in run["results"]] == ["no-leak"]
    assert 0 < graded["score"] < 100
    assert main([*RIGHT, *files.options]) == 0
    assert files.read()[2]["score"] == 100


def test_verify_writes_all_of_them(files: Files, recording: Callable[..., Path]) -> None:
    assert main(["verify", str(recording("leak")), *files.options]) == 1
    junit, run, graded = files.read()
    assert junit.failures > 1
    assert {result["ruleId"] for result in run["results"]} >= {"no-leak"}
    assert 0 < graded["score"] < 100


@pytest.mark.parametrize("option", ["--junit", "--sarif", "--gradescope"])
def test_each_is_written_alone(option: str, files: Files) -> None:
    at = files.options.index(option)
    assert main([*RIGHT, *files.options[at : at + 2]]) == 0
    assert [path.exists() for path in (files.junit, files.sarif, files.gradescope)].count(True) == 1


def test_a_kernel_that_cannot_be_read_is_told_in_all_of_them(files: Files, tmp_path: Path) -> None:
    (tmp_path / "kernel.elf").write_bytes(b"#!/bin/sh\n")
    assert main(["check", str(tmp_path / "kernel.elf"), *files.options]) == 2
    files.say("ELF")


def test_a_trace_that_is_none_is_told_in_all_of_them(files: Files, tmp_path: Path) -> None:
    (tmp_path / "run.jsonl").write_text("nonsense\n", encoding="utf-8")
    assert main(["verify", str(tmp_path / "run.jsonl"), *files.options]) == 2
    files.say("run.jsonl")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KeyboardInterrupt(), "interrupted"),
        (Terminated(), "terminated"),
        (CowcheckError("k: no kernel"), "k: no kernel"),
        (KeyError("lost"), "a fault of cowcheck's own: KeyError"),
        (MemoryError(), "MemoryError"),
        (RecursionError(), "RecursionError"),
    ],
)
def test_whatever_ends_a_command_is_written(error: BaseException, said: str, files: Files) -> None:
    def command() -> None:
        with writing("check", {**files.named(), "kernel": "k"}, "1"):
            files.say("has not come to its end")  # what is left where this process is killed
            raise error

    with pytest.raises(type(error)):
        command()
    files.say(said)


def test_what_was_found_before_a_signal_is_kept(files: Files, explorations: list[Any]) -> None:
    def command() -> None:
        with writing("explore", files.named(), "1") as formats:
            formats.designs(explorations[-1:])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        command()
    junit, _, graded = files.read()
    assert (junit.errors, junit.failures) == (1, 0)
    assert graded["score"] > 0
    assert "interrupted" in graded["output"]


def test_a_fault_of_a_format_is_written_too(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "suites_of_designs", lambda results: 1 // 0)
    assert main([*RIGHT, *files.options]) == 4
    files.say("ZeroDivisionError")


def test_an_older_file_never_passes_for_a_result(files: Files) -> None:
    files.gradescope.write_text('{"score": 100}', encoding="utf-8")
    assert main(["explore", "--design", "no-such-design", *files.options]) == 2
    files.say("no-such-design")


def test_a_wrong_rubric_still_leaves_results(files: Files, tmp_path: Path) -> None:
    (tmp_path / "rubric.toml").write_text("[invariants]\nno-leek = 5\n", encoding="utf-8")
    assert main([*RIGHT, *files.options, "--rubric", str(tmp_path / "rubric.toml")]) == 2
    files.say("no-leek")


def test_a_rubric_counts(files: Files, tmp_path: Path) -> None:
    (tmp_path / "rubric.toml").write_text("[invariants]\nno-leak = 7\nfreed-once = 3\n", encoding="utf-8")
    assert main([*DESIGN, *files.options, "--rubric", str(tmp_path / "rubric.toml")]) == 1
    graded = files.read()[2]
    assert [(test["name"], test["score"], test["max_score"]) for test in graded["tests"]] == [
        ("invariant no-leak", 0.0, 7.0),
        ("invariant freed-once", 3.0, 3.0),
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--junit", "-"), "only --json writes to stdout"),
        (("--sarif", "/nowhere/s.sarif"), "--sarif /nowhere/s.sarif: cannot be written"),
        (("--junit", "same", "--sarif", "same"), "--junit writes that file too"),
        (("--junit", "same", "--json", "same"), "writes that file too"),
        (("--rubric", "rubric.toml"), "--rubric: points are for --gradescope"),
        (("--github", "--json", "-"), "--github and --json -"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(
    options: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str], in_a_folder: Path
) -> None:
    assert main([*RIGHT, *options]) == 2
    assert said in capsys.readouterr().err


def test_a_recording_is_never_overwritten(recording: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    path = recording()
    before = path.read_bytes()
    assert main(["verify", str(path), "--junit", str(path)]) == 2
    assert "would overwrite" in capsys.readouterr().err
    assert path.read_bytes() == before


# --- GitHub ---


def test_a_submissions_own_output_commands_nothing(
    recording: Callable[..., Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    path = recording("leak", printed="\n::error::mine\n##[error]mine\n::add-mask::a")
    assert main(["verify", str(path), "--github"]) == 1
    first, *lines = capsys.readouterr().out.splitlines()
    token = first.removeprefix("::stop-commands::")
    assert len(token) == 32
    end = lines.index(f"::{token}::")
    assert not any(token in line for line in lines[:end])
    assert lines[end + 1 :]
    assert all(line.startswith(("::error ", "::warning ")) for line in lines[end + 1 :])
    assert "no&#45;leak" in summary.read_text(encoding="utf-8")


def test_the_tokens_of_two_calls_differ(capsys: pytest.CaptureFixture[str]) -> None:
    tokens = set()
    for _ in range(2):
        assert main([*RIGHT, "--github"]) == 0
        tokens.add(capsys.readouterr().out.splitlines()[0])
    assert len(tokens) == 2


def test_a_summary_that_cannot_be_written_changes_no_verdict(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/nowhere/summary.md")
    assert main([*RIGHT, "--github"]) == 0
    assert "GITHUB_STEP_SUMMARY" in capsys.readouterr().err
