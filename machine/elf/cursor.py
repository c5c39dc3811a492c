"""Reading DWARF's numbers and strings off a run of bytes, never past its end."""

from __future__ import annotations

from cowcheck.machine.elf.names import name_from

_LONGEST_LEB128 = 10  # bytes that 64 bits need


class Cursor:
    """A place in some bytes. What would go past ``end`` raises ValueError."""

    __slots__ = ("_data", "end", "offset")

    def __init__(self, data: bytes, offset: int = 0, end: int | None = None) -> None:
        self._data = data
        self.offset = offset
        self.end = len(data) if end is None else end
        if not 0 <= offset <= self.end <= len(data):
            raise ValueError(f"bytes {offset} to {self.end} of {len(data)}")

    def unsigned(self, size: int) -> int:
        """An unsigned number of ``size`` bytes, little-endian."""
        return int.from_bytes(self.take(size), "little")

    def signed(self, size: int) -> int:
        """A signed number of ``size`` bytes, little-endian."""
        return int.from_bytes(self.take(size), "little", signed=True)

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes."""
        start = self.offset
        if size < 0 or start + size > self.end:
            raise ValueError(f"{size} bytes at {start}, where {self.end} is the end")
        self.offset = start + size
        return self._data[start : start + size]

    def uleb128(self) -> int:
        """An unsigned LEB128 number."""
        return self._leb128()[0]

    def sleb128(self) -> int:
        """A signed LEB128 number."""
        value, bits = self._leb128()
        return value - (1 << bits) if value >> (bits - 1) & 1 else value

    def _leb128(self) -> tuple[int, int]:
        """The bits of a LEB128 number, and how many there are."""
        value = 0
        for count in range(_LONGEST_LEB128):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << 7 * count
            if byte < 0x80:
                return value, 7 * (count + 1)
        raise ValueError(f"a LEB128 number at {self.offset - _LONGEST_LEB128} that has no end")

    def string(self) -> str:
        """A string that ends with a zero byte."""
        found = self._data.find(b"\0", self.offset, self.end)
        if found < 0:
            raise ValueError(f"a string at {self.offset} that has no end")
        text = name_from(self._data[self.offset : found])
        self.offset = found + 1
        return text
