"""Rubrics: what is worth how much."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cowcheck.checker.formats.case import Group
from cowcheck.checker.formats.rubric import DEFAULT_RUBRICS, Rubric, read_rubric
from cowcheck.checker.formats.scope import scope_of
from cowcheck.model.errors import CowcheckError

KNOWN = {Group.INVARIANTS: ("no-leak", "freed-once", "isolation"), Group.RACES: ("store+store",)}


def rubric(tmp_path: Path, text: str) -> Rubric:
    path = tmp_path / "rubric.toml"
    path.write_text(text, encoding="utf-8")
    return read_rubric(path, KNOWN)


def test_names_come_before_the_default(tmp_path: Path) -> None:
    read = rubric(tmp_path, '[invariants]\ndefault = 2\nno-leak = 5\nisolation = 0\n[races]\n"store+store" = 1.5\n')
    assert read.items(KNOWN) == {
        (Group.INVARIANTS, "no-leak"): 5.0,
        (Group.INVARIANTS, "freed-once"): 2.0,
        (Group.RACES, "store+store"): 1.5,
    }


def test_without_a_default_only_what_is_named_counts(tmp_path: Path) -> None:
    assert rubric(tmp_path, "[invariants]\nno-leak = 5\n").items(KNOWN) == {(Group.INVARIANTS, "no-leak"): 5.0}


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=40), st.integers(1, 1000))
def test_scaled_points_add_up_to_the_total(points: list[float], total: int) -> None:
    named = {f"race {number}": value for number, value in enumerate(points)}
    items = Rubric({Group.RACES: named}, float(total)).items({})
    assert round(sum(items.values()) * 100) == total * 100
    assert all(value >= 0 for value in items.values())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[invariants", "not TOML"),
        ("[invariant]\ndefault = 1\n", "unknown name 'invariant'; known: total, invariants"),
        ("[invariants]\nno-leek = 1\n", "no 'no-leek' in this command; known: no-leak"),
        ("[invariants]\nno-leak = -1\n", "invariants.no-leak is -1"),
        ("[invariants]\nno-leak = true\n", "invariants.no-leak is True"),
        ("[invariants]\nno-leak = nan\n", "give a number of points"),
        ("[invariants]\nno-leak = '5'\n", "give a number of points"),
        ("total = 'all'\n[invariants]\ndefault = 1\n", "total is 'all'"),
        ("invariants = 5\n", "invariants is no table"),
        ("total = 100\n", "nothing is worth a point"),
        ("[invariants]\ndefault = 0\n", "nothing is worth a point"),
    ],
)
def test_a_wrong_rubric_says_what_is_wrong(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(CowcheckError) as error:
        rubric(tmp_path, text)
    assert said in str(error.value)
    assert "rubric.toml" in str(error.value)


def test_a_rubric_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CowcheckError):
        read_rubric(tmp_path / "none.toml", KNOWN)


@pytest.mark.parametrize(
    ("command", "options", "groups"),
    [
        ("explore", {}, {Group.INVARIANTS, Group.SCENARIOS}),
        ("check", {"kernel": "k"}, {Group.INVARIANTS, Group.WORKLOADS, Group.RACES}),
        ("check", {"kernel": "k", "interleave": False}, {Group.INVARIANTS, Group.WORKLOADS}),
        ("check", {"kernel": "k", "races": ("store+store",)}, {Group.RACES}),
        ("check", {"kernel": "k", "program": "cowtest"}, {Group.INVARIANTS, Group.WORKLOADS}),
        ("verify", {}, {Group.INVARIANTS}),
    ],
)
def test_the_usual_rubric_gives_a_hundred_points_for_what_a_call_checks(
    command: str, options: dict[str, object], groups: set[Group]
) -> None:
    items = DEFAULT_RUBRICS[command].items(scope_of(command, options).planned)
    assert round(sum(items.values()), 6) == 100
    assert {group for group, _ in items} == groups


def test_what_a_call_checks_is_what_it_names() -> None:
    scope = scope_of("check", {"kernel": "k", "workloads": ("two-stores",), "races": ("store+store", "exit+exit")})
    assert scope.planned[Group.WORKLOADS] == ("two-stores",)
    assert set(scope.planned[Group.RACES]) == {"store+store", "exit+exit"}
    assert "fault-no-frame" in scope.known[Group.WORKLOADS]
    assert scope_of("explore", {"scenarios": ("two-stores",)}).planned[Group.SCENARIOS] == ("two-stores",)
    assert scope_of("check", {"kernel": "k", "races": ("nonsense",)}).planned[Group.RACES] == ()
