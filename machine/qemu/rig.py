"""A rig on QEMU: what :class:`~cowcheck.machine.rig.Rig` is on the board, and used in the same way.

There are no snapshots, so each workload boots the kernel anew, which takes a second or two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cowcheck.machine.disk import make_image
from cowcheck.machine.program.report import REPORT_VA
from cowcheck.machine.qemu.qemu import Qemu, sets_pmp
from cowcheck.machine.qemu.qemu_recorder import QemuRecorder
from cowcheck.machine.record.counts import Counts
from cowcheck.machine.record.event import Ending
from cowcheck.machine.record.event_buffer import Sink
from cowcheck.machine.record.kernel import Kernel
from cowcheck.machine.record.play import Hear, play
from cowcheck.machine.record.probe import probe_files
from cowcheck.machine.record.recorder import Recorder, Seen
from cowcheck.machine.rig import NotBooted, Run
from cowcheck.machine.rig.boot import LEGACY, VIRTIO_1, message
from cowcheck.machine.rig.learn import learn
from cowcheck.machine.rig.rig import BEGIN_INSTRUCTIONS

FILLING = 16
"""An instruction budget is meant for a board that fills pages natively. QEMU carries out every instruction of that, and
what it counts has in it some of the time that its host spends on something else."""

Files = Mapping[str, bytes] | bytes


class QemuRig:
    """One kernel. A QEMU runs from the start of a workload to its end, and not in between."""

    def __init__(self, kernel: Kernel, harts: int, virtio: int, counts: Counts | str) -> None:
        self.kernel, self.harts, self.virtio, self.counts = kernel, harts, virtio, counts

    @classmethod
    def boot(cls, kernel: Kernel, *, harts: int = 1, counts: Counts | str | None = None) -> QemuRig:
        """Boots a kernel and learns its counts, unless they are known.

        Raises :class:`NotBooted`, and :class:`~cowcheck.model.errors.CowcheckError` where QEMU cannot be used.
        """
        failures: list[tuple[Seen, NotBooted]] = []
        for virtio in (VIRTIO_1, LEGACY):
            rig = cls(kernel, harts, virtio, "")
            with rig.machine(probe_files()) as machine:
                recorder = QemuRecorder(machine, kernel, lambda rows, texts: None)
                seen = recorder.run_to_user(BEGIN_INSTRUCTIONS)
                if seen.ending is None:
                    rig.counts = learn(recorder) if counts is None else counts
                    return rig
                failures.append((seen, NotBooted(message(recorder, seen), _console(machine))))
            if seen.ending != Ending.PANIC:  # with the wrong disk, xv6 panics
                break
        raise failures[-1][1] if "virtio" in failures[0][0].text else failures[0][1]

    def machine(self, files: Files) -> Qemu:
        """A machine with this disk, not started yet."""
        machine = Qemu(self.kernel.image, harts=self.harts, virtio=self.virtio, pmp=sets_pmp(self.kernel.elf))
        machine.disk.disk[:] = files if isinstance(files, bytes) else make_image(files)
        return machine

    def run(
        self,
        files: Files,
        sink: Sink,
        on_report: Hear,
        budget: int,
        on_end: Callable[[Recorder], None] = lambda recorder: None,
        until: Callable[[Recorder], bool] | None = None,
        reports: bool = True,
    ) -> Run:
        """Runs the disk's first program to its end, as :meth:`cowcheck.machine.rig.Rig.run` does."""
        with self.machine(files) as machine:
            recorder = QemuRecorder(machine, self.kernel, sink)
            if isinstance(self.counts, Counts):
                self.counts.fill(recorder.observer)
            if reports:
                recorder.hook_reports(REPORT_VA)
            seen = recorder.run_to_user(BEGIN_INSTRUCTIONS)
            recorder.begin()
            started = int(machine.shared["retired"])
            seen = play(recorder, seen, budget * FILLING, on_report, until)
            on_end(recorder)
            assert seen.ending is not None
            recorder.end(seen.ending, seen.text)
            return Run(seen.ending, seen.text, _console(machine), int(machine.shared["retired"]) - started)

    def stop(self, text: str) -> None:
        """Nothing is left to end: QEMU has gone with the run that was interrupted, and its recording stops there."""


def _console(machine: Qemu) -> str:
    return machine.uart.printed.decode("utf-8", "backslashreplace")
