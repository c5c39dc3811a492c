"""The reference engine's judgements: which views are due, and what is told of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from cowcheck.checker.judge import Judge
from cowcheck.checker.verify.reference_known import Known
from cowcheck.checker.verify.reference_state import Frame, Mapping, Path, Process
from cowcheck.checker.verify.rights import (
    allows,
    has_mark,
    leads_to,
    same_but_for_use,
    same_rights,
    user_can,
)
from cowcheck.checker.verify.scene import (
    MOST_IDLE,
    MOST_REPEATS,
    About,
    Accusation,
    What,
    statement_bits,
)
from cowcheck.machine.record.event import A, C, ProcessState, Role
from cowcheck.machine.trace.header import Header
from cowcheck.model.sv39 import PTE_U, PTE_V, PTE_W
from cowcheck.model.views import (
    MappingView,
    OperationView,
    SystemView,
    TranslationView,
    View,
)


class Judging(Known):
    """Judges views, each where it may break something, and tells of what it breaks."""

    def __init__(self, header: Header, judge: Judge, tell: Callable[[Accusation], None]) -> None:
        self.judge, self.tell = judge, tell
        self.bits = statement_bits(judge)
        self.judged: Counter[tuple[type[View], View]] = Counter()  # equal tuples may be views of two kinds
        self.forks = self.returns = 0
        super().__init__(header)

    def drain(self) -> Iterable[tuple[View, int]]:
        """The views judged since the last call, with how often each was."""
        counts, self.judged = self.judged, Counter()
        return [(view, count) for (_, view), count in counts.items()]

    def see(self, view: View, told: set[int], about: About) -> None:
        """Judges a view, and tells what it breaks that was not told of its subject before."""
        self.judged[type(view), view] += 1
        broken = tuple(it for it in self.judge.broken(view) if id(it.statement) not in told)
        if broken:
            told |= {id(it.statement) for it in broken}
            self.tell(Accusation(view, broken, about, self.number, self.row, self.scene(about)))

    def judge_frame(self, frame: Frame) -> None:
        if frame.seen:
            self.see(self.frame_view(frame), frame.told, About(What.FRAME, frame.ppn, actor=self.actor))

    def judge_mappings(self, frame: Frame) -> None:
        for mapping in list(frame.mappings):
            if mapping.fresh:
                self.judge_mapping(mapping, frame)

    def judge_mapping(self, mapping: Mapping, frame: Frame | None, at_once: bool = False) -> None:
        visible = self.visible(mapping)
        user = bool(mapping.pte & PTE_U)
        if (not user and (frame is None or frame.role != Role.NONE)) or not (visible or at_once):
            return
        mapping.fresh = not visible
        view = MappingView(
            frame is not None,
            visible,
            user,
            bool(mapping.pte & PTE_W),
            has_mark(mapping.pte),
            mapping.may_write is not False,
        )
        told = frame.told if frame else self.processes[mapping.pid].told
        about = About(What.MAPPING, leads_to(mapping.pte), mapping.pid, mapping.vpn, actor=self.actor)
        self.see(view, told, about)

    def judge_fault(self, process: Process, path: Path) -> None:
        """A page fault is over: its handler has returned to user code, or its process has ended."""
        mapping = process.pages.get(path.vpn)
        pte = mapping.pte if mapping else 0
        succeeded = user_can(pte, path.fault, allows(pte))
        ended = process.state in (ProcessState.ZOMBIE, ProcessState.UNUSED)
        starved = path.out_of_memory or (ended and self.memory_known and (path.short or not self.free_frames))
        changed = bool(pte) and not same_rights(path.pte, pte)
        ppn = leads_to(pte or path.pte) if pte or path.pte else None
        about = About(What.FAULT, ppn, process.pid, max(path.vpn, 0), path.fault, self.actor)
        asked = path.asked or not self.memory_known
        view = OperationView(True, path.permitted, succeeded, ended, asked, starved, changed)
        self.see(view, process.told, about)
        trap = path.trap
        assert trap
        if succeeded or starved or ended:
            process.repeats = process.idle = 0
            return
        if process.fault != trap[A : C + 1]:
            process.repeats = process.idle = 0
        process.fault = trap[A : C + 1]
        process.repeats += 1
        if process.repeats == 1:
            process.first_fault = path.trap_number
        process.idle = process.idle + 1 if same_but_for_use(path.pte, pte) else 0
        goes_on = process.idle < MOST_IDLE and process.repeats < MOST_REPEATS
        self.see(SystemView(False, goes_on), process.told, about._replace(what=What.FOR_EVER))

    def judge_translations(self) -> None:
        """Of every hart in user mode: what it may still cache, beside the PTEs of now."""
        for number, hart in enumerate(self.harts):
            due = [it for it in hart.remembered if it[0] == hart.user]
            hart.remembered = [it for it in hart.remembered if it[0] != hart.user]
            for pid, vpn, cached in due:
                process = self.process(pid)
                pte = process.pages[vpn].pte if vpn in process.pages else 0
                valid = bool(pte & PTE_V and pte & PTE_U)
                same = valid and leads_to(pte) == leads_to(cached)
                view = TranslationView(bool(cached & PTE_W), valid, valid and bool(pte & PTE_W), same)
                frame = self.frame(leads_to(cached))
                about = About(What.TRANSLATION, leads_to(cached), pid, vpn, number, self.actor)
                self.see(view, frame.told if frame else process.told, about)

    def end_path(self, path: Path) -> None:
        """The kernel's path is over: what it touched is judged."""
        if not path.live:
            return
        self.actor = max(path.key, 0)
        if path.fault:
            self.judge_fault(self.processes[path.key], path)
        path.live = False
        for frame in list(path.touched):
            del path.touched[frame], frame.touched_by[path.key]
            for mapping in frame.mappings:
                maker = self.path_of(mapping.maker)
                if mapping.may_write is None and not (maker and maker.live):
                    lazily = mapping.maker == path.key and path.fault != 0
                    mapping.may_write = lazily or allows(mapping.pte) or has_mark(mapping.pte)
            self.judge_frame(frame)
            self.judge_mappings(frame)
        graves, path.graves = path.graves, []
        for mapping in graves:
            mapping.buried = False
            if not mapping.pte and (process := self.processes.get(mapping.pid)):
                del process.pages[mapping.vpn]
                self.forget(process)
        if process := self.processes.get(path.key):
            self.forget(process)
        self.judge_translations()

    def forget(self, process: Process) -> None:
        """A process that has ended, and of which nothing is left, is forgotten."""
        gone = (
            process.state in (ProcessState.UNUSED, ProcessState.ZOMBIE) and not process.pages and not process.path.live
        )
        if gone and self.processes.get(process.pid) is process:
            del self.processes[process.pid]
            for hart in self.harts:
                hart.ran.discard(process.pid)
                hart.remembered = [it for it in hart.remembered if it[0] != process.pid]
                hart.user = hart.user if hart.user != process.pid else 0
