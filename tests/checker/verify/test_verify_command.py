"""``cowcheck verify``: exit statuses, outputs, and the example of docs/trace.md."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cowcheck.checker.cli import main

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize(("bug", "status"), [("", 0), ("leak", 1), ("eager", 3)])
def test_the_exit_status_is_the_verdicts(
    toy_kernel: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], bug: str, status: int
) -> None:
    path = toy_kernel([bug]).play().end().write(tmp_path / "run.jsonl.gz")
    assert main(["verify", str(path)]) == status
    assert capsys.readouterr().out.splitlines()[-1].startswith(("pass: ", "fail: ", "inconclusive: ")[min(status, 2)])


def test_the_json_goes_to_a_file_or_to_stdout(
    toy_kernel: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = toy_kernel(["leak"]).play().end().write(tmp_path / "run.jsonl")
    assert main(["verify", str(path), "--json", str(tmp_path / "result.json")]) == 1
    assert "no-leak" in capsys.readouterr().out
    assert main(["verify", str(path), "--oracle", "z3", "--json", "-"]) == 1
    values = json.loads(capsys.readouterr().out)
    assert values["results"][0].pop("oracle") == "z3"
    first = json.loads((tmp_path / "result.json").read_text("utf-8"))
    assert first["results"][0].pop("oracle") == "compiled"
    assert values == first


def test_a_trace_can_come_from_stdin(toy_kernel: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = toy_kernel(["leak"]).play().end().write(tmp_path / "run.jsonl")

    class Stdin:
        buffer = io.BytesIO(path.read_bytes())

    monkeypatch.setattr(sys, "stdin", Stdin)
    assert main(["verify", "-"]) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["none.jsonl"], "none.jsonl: cannot be read (No such file or directory)"),
        (["."], ".: a folder; name a trace file"),
        (["bad.jsonl"], "bad.jsonl:1: no JSON"),
        (["run.jsonl", "--json", "run.jsonl"], "--json run.jsonl: that would overwrite the trace"),
        (["run.jsonl", "--json", "no/where.json"], "--json no/where.json: cannot be written: there is no folder 'no'"),
    ],
)
def test_what_cannot_be_verified_is_told_on_stderr(
    toy_kernel: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    toy_kernel().play().end().write(tmp_path / "run.jsonl")
    (tmp_path / "bad.jsonl").write_text("not JSON\n", encoding="utf-8")
    assert main(["verify", *arguments]) == 2
    output = capsys.readouterr()
    assert (output.out, output.err[: len(told) + 10]) == ("", f"cowcheck: {told}")


def test_the_example_of_the_docs_passes_and_is_valid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (DOCS / "trace.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"<!-- file: run.jsonl -->\n```json\n(.*?)```", text, re.DOTALL)
    path = tmp_path / "run.jsonl"
    path.write_text(example, encoding="utf-8")
    assert main(["verify", str(path)]) == 0
    assert "pass: " in capsys.readouterr().out
    schema = Draft202012Validator(json.loads((DOCS / "trace.schema.json").read_text("utf-8")))
    for line in example.splitlines():
        schema.validate(json.loads(line))
    path.write_text(example.replace('"new":537134355}\n{"kind":"pte"', '"new":537134103}\n{"kind":"pte"'), "utf-8")
    assert main(["verify", str(path)]) == 1  # the parent keeps PTE_W
