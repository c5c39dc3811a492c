"""What is wrong with a recording that cowcheck itself is making is no fault of the input."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from cowcheck.checker import cli
from cowcheck.checker.verify.verifier import Verifier
from cowcheck.machine.record.event import A, EventKind
from cowcheck.machine.record.recorder import Rows
from tests.kernels.build import build, can_build


@pytest.mark.skipif(not can_build(), reason="ziglang is not installed")
def test_events_that_contradict_each_other(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A change of a PTE is told twice."""
    feed = Verifier.feed

    def stuttering(verifier: Verifier, rows: Rows, texts: Sequence[str]) -> None:
        changes = rows[(rows[:, 0] == EventKind.PTE) & (rows[:, A] > 0)]
        feed(verifier, rows, texts)
        if len(changes):
            feed(verifier, changes[:1], texts)

    monkeypatch.setattr(Verifier, "feed", stuttering)
    assert cli.main(["check", str(build()), "--workload", "two-stores"]) == 4
    out, err = capsys.readouterr()
    assert out == ""
    assert "a fault of its own: RecorderFault: event " in err
    assert "Please report it" in err
    assert "record it again" not in err
