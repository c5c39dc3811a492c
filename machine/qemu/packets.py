"""Packets of the GDB remote serial protocol, as bytes: no input and no output here (GDB manual, appendix E.1).

A packet is ``$data#xx``, ``xx`` the sum of the bytes of ``data`` modulo 256 in hexadecimal. ``}`` escapes the byte
after it, which was exclusive-ored with 0x20; ``*`` repeats the byte before it (run-length encoding). Each packet is
answered by ``+``, or by ``-`` where it was damaged and is wanted again.
"""

from __future__ import annotations

from cowcheck.model.errors import CowcheckError

ACKNOWLEDGED, AGAIN = b"+", b"-"
INTERRUPT = b"\x03"

MOST_BYTES = 1 << 20
"""Of one packet: a stub that never ends one must not fill the memory."""

_START, _END, _ESCAPE, _REPEAT = b"$#}*"
_ESCAPED = frozenset(b"$#}*")


def framed(data: bytes) -> bytes:
    """The bytes that carry a packet."""
    escaped = bytearray()
    for byte in data:
        if byte in _ESCAPED:
            escaped += bytes((_ESCAPE, byte ^ 0x20))
        else:
            escaped.append(byte)
    return b"$%b#%02x" % (bytes(escaped), sum(escaped) & 0xFF)


def unframed(body: bytes) -> bytes:
    """The data of what stands between ``$`` and ``#``: escapes undone, runs written out."""
    data = bytearray()
    at = 0
    while at < len(body):
        byte = body[at]
        if byte == _ESCAPE and at + 1 < len(body):
            data.append(body[at + 1] ^ 0x20)
            at += 2
        elif byte == _REPEAT and at + 1 < len(body) and data:
            data += data[-1:] * (body[at + 1] - 29)
            at += 2
        else:
            data.append(byte)
            at += 1
    return bytes(data)


class PacketReader:
    """Takes bytes as they come, and gives packets. ``replies`` is what must be sent back for them."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self.replies = bytearray()
        self.wanted_again = False  # the other side asked for the last packet once more

    def feed(self, received: bytes) -> list[bytes]:
        """The packets that are complete now. Raises :class:`CowcheckError` for one that is endless."""
        self._bytes += received
        packets = []
        while (packet := self._next()) is not None:
            packets.append(packet)
        if len(self._bytes) > MOST_BYTES:
            raise CowcheckError(
                f"QEMU's debugging stub sent a packet of more than {MOST_BYTES} bytes; is this QEMU a release?"
            )
        return packets

    def _next(self) -> bytes | None:
        while True:
            start = self._bytes.find(_START)
            before = self._bytes if start < 0 else self._bytes[:start]
            if AGAIN in before:
                self.wanted_again = True
            if start < 0:
                self._bytes.clear()
                return None
            del self._bytes[:start]
            end = self._bytes.find(_END)
            if end < 0 or end + 2 >= len(self._bytes):
                return None
            body, given = bytes(self._bytes[1:end]), bytes(self._bytes[end + 1 : end + 3])
            del self._bytes[: end + 3]
            if given.lower() == b"%02x" % (sum(body) & 0xFF):
                self.replies += ACKNOWLEDGED
                return unframed(body)
            self.replies += AGAIN
