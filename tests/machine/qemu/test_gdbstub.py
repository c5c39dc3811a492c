"""The client of QEMU's stub, against a stub that answers from a table."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cowcheck.machine.qemu.gdbstub import GdbStub
from cowcheck.machine.qemu.packets import PacketReader, framed
from cowcheck.model.errors import CowcheckError

CORE = "".join(f'<reg name="{name}" bitsize="64"/>' for name in ["zero", "ra", "sp", *(f"x{n}" for n in range(3, 32))])
DOCUMENTS = {
    "target.xml": '<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target>'
    '<xi:include href="cpu.xml"/><xi:include href="csr.xml"/></target>',
    "cpu.xml": f'<feature name="cpu">{CORE}<reg name="pc" bitsize="64"/></feature>',
    "csr.xml": '<feature name="csr"><reg name="scause" bitsize="64" regnum="388"/>'
    '<reg name="stval" bitsize="64"/></feature>',
}


class FakeStub:
    """A channel whose other side is a stub of two harts. ``answers`` override its own; ``log`` is what it was asked."""

    def __init__(self, **answers: bytes | None) -> None:
        self.reader = PacketReader()
        self.log: list[bytes] = []
        self.outgoing = bytearray()
        self.answers = {name.encode(): answer for name, answer in answers.items()}
        self.stops: list[bytes] = []
        self.pieces = 1 << 16
        self.damage = 0  # packets to spoil

    def send(self, data: bytes) -> None:
        if b"\x03" in data:
            self.outgoing += framed(b"T02thread:p01.01;")
        for packet in self.reader.feed(data.replace(b"\x03", b"")):
            self.log.append(packet)
            answer = self.answer(packet)
            if answer is not None:
                reply = framed(answer)
                if self.damage:
                    self.damage -= 1
                    self.outgoing += reply[:-2] + b"zz"
                else:
                    self.outgoing += b"+" + reply
        if b"-" in data[:1]:
            self.outgoing += framed(self.answer(self.log[-1]) or b"")

    def receive(self, timeout_s: float) -> bytes:
        found = bytes(self.outgoing[: self.pieces])
        del self.outgoing[: self.pieces]
        return found

    def answer(self, packet: bytes) -> bytes | None:
        for start, answer in self.answers.items():
            if packet.startswith(start):
                return answer
        match packet[:1], packet:
            case _, _ if packet.startswith(b"qSupported"):
                return b"PacketSize=1000;qXfer:features:read+;vContSupported+;multiprocess+"
            case _, _ if packet.startswith(b"qXfer:features:read:"):
                name, _, where = packet[len(b"qXfer:features:read:") :].partition(b":")
                start, _, count = where.partition(b",")
                text = DOCUMENTS[name.decode()].encode()
                piece = text[int(start, 16) : int(start, 16) + min(int(count, 16), 100)]
                last = int(start, 16) + len(piece) >= len(text)
                return (b"l" if last else b"m") + piece
            case _, b"qfThreadInfo":
                return b"mp01.01"
            case _, b"qsThreadInfo":
                return b"mp01.02" if self.log.count(b"qsThreadInfo") % 2 else b"l"
            case _, b"vCont?":
                return b"vCont;c;C;s;S"
            case b"g", _:
                return b"".join(value.to_bytes(8, "little").hex().encode() for value in range(100, 133))
            case b"p", _:
                return int(packet[1:], 16).to_bytes(8, "little").hex().encode()
            case b"v", _:
                return self.stops.pop(0) if self.stops else None
            case _:
                return b"OK"


@pytest.fixture
def fake() -> FakeStub:
    return FakeStub()


def test_registers_are_found_by_name_in_the_description(fake: FakeStub) -> None:
    stub = GdbStub(fake)
    assert (stub.numbers["ra"], stub.numbers["pc"], stub.numbers["scause"], stub.numbers["stval"]) == (1, 32, 388, 389)
    assert stub.read(0, "stval") == 389
    with pytest.raises(KeyError):
        stub.read(0, "nothing")


def test_harts_are_threads_in_their_order(fake: FakeStub) -> None:
    stub = GdbStub(fake)
    assert stub.threads == (b"p01.01", b"p01.02")
    assert stub.general(1) == tuple(range(100, 133))
    stub.write(1, "pc", 0x8000_0000)
    stub.read(0, "ra")
    asked = fake.log[-5:]
    assert asked == [b"Hgp01.02", b"g", b"P20=0000008000000000", b"Hgp01.01", b"p1"]


def test_breakpoints_are_set_and_taken_away(fake: FakeStub) -> None:
    stub = GdbStub(fake)
    stub.set_breakpoint(0x3F_FFFF_F000)
    stub.set_breakpoint(0x3F_FFFF_F000, on=False)
    assert fake.log[-2:] == [b"Z0,3ffffff000,4", b"z0,3ffffff000,4"]


def test_a_stop_names_its_hart(fake: FakeStub) -> None:
    stub = GdbStub(fake)
    fake.stops = [b"T05thread:p01.02;"]
    stub.resume()
    stopped = stub.wait(1)
    assert stopped is not None
    assert (stopped.hart, stopped.interrupted, stub.running) == (1, False, False)


def test_one_hart_is_stepped_alone(fake: FakeStub) -> None:
    stub = GdbStub(fake)
    fake.stops = [b"T05thread:p01.01;"]
    assert stub.step(0).hart == 0
    assert fake.log[-1] == b"vCont;s:p01.01"


def test_a_machine_that_runs_on_is_waited_for_no_longer_than_asked(fake: FakeStub) -> None:
    stub = GdbStub(fake)
    stub.resume()
    assert stub.wait(0) is None
    assert stub.running
    assert stub.interrupt().interrupted


def test_answers_may_come_byte_by_byte(fake: FakeStub) -> None:
    fake.pieces = 1
    assert GdbStub(fake).general(0)[32] == 132


def test_a_damaged_answer_is_asked_for_again(fake: FakeStub) -> None:
    stub = GdbStub(fake)
    fake.damage = 1
    assert stub.read(0, "scause") == 388


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"qSupported": b"PacketSize=1000"}, "describes no registers"),
        ({"qfThreadInfo": b"l"}, "lists no harts"),
        ({"vCont?": b""}, "cannot step"),
        ({"qXfer:features:read:target.xml": b"E00"}, "no description target.xml"),
        ({"qXfer:features:read:cpu.xml": b"l<feature>"}, "damaged"),
        ({"qXfer:features:read:cpu.xml": b"l<feature/>"}, "not those of a 64-bit RISC-V hart"),
    ],
)
def test_a_stub_of_another_kind_is_refused(answers: dict[str, bytes], reason: str) -> None:
    with pytest.raises(CowcheckError, match=reason):
        GdbStub(FakeStub(**answers))


@pytest.mark.parametrize(
    ("packet", "answer", "use"),
    [
        ("g", b"E14", lambda stub: stub.general(0)),
        ("p", b"xx", lambda stub: stub.read(0, "ra")),
        ("Z0", b"E22", lambda stub: stub.set_breakpoint(0)),
        ("vCont;s", b"W00", lambda stub: stub.step(0)),
        ("vCont;s", b"Tzz", lambda stub: stub.step(0)),
    ],
)
def test_a_refusal_is_one_clear_error(packet: str, answer: bytes, use: Callable[[GdbStub], object]) -> None:
    fake = FakeStub()
    stub = GdbStub(fake)
    fake.answers[packet.encode()] = answer
    with pytest.raises(CowcheckError, match="QEMU's debugging stub cannot be used"):
        use(stub)
