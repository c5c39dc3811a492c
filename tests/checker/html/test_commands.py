"""``--report`` of the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cowcheck.checker.cli import main
from tests.checker.html.test_document import check_harmless

EXPLORE = ("explore", "--design", "kref-lock", "--scenario", "two-stores")


def test_explore_writes_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*EXPLORE, "--report", str(tmp_path / "out.html")]) == 1
    assert "1 exploration: 1 fail" in capsys.readouterr().out
    tree = check_harmless((tmp_path / "out.html").read_text(encoding="utf-8"))
    assert tree.find("head").find("title").text == "fail: kref-lock in two-stores - cowcheck"


def test_verify_writes_a_report(toy_kernel: Any, tmp_path: Path) -> None:
    path = toy_kernel(["leak"]).play().end().write(tmp_path / "run.jsonl")
    assert main(["verify", str(path), "--report", str(tmp_path / "out.html"), "--json", "-"]) == 1
    tree = check_harmless((tmp_path / "out.html").read_text(encoding="utf-8"))
    assert "no-leak" in "".join(tree.itertext())


@pytest.mark.parametrize("command", [EXPLORE, ("verify", "run.jsonl"), ("check", "kernel")])
@pytest.mark.parametrize("file", ["-", "no/such/folder/out.html"])
def test_what_cannot_be_written_is_told_before_anything_is_done(
    toy_kernel: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    command: tuple[str, ...], file: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    toy_kernel().play().end().write(Path("run.jsonl"))
    assert main([*command, "--report", file]) == 2
    captured = capsys.readouterr()
    assert not captured.out
    assert "--report" in captured.err or "only --json writes to stdout" in captured.err
    assert not Path("-").exists()


def test_a_report_does_not_overwrite_what_is_read(toy_kernel: Any, tmp_path: Path) -> None:
    path = toy_kernel().play().end().write(tmp_path / "run.jsonl")
    before = path.read_bytes()
    assert main(["verify", str(path), "--report", str(path)]) == 2
    assert path.read_bytes() == before
    assert main([*EXPLORE, "--report", str(tmp_path / "a"), "--json", str(tmp_path / "a")]) == 2
