"""A record that is put back again and again."""

from __future__ import annotations

import os

import numpy as np
import pytest

from cowcheck.checker.interleave.frozen import Frozen

RECORD = np.dtype([("number", np.int64), ("table", np.int64, (4096,))])


@pytest.fixture(params=["memfd", "file"])
def frozen(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Frozen:
    """By the system's own means, and without them."""
    if request.param == "file":
        monkeypatch.delattr(os, "memfd_create", raising=False)
    return Frozen(RECORD)


def test_it_goes_back_to_what_it_was(frozen: Frozen) -> None:
    record = frozen.record
    record[0]["number"] = 5
    record[0]["table"][:] = np.arange(4096)
    frozen.freeze()
    before = frozen.record.copy()
    assert before[0]["number"] == 5
    for change in range(3):
        record = frozen.record
        record[0]["number"] = change
        record[0]["table"][::100] = -1
        record = frozen.thaw()
        assert np.array_equal(record, before)
        assert record is frozen.record


def test_what_is_written_to_the_shared_record_stays(frozen: Frozen) -> None:
    frozen.freeze()
    frozen.shared[0]["table"][7] = 9
    assert frozen.thaw()[0]["table"][7] == 9


def test_what_is_written_after_freezing_is_not_shared(frozen: Frozen) -> None:
    frozen.freeze()
    frozen.record[0]["number"] = 3
    assert frozen.shared[0]["number"] == 0
