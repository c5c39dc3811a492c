"""A small assembler: words and bytes at growing addresses, labels, and what refers to them filled in at the end."""

from __future__ import annotations

from collections.abc import Callable

from cowcheck.machine.program import encoding
from cowcheck.machine.program.encoding import Reg

_Encoder = Callable[[int], list[int]]
"""Instructions, given the address that a label turned out to have."""


class Assembler:
    """Collects code and data from ``base`` on. A label may be used before it is placed, and is placed once."""

    def __init__(self, base: int = 0) -> None:
        self.base = base
        self._bytes = bytearray()
        self._labels: dict[str, int] = {}
        self._pending: list[tuple[int, str, _Encoder]] = []
        self._fresh = 0

    @property
    def here(self) -> int:
        """The address of what comes next."""
        return self.base + len(self._bytes)

    def label(self, name: str) -> None:
        """Names the address of what comes next."""
        assert name not in self._labels, name
        self._labels[name] = self.here

    def place(self, name: str, address: int) -> None:
        """Names an address that nothing is written at."""
        assert name not in self._labels, name
        self._labels[name] = address

    def fresh_label(self, word: str) -> str:
        """A name that no other label has; not placed yet."""
        self._fresh += 1
        return f"{word}.{self._fresh}"

    def address_of(self, name: str) -> int:
        """The address of a label that stands already."""
        return self._labels[name]

    def emit(self, *words: int) -> None:
        """Instructions."""
        for word in words:
            self._bytes += word.to_bytes(4, "little")

    def data(self, data: bytes) -> None:
        self._bytes += data

    def word(self, value: int) -> None:
        """A 64-bit number."""
        self.data((value % (1 << 64)).to_bytes(8, "little"))

    def string(self, text: str) -> None:
        """ASCII and a NUL."""
        self.data(text.encode("ascii") + b"\0")

    def align(self, size: int) -> None:
        self.data(bytes(-self.here % size))

    def origin(self, address: int) -> None:
        """Zeros up to ``address``."""
        assert address >= self.here, (address, self.here)
        self.data(bytes(address - self.here))

    # --- what refers to labels ---

    def li(self, rd: Reg, value: int) -> None:
        """Any 64-bit constant."""
        self.emit(*encoding.constant(rd, value))

    def mv(self, rd: Reg, rs: Reg) -> None:
        if rd != rs:
            self.emit(encoding.addi(rd, rs, 0))

    def la(self, rd: Reg, label: str) -> None:
        """The address of a label, below 2 GiB."""

        def load_address(address: int) -> list[int]:
            low = (address & 0xFFF) - ((address & 0x800) << 1)
            return [encoding.lui(rd, address - low >> 12), encoding.addiw(rd, rd, low)]

        self._later(label, 2, load_address)

    def label_word(self, label: str, offset: int = 0) -> None:
        """A 64-bit number: the address of a label, below 4 GiB, and ``offset`` more."""
        self._later(label, 2, lambda address: [address + offset, 0])

    def j(self, label: str) -> None:
        self.jal(Reg.ZERO, label)

    def call(self, label: str) -> None:
        self.jal(Reg.RA, label)

    def jal(self, rd: Reg, label: str) -> None:
        at = self.here
        self._later(label, 1, lambda address: [encoding.jal(rd, address - at)])

    def ret(self) -> None:
        self.emit(encoding.RET)

    def beq(self, rs1: Reg, rs2: Reg, label: str) -> None:
        self._branch(encoding.beq, rs1, rs2, label)

    def bne(self, rs1: Reg, rs2: Reg, label: str) -> None:
        self._branch(encoding.bne, rs1, rs2, label)

    def blt(self, rs1: Reg, rs2: Reg, label: str) -> None:
        self._branch(encoding.blt, rs1, rs2, label)

    def bge(self, rs1: Reg, rs2: Reg, label: str) -> None:
        self._branch(encoding.bge, rs1, rs2, label)

    def _branch(self, encode: Callable[[int, int, int], int], rs1: Reg, rs2: Reg, label: str) -> None:
        at = self.here
        self._later(label, 1, lambda address: [encode(rs1, rs2, address - at)])

    def _later(self, label: str, words: int, encoder: _Encoder) -> None:
        self._pending.append((len(self._bytes), label, encoder))
        self.data(bytes(4 * words))

    def assemble(self) -> bytes:
        """The bytes from ``base`` on, every label filled in."""
        for offset, label, encoder in self._pending:
            words = encoder(self._labels[label])
            self._bytes[offset : offset + 4 * len(words)] = b"".join(word.to_bytes(4, "little") for word in words)
        self._pending.clear()
        return bytes(self._bytes)
