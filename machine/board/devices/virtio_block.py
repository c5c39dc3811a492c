"""The disk: a virtio block device over MMIO at 0x10001000, of the legacy layout and of version 1.

Virtual I/O Device (VIRTIO) 1.1, sections 4.2.2 (MMIO), 4.2.4 (legacy), 2.6 (split virtqueues) and 5.2 (block device);
xv6 kernel/virtio_disk.c drives one queue of three-descriptor requests. A request is carried out at once, when the queue
is notified. What the kernel puts into the queue is untrusted: an address outside RAM or a chain that does not end makes
the request fail, never the board.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from cowcheck.machine.board.state import KERNBASE, PAGE, RAM_BYTES

IRQ = 1
SECTOR = 512
MOST_ENTRIES = 1024
IN, OUT, FLUSH = 0, 1, 4  # request types: VIRTIO_BLK_T_IN, _OUT, _FLUSH
OK, FAILED, UNSUPPORTED = 0, 1, 2  # request status
NEXT, WRITE = 1, 2  # descriptor flags

GUEST_PAGE_SIZE, QUEUE_NUM, QUEUE_ALIGN, QUEUE_PFN = 0x028, 0x038, 0x03C, 0x040
QUEUE_NOTIFY, INTERRUPT_ACK, STATUS = 0x050, 0x064, 0x070
ADDRESSES = {0x080: "desc", 0x084: "desc", 0x090: "avail", 0x094: "avail", 0x0A0: "used", 0x0A4: "used"}


class VirtioBlock:
    """The device: its registers, one queue and the disk's contents."""

    base = 0x10001000
    size = 0x1000

    def __init__(
        self, ram: Any, write_ram: Callable[[int, bytes], None], signal: Callable[[bool], None], version: int
    ) -> None:
        self.ram = ram  # uint8 array
        self.write_ram = write_ram  # physical address, bytes
        self.signal = signal
        self.version = version  # 1: legacy; 2: version 1 of the standard
        self.disk = bytearray()
        self.registers: dict[int, int] = {}
        self.queue = {"desc": 0, "avail": 0, "used": 0}
        self.entries = 0
        self.seen = 0  # requests taken from the available ring
        self.raised = False
        self.held = False  # requests wait until :meth:`release`
        self.waits = False  # one does

    def release(self) -> None:
        """Serves what waited, and everything from now on."""
        self.held = self.waits = False
        self.serve()

    def read(self, offset: int, size: int) -> int:
        """A register."""
        match offset:
            case 0x000:
                return 0x74726976
            case 0x004:
                return self.version
            case 0x008:
                return 2  # a block device
            case 0x00C:
                return 0x554D4551
            case 0x010:
                # of the features offered only this device's: none; version 1 needs VIRTIO_F_VERSION_1, bit 32
                return int(self.version == 2 and self.registers.get(0x014, 0) == 1)
            case 0x034:
                return MOST_ENTRIES
            case 0x040:
                return self.queue["desc"] // PAGE if self.version == 1 else 0
            case 0x060:
                return int(self.raised)
            case 0x100:
                return len(self.disk) // SECTOR & 0xFFFFFFFF
            case 0x104:
                return len(self.disk) // SECTOR >> 32
            case _:
                return self.registers.get(offset, 0)

    def write(self, offset: int, size: int, value: int) -> None:
        """A register; notifying the queue carries out what waits in it."""
        value &= 0xFFFFFFFF
        self.registers[offset] = value
        if offset == QUEUE_NUM:
            self.entries = min(value, MOST_ENTRIES)
        elif offset == QUEUE_PFN and self.version == 1:
            self.place_legacy(value)
        elif offset in ADDRESSES and self.version == 2:
            name, high = ADDRESSES[offset], bool(offset & 4)
            kept = self.queue[name] & (0xFFFFFFFF if high else ~0xFFFFFFFF)
            self.queue[name] = kept | value << (32 if high else 0)
        elif offset == QUEUE_NOTIFY:
            self.waits = self.held
            if not self.held:
                self.serve()
        elif offset == INTERRUPT_ACK:
            self.raised = False
            self.signal(False)
        elif offset == STATUS and value == 0:
            self.reset()

    def place_legacy(self, page: int) -> None:
        """The three parts of a legacy queue, one after the other (section 2.6.2)."""
        align = self.registers.get(QUEUE_ALIGN, 0) or PAGE
        size = self.registers.get(GUEST_PAGE_SIZE, 0) or PAGE
        start = page * size
        after = start + 16 * self.entries + 6 + 2 * self.entries
        self.queue = {"desc": start, "avail": start + 16 * self.entries, "used": (after + align - 1) // align * align}

    def reset(self) -> None:
        """The state after power-on."""
        self.registers.clear()
        self.queue = {"desc": 0, "avail": 0, "used": 0}
        self.entries = self.seen = 0
        self.raised = False

    def get(self, address: int, count: int) -> bytes | None:
        """Bytes of RAM, or None where they are not all RAM."""
        offset = address - KERNBASE
        if offset >= 0 and offset + count <= RAM_BYTES:
            return bytes(self.ram[offset : offset + count])
        return None

    def put(self, address: int, data: bytes) -> bool:
        """Writes RAM; False where it is not all RAM."""
        offset = address - KERNBASE
        if not 0 <= offset <= RAM_BYTES - len(data):
            return False
        if data:
            self.write_ram(address, data)
        return True

    def serve(self) -> None:
        """Carries out every request that waits in the available ring."""
        ring = self.get(self.queue["avail"], 4 + 2 * self.entries)
        used = self.get(self.queue["used"], 4 + 8 * self.entries)
        if not self.entries or ring is None or used is None:
            return
        ready = struct.unpack_from("<H", ring, 2)[0]
        index = struct.unpack_from("<H", used, 2)[0]
        for _ in range(self.entries):
            if self.seen == ready:
                break
            head = struct.unpack_from("<H", ring, 4 + 2 * (self.seen % self.entries))[0]
            written = self.carry_out(head)
            self.put(self.queue["used"] + 4 + 8 * (index % self.entries), struct.pack("<II", head, written))
            index = (index + 1) & 0xFFFF
            self.put(self.queue["used"] + 2, struct.pack("<H", index))
            self.seen = (self.seen + 1) & 0xFFFF
            self.raised = True
            self.signal(True)

    def chain(self, head: int) -> list[tuple[int, int, int]]:
        """The descriptors of a request, as (address, length, flags)."""
        found = []
        for _ in range(self.entries):
            raw = self.get(self.queue["desc"] + 16 * (head % self.entries), 16)
            if raw is None:
                break
            address, length, flags, head = struct.unpack("<QIHH", raw)
            found.append((address, length, flags))
            if not flags & NEXT:
                break
        return found

    def carry_out(self, head: int) -> int:
        """One request: header, data and status; gives the number of bytes written to RAM."""
        chain = self.chain(head)
        header = self.get(chain[0][0], 16) if len(chain) >= 2 else None
        if header is None:
            return 0
        kind, _, sector = struct.unpack("<IIQ", header)
        status, written, at = OK, 0, sector * SECTOR
        for address, length, flags in chain[1:-1]:
            inside = length <= RAM_BYTES and at + length <= len(self.disk)
            if kind == IN and flags & WRITE and inside:
                status = status if self.put(address, bytes(self.disk[at : at + length])) else FAILED
                written += length
            elif kind == OUT and inside:
                data = self.get(address, length)
                if data is None:
                    status = FAILED
                else:
                    self.disk[at : at + length] = data
            elif kind != FLUSH:
                status = FAILED if kind in (IN, OUT) else UNSUPPORTED
            at += length
        self.put(chain[-1][0], bytes([status]))
        return written + 1
