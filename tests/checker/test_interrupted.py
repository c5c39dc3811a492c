"""Ctrl-C and SIGTERM while a kernel is checked: the command ends soon, says how far it came, and loses nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.checker.test_bad_kernels import loop, patched
from tests.checker.test_check_command import built, run

PROMPT_SECONDS = 5.0  # a loaded machine; one second is usual


def begun(*arguments: object) -> subprocess.Popen[str]:
    """A command that has Ctrl-C, also where the tests have not."""
    return subprocess.Popen(
        [sys.executable, "-m", "cowcheck.checker", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        restore_signals=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - no threads
    )


def ended(process: subprocess.Popen[str], number: signal.Signals) -> tuple[int, str, str]:
    """What a signal makes of it."""
    start = time.monotonic()
    process.send_signal(number)
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert time.monotonic() - start < PROMPT_SECONDS
    return process.returncode, out, err


ENDINGS = [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]


@pytest.mark.parametrize(("number", "status", "word"), ENDINGS)
@pytest.mark.parametrize("command", ["check", "record"])
def test_what_was_recorded_stays(command: str, number: signal.Signals, status: int, word: str, tmp_path: Path) -> None:
    trace = tmp_path / "run.jsonl.gz"
    process = begun(command, built(), "-o" if command == "record" else "--trace", trace)
    while not (trace.exists() and trace.stat().st_size > 100_000):
        assert process.poll() is None
        time.sleep(0.05)
    code, out, err = ended(process, number)
    assert (code, out) == (status, ""), err
    assert err.endswith(f"\ncowcheck: {word}\n")
    assert "workloads were done" in err
    assert str(trace) in err
    assert ("no violation was found until then" in err) == (command == "check")
    done = run("verify", trace)
    assert done.returncode == 3, done.stdout + done.stderr
    assert word in done.stdout


@pytest.mark.parametrize(("number", "status", "word"), ENDINGS)
def test_a_kernel_that_never_boots(number: signal.Signals, status: int, word: str, tmp_path: Path) -> None:
    process = begun("check", patched(tmp_path / "kernel", "main", loop()))
    time.sleep(4)  # it hangs for ten
    code, out, err = ended(process, number)
    assert (code, out) == (status, ""), err
    assert err.endswith(f"cowcheck: {word}\n")
    assert "nothing was done: the kernel had not come to its first process" in err
    assert "Traceback" not in err
