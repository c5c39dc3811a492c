"""A client of QEMU's debugging stub: registers, breakpoints, running and stopping, by the GDB remote serial protocol.

Harts are the stub's threads, in the order in which it lists them. Registers are found by name in the target
description, so CSRs and the privilege level are asked for by the names of the privileged specification. Memory is not
read here: the guest's RAM is a file that both sides map.
"""

from __future__ import annotations

import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from typing import Protocol

from cowcheck.machine.qemu.packets import AGAIN, INTERRUPT, PacketReader, framed
from cowcheck.model.errors import CowcheckError

GENERAL = 33
"""Registers of a ``g`` packet that are used: x0 to x31 and pc."""

_REPLY_S = 20.0
_SIGNALS = {2: "interrupted", 5: "breakpoint"}
_SERIAL = "the GDB remote serial protocol"


class Channel(Protocol):
    """What leads to the stub, and tells when nothing does any more."""

    def send(self, data: bytes) -> None:
        """Sends all of it. Raises :class:`CowcheckError` where the other side has gone."""
        ...

    def receive(self, timeout_s: float) -> bytes:
        """What has come; empty when nothing has within the time. Raises :class:`CowcheckError` where the other side has
        gone."""
        ...


@dataclass(frozen=True, slots=True)
class Stopped:
    """The machine stands still: at which hart's instruction, and whether for a breakpoint or step (``signal`` 5)."""

    hart: int
    signal: int

    @property
    def interrupted(self) -> bool:
        """It was stopped from here, at no particular instruction."""
        return self.signal != 5


