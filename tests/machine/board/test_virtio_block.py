"""The disk, driven as xv6's kernel/virtio_disk.c drives it, in both layouts; and by drivers that make mistakes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cowcheck.machine.board.devices.virtio_block import SECTOR, VirtioBlock
from cowcheck.machine.board.state import KERNBASE, PAGE, RAM_BYTES

MAGIC, VERSION, DEVICE, VENDOR, FEATURES, FEATURES_SELECT = 0x000, 0x004, 0x008, 0x00C, 0x010, 0x014
GUEST_PAGE_SIZE, QUEUE_SELECT, QUEUE_MOST, QUEUE_NUM, QUEUE_PFN, QUEUE_READY = 0x028, 0x030, 0x034, 0x038, 0x040, 0x044
NOTIFY, INTERRUPT_STATUS, INTERRUPT_ACK, STATUS, CAPACITY = 0x050, 0x060, 0x064, 0x070, 0x100
DESC, AVAIL, USED = (0x080, 0x084), (0x090, 0x094), (0x0A0, 0x0A4)
IN, OUT, FLUSH = 0, 1, 4
NEXT, WRITE = 1, 2
ENTRIES = 8
QUEUE = KERNBASE + 0x1_0000  # three pages, of which each layout uses what it needs
HEADER, BUFFER, ANSWER = KERNBASE + 0x2_0000, KERNBASE + 0x2_1000, KERNBASE + 0x2_4000
SECTORS = 64

Segments = Sequence[tuple[int, int, int]]  # address, length, flags but NEXT


class Done(NamedTuple):
    """What the device left: the status byte, and the used ring's newest element."""

    status: int
    head: int
    written: int


