"""Recording a kernel that runs on the board: events into a buffer, and from there to whoever takes them.

The callbacks do the work (:mod:`hooks`, :mod:`stores`, :mod:`tables`); this class connects them, begins and ends a run,
and meets what they ask for: an empty buffer, a scan for frames that nothing accounts for, a panic, a report of a
workload's program.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from cowcheck.machine.board.board import Pause
from cowcheck.machine.board.devices.uart import MOST_OUTPUT
from cowcheck.machine.board.state import FIRST_PPN, FRAMES, KERNBASE, PAGE, PC, RAM_BYTES
from cowcheck.machine.native import address_of
from cowcheck.machine.record import hooks, strings
from cowcheck.machine.record.backtrace import backtrace, last_trap, waiting
from cowcheck.machine.record.begin import begin
from cowcheck.machine.record.event import Ending, EventKind, ProcessState, Role
from cowcheck.machine.record.event_buffer import EventBuffer, Rows, Sink, signed
from cowcheck.machine.record.kernel import SFENCE, SRET
from cowcheck.machine.record.observer import CLEARED, NO_TABLE, WATCH_DATA
from cowcheck.machine.record.roots import accounted, word
from cowcheck.machine.record.seen_stores import SeenStores

__all__ = ["Recorder", "Report", "Rows", "Seen", "Sink"]

MOST_SLEEPERS = 8  # processes whose calls are told where nothing moves any more
LONGEST_STRING = 400  # bytes of a C string that are read
SLICE = 1_000_000  # instructions between two looks at whether anything moves
PATIENCE = 1500  # timer ticks: a program that sleeps for longer is taken to hang


@dataclass(frozen=True, slots=True)
class Report:
    """What a workload's program told: registers a0 to a5 at the report's address."""

    pid: int
    values: tuple[int, ...]


@dataclass(slots=True)
class Seen:
    """What came of running on: why it paused, and what belongs to that."""

    ending: Ending | None = None  # None: a report, or the mark that was waited for
    report: Report | None = None
    text: str = ""


@dataclass(slots=True)
class Recorder(EventBuffer):
    """Watches one board. ``sink`` takes the events; nothing is recorded before :meth:`begin`."""

    stores: SeenStores | None = field(init=False, default=None)
    string_hooks: list[int] = field(init=False, default_factory=list)  # callbacks at memset and memmove

    def __post_init__(self) -> None:
        EventBuffer.__post_init__(self)  # super() knows no class that dataclass made anew, with slots
        self.kernel.fill(self.observer)
        self.reset()
        self.board.shared["observer"] = address_of(self.record)
        self.board.is_idle = self.is_idle
        self._connect()

    def _connect(self) -> None:
        """Hooks the kernel's functions and its stores."""
        engine, user, kernel = self.board.engine, address_of(self.board.record), self.kernel
        functions = kernel.layout.functions
        self.stores = SeenStores(self.board, self.kernel, self.observer)
        engine.hook_code(hooks.on_trap, user, kernel.high(functions["uservec"].address))
        engine.hook_code(
            hooks.on_sret, user, *(kernel.high(address) for address in kernel.elf.instructions_like(*SRET))
        )
        engine.hook_code(hooks.on_fence, user, *kernel.everywhere(SFENCE))
        engine.hook_code(hooks.on_kalloc_return, user, *kernel.kalloc_returns)
        for name, function in {
            "kfree": hooks.on_kfree,
            "memset": strings.on_memset,
            "memmove": strings.on_memmove,
            "panic": hooks.on_panic,
        }.items():
            if name in functions:
                numbers = engine.hook_code(function, user, functions[name].address)
                self.string_hooks += numbers if name in ("memset", "memmove") else []
        engine.forget_code()

    def hook_reports(self, address: int) -> None:
        """Stops where user code comes to ``address``, the workload's place for reports."""
        self.board.engine.hook_code(hooks.on_report, address_of(self.board.record), address)
        self.board.engine.forget_code()

    def reset(self) -> None:
        """Forgets all that was seen; the layout stays."""
        observer = self.observer
        for name in (
            "active", "count", "lost", "by", "asked", "in_user", "runnable", "watch", "role", "table_level",
            "table_vpn", "on_list", "mapped", "carved_end", "suspect", "suspect_count", "slot_pid", "slot_state",
            "mark", "marked", "moves", "fault", "again", "left_over",
        ):  # fmt: skip
            self.record[name] = 0
        for name in (*CLEARED, "table_slot", "mapper"):
            self.record[name] = NO_TABLE
        for first, end in (
            (observer["proc"], observer["proc_end"]),
            (observer["cpus"], observer["cpus_end"]),
            *((head, head + 8) for head in observer["list_heads"][: observer["lists"]]),
        ):
            self.watch_data(int(first), int(end))
        if observer["counts"]:
            self.watch_data(int(observer["count_first"]), int(observer["count_end"]))
        self.forget()

    def watch_data(self, first: int, end: int) -> None:
        """Stores to this range of the kernel's variables are looked at."""
        self.observer["watch"][(first - KERNBASE) // PAGE : (end - 1 - KERNBASE) // PAGE + 1] |= WATCH_DATA

    def is_idle(self, hart: int) -> bool:
        """Whether the hart has nothing to do: it runs no process, and every one that is runnable runs elsewhere."""
        observer = self.observer
        if not observer["active"] or int(observer["hart_slot"][hart]) >= 0:
            return False
        slots = [int(slot) for slot in observer["hart_slot"][: self.board.harts]]
        running = sum(slot >= 0 and observer["slot_state"][slot] == ProcessState.RUNNING for slot in slots)
        return bool(int(observer["runnable"]) <= running)

    def begin(self) -> None:
        """Starts to record: the rows that describe the state as it is come first."""
        self.reset()
        begin(self.observer, self.board.shared, self.events, self.board.ram, self.board.harts)
        self._own_the_rest()
        self._see_what_is_used()
        self.observer["active"] = 1

    def _own_the_rest(self) -> None:
        """What is neither free nor mapped when a recording begins is the kernel's: its page table, stacks, buffers.

        Some kernels keep the reference counts behind their image, in frames that kalloc never gets.
        """
        observer = self.observer
        unknown = (observer["on_list"] == 0) & (observer["mapped"] == 0) & (observer["role"] == 0)
        unknown[: observer["image_end"]] = False
        known = np.flatnonzero(~unknown[observer["image_end"] :])
        observer["carved_end"] = observer["image_end"] + (known[0] if len(known) else 0)
        for frame in np.flatnonzero(unknown):
            self.own(int(frame), Role.OBJECT)

    def _see_what_is_used(self) -> None:
        """Sees all stores from now on, where a frame that was left out is watched."""
        if int(self.observer["unseen_used"]) and self.stores is not None:
            self.stores.see_all()

    def own(self, frame: int, role: Role) -> None:
        """Tells of a frame's role."""
        self.observer["role"][frame] = role
        self.tell(EventKind.OWN, frame + FIRST_PPN, role)

    def run(self, budget: int, until: Callable[[Recorder], bool] | None = None, patience: int | None = None) -> Seen:
        """Runs on until something is to be decided outside: a report, an ending. A kernel that runs for ``patience``
        instructions without going back to user code will never do it."""
        end = int(self.board.shared["retired"]) + budget
        moves, jumps, moved = int(self.observer["moves"]), self.board.jumps, end - budget
        while True:
            left = end - int(self.board.shared["retired"])
            pause = self.board.run(min(left, SLICE)) if left > 0 else Pause.BUDGET
            if int(self.observer["moves"]) != moves:
                moves, jumps = int(self.observer["moves"]), self.board.jumps
                moved = int(self.board.shared["retired"])
            self._see_what_is_used()
            if self.board.uart.discarded:
                return Seen(Ending.BUDGET, text=f"the kernel printed more than {MOST_OUTPUT:,} bytes")
            if int(self.observer["lost"]):
                return Seen(Ending.BROKEN, text="more happened at once than the event buffer holds")
            match pause:
                case Pause.ASKED:
                    seen = self.met()
                    if seen is not None:
                        return seen
                case Pause.BUDGET if until is not None and until(self):
                    return Seen(Ending.DONE)
                case Pause.BUDGET if left > SLICE:
                    if self.board.jumps - jumps > PATIENCE:
                        return Seen(Ending.HANG, text=f"every process waits, and {PATIENCE} timer ticks woke none")
                    if patience is not None and int(self.board.shared["retired"]) - moved > patience:
                        return Seen(Ending.HANG, text=f"no user code has run for {patience:,} instructions")
                case Pause.BUDGET:
                    return Seen(Ending.BUDGET, text=pause.value)
                case Pause.STILL:
                    return Seen(Ending.HANG, text=pause.value)
                case Pause.STUCK:
                    return Seen(Ending.BROKEN, text=pause.value)
                case Pause.BROKEN:
                    return Seen(Ending.BROKEN, text=f"{pause.value}: {self.board.why}")

    def run_to_user(self, budget: int) -> Seen:
        """Runs until the next return to user code, and stops before it; ``ending`` is None where it came to that."""
        self.observer["mark"] = 1
        seen = self.run(budget)
        self.observer["mark"] = 0
        return seen

    def met(self) -> Seen | None:
        """Meets what a callback asked for; gives what the caller must know of."""
        if self.board.disk.waits:
            return Seen()
        request = hooks.Request(int(self.observer["asked"]))
        self.observer["asked"] = 0
        match request:
            case hooks.Request.DRAIN:
                self.drain()
            case hooks.Request.SCAN:
                self.scan()
            case hooks.Request.REPORT:
                self.board.engine.write(PC, self.board.engine.read(PC) + 4)  # past the nop that stands there
                slot = int(self.observer["hart_slot"][int(self.board.shared["hart"])])
                pid = int(self.observer["slot_pid"][slot]) if slot >= 0 else 0
                return Seen(report=Report(pid, tuple(int(value) for value in self.observer["argument"][:6])))
            case hooks.Request.PANIC:
                text = self.string_at(int(self.observer["argument"][0]))
                self._tell_calls(backtrace(self.board, self.kernel, self.observer)[1:])
                self.tell(EventKind.PANIC, self.text(text), pc=int(self.observer["argument"][1]) - 4)
                return Seen(Ending.PANIC, text=text)
            case hooks.Request.MARK:
                return Seen()
            case hooks.Request.LOOP:
                slot = int(self.observer["hart_slot"][int(self.board.shared["hart"])])
                cause, value, where = (int(item) for item in self.observer["fault"][slot])
                shown = f"scause {cause}, stval {value & (1 << 64) - 1:#x}"
                return Seen(Ending.HANG, text=f"user code at {where:#x} takes the same fault for ever ({shown})")
        return None

    def _tell_calls(self, places: Sequence[int], pid: int | None = None) -> None:
        """Tells of the calls on a stack, and of the trap that brought the hart to ``kerneltrap``. The stack is that of
        the hart's process, or of ``pid``."""
        for depth, pc in enumerate(places):
            self.tell(EventKind.CALL, depth, pc=signed(pc), pid=pid)
            symbol = self.kernel.elf.symbol_table.function_at(pc)
            if symbol is not None and symbol.name == "kerneltrap":
                fault = last_trap(self.board)
                self.tell(EventKind.FAULT, *fault, pc=signed(fault.sepc))

    def _tell_stacks(self) -> None:
        """Tells of the calls on the stacks of the processes: those that harts run, in the kernel, and those that
        sleep."""
        current = int(self.board.shared["hart"])
        for hart in range(self.board.harts):
            self.board.switch(hart)
            if self.observer["hart_slot"][hart] >= 0 and not self.observer["in_user"][hart]:
                self._tell_calls(backtrace(self.board, self.kernel, self.observer))
        self.board.switch(current)
        for slot in np.flatnonzero(self.observer["slot_state"] == ProcessState.SLEEPING)[:MOST_SLEEPERS]:
            places = waiting(self.board, self.kernel, self.observer, int(slot))
            self._tell_calls(places, int(self.observer["slot_pid"][slot]))

    def word(self, address: int) -> int:
        """Eight bytes of RAM at a physical address; 0 outside."""
        return word(self.board.ram, address)

    def string_at(self, address: int) -> str:
        """A C string of the kernel's."""
        offset = address - KERNBASE
        if not 0 <= offset < RAM_BYTES:
            return ""
        raw = bytes(self.board.ram[offset : offset + LONGEST_STRING])
        return raw.split(b"\0", 1)[0].decode("utf-8", "backslashreplace").strip()

    def scan(self) -> None:
        """Decides on the frames that nothing accounts for: the kernel's, or lost."""
        observer = self.observer
        suspects = [int(frame) for frame in observer["suspects"][: observer["suspect_count"]]]
        found = accounted(self.board, self.kernel, observer).frames()
        for frame in suspects:
            if not found[frame]:
                self.own(frame, Role.LOST)
            elif observer["on_list"][frame] == 0 and observer["mapped"][frame] == 0 and observer["role"][frame] == 0:
                self.own(frame, Role.OBJECT)
            observer["suspect"][frame] = 0
        observer["suspect_count"] = 0

    def census(self, expected: int = -1) -> int:
        """Counts the free frames, looks at every frame of RAM, and tells of both; gives the count."""
        observer = self.observer
        found = accounted(self.board, self.kernel, observer).frames()
        lost = np.flatnonzero((found == 0) & (np.arange(FRAMES) >= int(observer["image_end"])))
        for frame in lost:
            if observer["role"][frame] != Role.LOST:
                self.own(int(frame), Role.LOST)
        free = int((observer["on_list"] > 0).sum())
        self.tell(EventKind.CENSUS, free, expected)
        return free

    def end(self, how: Ending, text: str) -> None:
        """Ends the recording."""
        if how in (Ending.HANG, Ending.BROKEN):
            self._tell_stacks()
        self.tell(EventKind.END, how, self.text(text))
        self.drain()
        self.observer["active"] = 0
