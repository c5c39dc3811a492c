"""What the reference engine knows, and the views that it makes of that."""

from __future__ import annotations

from collections.abc import Iterator

from cowcheck.checker.verify.keys import LEAST_REFS, MOST, MOST_HELD, MOST_REFS
from cowcheck.checker.verify.reference_state import Frame, Hart, Mapping, Path, Process
from cowcheck.checker.verify.rights import (
    allows,
    leads_to,
)
from cowcheck.checker.verify.scene import (
    LOOSE,
    MOST_USERS,
    START,
    About,
    Row,
    Scene,
    User,
)
from cowcheck.machine.record.event import HART, PID, ProcessState, Role
from cowcheck.machine.trace.header import Header
from cowcheck.model.sv39 import PTE_U
from cowcheck.model.views import (
    FrameView,
)

NOT_STARTED = (ProcessState.UNUSED, ProcessState.USED)
HIDDEN = (*NOT_STARTED, ProcessState.ZOMBIE)
OWNING = (Role.PAGE_TABLE, Role.TRAPFRAME, Role.STACK)


class Known:
    """The state of a run: frames, processes, harts. Nothing is judged here."""

    def __init__(self, header: Header) -> None:
        self.header = header
        self.number = 0
        self.row: Row = START
        self.begin()

    def begin(self) -> None:
        """A run starts: nothing is known."""
        self.frames: dict[int, Frame] = {}
        self.processes: dict[int, Process] = {}
        self.idle = [Path(-1 - hart) for hart in range(self.header.harts)]  # of harts that run no process
        self.harts = [Hart() for _ in range(self.header.harts)]
        self.initial = True
        self.memory_known = self.kfree_known = False
        self.free_frames = 0
        self.actor = 0

    def process(self, pid: int) -> Process:
        return self.processes.setdefault(pid, Process(pid))

    def frame(self, ppn: int) -> Frame | None:
        """The frame, where it is one that kalloc could give out."""
        if not self.header.first_ppn <= ppn <= self.header.last_ppn:
            return None
        return self.frames.setdefault(ppn, Frame(ppn))

    def path(self) -> Path:
        """The path that the event belongs to. It begins here where its trap was not told."""
        process = self.process(self.row[PID]) if self.row[PID] else None
        path = process.path if process else self.idle[self.row[HART]]
        if not path.live:
            path.live, path.trap, path.fault = True, None, 0
            path.out_of_memory, path.short, path.asked = False, False, bool(process and process.killed)
        return path

    def path_of(self, key: int) -> Path | None:
        return self.idle[-1 - key] if key < 0 else process.path if (process := self.processes.get(key)) else None

    # --- views ---

    def counts(self, frame: Frame, mapping: Mapping) -> bool:
        """Whether the PTE is a reference to the frame: the kernel's own pages in user tables are none."""
        return bool(mapping.pte & PTE_U) or frame.role == Role.NONE

    def visible(self, mapping: Mapping) -> bool:
        """Whether user code could use the PTE, now or when its process next runs."""
        process = self.processes[mapping.pid]
        if process.state in HIDDEN:
            return False
        frame = self.frame(leads_to(mapping.pte))
        return process.pid not in frame.touched_by if frame else not process.path.live

    def frame_view(self, frame: Frame) -> FrameView:
        mappings = [mapping for mapping in frame.mappings[:MOST] if self.counts(frame, mapping)]
        visible = [mapping for mapping in mappings if self.visible(mapping)]
        held = min(len(frame.touched_by), MOST_HELD)
        unclaimed = not frame.free and not mappings
        owned = (frame.role in OWNING and not held) or (frame.role == Role.OBJECT and unclaimed)
        if unclaimed and not self.header.ownership:
            held = max(held, 1)  # the kernel may use it
        return FrameView(
            frame.counted,
            self.refs(frame),
            len(mappings),
            len(visible),
            sum(allows(mapping.pte) for mapping in visible),
            frame.free,
            held,
            int(owned),
            not frame.touched_by,
        )

    def strict_view(self, frame: Frame) -> FrameView:
        """The frame as if no path were in progress: every mapping is visible."""
        mappings = [mapping for mapping in frame.mappings[:MOST] if self.counts(frame, mapping)]
        unclaimed = not frame.free and not mappings
        owned = frame.role in OWNING or (frame.role == Role.OBJECT and unclaimed)
        held = int(unclaimed and not self.header.ownership)
        writers = sum(allows(mapping.pte) for mapping in mappings)
        count = len(mappings)
        return FrameView(
            frame.counted, self.refs(frame), count, count, writers, frame.free, held, int(owned), True
        )  # fmt: skip

    @staticmethod
    def refs(frame: Frame) -> int:
        return min(max(frame.refs, LEAST_REFS), MOST_REFS)

    # --- what is told with it ---

    def scene(self, about: About) -> Scene:
        """What is known around a frame, and of the path of process ``about.actor``."""
        frame = self.frames.get(about.frame) if about.frame is not None else None
        actor = self.processes.get(about.actor)
        trap, at = (actor.path.trap, actor.first_fault) if actor else (None, 0)
        if not frame:
            return Scene(trap=trap, first_fault=at)
        return Scene(tuple(self.users(frame))[:MOST_USERS], tuple(frame.history), frame.since, trap, at)

    def unclaimed(self) -> list[int]:
        """The frames (ppn) that are neither free, nor mapped, nor in some use of the kernel's that was told."""
        return [
            ppn
            for ppn, it in sorted(self.frames.items())
            if not it.free and not it.mappings and it.role in LOOSE and it.history
        ]

    def users(self, frame: Frame) -> Iterator[User]:
        for mapping in sorted(frame.mappings, key=lambda mapping: (mapping.pid, mapping.vpn)):
            yield User(mapping.pid, mapping.vpn, mapping.pte, self.visible(mapping))

    def ppn_of(self, pid: int, vpn: int) -> int | None:
        """The frame that a page of a process leads to; None where it is not mapped."""
        process = self.processes.get(pid)
        mapping = process.pages.get(vpn) if process else None
        return leads_to(mapping.pte) if mapping and mapping.pte else None
