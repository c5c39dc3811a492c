"""A scenario as programs: its processes do on a real kernel what they do in the model, and report what they see.

pid 1 makes the pipes, forks the scenario's first process, and waits for all that end. Each process is straight-line
code of its own, so that the contents that are due are constants. Its data pages are the first of its heap; each holds
a first and a last word, and every load looks at both.

A scenario in which memory runs out has one process more, the *holder* (``meeting.py`` says when it acts): it takes
every frame, and gives back as many as the scenario leaves (``pressure.py``).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from cowcheck.machine.program import encoding
from cowcheck.machine.program.descriptors import Descriptors
from cowcheck.machine.program.elf_file import PAGE_BYTES
from cowcheck.machine.program.encoding import Reg
from cowcheck.machine.program.holder import exhaust, give_back
from cowcheck.machine.program.meeting import Meeting
from cowcheck.machine.program.operations import ARGUMENT, EXIT_STATUS, Operations, ReadInput, write_address
from cowcheck.machine.program.pressure import spare_frames
from cowcheck.machine.program.process_state import FIRST_WORD, LAST_WORD, RETURN_OFFSET, ProcessState, text_label
from cowcheck.machine.program.report import ReportKind
from cowcheck.machine.program.scenario_points import ScenarioPoints
from cowcheck.machine.program.syscalls import Syscall
from cowcheck.machine.program.user_code import SCRATCH, UserCode
from cowcheck.machine.program.workload import PROGRAM, Workload
from cowcheck.model.errors import CowcheckError, Place
from cowcheck.model.scenario import OpKind, Scenario

_INIT = "process 1 (init)"
_HOLDER = "the holder"
_FIRST_NUMBER = 2


@dataclass(frozen=True, slots=True)
class _Block:
    """Code still to be written: a process from its first operation on."""

    label: str
    state: ProcessState
    op_number: int


@dataclass(frozen=True, slots=True)
class _Image:
    """A program still to be written: what a process goes on with after exec."""

    file: str
    state: ProcessState
    op_number: int
    exec_case: int
    place: Place


def scenario_workload(scenario: Scenario, spare: int | None = None, cached: bool = False) -> Workload:
    """The scenario as a workload; with so many frames free where the processes meet, if ``spare`` is given.

    ``cached``: every file that is run later is read first, so that exec then finds it in the buffer cache.

    Raises :class:`CowcheckError` for one that no real process could run.
    """
    if scenario.pages.count("guard") > 1:
        raise CowcheckError(f"{scenario.shown}: a process of xv6 has one guard page; remove the others")
    return _Compiler(scenario, spare_frames(scenario) if spare is None else spare, cached).workload()


class _Compiler:
    def __init__(self, scenario: Scenario, spare: int | None, cached: bool) -> None:
        self.scenario = scenario
        self.spare, self.cached = spare, cached
        self.gates: dict[int, int] = {}  # by process: the point of what it does after its last meeting
        descriptors = Descriptors()
        self.points = ScenarioPoints(scenario)
        self.meeting = Meeting(scenario, self.spare is not None, descriptors)
        self.operations = Operations(scenario, self.points, self.meeting, descriptors)
        self.files: dict[str, bytes] = {}
        self.images: deque[_Image] = deque()
        self.blocks: deque[_Block] = deque()
        self.numbers = _FIRST_NUMBER
        self.execs = 0

    def workload(self) -> Workload:
        first_code = UserCode()
        first = self._new_process(self.scenario.first)
        first.writers = frozenset(range(len(self.meeting.rounds)))
        self._write_first(first_code, first)
        while self.images:
            self._write_image(self.images.popleft())
        if self.spare is not None:
            self._write_holder(first_code, self.spare)
        self._write_init(first_code, first.number)  # last: by now it is known what it must provide
        self._finish(first_code, PROGRAM, "init")
        return Workload(
            name=self.scenario.name,
            summary=self.scenario.title,
            files=self.files,
            points=self.points.finished(),
            harts=self.scenario.harts,
            values=self.points.values,
            instructions=2_000_000_000 if self.spare is not None else 200_000_000,
            exhausts_memory=self.spare is not None,
            needs=frozenset(self.operations.needs),
            gates=frozenset(self.gates.values()),
        )

    def _new_process(self, program: str) -> ProcessState:
        number = self.numbers
        self.numbers += 1
        return ProcessState(number, f"process {number} ({program})", killable=program in self.operations.kill_registers)

    # --- processes ---

    def _write_first(self, code: UserCode, state: ProcessState) -> None:
        op_number = self.scenario.starts[self.scenario.first]
        place = self.scenario.ops[op_number].place
        self._write_start(code, state, place)
        if self.meeting.gate:
            code.syscall(Syscall.CLOSE, self.meeting.gate[1])
        self._write_setup(code, state, place)
        self.meeting.let_go(code, state, op_number)
        if self.meeting.at_start:
            self.meeting.write(code, state)
        self._write_ops(code, state, op_number)
        self._write_blocks(code)

    def _write_blocks(self, code: UserCode) -> None:
        while self.blocks:
            block = self.blocks.popleft()
            op = self.scenario.ops[block.op_number]
            block.state.starved |= self.spare is not None and not self.meeting.joins(op.program)
            self._write_start(code, block.state, op.place)
            self.meeting.let_go(code, block.state, block.op_number)
            self._write_ops(code, block.state, block.op_number)

    def _write_image(self, image: _Image) -> None:
        """A program that a process goes on with: it looks at its stack first, where exec has put the arguments."""
        code, state = UserCode(), image.state
        code.label("start")
        code.li(Reg.S0, state.number)
        code.emit(encoding.ld(Reg.T0, Reg.A1, 8), encoding.ld(Reg.S9, Reg.T0, 0))  # argv[1]
        code.end(image.exec_case)
        due = int.from_bytes(ARGUMENT.encode(), "little")
        seen = self.points.watch_fresh(state, "what exec has put on the new stack", due, image.place)
        code.report(ReportKind.SEEN, seen, Reg.S9, due)
        self._write_setup(code, state, image.place)
        self._write_ops(code, state, image.op_number)
        self._write_blocks(code)
        self._finish(code, image.file, "start")

    def _write_start(self, code: UserCode, state: ProcessState, place: Place) -> None:
        code.label(f"process.{state.number}")
        code.li(Reg.S0, state.number)
        code.report(ReportKind.STARTED, self.points.point(state.name, "starts", place))

    def _write_setup(self, code: UserCode, state: ProcessState, place: Place) -> None:
        """The data pages are had from sbrk, and each is given the contents of the image."""
        point = self.points.case(
            state, "its pages are set up", self.points.should(state), place, works=(0, (1 << 38) - 1)
        )
        pages = self.scenario.pages.count("data")
        code.begin(point)
        code.sbrk_pages(pages)
        code.mv(Reg.S1, Reg.A0)
        code.end(point, Reg.S1)
        ready = code.fresh_label("ready")
        code.bge(Reg.S1, Reg.ZERO, ready)
        ends = self.points.point(state.name, "ends, for its pages could not be had", place)
        code.leave(ends, EXIT_STATUS + state.number)
        code.label(ready)
        state.heap_pages, state.words = 0, {}
        state.grow(self.scenario, pages, place)
        for page, kind in enumerate(self.scenario.pages):
            token = frozenset({self.points.image_token(page)})
            if kind == "data":
                write_address(code, self.scenario, Reg.T0, page)
                write_address(code, self.scenario, Reg.T1, page, LAST_WORD)
                code.li(Reg.T2, min(token))
                code.li(Reg.T3, encoding.RET)
                code.emit(
                    encoding.sd(Reg.T2, Reg.T0, FIRST_WORD),
                    encoding.sd(Reg.T3, Reg.T0, RETURN_OFFSET),
                    encoding.sd(Reg.T2, Reg.T1, 0),
                )
                state.words[page, FIRST_WORD] = state.words[page, LAST_WORD] = token
            elif kind == "text":
                state.words[page, FIRST_WORD] = token

    def _write_ops(self, code: UserCode, state: ProcessState, op_number: int) -> None:
        """Everything that the process still does, up to its exit."""
        operations = self.operations
        start = self.scenario.starts[self.scenario.ops[op_number].program]
        has_met = False
        for number, op in enumerate(self.scenario.ops[op_number:], start=op_number):
            text = f"operation {number - start + 1}: {op}"
            if has_met and op.kind is not OpKind.EXIT:
                self.gates[state.number] = self.points.next
            has_met = op.kind is OpKind.MEET or (has_met and op.kind is OpKind.EXIT)
            match op.kind:
                case OpKind.LOAD | OpKind.STORE | OpKind.EXECUTE:
                    operations.write_access(code, state, op, number, text)
                case OpKind.READ:
                    operations.write_read(code, state, op, number, text)
                case OpKind.FORK:
                    child = self._new_process(op.target)
                    operations.write_fork(code, state, op, text, child)
                    self.blocks.append(_Block(f"process.{child.number}", child, self.scenario.starts[op.target]))
                    self.meeting.let_go(code, state, number + 1)
                case OpKind.WAIT:
                    operations.write_wait(code, state, op, text)
                case OpKind.EXEC:
                    self.execs += 1
                    file = f"exec{self.execs}"
                    case = operations.write_exec(code, state, op, text, file)
                    self.images.append(_Image(file, state.copy(), number + 1, case, op.place))
                    if not state.starved:
                        return
                case OpKind.SBRK:
                    operations.write_sbrk(code, state, op, text)
                case OpKind.KILL:
                    operations.write_kill(code, state, op, text)
                case OpKind.MEET:
                    operations.write_meet(code, state, op, text)
                case OpKind.EXIT:
                    operations.write_exit(code, state, op, text)
                    if has_met:
                        self.gates[state.number] = self.points.next - 1
                    return

    # --- pid 1, the holder, the file ---

    def _write_init(self, code: UserCode, first: int) -> None:
        """Makes the pipes, forks, and waits: pid 1 never ends, for the kernel would panic."""
        meeting, points = self.meeting, self.points
        code.label("init")
        code.li(Reg.S0, 1)
        code.report(ReportKind.STARTED, points.point(_INIT, "starts"))
        for _ in range(meeting.pipes):
            code.make_pipe()
        for number, given in enumerate(self.operations.inputs):
            self._write_input(code, f"read{number}", given)
        if self.cached:
            self._write_reading(code)
        code.report(ReportKind.BEFORE, points.point(_INIT, "has made the pipes"))
        code.fork_to(f"process.{first}")
        for _, writer in meeting.rounds:
            code.syscall(Syscall.CLOSE, writer)
        if meeting.gate and meeting.life:
            code.syscall(Syscall.CLOSE, meeting.life[1])
            code.fork_to("holder")
            code.syscall(Syscall.CLOSE, meeting.gate[1])
        code.write_reaping(points.point(_INIT, "is alone again"), points.point(_INIT, "has waited for every process"))

    def _write_reading(self, code: UserCode) -> None:
        """Reads each file once, from end to end."""
        for file, contents in self.files.items():
            code.la(Reg.A0, code.string_label(file))
            code.syscall(Syscall.OPEN, Reg.A0, 0)
            code.mv(Reg.S9, Reg.A0)
            for _ in range(-(-len(contents) // PAGE_BYTES)):
                code.la(Reg.A1, SCRATCH)
                code.syscall(Syscall.READ, Reg.S9, Reg.A1, PAGE_BYTES)
            code.syscall(Syscall.CLOSE, Reg.S9)

    def _write_input(self, code: UserCode, file: str, given: ReadInput) -> None:
        words = [given.token] * (given.size_bytes // 8)
        if given.in_pipe:
            writer = given.descriptor + 1  # all below are open
            code.make_pipe()
            code.la(Reg.A1, code.words_label(*words))
            code.syscall(Syscall.WRITE, writer, Reg.A1, given.size_bytes)
            code.syscall(Syscall.CLOSE, writer)
        else:
            self.files[file] = b"".join(word.to_bytes(8, "little") for word in words)
            code.la(Reg.A0, code.string_label(file))
            code.syscall(Syscall.OPEN, Reg.A0, 0)

    def _write_holder(self, code: UserCode, spare: int) -> None:
        meeting, points = self.meeting, self.points
        assert meeting.gate
        assert meeting.life
        code.label("holder")
        code.li(Reg.S0, 0)
        code.report(ReportKind.STARTED, points.point(_HOLDER, "starts"))
        code.wait_for_end_of_file(meeting.rounds[0][0])
        code.li(Reg.S9, 0)
        exhaust(code, Reg.S9)
        code.report(ReportKind.EXHAUSTED, points.point(_HOLDER, "has taken every frame"), Reg.S9)
        asks = points.point(_HOLDER, "asks how many frames are to be free")
        code.ask(ReportKind.ASK, asks, spare, Reg.S10)
        give_back(code, Reg.S10)
        code.syscall(Syscall.CLOSE, meeting.gate[1])
        code.wait_for_end_of_file(meeting.life[0])
        code.leave(points.point(_HOLDER, "ends, for all others have"), 0)

    def _finish(self, code: UserCode, file: str, entry: str) -> None:
        code.write_constants()
        for page, kind in enumerate(self.scenario.pages):
            if kind == "text":
                code.align(PAGE_BYTES)
                code.label(text_label(page))
                code.word(self.points.image_token(page))
                code.origin(code.address_of(text_label(page)) + RETURN_OFFSET)
                code.emit(encoding.RET)
        self.files[file] = code.executable(entry)
