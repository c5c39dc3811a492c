"""The operations of a scenario as instructions: each between a ``BEGIN`` and an ``END`` report, its result in s9.

A method writes one operation of one process, and notes in the process's state what it has changed.
"""

from __future__ import annotations

from dataclasses import dataclass

from cowcheck.machine.program import encoding
from cowcheck.machine.program.descriptors import Descriptors
from cowcheck.machine.program.encoding import Reg
from cowcheck.machine.program.kernel_age import FORK_WITHOUT_MEMORY
from cowcheck.machine.program.meeting import Meeting
from cowcheck.machine.program.process_state import (
    FIRST_WORD,
    LAST_WORD,
    RETURN_OFFSET,
    PageBase,
    ProcessState,
    kill_registers,
    page_address,
    read_span,
    read_words,
)
from cowcheck.machine.program.regions import Access, Region
from cowcheck.machine.program.report import FAILS, Ending, ReportKind
from cowcheck.machine.program.scenario_points import MAY_BE_GONE, NO_CHILD, SHOULD, ScenarioPoints
from cowcheck.machine.program.syscalls import PIPE_BYTES, Syscall
from cowcheck.machine.program.user_code import UserCode
from cowcheck.model.errors import CowcheckError
from cowcheck.model.scenario import Op, OpKind, Scenario

EXIT_STATUS = 0x40
"""A process that exits by itself does so with this and its number."""

ARGUMENT = "cowcheck"
"""What exec passes on, eight bytes that the new program finds on its stack."""

KILLED_STATUS = 0xFFFF_FFFF
"""exit(-1), as the kernel ends a process."""

_LOW = 0xFFFF_FFFF
_ACCESSES = {OpKind.LOAD: Access.LOAD, OpKind.STORE: Access.STORE, OpKind.EXECUTE: Access.JUMP}
_A_PID = (1, (1 << 31) - 1)
_AN_ADDRESS = (0, (1 << 38) - 1)


@dataclass(frozen=True, slots=True)
class ReadInput:
    """What pid 1 provides for a read: a descriptor, and the words that are to be found in it."""

    descriptor: int
    token: int
    size_bytes: int

    @property
    def in_pipe(self) -> bool:
        """It fits into a pipe; else it is a file."""
        return self.size_bytes <= PIPE_BYTES


def write_address(code: UserCode, scenario: Scenario, rd: Reg, page: int, offset: int = 0) -> None:
    """``rd`` = the address of a byte of a page of the scenario. Uses t6."""
    address = page_address(scenario, page)
    if address.base is PageBase.LABEL:
        code.la(rd, address.label)
        code.li(Reg.T6, offset)
        code.emit(encoding.add(rd, rd, Reg.T6))
        return
    code.li(rd, address.offset + offset)
    if address.base is PageBase.HEAP:
        code.emit(encoding.add(rd, rd, Reg.S1))


def _word_name(page: int, offset: int) -> str:
    return f"the {'first' if offset == FIRST_WORD else 'last'} word of page {page}"


