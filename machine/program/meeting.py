"""How the processes of a scenario meet, and wait for memory to run out, without a word of shared memory.

A round is one pipe whose writing end every process inherits. Who comes to the meeting closes its end, and reads: it
sleeps until nobody holds one any more, which is when all have come, or ended. Nothing is written to user memory, and in
no order of arrival can a wake-up be lost.

Where a scenario runs out of memory, its processes wait twice in the first round: until all have come, and then until
the holder has taken every frame and closes the *gate*. The holder ends when nobody holds the *life* pipe any more.
"""

from __future__ import annotations

from cowcheck.machine.program.descriptors import Descriptors
from cowcheck.machine.program.process_state import ProcessState
from cowcheck.machine.program.syscalls import Syscall
from cowcheck.machine.program.user_code import UserCode
from cowcheck.model.scenario import OpKind, Scenario


class Meeting:
    """The pipes of a scenario: a reading and a writing end each, made by pid 1 in this order before it forks."""

    def __init__(self, scenario: Scenario, gated: bool, descriptors: Descriptors) -> None:
        self.scenario = scenario
        self.at_start = gated and not self._meets_of(scenario.first)  # the first process waits before it does anything
        count = self._reach(scenario.starts[scenario.first], 0)
        self.rounds = [descriptors.pipe() for _ in range(max(count, int(gated)))]
        self.gate = descriptors.pipe() if gated else None
        self.life = descriptors.pipe() if gated else None

    @property
    def pipes(self) -> int:
        """How many there are."""
        return len(self.rounds) + (2 if self.gate else 0)

    def joins(self, program: str) -> bool:
        """The program comes to a meeting, so its operations before that are setup."""
        return self._meets_of(program) > 0 or (self.at_start and program == self.scenario.first)

    def write(self, code: UserCode, state: ProcessState) -> None:
        """The process comes to its next round."""
        reader, writer = self.rounds[state.round]
        code.syscall(Syscall.CLOSE, writer)
        code.wait_for_end_of_file(reader)
        state.writers -= {state.round}
        state.round += 1
        if self.gate and state.round == 1:
            code.wait_for_end_of_file(self.gate[0])
            state.starved = True

    def let_go(self, code: UserCode, state: ProcessState, op_number: int) -> None:
        """Closes the rounds that neither this process nor any that it will fork comes to from here on."""
        reach = self._reach(op_number, state.round)
        if self.at_start and state.round == 0:
            reach = max(reach, 1)
        for late in sorted(number for number in state.writers if number >= reach):
            code.syscall(Syscall.CLOSE, self.rounds[late][1])
            state.writers -= {late}

    def _reach(self, op_number: int, met: int) -> int:
        """The rounds up to the last that operations from this one on, or those that they fork, come to."""
        reach = 0
        for op in self.scenario.ops[op_number:]:
            if op.kind is OpKind.MEET:
                met += 1
                reach = max(reach, met)
            elif op.kind is OpKind.FORK:
                reach = max(reach, self._reach(self.scenario.starts[op.target], met))
            elif op.kind is OpKind.EXIT:
                break
        return reach

    def _meets_of(self, program: str) -> int:
        return sum(op.kind is OpKind.MEET for op in self.scenario.ops if op.program == program)
