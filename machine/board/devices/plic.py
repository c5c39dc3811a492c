"""The platform-level interrupt controller at 0x0c000000 (RISC-V PLIC specification 1.0).

Context 2h is hart h's machine mode, 2h + 1 its supervisor mode; xv6 uses the latter (kernel/plic.c). A source becomes
pending when its device signals it, and a claim takes that back, as in QEMU's model (hw/intc/sifive_plic.c): a line that
stays up is not pending again until the device signals it once more. xv6's UART driver relies on that, because it never
reads the register that would lower the transmitter's interrupt.
"""

from __future__ import annotations

SOURCES = 64
ENABLE, ENABLE_STEP = 0x2000, 0x80
THRESHOLD, THRESHOLD_STEP = 0x200000, 0x1000
CLAIM = 4  # beside the threshold


class Plic:
    """Priorities, enables, thresholds and claims."""

    base = 0x0C000000
    size = 0x400000

    def __init__(self, harts: int) -> None:
        self.priority = [0] * SOURCES
        self.enabled = [0] * (2 * harts)  # per context, a bit a source
        self.threshold = [0] * (2 * harts)
        self.pending = 0  # a bit a source
        self.claimed = 0

    def signal(self, source: int, up: bool) -> None:
        """A device's line goes up or down, or is found up again."""
        bit = 1 << source
        self.pending = self.pending | bit if up else self.pending & ~bit

    def best(self, context: int) -> int:
        """The pending source of the highest priority that the context would be given; 0 for none."""
        chosen, highest = 0, self.threshold[context]
        waiting = self.pending & ~self.claimed & self.enabled[context]
        for source in range(1, SOURCES if waiting else 1):
            if waiting >> source & 1 and self.priority[source] > highest:
                chosen, highest = source, self.priority[source]
        return chosen

    def read(self, offset: int, size: int) -> int:
        """A load; one of a claim register claims."""
        if offset < 4 * SOURCES:
            return self.priority[offset // 4]
        if ENABLE <= offset < ENABLE + ENABLE_STEP * len(self.enabled):
            context, word = divmod(offset - ENABLE, ENABLE_STEP)
            return self.enabled[context] >> 8 * word & 0xFFFFFFFF
        if THRESHOLD <= offset < THRESHOLD + THRESHOLD_STEP * len(self.threshold):
            context, register = divmod(offset - THRESHOLD, THRESHOLD_STEP)
            if register == CLAIM:
                source = self.best(context)
                if source:
                    self.claimed |= 1 << source
                    self.pending &= ~(1 << source)
                return source
            return self.threshold[context] if register == 0 else 0
        return 0

    def write(self, offset: int, size: int, value: int) -> None:
        """A store; one to a claim register completes."""
        if offset < 4 * SOURCES:
            self.priority[offset // 4] = value
        elif ENABLE <= offset < ENABLE + ENABLE_STEP * len(self.enabled):
            context, word = divmod(offset - ENABLE, ENABLE_STEP)
            mask = 0xFFFFFFFF << 8 * word
            self.enabled[context] = self.enabled[context] & ~mask | value << 8 * word & mask
        elif THRESHOLD <= offset < THRESHOLD + THRESHOLD_STEP * len(self.threshold):
            context, register = divmod(offset - THRESHOLD, THRESHOLD_STEP)
            if register == CLAIM:
                self.claimed &= ~(1 << (value & (SOURCES - 1)))
            elif register == 0:
                self.threshold[context] = value
