"""Several harts on QEMU: however short their turns are, what one has done is not told as another's doing."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

import pytest

from cowcheck.checker.check.conduct import conduct
from cowcheck.checker.check.plan import plan
from cowcheck.checker.check.subject import open_kernel
from cowcheck.checker.result import Verdict
from cowcheck.checker.verify.verifier import Verifier
from cowcheck.machine.machine import QEMU
from cowcheck.machine.qemu import qemu_recorder
from cowcheck.machine.qemu.program import NAME
from cowcheck.machine.record.event import HART
from cowcheck.machine.record.recorder import Rows
from tests.kernels.build import build, can_build

pytestmark = [
    pytest.mark.skipif(shutil.which(NAME) is None, reason=f"{NAME} is not installed"),
    pytest.mark.skipif(not can_build(), reason="ziglang is not installed"),
]


class Verifying:
    """Verifies, and counts events by hart."""

    def __init__(self, verifier: Verifier) -> None:
        self.verifier = verifier
        self.harts: set[int] = set()

    def begin(self, name: str) -> None:
        self.verifier.begin(name)

    def take(self, rows: Rows, texts: Sequence[str]) -> None:
        self.harts |= set(rows[:, HART].tolist())
        self.verifier.feed(rows, texts)


@pytest.mark.parametrize("stops", [1, 2])
def test_a_right_kernel_is_not_accused(stops: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qemu_recorder, "TURN_STOPS", stops)
    subject = open_kernel(build(), machine=QEMU)
    for workload, harts in plan(("two-stores", "three-children"), None).steps:
        machine = subject.rig(harts)
        consumer = Verifying(Verifier(subject.header(harts, workload.name)))
        conduct(machine, workload, consumer)
        result = consumer.verifier.finish()
        assert result.verdict is Verdict.PASS, [finding.message for finding in result.findings]
        assert consumer.harts == set(range(harts))
