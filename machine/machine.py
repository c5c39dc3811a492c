"""The machines that can run a kernel, behind one interface: what boots a kernel, runs workloads on it and records them.

A machine is one line in :data:`MACHINES`. ``board`` is the embedded one (on Unicorn): the same run every time, in a
fraction of a second a workload. ``qemu`` is the emulator of the labs, where it is installed: it sees less (what was
done between two stops, not in which order) and confirms what the board has found, on hardware that somebody else has
written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from cowcheck.machine.record.counts import Counts
from cowcheck.machine.record.event_buffer import Sink
from cowcheck.machine.record.kernel import Kernel
from cowcheck.machine.record.play import Hear
from cowcheck.machine.record.recorder import Recorder
from cowcheck.machine.rig import Run


class Machine(Protocol):
    """One kernel on one machine; ``counts`` says why, where it is no :class:`Counts`."""

    kernel: Kernel
    harts: int
    counts: Counts | str

    def run(
        self,
        files: Mapping[str, bytes] | bytes,
        sink: Sink,
        on_report: Hear,
        budget: int,
        on_end: Callable[[Recorder], None] = ...,
        until: Callable[[Recorder], bool] | None = None,
        reports: bool = True,
    ) -> Run:
        """Runs the disk's first program to its end, as :meth:`cowcheck.machine.rig.Rig.run` says."""
        ...

    def stop(self, text: str) -> None:
        """Ends the recording in progress where it is, if there is one and the machine still can."""
        ...


class Boot(Protocol):
    """Boots a kernel, and learns its counts unless they are given. Raises :class:`~cowcheck.machine.rig.NotBooted`."""

    def __call__(self, kernel: Kernel, *, harts: int, seed: int, counts: Counts | str | None) -> Machine: ...


class MachineKind(NamedTuple):
    """A machine by its name, before there is a kernel on it."""

    boot: Boot
    title: Callable[[], str]
    """What a trace's header and a verdict call it. Raises :class:`~cowcheck.model.errors.CowcheckError`, with the
    remedy, where the machine is not installed here."""
    draws_turns: bool
    """Whether a seed draws the turns of several harts."""
    exhausts_memory: bool
    """Whether a workload that takes every frame is over in seconds."""


def _board(kernel: Kernel, *, harts: int, seed: int, counts: Counts | str | None) -> Machine:
    from cowcheck.machine.rig import Rig

    return Rig.boot(kernel, harts=harts, seed=seed, counts=counts)


def _qemu(kernel: Kernel, *, harts: int, seed: int, counts: Counts | str | None) -> Machine:
    from cowcheck.machine.qemu.rig import QemuRig

    return QemuRig.boot(kernel, harts=harts, counts=counts)


def _qemu_title() -> str:
    from cowcheck.machine.qemu.program import find_qemu, qemu_version

    return f"QEMU {'.'.join(map(str, qemu_version(find_qemu())))}"


BOARD, QEMU = "board", "qemu"

MACHINES: Mapping[str, MachineKind] = {
    BOARD: MachineKind(_board, lambda: BOARD, draws_turns=True, exhausts_memory=True),
    QEMU: MachineKind(_qemu, _qemu_title, draws_turns=False, exhausts_memory=False),
}
"""By the name that ``--machine`` takes. The first is the default."""
