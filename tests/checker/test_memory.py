"""The memory that is told is that of the exploration, not of the process's whole life."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cowcheck.checker import memory

MIB = 1 << 20


def test_the_peak_is_at_least_what_is_held() -> None:
    assert MIB < memory.rss_bytes() <= memory.peak_rss_bytes() + MIB


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux restarts a peak")
def test_the_peak_can_be_restarted() -> None:
    block = bytearray(b"x") * (64 * MIB)
    high = memory.peak_rss_bytes()
    del block
    assert memory.restart_peak()
    assert memory.peak_rss_bytes() < high - 32 * MIB


def test_a_system_without_proc_tells_the_peak_of_the_whole_life(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(memory, "_PROC", tmp_path / "none")
    assert memory.rss_bytes() == memory.peak_rss_bytes() > MIB
    assert not memory.restart_peak()
