"""Packets of the GDB remote serial protocol: framing, escapes, runs, damage, and bytes that come in pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cowcheck.machine.qemu.packets import MOST_BYTES, PacketReader, framed, unframed
from cowcheck.model.errors import CowcheckError


def test_a_packet_is_framed_with_its_sum() -> None:
    assert framed(b"OK") == b"$OK#9a"
    assert framed(b"") == b"$#00"


def test_what_would_end_a_packet_is_escaped() -> None:
    assert framed(b"a#b$c}d*") == b"$a}\x03b}\x04c}]d}\x0a#%02x" % (sum(b"a}\x03b}\x04c}]d}\x0a") & 0xFF)


def test_a_run_is_written_out() -> None:
    assert unframed(b"0* ") == b"0000"  # a space is 29 + 3: three more


@given(st.binary(max_size=200), st.data())
def test_a_packet_comes_through_in_any_pieces(data: bytes, draw: st.DataObject) -> None:
    stream = b"+" + framed(data) + framed(b"next")
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    reader, packets = PacketReader(), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        packets += reader.feed(stream[start:end])
    assert packets == [data, b"next"]
    assert reader.replies == b"++"


def test_a_damaged_packet_is_asked_for_again() -> None:
    reader = PacketReader()
    assert reader.feed(b"$OK#00") == []
    assert reader.replies == b"-"
    assert reader.feed(framed(b"OK")) == [b"OK"]
    assert reader.replies == b"-+"


def test_the_other_side_may_ask_again() -> None:
    reader = PacketReader()
    assert reader.feed(b"-") == []
    assert reader.wanted_again


def test_a_minus_in_a_packet_asks_for_nothing() -> None:
    reader = PacketReader()
    assert reader.feed(framed(b"a-b")) == [b"a-b"]
    assert not reader.wanted_again


def test_a_packet_without_an_end_is_refused() -> None:
    reader = PacketReader()
    with pytest.raises(CowcheckError, match="more than"):
        reader.feed(b"$" + bytes(MOST_BYTES + 1))


@given(st.binary(max_size=300))
def test_no_bytes_are_too_strange(received: bytes) -> None:
    reader = PacketReader()
    for packet in reader.feed(received):
        assert isinstance(packet, bytes)
