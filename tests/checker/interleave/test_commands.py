"""`check` and `replay` of schedules as commands, on the test kernel."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import pytest

from cowcheck.checker.cli import main
from cowcheck.specs.races import races

ROOT = Path(__file__).resolve().parent.parent.parent.parent
SCHEMA = json.loads((ROOT / "docs" / "kernel-results.schema.json").read_text(encoding="utf-8"))


class Done(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """The command in this process, as `main` runs it."""

    def run(*arguments: object) -> Done:
        capsys.readouterr()
        status = main([str(item) for item in arguments])
        return Done(status, *capsys.readouterr())

    return run


def result_of(path: Path) -> dict[str, Any]:
    document = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.validate(document, SCHEMA)
    result: dict[str, Any] = document["results"][0]
    return result


@pytest.mark.parametrize(
    ("flag", "function"), [("BUG_NO_LOCK", "kref_put"), ("BUG_COUNT_TESTED_AFTER_RELEASE", "kref_put")]
)
def test_a_concurrent_bug_is_caught_and_replayed(
    flag: str, function: str, kernel_file: Callable[..., Path], command: Callable[..., Done], tmp_path: Path
) -> None:
    kernel, file, output = kernel_file(flag), tmp_path / "schedules.json", tmp_path / "result.json"
    done = command("check", kernel, "--race", "store+store", "--save", file, "--json", output)
    assert done.status == 1, done.err
    assert f"{function} (kernel/kref.c:" in done.out
    assert "(a race, with " in done.out
    assert f"cowcheck check {kernel} --race store+store" in done.out
    result = result_of(output)
    assert result["verdict"] == "fail"
    (race,) = result["races"]
    assert (race["complete"], race["exhausted"]) == (2, True)
    assert {finding["run"] for finding in result["findings"]} == {"race store+store"}
    second = tmp_path / "again.json"
    assert command("check", kernel, "--race", "store+store", "--json", second).out == done.out
    assert second.read_bytes() == output.read_bytes()
    again = command("replay", file)
    assert again.status == 1, again.err
    assert "is violated again" in again.out
    assert function in again.out
    stepped = command("replay", file, "--number", 1, "--step", "--kernel", kernel)
    assert stepped.status == 1
    assert len(stepped.out) > 500
    other = command("replay", file, "--kernel", kernel_file())
    assert (other.status, other.out) == (2, "")
    assert "is of another kernel than" in other.err


def test_the_right_kernel_passes_every_pair_to_bound_1(
    kernel_file: Callable[..., Path], command: Callable[..., Done], tmp_path: Path
) -> None:
    names = ",".join(race.name for race in races() if race.spare is None and len(race.operations) == 2)
    done = command("check", kernel_file(), "--race", names, "--bound", 1, "--json", tmp_path / "x.json")
    assert done.status == 0, done.out + done.err
    result = result_of(tmp_path / "x.json")
    assert result["verdict"] == "pass"
    assert len(result["races"]) == names.count(",") + 1
    assert all((race["problem"], race["complete"], race["findings"]) == ("", 1, []) for race in result["races"])


def test_the_right_kernel_passes_to_bound_2(
    kernel_file: Callable[..., Path], command: Callable[..., Done], tmp_path: Path
) -> None:
    names = "store+store,store+read,store+fork,store+exit,store+reap,store+store/1"
    done = command(
        "check", kernel_file(), "--race", names, "--json", tmp_path / "x.json", "--save", tmp_path / "s.json"
    )
    assert done.status == 0, done.out + done.err
    assert "every schedule with up to 2 preemptions: store+store" in done.out
    assert {race["complete"] for race in result_of(tmp_path / "x.json")["races"]} == {2}
    empty = command("replay", tmp_path / "s.json")
    assert (empty.status, empty.out) == (2, "")
    assert "it holds no schedule" in empty.err


def test_a_budget_that_is_spent_is_inconclusive(
    kernel_file: Callable[..., Path], command: Callable[..., Done], tmp_path: Path
) -> None:
    done = command("check", kernel_file(), "--race", "store+store", "--budget", 3, "--json", tmp_path / "x.json")
    assert done.status == 3, done.out + done.err
    result = result_of(tmp_path / "x.json")
    assert result["incomplete"] == ["not every schedule to the bound was run: store+store"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--harts", "9"), "'--harts'"),
        (("--bound", "-1"), "cowcheck: --bound -1: give a number of preemptions from 0 to 10"),
        (("--budget", "0"), "cowcheck: --budget 0: give a number of schedules, 1 or more"),
        (("--race", "nosuch"), "cowcheck: --race nosuch: no race or scenario has this name"),
        (("--race", "store-text-alone"), "cowcheck: --race store-text-alone: its processes never meet"),
        (("--strategy", "nosuch"), "cowcheck: --strategy nosuch: known are"),
        (("--race", "store+store", "--no-interleave"), "cowcheck: --race and --no-interleave: give one of them"),
    ],
)
def test_a_wrong_call_is_told_in_one_line(options: tuple[str, ...], said: str, command: Callable[..., Done]) -> None:
    """Before the kernel is opened: it need not be there."""
    done = command("check", "no-such-kernel", *options)
    assert (done.status, done.out) == (2, "")
    assert len([line for line in done.err.splitlines() if said in line]) == 1
    assert len([line for line in done.err.splitlines() if line.startswith("cowcheck:")]) <= 1


def test_races_are_listed_by_name(command: Callable[..., Done]) -> None:
    done = command("list", "races")
    assert done.status == 0
    assert [line.split(" ")[0] for line in done.out.splitlines()] == [race.name for race in races()]