class Driver:
    """A driver with its memory. The disk holds its own sector numbers."""

    def __init__(self, ram: np.ndarray[Any, np.dtype[np.uint8]], version: int) -> None:
        self.ram, self.version = ram, version
        self.ram[0x1_0000:0x3_0000] = 0
        self.ram[-PAGE:] = 0
        self.line = False
        self.device = VirtioBlock(ram, self.write, self.signal, version)
        self.device.disk[:] = b"".join(struct.pack("<I", number) * (SECTOR // 4) for number in range(SECTORS))
        self.ready = 0
        self.desc, self.avail = QUEUE, QUEUE + 16 * ENTRIES
        self.used = QUEUE + PAGE if version == 1 else QUEUE + 2 * PAGE
        if version == 2:
            self.avail = QUEUE + PAGE

    def write(self, pa: int, data: bytes) -> None:
        assert pa >= KERNBASE
        assert pa + len(data) <= KERNBASE + RAM_BYTES
        self.ram[pa - KERNBASE : pa - KERNBASE + len(data)] = list(data)

    def signal(self, up: bool) -> None:
        self.line = up

    def read(self, pa: int, count: int) -> bytes:
        return self.ram[pa - KERNBASE : pa - KERNBASE + count].tobytes()

    def start(self) -> None:
        """As virtio_disk_init does it."""
        set_register = self.device.write
        set_register(STATUS, 4, 0)
        for status in (1, 3):
            set_register(STATUS, 4, status)
        assert self.device.read(FEATURES, 4) == 0
        set_register(STATUS, 4, 11)
        assert self.device.read(STATUS, 4) & 8
        set_register(QUEUE_SELECT, 4, 0)
        assert self.device.read(QUEUE_MOST, 4) >= ENTRIES
        if self.version == 1:
            set_register(GUEST_PAGE_SIZE, 4, PAGE)
            set_register(QUEUE_NUM, 4, ENTRIES)
            set_register(QUEUE_PFN, 4, QUEUE // PAGE)
            assert self.device.read(QUEUE_PFN, 4) == QUEUE // PAGE
        else:
            assert self.device.read(QUEUE_READY, 4) == 0
            set_register(QUEUE_NUM, 4, ENTRIES)
            for (low, high), address in ((DESC, self.desc), (AVAIL, self.avail), (USED, self.used)):
                set_register(low, 4, address & 0xFFFFFFFF)
                set_register(high, 4, address >> 32)
            set_register(QUEUE_READY, 4, 1)
        set_register(STATUS, 4, 15)

    def describe(self, index: int, address: int, length: int, flags: int, follower: int = 0) -> None:
        self.write(self.desc + 16 * index, struct.pack("<QIHH", address % (1 << 64), length, flags, follower))

    def offer(self, head: int) -> None:
        """Puts a chain into the available ring; :meth:`notify` tells of it."""
        self.write(self.avail + 4 + 2 * (self.ready % ENTRIES), struct.pack("<H", head))
        self.ready = (self.ready + 1) & 0xFFFF
        self.write(self.avail + 2, struct.pack("<H", self.ready))

    def notify(self) -> None:
        self.device.write(NOTIFY, 4, 0)

    def request(self, kind: int, sector: int, segments: Segments, *, first: int = 0, header: int = HEADER) -> int:
        """A whole request, offered; gives its first descriptor."""
        if header == HEADER:
            self.write(HEADER, struct.pack("<IIQ", kind, 0, sector))
        self.write(ANSWER, b"\xff")
        parts = [(header, 16, 0), *segments, (ANSWER, 1, WRITE)]
        for number, (address, length, flags) in enumerate(parts):
            last = number == len(parts) - 1
            self.describe(
                (first + number) % ENTRIES, address, length, flags | (0 if last else NEXT), first + number + 1
            )
        self.offer(first)
        return first

    def done(self) -> Done:
        """What came of the last request; the interrupt is acknowledged."""
        assert self.line
        assert self.device.read(INTERRUPT_STATUS, 4) & 1
        self.device.write(INTERRUPT_ACK, 4, 1)
        assert not self.line
        index = struct.unpack("<H", self.read(self.used + 2, 2))[0]
        assert index == self.ready
        head, written = struct.unpack("<II", self.read(self.used + 4 + 8 * ((index - 1) % ENTRIES), 8))
        return Done(self.read(ANSWER, 1)[0], head, written)

    def carry_out(self, kind: int, sector: int, segments: Segments, *, first: int = 0) -> Done:
        self.request(kind, sector, segments, first=first)
        self.notify()
        return self.done()


@pytest.fixture(scope="module")
def ram() -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.zeros(RAM_BYTES, np.uint8)


@pytest.fixture(params=[1, 2], ids=["legacy", "version-1"])
def driver(request: pytest.FixtureRequest, ram: np.ndarray[Any, np.dtype[np.uint8]]) -> Driver:
    driver = Driver(ram, request.param)
    driver.start()
    return driver


def test_it_is_what_xv6_looks_for(driver: Driver) -> None:
    registers = [driver.device.read(offset, 4) for offset in (MAGIC, VERSION, DEVICE, VENDOR, CAPACITY, CAPACITY + 4)]
    assert registers == [0x74726976, driver.version, 2, 0x554D4551, SECTORS, 0]


def test_version_1_offers_its_feature() -> None:
    for version, offered in ((1, 0), (2, 1)):
        device = VirtioBlock(np.zeros(0, np.uint8), lambda pa, data: None, lambda up: None, version)
        device.write(FEATURES_SELECT, 4, 1)
        assert device.read(FEATURES, 4) == offered


def test_a_block_is_read(driver: Driver) -> None:
    assert driver.carry_out(IN, 6, [(BUFFER, 1024, WRITE)]) == Done(0, 0, 1025)
    assert driver.read(BUFFER, 1024) == bytes(driver.device.disk[6 * SECTOR : 8 * SECTOR])
    assert driver.read(BUFFER + 1024, 8) == bytes(8)


def test_a_block_is_written(driver: Driver) -> None:
    driver.write(BUFFER, bytes(range(256)) * 4)
    assert driver.carry_out(OUT, 3, [(BUFFER, 1024, 0)]) == Done(0, 0, 1)
    assert driver.device.disk[3 * SECTOR : 5 * SECTOR] == bytes(range(256)) * 4
    assert driver.device.disk[2 * SECTOR] == 2
    assert driver.device.disk[5 * SECTOR] == 5
    assert len(driver.device.disk) == SECTORS * SECTOR


def test_a_request_in_parts(driver: Driver) -> None:
    parts = [(BUFFER + 2048, 512, WRITE), (BUFFER, 100, WRITE), (BUFFER + 100, 412, WRITE)]
    assert driver.carry_out(IN, 9, parts) == Done(0, 0, 1025)
    assert driver.read(BUFFER + 2048, 512) == struct.pack("<I", 9) * 128
    assert driver.read(BUFFER, 512) == struct.pack("<I", 10) * 128


def test_many_requests_go_round_the_rings(driver: Driver) -> None:
    for number in range(3 * ENTRIES):
        first = number % (ENTRIES - 3)
        assert driver.carry_out(IN, number, [(BUFFER, 512, WRITE)], first=first) == Done(0, first, 513)
        assert driver.read(BUFFER, 4) == struct.pack("<I", number)


def test_requests_that_wait_are_served_together(driver: Driver) -> None:
    driver.write(HEADER + 16, struct.pack("<IIQ", OUT, 0, 1))
    driver.describe(4, HEADER + 16, 16, NEXT, 5)
    driver.describe(5, BUFFER + 512, 512, NEXT, 6)
    driver.describe(6, ANSWER + 1, 1, WRITE)
    driver.write(BUFFER + 512, b"w" * 512)
    driver.request(IN, 2, [(BUFFER, 512, WRITE)])
    driver.offer(4)
    driver.notify()
    assert driver.done() == Done(0, 4, 1)
    assert driver.read(BUFFER, 4) == struct.pack("<I", 2)
    assert driver.device.disk[SECTOR : 2 * SECTOR] == b"w" * 512


def test_the_first_request_can_be_held(driver: Driver) -> None:
    driver.device.held = True
    driver.request(IN, 4, [(BUFFER, 512, WRITE)])
    driver.notify()
    assert driver.device.waits
    assert (driver.read(ANSWER, 1), driver.line) == (b"\xff", False)
    driver.device.disk[4 * SECTOR : 5 * SECTOR] = b"late" * 128
    driver.device.release()
    assert driver.done().status == 0
    assert driver.read(BUFFER, 4) == b"late"
    assert not driver.device.waits


def test_flush_and_what_is_not_known(driver: Driver) -> None:
    assert driver.carry_out(FLUSH, 0, []).status == 0
    assert driver.carry_out(8, 0, [(BUFFER, 20, WRITE)]).status == 2  # VIRTIO_BLK_T_GET_ID


@pytest.mark.parametrize(
    ("kind", "sector", "segment"),
    [
        pytest.param(IN, SECTORS, (BUFFER, 512, WRITE), id="behind-the-last-sector"),
        pytest.param(IN, SECTORS - 1, (BUFFER, 1024, WRITE), id="over-the-end"),
        pytest.param(OUT, SECTORS, (BUFFER, 512, 0), id="written-behind-the-last-sector"),
        pytest.param(OUT, (1 << 64) - 1, (BUFFER, 512, 0), id="the-last-sector-there-could-be"),
        pytest.param(IN, 0, (KERNBASE - 512, 512, WRITE), id="read-to-below-ram"),
        pytest.param(IN, 0, (KERNBASE + RAM_BYTES - 256, 512, WRITE), id="read-to-over-rams-end"),
        pytest.param(IN, 0, ((1 << 64) - 8, 512, WRITE), id="read-to-the-end-of-addresses"),
        pytest.param(OUT, 0, (0, 512, 0), id="written-from-0"),
        pytest.param(OUT, 0, (KERNBASE + RAM_BYTES - 8, 512, 0), id="written-from-over-rams-end"),
        pytest.param(IN, 0, (BUFFER, 0xFFFFFFFF, WRITE), id="longer-than-ram"),
        pytest.param(IN, 0, (BUFFER, 512, 0), id="read-to-what-is-not-writable"),
    ],
)
def test_a_bad_request_fails(driver: Driver, kind: int, sector: int, segment: tuple[int, int, int]) -> None:
    before = bytes(driver.device.disk), driver.read(BUFFER, 1024)
    assert driver.carry_out(kind, sector, [segment]).status == 1
    assert (bytes(driver.device.disk), driver.read(BUFFER, 1024)) == before
    assert driver.carry_out(IN, 5, [(BUFFER, 512, WRITE)]).status == 0  # and the next one works


def test_the_last_bytes_of_ram_can_be_used(driver: Driver) -> None:
    at = KERNBASE + RAM_BYTES - 512
    assert driver.carry_out(IN, 5, [(at, 512, WRITE)]).status == 0
    assert driver.read(at, 512) == struct.pack("<I", 5) * 128


def test_a_chain_that_leads_to_itself_ends(driver: Driver) -> None:
    driver.request(IN, 0, [(BUFFER, 512, WRITE)])
    driver.describe(2, BUFFER, 512, NEXT | WRITE, 1)
    driver.notify()
    assert driver.ready == struct.unpack("<H", driver.read(driver.used + 2, 2))[0]
    driver.describe(3, HEADER, 16, NEXT, 3)
    driver.offer(3)
    driver.notify()
    assert driver.ready == struct.unpack("<H", driver.read(driver.used + 2, 2))[0]


def test_indices_that_no_descriptor_has(driver: Driver) -> None:
    driver.request(IN, 7, [(BUFFER, 512, WRITE)])
    driver.describe(0, HEADER, 16, NEXT, ENTRIES + 1)
    driver.write(driver.avail + 4, struct.pack("<H", 0x8000))
    driver.notify()
    assert driver.done().head == 0x8000


def test_a_chain_too_short_is_passed_over(driver: Driver) -> None:
    driver.describe(0, HEADER, 16, 0)
    driver.offer(0)
    driver.notify()
    assert driver.done().written == 0


def test_a_header_outside_ram(driver: Driver) -> None:
    driver.request(IN, 7, [(BUFFER, 512, WRITE)], header=0x1000)
    driver.notify()
    assert driver.done() == Done(0xFF, 0, 0)


def test_a_reset_forgets_the_queue(driver: Driver) -> None:
    driver.carry_out(IN, 7, [(BUFFER, 512, WRITE)])
    driver.device.write(STATUS, 4, 0)
    driver.request(IN, 1, [(BUFFER, 512, WRITE)])
    driver.notify()
    assert not driver.line
    again = Driver(driver.ram, driver.version)
    again.device = driver.device
    again.device.write_ram, again.device.signal = again.write, again.signal
    again.start()
    assert again.carry_out(IN, 1, [(BUFFER, 512, WRITE)]).status == 0


NUMBERS = st.one_of(
    st.integers(0, (1 << 64) - 1),
    st.integers(0, 0x100),
    st.integers(-64, 64).map(lambda offset: KERNBASE + RAM_BYTES + offset),
    st.integers(0, 0x3_0000).map(lambda offset: KERNBASE + offset),
)
REGISTERS = st.one_of(
    st.sampled_from([*DESC, *AVAIL, *USED, QUEUE_NUM, QUEUE_PFN, NOTIFY, STATUS, INTERRUPT_ACK, GUEST_PAGE_SIZE, 0x3C]),
    st.integers(0, 0xFFF),
)


@settings(max_examples=60, deadline=None)
@given(
    version=st.sampled_from([1, 2]),
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("register"), REGISTERS, NUMBERS),
            st.tuples(st.just("memory"), st.integers(0, 0x3000), NUMBERS),
            st.tuples(st.just("header"), st.sampled_from([IN, OUT, FLUSH, 7]), NUMBERS),
            st.tuples(st.just("notify"), st.just(0), st.just(0)),
        ),
        max_size=40,
    ),
)
def test_no_driver_breaks_the_board(
    ram: np.ndarray[Any, np.dtype[np.uint8]], version: int, steps: list[tuple[str, int, int]]
) -> None:
    driver = Driver(ram, version)
    driver.start()
    driver.request(IN, 1, [(BUFFER, 512, WRITE)])
    driver.offer(0)
    for what, at, value in steps:
        if what == "register":
            driver.device.write(at, 4, value)
            driver.device.read(at, 4)
        elif what == "memory":
            driver.write(QUEUE + at, struct.pack("<Q", value % (1 << 64)))
        elif what == "header":
            driver.write(HEADER, struct.pack("<IIQ", at, 0, value % (1 << 64)))
        else:
            driver.notify()
    driver.notify()
    assert len(driver.device.disk) == SECTORS * SECTOR
