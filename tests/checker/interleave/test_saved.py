"""Schedule files: read back as they were written, and refused with one line where they are damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cowcheck.checker.interleave.result import RaceResult
from cowcheck.checker.interleave.saved import is_schedules, read_schedules, saved_from, write_schedules
from cowcheck.model.errors import CowcheckError

GOOD: dict[str, Any] = {
    "schema": "cowcheck/schedules/1",
    "kernel": "kernel/kernel",
    "build_id": "abc",
    "schedules": [
        {
            "race": "store+store",
            "schedule": [[0, 0], [3, 1]],
            "points": [0x80001000, 0x80002002],
            "invariant": "no-leak",
            "message": "lost",
            "state": "00000000000000ff",
        }
    ],
}


def with_item(**changes: Any) -> dict[str, Any]:
    return {**GOOD, "schedules": [{**GOOD["schedules"][0], **changes}]}


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in GOOD.items() if name != key}


def read(path: Path, value: object) -> Any:
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return read_schedules(path)


def test_what_was_written_is_read(explored: Callable[..., RaceResult], tmp_path: Path) -> None:
    found = explored("store+store", "BUG_NO_LOCK").findings
    assert found
    path = tmp_path / "x.json"
    write_schedules(path, "kernel/kernel", "abc", found)
    assert is_schedules(path)
    saved = read_schedules(path)
    assert (saved.kernel, saved.build_id) == ("kernel/kernel", "abc")
    assert saved.schedules == tuple(saved_from(finding) for finding in found)


def test_a_good_file(tmp_path: Path) -> None:
    (item,) = read(tmp_path / "x.json", GOOD).schedules
    assert (item.schedule, item.state) == (((0, 0), (3, 1)), 255)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "no JSON, or cut off"),
        ("no", "no JSON, or cut off"),
        (json.dumps(GOOD)[:-9], "no JSON, or cut off"),
        ("[" * 100_000, "no JSON, or cut off"),
        ('{"schema": ' + "9" * 5000 + "}", "no JSON, or cut off"),
        ([], "the file is no JSON object"),
        ({**GOOD, "schema": "cowcheck/schedules/2"}, "its schema is 'cowcheck/schedules/2'"),
        ({**GOOD, "schema": "x" * 100_000}, "its schema is 'xxx"),
        (without("schedules"), "'schedules' is no list"),
        ({**GOOD, "schedules": {}}, "'schedules' is no list"),
        ({**GOOD, "build_id": 7}, "'build_id' is no str"),
        ({**GOOD, "kernel": None}, "'kernel' is no str"),
        ({**GOOD, "schedules": [7]}, "schedule 1 is no JSON object"),
        (with_item(race=3), "schedule 1: 'race' is no str"),
        (with_item(schedule="x"), "schedule 1: 'schedule' is no list"),
        (with_item(schedule=[[0]]), "schedule 1: [0] is no pair of a step and a hart"),
        (with_item(schedule=[[0, True]]), "schedule 1: [0, True] is no pair of a step and a hart"),
        (with_item(schedule=[[0, 1.5]]), "schedule 1: [0, 1.5] is no pair of a step and a hart"),
        (with_item(schedule=[[0, 8]]), "schedule 1: [0, 8] is no pair of a step and a hart"),
        (with_item(schedule=[[-1, 0]]), "schedule 1: [-1, 0] is no pair of a step and a hart"),
        (with_item(schedule=[[10**300, 0]]), "schedule 1: [1000"),
        (with_item(points=[5]), "schedule 1: 'points' are not all addresses of RAM"),
        (with_item(points=[1 << 39]), "schedule 1: 'points' are not all addresses of RAM"),
        (with_item(points=[-(10**40)]), "schedule 1: 'points' are not all addresses of RAM"),
        (with_item(points=["0x80000000"]), "schedule 1: 'points' are not all addresses of RAM"),
        (with_item(points=[0x80000000] * 5000), "schedule 1: 'points' are not all addresses of RAM"),
        (with_item(state="xyz"), "schedule 1: 'state' is no hexadecimal number"),
        (with_item(state=255), "schedule 1: 'state' is no str"),
    ],
)
def test_damage_is_told_in_one_line(value: object, message: str, tmp_path: Path) -> None:
    with pytest.raises(CowcheckError) as error:
        read(tmp_path / "x.json", value)
    assert str(error.value).startswith(f"{tmp_path / 'x.json'}: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert not is_schedules(tmp_path / "none")
    with pytest.raises(CowcheckError, match="cannot be read"):
        read_schedules(tmp_path / "none")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=st.sampled_from([*GOOD, *GOOD["schedules"][0]]), value=JSON)
def test_whatever_stands_there_is_read_or_refused(key: str, value: object, tmp_path: Path) -> None:
    changed = {**GOOD, key: value} if key in GOOD else with_item(**{key: value})
    told = ""
    try:
        read(tmp_path / "x.json", changed)
    except CowcheckError as error:
        told = str(error)
    assert "\n" not in told