class Operations:
    """Writes operations; collects what they need from elsewhere: inputs of reads, abilities of the kernel."""

    def __init__(self, scenario: Scenario, points: ScenarioPoints, meeting: Meeting, descriptors: Descriptors) -> None:
        self.scenario = scenario
        self.points = points
        self.meeting = meeting
        self.inputs: list[ReadInput] = []
        self.kill_registers = kill_registers(scenario)
        self.needs: set[str] = set()
        self._descriptors = descriptors

    def write_access(self, code: UserCode, state: ProcessState, op: Op, number: int, text: str) -> None:
        """A load, a store, or a jump to a ``ret`` in the page.

        Processes store to one word or the other, so that who has copied too late has another's word, and not its own
        in its place.
        """
        region = state.region(self.scenario, op.page)
        right = self.points.right(state, _ACCESSES[op.kind], region)
        point = self.points.case(state, text, right, op.place, writes=op.kind is OpKind.STORE)
        stored = LAST_WORD if region is Region.DATA and state.number % 2 else FIRST_WORD
        write_address(code, self.scenario, Reg.T3, op.page, stored if op.kind is OpKind.STORE else FIRST_WORD)
        write_address(code, self.scenario, Reg.T4, op.page, LAST_WORD)
        token = self.points.token(state, op, number)
        watched = sorted(offset for page, offset in state.words if page == op.page)
        code.li(Reg.T5, token)
        code.begin(point)
        match op.kind:
            case OpKind.STORE:
                code.emit(encoding.sd(Reg.T5, Reg.T3, 0))
            case OpKind.LOAD:
                code.emit(encoding.ld(Reg.S9, Reg.T3, 0))
                if LAST_WORD in watched:
                    code.emit(encoding.ld(Reg.S10, Reg.T4, 0))
            case _:
                code.emit(encoding.jalr(Reg.RA, Reg.T3, RETURN_OFFSET))
        code.end(point)
        if op.kind is OpKind.STORE and region is not Region.NONE:
            state.words[op.page, stored] = frozenset({token})
        elif op.kind is OpKind.LOAD:
            for offset in watched:
                register = Reg.S9 if offset == FIRST_WORD else Reg.S10
                seen = self.points.watch(state, f"{text}: {_word_name(op.page, offset)}", (op.page, offset), op.place)
                code.report(ReportKind.SEEN, seen, register, min(state.words[op.page, offset]))

    def write_read(self, code: UserCode, state: ProcessState, op: Op, number: int, text: str) -> None:
        """A read from a pipe, or from a file where the pages are many; pid 1 has filled it."""
        offset, size = read_span(op)
        token = self.points.token(state, op, number)
        given = self._input(token, size)
        regions = {state.region(self.scenario, page) for page in range(op.page, op.page + op.pages)}
        worst = next(region for region in (Region.NONE, Region.TEXT, Region.DATA) if region in regions)
        right = self.points.right(state, Access.COPYOUT, worst)
        point = self.points.case(state, text, right, op.place, works=(size, size), fails=(-1, size - 1), writes=True)
        code.begin(point)
        write_address(code, self.scenario, Reg.A1, op.page, offset)
        code.li(Reg.A0, given.descriptor)
        code.li(Reg.A2, size)
        code.syscall(Syscall.READ)
        self._end(code, point)
        for word in read_words(op):
            self.points.written(state, word, {token}, right)

    def write_fork(self, code: UserCode, state: ProcessState, op: Op, text: str, child: ProcessState) -> None:
        """A fork; the child goes on at the label ``process.N``. ``child`` is fresh but for its number and name."""
        point = self.points.case(state, text, self.points.should(state), op.place, works=_A_PID)
        self._note_need(state)
        code.begin(point)
        code.fork_to(f"process.{child.number}")
        if op.target in self.kill_registers:
            code.mv(self.kill_registers[op.target], Reg.A0)
        child.inherit(state)
        child.pids = state.pids - {op.target}
        if op.target in self.kill_registers:
            state.pids |= {op.target}
        self._end(code, point)
        state.children += (EXIT_STATUS + child.number,)

    def write_wait(self, code: UserCode, state: ProcessState, op: Op, text: str) -> None:
        """A wait, with the status into a page or nowhere."""
        into_page = op.page >= 0
        region = state.region(self.scenario, op.page) if into_page else Region.DATA
        right = self.points.right(state, Access.COPYOUT, region)
        if state.waits >= len(state.children):
            right = NO_CHILD
        state.waits += 1
        point = self.points.case(state, text, right, op.place, works=_A_PID, writes=into_page, waits=True)
        code.begin(point)
        if into_page:
            write_address(code, self.scenario, Reg.A0, op.page, FIRST_WORD)
        else:
            code.li(Reg.A0, 0)
        code.syscall(Syscall.WAIT)
        self._end(code, point)
        word = (op.page, FIRST_WORD)
        if into_page and right.endings != FAILS:
            statuses = {*state.children, KILLED_STATUS}
            before = state.words.get(word, frozenset())
            self.points.written(state, word, {old & ~_LOW | status for old in before for status in statuses}, right)

    def write_exec(self, code: UserCode, state: ProcessState, op: Op, text: str, file: str) -> int:
        """An exec of ``file``; returns its point, whose end the new program reports. Where it fails the process ends,
        unless it may."""
        right = self.points.should(state)
        point = self.points.case(state, text, right, op.place)
        self._note_need(state)
        code.begin(point)
        code.la(Reg.A0, code.string_label(file))
        code.la(Reg.A1, code.words_label(code.string_label(file), code.string_label(ARGUMENT), 0))
        code.syscall(Syscall.EXEC)
        self._end(code, point)
        if Ending.FAILS not in right.endings:
            code.leave(self.points.point(state.name, "ends, for exec has failed", op.place), EXIT_STATUS + state.number)
        return point

    def write_sbrk(self, code: UserCode, state: ProcessState, op: Op, text: str) -> None:
        """An sbrk of whole pages, which are there at once."""
        may_fail = op.pages > 0 and state.starved
        right = SHOULD.starved() if may_fail else SHOULD
        point = self.points.case(state, text, right, op.place, works=_AN_ADDRESS)
        code.begin(point)
        code.sbrk_pages(op.pages)
        self._end(code, point)
        if Ending.FAILS in right.endings:  # what comes after would be about pages that are not there
            grown = code.fresh_label("grown")
            code.bge(Reg.S9, Reg.ZERO, grown)
            ends = self.points.point(state.name, "ends, for it could not grow", op.place)
            code.leave(ends, EXIT_STATUS + state.number)
            code.label(grown)
        state.grow(self.scenario, op.pages, op.place)

    def write_kill(self, code: UserCode, state: ProcessState, op: Op, text: str) -> None:
        """A kill. Raises :class:`CowcheckError` where the process cannot know whom."""
        if op.target not in state.pids:
            raise CowcheckError(
                f"{op.place}: {state.name} cannot know the pid of '{op.target}', which neither it nor its parent has "
                "forked by then; let the parent kill it"
            )
        point = self.points.case(state, text, MAY_BE_GONE, op.place)
        code.begin(point)
        code.syscall(Syscall.KILL, self.kill_registers[op.target])
        self._end(code, point)

    def write_meet(self, code: UserCode, state: ProcessState, op: Op, text: str) -> None:
        """A meeting: judged only in that it comes to an end."""
        point = self.points.case(state, text, SHOULD, op.place, waits=True)
        code.begin(point)
        self.meeting.write(code, state)
        code.end(point)

    def write_exit(self, code: UserCode, state: ProcessState, op: Op, text: str) -> None:
        """The end of the process, which looks at all of its pages once more: others may have stored meanwhile."""
        if state.words:
            last_look = f"{text}, a last look at its pages"
            point = self.points.case(state, last_look, SHOULD, op.place)
            code.begin(point)
            for word in sorted(state.words):
                seen = self.points.watch(state, f"{last_look}: {_word_name(*word)}", word, op.place)
                write_address(code, self.scenario, Reg.T3, *word)
                code.emit(encoding.ld(Reg.S9, Reg.T3, 0))
                code.report(ReportKind.SEEN, seen, Reg.S9, min(state.words[word]))
            code.end(point)
        code.leave(self.points.point(state.name, text, op.place), EXIT_STATUS + state.number)

    def _note_need(self, state: ProcessState) -> None:
        if state.starved:
            self.needs.add(FORK_WITHOUT_MEMORY)

    def _end(self, code: UserCode, point: int) -> None:
        code.mv(Reg.S9, Reg.A0)
        code.end(point, Reg.S9)

    def _input(self, token: int, size_bytes: int) -> ReadInput:
        if size_bytes <= PIPE_BYTES:
            reader, writer = self._descriptors.pipe()
            self._descriptors.close(writer)  # pid 1 closes it once the pipe is filled
        else:
            reader = self._descriptors.open()
        self.inputs.append(ReadInput(reader, token, size_bytes))
        return self.inputs[-1]
