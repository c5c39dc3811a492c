"""The command line: what it prints where, and above all the exit statuses."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from cowcheck.checker.catalogue import scenarios, shipped_design
from cowcheck.checker.cli import main
from cowcheck.checker.native import find_compiler
from cowcheck.specs.invariants import INVARIANTS

COMMAND = [sys.executable, "-m", "cowcheck.checker"]
PASSES = ("explore", "--design", "lab-plan", "--scenario", "two-stores")
FAILS = ("explore", "--design", "kref-lock", "--scenario", "two-stores")
LARGE = ("--design", "lab-plan", "--scenario", str(Path(__file__).parent / "native" / "three_sharers.py"))
AMPLE = ("--max-memory", "8192")  # this process holds what other tests have left, and that counts

BAD_DESIGN = """
from cowcheck.model.language import Design
DESIGN = Design(name="bad", title="bad")

def kfree(pa: Frame) -> None:
    with pa:
        pass
"""
GROWS = """
from cowcheck.model.language import NULL, Design, Frame, acquire, release
from cowcheck.specs.xv6.kalloc import kmem
DESIGN = Design(name="grows", title="a counter without a bound")

class ever:
    total: int

def kfree(pa: Frame) -> None:
    acquire(kmem.lock)
    ever.total += 20000
    pa.next = kmem.freelist
    kmem.freelist = pa
    release(kmem.lock)
"""
NO_PROCESS = 'SCENARIO = Scenario(name="none", title="none", harts=3, frames=8, pages=("data",))\n'


def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    return subprocess.run(
        [*COMMAND, *arguments],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=120,
    )


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (PASSES, 0),
        (FAILS, 1),
        ((*PASSES, "--max-states", "100"), 3),
        ((*FAILS, "--max-states", "100"), 3),
        ((*FAILS, "--stop-at-first"), 1),
        ((*PASSES, "--no-symmetry", *AMPLE), 0),
        ((*FAILS, "--no-symmetry", *AMPLE), 1),
        ((*PASSES, "--harts", "1", "--frames", "9", "--pages", "2"), 0),
        (("explore", "--design", "lab-plan", "--design", "kref-lock", "--scenario", "two-stores", "--jobs", "1"), 1),
        (("--help",), 0),
        (("explore", "--help"), 0),
        (("--version",), 0),
    ],
)
def test_the_exit_status(arguments: tuple[str, ...], status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == status
    out, err = capsys.readouterr()
    assert out
    assert not err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("explore", "--harts", "0"), "--harts 0: give a number from 1 to 8"),
        (("explore", "--harts", "-1"), "--harts -1: give a number from 1 to 8"),
        (("explore", "--harts", "9"), "--harts 9: give a number from 1 to 8"),
        (("explore", "--frames", "0"), "--frames 0: give a number from 1 to"),
        ((*PASSES, "--frames", "2"), "--frames 3 or more"),
        (("explore", "--pages", "-1"), "--pages -1: give a number from 1 to"),
        (("explore", "--pages", "99"), "--pages 99: give a number from 1 to"),
        (("explore", "--max-states", "0"), "--max-states 0: give a number from 1"),
        (("explore", "--timeout", "0"), "--timeout 0: give a number of seconds greater than 0"),
        (("explore", "--timeout", "nan"), "--timeout nan"),
        (("explore", "--timeout", "inf"), "--timeout inf"),
        (("explore", "--jobs", "0"), "--jobs 0: give a number from 1"),
        (("explore", "--max-memory", "1"), "--max-memory 1: give a number from 256"),
        (("explore", "--design", "nope"), "unknown design 'nope'; known: "),
        (("explore", "--scenario", "nope"), "unknown scenario 'nope'; known: "),
        (("explore", "--design", "no/such.py"), "no/such.py: cannot be read"),
        (("explore", "--invariant", "nope"), "unknown invariant 'nope'; known: "),
        (("explore", "--graph", "x.dot"), "name one --design and one --scenario"),
        ((*PASSES, "--graph", "x.png"), "give a file that ends in .graphml, .dot, .json"),
        ((*PASSES, "--json", "/no/such/folder/x.json"), "--json /no/such/folder/x.json: cannot be written"),
        ((*PASSES, "--save", "."), "--save .: cannot be written: it is a folder"),
        ((*PASSES, "--graph", "/no/such/folder/x.dot"), "--graph /no/such/folder/x.dot: cannot be written"),
        (("replay", "no/such/file"), "no/such/file: there is no such file"),
    ],
)
def test_bad_input_is_one_message_and_status_2(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("cowcheck: ")
    assert words in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [(), ("nope",), ("explore", "--nope"), ("explore", "--harts", "x"), ("explore", "--oracle", "cvc5"), ("list", "x"),
     ("explore", "stray"), ("replay",)],
)  # fmt: skip
def test_bad_usage_is_status_2(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert not out
    assert "Usage: cowcheck" in err
    assert "Traceback" not in err


def test_a_design_and_a_scenario_of_the_users_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Errors name file and line, as the user gave the path."""
    monkeypatch.chdir(tmp_path)
    Path("bad.py").write_text(BAD_DESIGN, "utf-8")
    Path("none.py").write_text(NO_PROCESS, "utf-8")
    assert main(["explore", "--design", "bad.py"]) == 2
    assert capsys.readouterr().err.startswith("cowcheck: bad.py:")
    assert main(["explore", "--scenario", "./none.py"]) == 2
    assert capsys.readouterr().err.startswith("cowcheck: ./none.py:1: the scenario has no process; ")


