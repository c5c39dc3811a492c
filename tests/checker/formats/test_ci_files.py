"""The workflow of docs/ci.md, the action, the hook and the autograder: they call what is there, and do as they say."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from cowcheck.checker.cli import cli
from cowcheck.checker.formats.rubric import read_rubric
from cowcheck.checker.formats.scope import scope_of

ROOT = Path(__file__).resolve().parents[3]
AUTOGRADER = ROOT / "docs" / "autograder"


def parsed(arguments: str) -> dict[str, Any]:
    """The options of `cowcheck check ...` as click reads them."""
    command = cli.commands["check"]
    words = shlex.split(arguments.replace("\\\n", " "))
    assert words[:2] == ["cowcheck", "check"]
    with command.make_context("check", words[2:]) as context:
        return dict(context.params)


def steps() -> list[dict[str, Any]]:
    """The steps of the workflow of docs/ci.md."""
    text = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"<!-- file: cowcheck.yml -->\n```yaml\n(.*?)```", text, re.DOTALL)
    (job,) = yaml.safe_load(block)["jobs"].values()
    return list(job["steps"])


def test_the_workflow_uploads_what_it_writes() -> None:
    (check,) = [step for step in steps() if "cowcheck check" in step.get("run", "")]
    options = parsed(check["run"])
    assert options["github"]
    written = {options[name] for name in ("junit_file", "sarif_file", "json_file", "save_file")}
    (kept,) = [step for step in steps() if "upload-artifact" in step.get("uses", "")]
    assert set(kept["with"]["path"].split()) == written
    (shown,) = [step for step in steps() if "upload-sarif" in step.get("uses", "")]
    assert shown["with"]["sarif_file"] == options["sarif_file"]
    assert kept["if"] == shown["if"] == "${{ !cancelled() }}"  # a check that fails has the most to show


def test_the_hook_calls_a_command_that_there_is() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    options = parsed(f"{hook['entry']} {shlex.join(hook['args'])}")
    assert (options["kernel"], options["build"]) == (".", True)
    assert re.search(hook["files"], "kernel/vm.c")
    assert re.search(hook["files"], "Makefile")
    assert not re.search(hook["files"], "notes.txt")


def test_the_action_passes_its_inputs_as_they_are(tmp_path: Path) -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    *_, step = action["runs"]["steps"]
    assert "${{" not in step["run"]  # an input in a script would be run as one
    assert set(re.findall(r"inputs\.(\w+)", json.dumps(step["env"]))) == set(action["inputs"])
    fake = tmp_path / "cowcheck"
    fake.write_text('#!/bin/sh\nfor word in "$@"; do echo "$word"; done\n', encoding="utf-8")
    fake.chmod(0o755)
    inputs = {
        "KERNEL": "a b; touch pwned $(touch pwned)",
        "ARGUMENTS": "--race store+store  --bound 1",
        "RESULTS": "out",
    }
    run = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", step["run"]],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", **inputs},
        capture_output=True,
        text=True,
        check=True,
    )
    words = run.stdout.splitlines()
    assert words[:3] == ["check", inputs["KERNEL"], "--github"]
    assert words[-4:] == ["--race", "store+store", "--bound", "1"]
    assert not (tmp_path / "pwned").exists()
    assert parsed(shlex.join(["cowcheck", *words]))["races"] == ("store+store",)


# --- the autograder ---


def test_its_rubric_is_one() -> None:
    scope = scope_of("check", {"kernel": "k"})
    items = read_rubric(AUTOGRADER / "rubric.toml", scope.known).items(scope.planned)
    assert round(sum(items.values()), 6) == 100


@pytest.mark.parametrize("name", ["setup.sh", "run_autograder"])
def test_its_scripts_are_executable_and_right_for_bash(name: str) -> None:
    assert os.access(AUTOGRADER / name, os.X_OK)
    subprocess.run(["bash", "-n", AUTOGRADER / name], check=True)


def graded(tmp_path: Path, submission: dict[str, str], cowcheck: str) -> dict[str, Any]:
    """What run_autograder leaves of a submission, with this as the command `cowcheck`."""
    for folder in ("source", "submission", "venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "source" / "rubric.toml").write_bytes((AUTOGRADER / "rubric.toml").read_bytes())
    for name, text in submission.items():
        (tmp_path / "submission" / name).write_text(text, encoding="utf-8")
    command = tmp_path / "venv" / "bin" / "cowcheck"
    command.write_text(cowcheck, encoding="utf-8")
    command.chmod(0o755)
    environment = {**os.environ, "AUTOGRADER": str(tmp_path), "TMPDIR": str(tmp_path)}
    subprocess.run([AUTOGRADER / "run_autograder"], env=environment, capture_output=True, check=True, timeout=300)
    values: dict[str, Any] = json.loads((tmp_path / "results" / "results.json").read_text(encoding="utf-8"))
    return values


def test_a_submission_that_cannot_be_built_has_no_points_and_is_told_why(tmp_path: Path) -> None:
    real = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m cowcheck.checker "$@"\n'
    values = graded(tmp_path, {"Makefile": "kernel/kernel:\n\tfalse\n"}, real)
    assert values["score"] == 0
    assert len(values["tests"]) > 50
    assert "xv6" in values["output"]


def test_results_are_there_where_cowcheck_is_not(tmp_path: Path) -> None:
    values = graded(tmp_path, {}, "#!/bin/sh\nexit 127\n")
    assert values["score"] == 0
    assert "course staff" in values["output"]