class GdbStub:
    """One connection. All methods but :meth:`wait` and :meth:`interrupt` want the machine to stand still."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._reader = PacketReader()
        self._waiting: list[bytes] = []
        self._sent = b""
        self._thread = b""
        self.running = False
        features = self.ask(b"qSupported:multiprocess+;vContSupported+").split(b";")
        if b"qXfer:features:read+" not in features and b"qXfer:features:read" not in features:
            raise self._unusable("it describes no registers")
        self.numbers = self._register_numbers()
        self.threads = self._list_threads()
        if not {b"c", b"s"} <= set(self.ask(b"vCont?").split(b";")):
            raise self._unusable("it cannot step a single hart")

    # --- packets ---

    def ask(self, data: bytes) -> bytes:
        """Sends a packet and gives the answer to it."""
        self._send(data)
        reply = self._packet(_REPLY_S)
        if reply is None:
            raise self._unusable(f"no answer to {data[:40].decode('ascii', 'replace')!r} within {_REPLY_S:.0f} s")
        return reply

    def _send(self, data: bytes) -> None:
        self._sent = framed(data)
        self._channel.send(bytes(self._reader.replies) + self._sent)
        self._reader.replies.clear()

    def _packet(self, timeout_s: float) -> bytes | None:
        """The next packet; None where none comes in time."""
        until = time.monotonic() + timeout_s
        while not self._waiting:
            left = until - time.monotonic()
            received = self._channel.receive(max(left, 0.0))
            if not received and left <= 0:
                return None
            self._waiting += self._reader.feed(received)
            if AGAIN in self._reader.replies:  # an acknowledgement can wait for what is sent next, this cannot
                self._channel.send(bytes(self._reader.replies))
                self._reader.replies.clear()
            if self._reader.wanted_again:
                self._reader.wanted_again = False
                self._channel.send(self._sent)
        return self._waiting.pop(0)

    def _unusable(self, reason: str) -> CowcheckError:
        return CowcheckError(f"QEMU's debugging stub cannot be used: {reason} ({_SERIAL}); try another release of QEMU")

    def _expect_ok(self, data: bytes) -> None:
        reply = self.ask(data)
        if reply != b"OK":
            raise self._unusable(f"it answered {data[:40].decode('ascii', 'replace')!r} with {reply[:40]!r}")

    # --- what there is ---

    def _document(self, name: str) -> str:
        """A part of the target description (``qXfer:features:read``)."""
        text = b""
        while True:
            piece = self.ask(b"qXfer:features:read:%b:%x,7f8" % (name.encode("ascii", "replace"), len(text)))
            text += piece[1:]
            if piece[:1] == b"l":
                return text.decode("utf-8", "replace")
            if piece[:1] != b"m" or len(piece) == 1 or len(text) > 1 << 20:
                raise self._unusable(f"it has no description {name}")

    def _register_numbers(self) -> dict[str, int]:
        """Register numbers by name: ``regnum`` where a register says it, else one more than the register before."""
        numbers: dict[str, int] = {}
        following = 0
        try:
            target = ElementTree.fromstring(self._document("target.xml").replace("xi:include", "include"))
            for part in target.iter("include"):
                for register in ElementTree.fromstring(self._document(part.get("href", ""))).iter("reg"):
                    following = int(register.get("regnum", following))
                    numbers.setdefault(register.get("name", ""), following)
                    following += 1
        except (ElementTree.ParseError, ValueError) as error:
            raise self._unusable(f"its description of the registers is damaged ({error})") from error
        if numbers.get("pc") != GENERAL - 1:
            raise self._unusable("its registers are not those of a 64-bit RISC-V hart")
        return numbers

    def _list_threads(self) -> tuple[bytes, ...]:
        found: list[bytes] = []
        reply = self.ask(b"qfThreadInfo")
        while reply[:1] == b"m":
            found += reply[1:].split(b",")
            reply = self.ask(b"qsThreadInfo")
        if not found or reply != b"l":
            raise self._unusable("it lists no harts")
        return tuple(found)

    # --- registers ---

    def _choose(self, hart: int) -> None:
        thread = self.threads[hart]
        if thread != self._thread:
            self._expect_ok(b"Hg" + thread)
            self._thread = thread

    def general(self, hart: int) -> tuple[int, ...]:
        """x0 to x31 and pc."""
        self._choose(hart)
        reply = self.ask(b"g")
        try:
            raw = bytes.fromhex(reply.decode("ascii"))
        except (UnicodeDecodeError, ValueError):
            raw = b""
        if len(raw) < 8 * GENERAL:
            raise self._unusable(f"it gave no registers but {reply[:40]!r}")
        return tuple(int.from_bytes(raw[at : at + 8], "little") for at in range(0, 8 * GENERAL, 8))

    def read(self, hart: int, name: str) -> int:
        """A register: ``a0``, ``pc``, a CSR such as ``scause``, or ``priv``. KeyError for one that the stub has not."""
        number = self.numbers[name]
        self._choose(hart)
        reply = self.ask(b"p%x" % number)
        try:
            return int.from_bytes(bytes.fromhex(reply.decode("ascii")), "little")
        except (UnicodeDecodeError, ValueError):
            raise self._unusable(f"it cannot read {name}: {reply[:40]!r}") from None

    def write(self, hart: int, name: str, value: int) -> None:
        """Sets a register."""
        number = self.numbers[name]
        self._choose(hart)
        self._expect_ok(b"P%x=%b" % (number, (value % (1 << 64)).to_bytes(8, "little").hex().encode()))

    # --- breakpoints, running ---

    def set_breakpoint(self, address: int, on: bool = True) -> None:
        """Stops before the instruction at a virtual address, on every hart and in every address space; or no longer."""
        self._expect_ok(b"%b0,%x,4" % (b"Z" if on else b"z", address))

    def resume(self, hart: int | None = None) -> None:
        """One hart goes on and the others stand still, or every hart goes on. One that stands at a breakpoint must be
        stepped first: it would stop there again."""
        self._send(b"vCont;c" if hart is None else b"vCont;c:" + self.threads[hart])
        self.running = True

    def step(self, hart: int) -> Stopped:
        """One instruction of one hart, breakpoints and interrupts aside; the others stand still."""
        self._send(b"vCont;s:" + self.threads[hart])
        self.running = True
        stopped = self.wait(_REPLY_S)
        if stopped is None:
            raise self._unusable("a single step did not end")
        return stopped

    def wait(self, timeout_s: float) -> Stopped | None:
        """Waits until the machine stands still; None where it still runs when the time is up."""
        while True:
            packet = self._packet(timeout_s)
            if packet is None:
                return None
            if packet[:1] in b"WX":
                raise self._unusable("QEMU says that the machine has ended")
            if packet[:1] in b"TS" and len(packet) >= 3:
                self.running = False
                stopped = self._stopped(packet)
                # The stub turns to a hart that came to a breakpoint; which it looks at after an interrupt is not said.
                self._thread = b"" if stopped.interrupted else self.threads[stopped.hart]
                return stopped

    def interrupt(self) -> Stopped:
        """Makes the machine stand still, wherever it is; or tells of the breakpoint that it came to just then."""
        self._channel.send(INTERRUPT)
        stopped = self.wait(_REPLY_S)
        if stopped is None:
            raise self._unusable("it does not stop the machine")
        return stopped

    def _stopped(self, packet: bytes) -> Stopped:
        try:
            signal = int(packet[1:3], 16)
        except ValueError:
            raise self._unusable(f"it tells of a stop as {packet[:40]!r}") from None
        hart = 0
        for pair in packet[3:].split(b";"):
            name, _, value = pair.partition(b":")
            if name == b"thread" and value in self.threads:
                hart = self.threads.index(value)
        return Stopped(hart, signal)