@pytest.mark.parametrize("kind", ["designs", "scenarios", "invariants"])
def test_the_lists_have_a_line_each_with_the_name_first(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", kind]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [line.split()[0] for line in lines]
    assert len(set(names)) == len(names)
    column = 2 + max(map(len, names))
    assert all(line[column - 1] == " " and line[column] != " " for line in lines)
    wanted = {"designs": "lab-plan", "scenarios": "two-stores", "invariants": "no-leak"}[kind]
    assert wanted in names
    if kind == "invariants":
        assert names == [invariant.name for invariant in INVARIANTS]


def test_the_version_is_the_installed_one() -> None:
    try:
        version = metadata.version("cowcheck")
    except metadata.PackageNotFoundError:
        pytest.skip("cowcheck is not installed")
    assert call("--version").stdout == f"cowcheck, version {version}\n"


def test_the_help_tells_the_exit_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], *([command, "--help"] for command in ("explore", "check", "record", "verify"))):
        main(arguments)
        out = " ".join(capsys.readouterr().out.split())
        assert "0 every invariant that could be checked holds, or the recording was written; 1 a violation" in out
        assert "the kernel does not boot, a recording is incomplete, or nothing was shared); 4 a fault of" in out


def test_json_on_stdout_stands_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*FAILS, "--json", "-"]) == 1
    assert json.loads(capsys.readouterr().out)["results"][0]["verdict"] == "fail"


def test_files_are_written_beside_the_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results, found = tmp_path / "results.json", tmp_path / "found.json"
    assert main([*FAILS, "--json", str(results), "--save", str(found)]) == 1
    assert f"Run it again: cowcheck replay {found}" in capsys.readouterr().out
    assert json.loads(results.read_text("utf-8"))["schema"] == "cowcheck/results/1"
    assert main(["replay", str(found)]) == 1


def test_nothing_to_save_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*PASSES, "--save", str(tmp_path / "none.json")]) == 0
    assert "nothing was written" in capsys.readouterr().err
    assert not (tmp_path / "none.json").exists()


def without_times(text: str) -> Any:
    values = json.loads(text)
    for result in values["results"]:
        for name in ("seconds", "states_per_second", "peak_rss_bytes"):
            del result["stats"][name]
    return values


def test_the_json_is_the_same_under_every_hash_seed_and_on_several_workers() -> None:
    arguments = (
        "--design",
        "kmake-unique",
        "--design",
        "kref-lock",
        "--scenario",
        "two-stores",
        "--scenario",
        "sbrk-down",
    )
    first, second = (
        call("explore", *arguments, "--jobs", jobs, "--json", "-", PYTHONHASHSEED=seed)
        for jobs, seed in (("1", "1"), ("2", "4242"))
    )
    assert (first.returncode, second.returncode) == (1, 1)
    assert not first.stderr + second.stderr
    assert without_times(first.stdout) == without_times(second.stdout)
    assert len(without_times(first.stdout)["coverage"]) == 2


def test_z3_itself_gives_the_same_results(capsys: pytest.CaptureFixture[str]) -> None:
    results = []
    for options in ([], ["--oracle", "z3"]):
        assert main([*FAILS, "--json", "-", *options]) == 1
        results.append(without_times(capsys.readouterr().out)["results"][0])
    assert [result.pop("method")["oracle"] for result in results] == ["compiled", "z3"]
    assert results[0] == results[1]


def test_symmetry_changes_no_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    results = []
    for options in ([], ["--no-symmetry"]):
        main(["explore", "--design", "kref-lock", "--scenario", "sbrk-down", "--json", "-", *options])
        results.append(json.loads(capsys.readouterr().out)["results"][0])
    violated = [{violation["invariant"] for violation in result["violations"]} for result in results]
    assert violated[0] == violated[1] >= {"freed-once", "no-leak"}
    assert results[0]["stats"]["states"] <= results[1]["stats"]["states"]


