"""A design in a scenario as a Promela model, step for step: what SPIN counts is what the reference interpreter counts.

One process of SPIN is one process of the model, and one ``d_step`` is one action, so no state lies between. The state
vector holds the words of the model's state (``model/layout.py``), and two more that follow from them: ``wants``, the
lock that a process's next step takes, and ``bad``. What is needed within a step only is ``hidden``: no part of a state.

A state that breaks an invariant is not expanded (``bad``). A step that breaks one by itself leads to no state of the
graph, in the reference and here: it leads back to the initial one, which SPIN knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial

from cowcheck.checker.catalogue import Design
from cowcheck.checker.export import machine, primitives
from cowcheck.checker.export.binding import Binding
from cowcheck.checker.export.constants import constants, tables
from cowcheck.checker.export.judging import Judging
from cowcheck.checker.export.machine import Machine
from cowcheck.checker.export.parts import MOST_STATEMENTS, most_that_fit, sizes_of_inlines, statements
from cowcheck.checker.export.steps import Steps
from cowcheck.checker.export.terms import Terms, comment
from cowcheck.checker.export.words import Words
from cowcheck.model.errors import CowcheckError
from cowcheck.model.ir import Var
from cowcheck.model.scenario import Scenario


def promela(design: Design, scenario: Scenario) -> str:
    """The Promela model of a design in a scenario. Raises :class:`CowcheckError` where it has no form in Promela."""
    return Promela(design, scenario).text()


class Promela:
    """Writes one model; :meth:`text` is the whole of it."""

    def __init__(self, design: Design, scenario: Scenario) -> None:
        self.binding = Binding(design, scenario)
        self.terms = Terms(self.binding)
        self.words = Words(self.binding, self.terms)
        self.machine = Machine(self.binding)
        self.judging = Judging(self.binding, self.terms)

    def text(self) -> str:
        """The model."""
        inlines = dict(self._inlines())
        process = list(self._process(sizes_of_inlines(inlines)))
        parts = (
            self._head(),
            constants(self.binding, self.terms),
            self.words.declarations(),
            tables(self.binding),
            self._scratch(),
            self.machine.macros(),
            _used(inlines, process),
            process,
        )
        return "\n\n".join("\n".join(part) for part in parts) + "\n"

    def _head(self) -> Iterator[str]:
        binding, scenario = self.binding, self.binding.scenario
        yield comment(f"The design '{binding.design.name}' in the scenario '{scenario.name}', by cowcheck export")
        yield f"/* harts: {scenario.harts}; frames: {scenario.frames}; pages: {', '.join(scenario.pages)}"
        yield ""
        yield "   spin -a FILE && gcc -O2 -DSAFETY -DNOREDUCE -DNOBOUNDCHECK -o pan pan.c && ./pan -m1000000"
        yield ""
        yield "   An error is an invariant that does not hold (the assertion has its name), or a deadlock (an invalid"
        yield "   end state). SPIN stops there; with -c0 it goes on, and counts what explore --no-symmetry counts. */"

    def _scratch(self) -> Iterator[str]:
        yield "/* --- what is used within a step only: no part of the state --- */"
        yield "hidden byte self, me; /* the running process, from 0, and its pid */"
        yield "hidden byte at_hart, touched_frame, wrong_step;"
        yield "hidden int other, page, frame, table, count, found_pte, cached, matters;"
        yield "hidden int is_fault, succeeded, inside, booting, valid, same;"
        yield "/* which invariants hold of what is judged */"
        yield from (f"hidden byte {name} = 1;" for name in self.judging.names())
        yield "/* the views of the state, by frame and by page table */"
        for name in ("mappings", "visible", "writers", "held", "owned", "touched", "on_list"):
            yield f"hidden byte {name}[FRAMES + 1];"
        yield "hidden byte table_seen[TABLES + 1], table_busy[TABLES + 1];"
        yield "/* the design's variables that live within a step */"
        used: set[Var] = set()
        for index in self.binding.instructions:
            instruction = self.binding.program.instructions[index]
            used.update(instruction.reads())
            if (var := instruction.writes()) is not None:
                used.add(var)
        names = [self.terms.var(var) for var in sorted(used - set(self.binding.slots), key=lambda var: var.index)]
        for at in range(0, len(names), 6):
            yield f"hidden int {', '.join(names[at : at + 6])};"

    # --- code ---

    def _inlines(self) -> Iterator[tuple[str, str]]:
        """By name, each after those that it uses."""
        yield from machine.INLINES.items()
        yield from self.judging.inlines_of_events()
        yield from primitives.INLINES.items()
        yield from self.words.inlines()
        yield "settle", "\n".join(self.machine.settle())
        yield from self.judging.inlines()

    def _process(self, sizes: Mapping[str, int]) -> Iterator[str]:
        yield "active [PROCESSES] proctype process() {"
        yield "  do"
        first, last, number = 0, len(self.binding.steps), 0
        while first <= last:
            suffix = f"_{number}" if number else ""
            end = most_that_fit(first, last, partial(self._part, suffix=suffix), sizes)
            lines = list(self._part(first, end, suffix))
            if statements(lines, sizes) > MOST_STATEMENTS:
                index = next(index for index, step in self.binding.steps.items() if step == end)
                place = self.binding.program.instructions[index].place
                raise CowcheckError(
                    f"{place}: a step that begins here has more statements than SPIN takes in one d_step; "
                    "let less private code follow it"
                )
            yield from lines
            first, number = end + 1, number + 1
        yield from self._timer()
        yield "  :: d_step { _pid == 0 && (bad || FINISHED) -> skip } /* an end that is no deadlock */"
        yield "  od"
        yield "}"

    def _part(self, first: int, last: int, suffix: str) -> Iterator[str]:
        """One ``d_step``, for the steps with numbers from ``first`` to ``last``; 0 is user mode."""
        names = Steps(self.binding, self.terms, suffix)
        numbers = {number: index for index, number in self.binding.steps.items() if first <= number <= last}
        trap = self.binding.program.trap
        guards = [f"pc[_pid] >= {first}"] * (first > 0) + [f"pc[_pid] <= {last}"] * (last < len(self.binding.steps))
        yield f"  :: d_step {{ /* one action: a step from {first or 'user mode'} to {last} */"
        yield f"    {' && '.join([*guards, 'ENABLED'])} ->"
        yield from self._prologue()
        if not self.binding.tests_free_list:  # a kernel that keeps a counter, say
            head = self.terms.free_list
            yield f"    if :: pc[self] != 0 && {head} == 0 -> proc[self].oom = 1 :: else fi;"
        yield "    if"
        if first == 0:
            yield f"    :: pc[self] == 0 -> goto user{suffix}"
        for number, index in sorted(numbers.items()):
            yield f"    :: pc[self] == {number} -> goto {names.begin(index)}"
        yield "    fi;"
        if first == 0:
            yield from self.machine.user_step(suffix, names.begin(trap))
        yield from names.blocks([*numbers.values(), trap] if first == 0 else numbers.values())
        yield from self._epilogue(suffix)

    def _timer(self) -> Iterator[str]:
        names = Steps(self.binding, self.terms, "_timer")
        trap = self.binding.program.trap
        yield "  :: d_step { /* the timer interrupt that a killed process dies at */"
        yield "    TIMER_COMES ->"
        yield from self._prologue()
        yield f"    {self.machine.timer_step(names.begin(trap))}"
        yield from names.blocks((trap,))
        yield from self._epilogue("_timer")

    def _prologue(self) -> Iterator[str]:
        yield "    self = _pid; me = _pid + 1; touched_frame = 0; proc[self].wants = 0;"
        for line in self.machine.place():
            yield f"    {line}"

    def _epilogue(self, suffix: str) -> Iterator[str]:
        yield f"left{suffix}: /* to user mode, or for good; or the kernel has stopped */"
        yield "    matters = 0;"
        yield "    if :: panic == 0 -> pc[self] = 0 :: else fi;"
        yield f"    goto forget{suffix};"
        yield f"done{suffix}:"
        yield "    matters = keeps[pc[self]];"
        yield f"forget{suffix}: /* what will not be read again */"
        for bit, slot in enumerate(self.binding.registers):
            yield f"    proc[self].{slot.name} = (matters & {1 << bit} -> proc[self].{slot.name} : 0);"
        yield "    if :: panic == 0 -> settle() :: else fi;"
        yield "    judge()"
        yield "    }"


def _used(inlines: Mapping[str, str], process: list[str]) -> Iterator[str]:
    """The inlines that the process calls, and those that these call."""
    used: set[str] = set()
    work = ["\n".join(process)]
    while work:
        for name in re.findall(r"\b(\w+)\(", work.pop()):
            if name in inlines and name not in used:
                used.add(name)
                work.append(inlines[name])
    return (text for name, text in inlines.items() if name in used)
