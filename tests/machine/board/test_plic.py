"""The interrupt controller: priorities, enables, thresholds, claim and completion (PLIC specification 1.0)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cowcheck.machine.board.devices.plic import CLAIM, ENABLE, ENABLE_STEP, SOURCES, THRESHOLD, THRESHOLD_STEP, Plic


def enable(context: int, word: int = 0) -> int:
    return ENABLE + context * ENABLE_STEP + 4 * word


def threshold(context: int) -> int:
    return THRESHOLD + context * THRESHOLD_STEP


def claim(context: int) -> int:
    return threshold(context) + CLAIM


@given(
    priorities=st.lists(st.integers(0, 7), min_size=SOURCES, max_size=SOURCES),
    enabled=st.integers(0, (1 << SOURCES) - 1),
    pending=st.sets(st.integers(1, SOURCES - 1), max_size=6),
    limit=st.integers(0, 7),
    context=st.integers(0, 5),
)
def test_claims_come_by_priority(
    priorities: list[int], enabled: int, pending: set[int], limit: int, context: int
) -> None:
    plic = Plic(3)
    for source, priority in enumerate(priorities):
        plic.write(4 * source, 4, priority)
    for half in range(2):
        plic.write(enable(context, half), 4, enabled >> 32 * half & 0xFFFFFFFF)
    plic.write(threshold(context), 4, limit)
    for source in pending:
        plic.signal(source, True)
    due = [source for source in pending if enabled >> source & 1 and priorities[source] > limit]
    due.sort(key=lambda source: (-priorities[source], source))
    assert all(plic.best(other) == 0 for other in range(6) if other != context)
    assert [plic.read(claim(context), 4) for _ in due] == due
    assert plic.read(claim(context), 4) == 0
    assert plic.read(threshold(context), 4) == limit
    assert [plic.read(enable(context, half), 4) for half in range(2)] == [enabled & 0xFFFFFFFF, enabled >> 32]
    assert [plic.read(4 * source, 4) for source in range(SOURCES)] == priorities


def ready() -> Plic:
    """Source 10 is enabled on harts 0 and 1, in supervisor mode."""
    plic = Plic(2)
    plic.write(4 * 10, 4, 1)
    plic.write(enable(1), 4, 1 << 10)
    plic.write(enable(3), 4, 1 << 10)
    return plic


def test_one_hart_claims_and_completes() -> None:
    plic = ready()
    plic.signal(10, True)
    assert (plic.best(1), plic.best(3), plic.best(0)) == (10, 10, 0)
    assert plic.read(claim(1), 4) == 10
    assert (plic.best(1), plic.best(3), plic.read(claim(3), 4)) == (0, 0, 0)
    plic.signal(10, True)  # while it is dealt with
    assert plic.best(3) == 0
    plic.write(claim(1), 4, 10)
    assert (plic.best(1), plic.best(3)) == (10, 10)


def test_a_line_that_stays_up_is_not_pending_again() -> None:
    plic = ready()
    plic.signal(10, True)
    plic.read(claim(1), 4)
    plic.write(claim(1), 4, 10)
    assert plic.best(1) == 0


def test_a_line_that_goes_down_is_not_pending() -> None:
    plic = ready()
    plic.signal(10, True)
    plic.signal(10, False)
    assert plic.best(1) == 0


@given(
    accesses=st.lists(
        st.tuples(
            st.one_of(
                st.integers(0, 0x3FFFFF),
                st.builds(
                    lambda base, context, offset: base + context * offset,
                    st.sampled_from([0, ENABLE, THRESHOLD, THRESHOLD + CLAIM]),
                    st.integers(0, 17),
                    st.sampled_from([1, 4, ENABLE_STEP, THRESHOLD_STEP]),
                ),
            ),
            st.sampled_from([1, 2, 4, 8]),
            st.one_of(st.none(), st.integers(0, 1 << 64)),
        )
    )
)
def test_any_access_is_survived(accesses: list[tuple[int, int, int | None]]) -> None:
    """A kernel may touch any register, real or not."""
    plic = Plic(8)
    for offset, size, value in accesses:
        if value is None:
            assert plic.read(offset, size) >= 0
        else:
            plic.write(offset, size, value % (1 << 8 * size))
