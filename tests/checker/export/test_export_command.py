"""``cowcheck export``: what it writes where, and what it says of bad input."""

from __future__ import annotations

from pathlib import Path

import pytest

from cowcheck.checker.cli import main

EXPORT = ("export", "--design", "lab-plan", "--scenario", "fork-no-frame")


def test_a_file_and_stdout_get_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "model.pml"
    assert main([*EXPORT, "--format", "promela", "-o", str(path)]) == 0
    assert capsys.readouterr().out == ""
    assert main([*EXPORT, "-o", "-"]) == 0
    assert capsys.readouterr().out == path.read_text(encoding="utf-8")


def test_sizes_are_those_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*EXPORT, "--harts", "3", "--frames", "9", "--pages", "2", "-o", "-"]) == 0
    text = capsys.readouterr().out
    for line in ("#define HARTS 3", "#define FRAMES 9", "#define PAGES 2"):
        assert line in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((*EXPORT, "--format", "tla", "-o", "-"), "--format tla: unknown format; known: promela"),
        ((*EXPORT, "-o", "nowhere/model.pml"), "-o nowhere/model.pml: cannot be written: there is no folder 'nowhere'"),
        (("export", "--design", "none", "--scenario", "two-stores", "-o", "-"), "unknown design 'none'"),
        (("export", "--design", "lab-plan", "--scenario", "none", "-o", "-"), "unknown scenario 'none'"),
        ((*EXPORT, "--frames", "1", "-o", "-"), "1 frames are too few"),
        ((*EXPORT, "--harts", "9", "-o", "-"), "--harts 9: give a number from 1 to 8"),
        (EXPORT, "Missing option '-o'"),
    ],
)
def test_bad_input_ends_with_2_and_one_message(
    arguments: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(list(arguments)) == 2
    said = capsys.readouterr()
    assert told in said.err
    assert said.out == ""


def test_a_design_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "own.py"
    own.write_text("DESIGN = 1\n", encoding="utf-8")
    assert main(["export", "--design", str(own), "--scenario", "two-stores", "-o", str(own)]) == 2
    assert "that would overwrite a design" in capsys.readouterr().err
    assert own.read_text(encoding="utf-8") == "DESIGN = 1\n"
