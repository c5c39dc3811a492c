"""A rig: one kernel on one board, at the moment before its first program, and everything that is known of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from unicorn.unicorn_const import UC_HOOK_CODE

from cowcheck.machine.board.snapshot import Snapshot
from cowcheck.machine.disk import make_image
from cowcheck.machine.native import address_of
from cowcheck.machine.program.report import REPORT_VA
from cowcheck.machine.record.counts import Counts
from cowcheck.machine.record.event import Ending
from cowcheck.machine.record.hooks import on_report
from cowcheck.machine.record.kernel import Kernel
from cowcheck.machine.record.play import Hear, play
from cowcheck.machine.record.probe import probe_files
from cowcheck.machine.record.recorder import Recorder, Sink
from cowcheck.machine.rig.boot import boot
from cowcheck.machine.rig.learn import learn

BEGIN_INSTRUCTIONS = 400_000_000  # from the first disk request to the first user instruction


@dataclass(frozen=True, slots=True)
class Run:
    """How a workload's run ended, and what the kernel printed in it."""

    ending: Ending
    text: str
    console: str
    instructions: int


@dataclass(slots=True)
class Rig:
    """Workloads start from one snapshot, each with its own disk. ``counts`` may say why there are none."""

    kernel: Kernel
    harts: int
    recorder: Recorder
    snapshot: Snapshot
    counts: Counts | str
    sink: Sink | None = field(default=None)
    report_hook: int | None = field(default=None)
    interleaver: object | None = field(default=None)  # what runs schedules on it, once one is asked for

    @classmethod
    def boot(cls, kernel: Kernel, *, harts: int = 1, seed: int = 0, counts: Counts | str | None = None) -> Rig:
        """Boots a kernel and learns its counts, unless they are known. Raises :class:`NotBooted`."""
        rig: Rig | None = None

        def pass_on(rows: object, texts: object) -> None:
            if rig is not None and rig.sink is not None:
                rig.sink(rows, texts)  # type: ignore[arg-type]

        recorder = boot(kernel, harts, seed, pass_on)
        rig = cls(kernel, harts, recorder, recorder.board.snapshot(), "")
        if counts is None:
            rig.start(probe_files())
            counts = learn(recorder)
        rig.counts = counts
        if isinstance(counts, Counts):
            counts.fill(recorder.observer)
        return rig

    def start(self, files: Mapping[str, bytes] | bytes) -> None:
        """Goes back to the snapshot, with this disk."""
        board = self.recorder.board
        board.restore(self.snapshot)
        self.recorder.reset()
        assert self.recorder.stores is not None
        self.recorder.stores.leave_stacks_out()
        board.disk.disk[:] = files if isinstance(files, bytes) else make_image(files)
        board.disk.release()

    def run(
        self,
        files: Mapping[str, bytes] | bytes,
        sink: Sink,
        on_report: Hear,
        budget: int,
        on_end: Callable[[Recorder], None] = lambda recorder: None,
        until: Callable[[Recorder], bool] | None = None,
        reports: bool = True,
    ) -> Run:
        """Runs the disk's first program to its end; the events go to ``sink``.

        ``on_report`` is given each report, and answers with what goes into a0, None, or how the run ends. ``budget`` is
        in instructions. ``on_end`` is called before the recording is closed. The run also ends when ``until`` is true,
        which is asked now and then. ``reports`` is False for programs that are not our own: what they have at the
        reports' address means nothing.
        """
        self.sink = None
        self.listen(reports)
        self.start(files)
        recorder, board = self.recorder, self.recorder.board
        seen = recorder.run_to_user(BEGIN_INSTRUCTIONS)
        self.sink = sink
        recorder.begin()
        started = int(board.shared["retired"])
        seen = play(recorder, seen, budget, on_report, until)
        on_end(recorder)
        assert seen.ending is not None
        recorder.end(seen.ending, seen.text)
        self.sink = None
        console = board.uart.printed.decode("utf-8", "backslashreplace")
        return Run(seen.ending, seen.text, console, int(board.shared["retired"]) - started)

    def stop(self, text: str) -> None:
        """Ends the recording in progress, if there is one, where it is."""
        if self.sink is not None:
            self.recorder.end(Ending.BUDGET, text)
            self.sink = None

    def listen(self, reports: bool) -> None:
        """Stops where user code reports, or does not."""
        engine = self.recorder.board.engine
        if reports and self.report_hook is None:
            user = address_of(self.recorder.board.record)
            self.report_hook = engine.hook(UC_HOOK_CODE, on_report, user, REPORT_VA, REPORT_VA)
        elif not reports and self.report_hook is not None:
            engine.unhook(self.report_hook)
            self.report_hook = None