@pytest.mark.parametrize("debug", ["", "1"])
def test_a_fault_of_our_own_is_status_4(
    debug: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by way of a test")

    monkeypatch.setenv("COWCHECK_DEBUG", debug)
    monkeypatch.setattr("cowcheck.checker.explore_command.run_shared", broken)
    assert main(PASSES) == 4
    err = capsys.readouterr().err
    assert "a fault of its own: ZeroDivisionError: by way of a test" in err
    assert "Please report it" in err
    assert ("Traceback" in err) == bool(debug)


@pytest.mark.parametrize(("explorer", "engine"), [("Explorer", "reference"), ("NativeExplorer", "auto")])
def test_a_search_that_breaks_down_is_status_4(
    explorer: str, engine: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if engine == "auto" and find_compiler() is None:
        pytest.skip("no C compiler")
    monkeypatch.setattr(f"cowcheck.checker.job.{explorer}", None)
    assert main([*PASSES, "--engine", engine]) == 4
    out, err = capsys.readouterr()
    assert "error" in out
    assert "lab-plan in two-stores: TypeError" in err


def test_a_broken_pipe_is_quiet_and_no_verdict() -> None:
    """stdout is a pipe that nobody reads."""
    read, write = os.pipe()
    os.close(read)
    for arguments in (FAILS, (*FAILS, "--json", "-"), ("list", "invariants")):
        done = subprocess.run([*COMMAND, *arguments], check=False, stdout=write, stderr=subprocess.PIPE, timeout=60)
        assert (done.returncode, done.stderr) == (141, b"")
    os.close(write)


def test_text_that_stdout_cannot_show_is_no_fault() -> None:
    assert call(*FAILS, PYTHONIOENCODING="ascii").returncode == 1


@pytest.mark.parametrize("options", [("--engine", "reference"), (*LARGE, "--no-reduction")])
def test_ctrl_c_ends_it_cleanly(options: tuple[str, ...]) -> None:
    """As on a terminal, the whole process group gets the signal."""
    started = time.monotonic()
    process = subprocess.Popen(
        [*COMMAND, "explore", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    time.sleep(2.5)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    if process.returncode == 1:
        pytest.skip(f"the exploration ended before the signal, in {time.monotonic() - started:.1f} s")
    assert (process.returncode, out, err.strip()) == (130, "", "cowcheck: interrupted")


def test_an_output_never_overwrites_an_input_or_another_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(shipped_design("kref-lock").linked.unit.text, "utf-8")
    Path("play.py").write_text(scenarios()["two-stores"].source, "utf-8")
    Path("link.json").symlink_to("mine.py")
    before = sorted(Path().iterdir()), Path("mine.py").read_bytes(), Path("play.py").read_bytes()
    mine = ("explore", "--design", "mine.py", "--scenario", "play.py")
    for options, words in (
        (("--save", "mine.py"), "--save mine.py: that would overwrite a design"),
        (("--json", "./play.py"), "--json ./play.py: that would overwrite"),
        (("--save", "link.json"), "--save link.json: that would overwrite"),
        (("--save", str(shipped_design("lab-plan").path)), "that would overwrite"),
        (("--save", "./x", "--json", "x"), "--save ./x: --json writes that file too"),
        (("--save", "x.dot", "--graph", str(tmp_path / "x.dot")), "--save x.dot: --graph writes that file too"),
        (("--save", "-"), "--save -: only --json writes to stdout"),
        (("--graph", "-"), "--graph -: "),
    ):
        assert main([*mine, *options]) == 2
        out, err = capsys.readouterr()
        assert (out, len(err.splitlines())) == ("", 1)
        assert words in err
    assert before == (sorted(Path().iterdir()), Path("mine.py").read_bytes(), Path("play.py").read_bytes())
    assert main([*FAILS, "--save", "kref-lock", "--json", os.devnull]) == 1  # a design's name is no file


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_change_no_status(closed: str) -> None:
    for arguments, status in ((PASSES, 0), (FAILS, 1), (("explore", "--design", "nope"), 2)):
        line = f"{shlex.join([*COMMAND, *arguments])} {closed}"
        done = subprocess.run(["sh", "-c", line], check=False, capture_output=True, text=True, timeout=60)
        assert done.returncode == status
        assert "Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_stdout_is_said() -> None:
    for arguments in (FAILS, (*FAILS, "--json", "-"), ("list", "designs"), ("--help",)):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([*COMMAND, *arguments], check=False, stdout=full, stderr=subprocess.PIPE, timeout=60)
        told = b"cowcheck: standard output: cannot be written (No space left on device)\n"
        assert (done.returncode, done.stderr) == (2, told)


def test_an_error_of_many_explorations_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grows = tmp_path / "grows.py"
    grows.write_text(GROWS, "utf-8")
    scenario_names = ["two-stores", "both-exit"]
    options = [word for name in scenario_names for word in ("--scenario", name)]
    assert main(["explore", "--design", str(grows), *options, "--jobs", "1"]) == 2
    out, err = capsys.readouterr()
    assert err.startswith("cowcheck: grows in two-stores, both-exit: a value that the processes share grows past 16")
    assert len(err.splitlines()) == 1
    assert "16 bits" not in out


def test_sigterm_ends_it_cleanly() -> None:
    with subprocess.Popen(
        [*COMMAND, "explore"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        time.sleep(2.5)
        process.terminate()
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err.strip()) == (143, "", "cowcheck: terminated")
