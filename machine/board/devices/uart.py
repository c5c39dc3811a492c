"""The console: a 16550A UART at 0x10000000 (xv6 kernel/uart.c), infinitely fast.

A transmitted byte leaves at once, so the transmitter is always empty; its interrupt (enabled by IER bit 1) is raised
after each byte, and lowered when ISR is read, as the 16550 does. The line is signalled again at every access to a
register that may change it, as in QEMU's model (hw/char/serial.c).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

IRQ = 10

IER_RECEIVE, IER_TRANSMIT = 1, 2
LSR_READY, LSR_IDLE = 1, 0x60  # a byte waits; transmitter empty
LCR_DIVISOR = 0x80  # registers 0 and 1 are the baud rate

MOST_OUTPUT = 1 << 20  # bytes kept of what a kernel prints; one that prints for ever must not fill the memory


class Uart:
    """The port's registers, what was typed and not read yet, and what was printed."""

    base = 0x10000000
    size = 0x1000

    def __init__(self, signal: Callable[[bool], None]) -> None:
        self.signal = signal
        self.typed: deque[int] = deque()
        self.printed = bytearray()
        self.discarded = 0  # bytes printed beyond MOST_OUTPUT
        self.ier = 0
        self.lcr = 0
        self.scratch = 0
        self.sent = False  # a byte went out since ISR was read

    @property
    def raised(self) -> bool:
        """Whether the interrupt line is up."""
        received = bool(self.typed) and bool(self.ier & IER_RECEIVE)
        return received or (self.sent and bool(self.ier & IER_TRANSMIT))

    def type(self, text: bytes) -> None:
        """Puts text in front of the receiver."""
        self.typed.extend(text)
        self.signal(self.raised)

    def read(self, offset: int, size: int) -> int:
        """Registers: RHR, IER, ISR, LCR, MCR, LSR, MSR, SCR."""
        match offset:
            case 0 if not self.lcr & LCR_DIVISOR:
                byte = self.typed.popleft() if self.typed else 0
                self.signal(self.raised)
                return byte
            case 1 if not self.lcr & LCR_DIVISOR:
                return self.ier
            case 2:
                if self.typed and self.ier & IER_RECEIVE:
                    return 0xC4
                was, self.sent = self.sent, False
                self.signal(self.raised)
                return 0xC2 if was and self.ier & IER_TRANSMIT else 0xC1
            case 3:
                return self.lcr
            case 5:
                return LSR_IDLE | (LSR_READY if self.typed else 0)
            case 7:
                return self.scratch
            case _:
                return 0

    def write(self, offset: int, size: int, value: int) -> None:
        """Registers: THR, IER, FCR, LCR, MCR, -, -, SCR."""
        value &= 0xFF
        match offset:
            case 0 if not self.lcr & LCR_DIVISOR:
                if len(self.printed) < MOST_OUTPUT:
                    self.printed.append(value)
                else:
                    self.discarded += 1
                self.sent = True
                self.signal(self.raised)
            case 1 if not self.lcr & LCR_DIVISOR:
                if value & IER_TRANSMIT and not self.ier & IER_TRANSMIT:
                    self.sent = True  # enabling it while the transmitter is empty raises it
                self.ier = value
                self.signal(self.raised)
            case 3:
                self.lcr = value
            case 7:
                self.scratch = value
