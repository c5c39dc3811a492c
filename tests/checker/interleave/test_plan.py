"""Options become races, or one line that says what is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest

from cowcheck.checker.check.options import CheckOptions
from cowcheck.checker.interleave.plan import InterleaveOptions, jobs, race_named
from cowcheck.checker.interleave.wanted import wanted
from cowcheck.model.errors import CowcheckError
from cowcheck.specs.races import OPERATIONS, TRIPLES, races


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bound": -1}, "--bound -1: give a number of preemptions from 0 to 10"),
        ({"bound": 99}, "--bound 99: give a number of preemptions from 0 to 10"),
        ({"budget": 0}, "--budget 0: give a number of schedules, 1 or more"),
        ({"races": ("nosuch",)}, "--race nosuch: no race or scenario has this name"),
        ({"races": ("store+store,nosuch",)}, "--race nosuch: no race or scenario has this name"),
        ({"races": (",",)}, "--race ,: it names no race"),
        ({"races": ("store-text-alone",)}, "--race store-text-alone: its processes never meet"),
        ({"strategy": "nosuch"}, "--strategy nosuch: known are "),
    ],
)
def test_what_cannot_be_is_said(options: dict[str, Any], message: str) -> None:
    with pytest.raises(CowcheckError) as error:
        jobs(InterleaveOptions(**options))
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"races": ("store+store",), "interleave": False}, "--race and --no-interleave"),
        ({"races": ("store+store",), "machine": "qemu"}, "--machine qemu cannot interleave"),
        ({"interleave": True, "machine": "qemu"}, "--machine qemu cannot interleave"),
        ({"save_file": "x.json", "interleave": False}, "--save: no schedules are explored"),
        ({"save_file": "x.json", "workloads": ("two-stores",)}, "--save: no schedules are explored"),
        ({"save_file": "no/such/folder/x.json"}, "--save no/such/folder/x.json: cannot be written"),
    ],
)
def test_options_that_contradict_each_other(options: dict[str, Any], message: str) -> None:
    with pytest.raises(CowcheckError) as error:
        wanted(CheckOptions("kernel", **options))
    assert str(error.value).startswith(message)


def test_races_are_explored_by_default() -> None:
    assert wanted(CheckOptions("kernel")) is not None
    for narrower in ({"workloads": ("two-stores",)}, {"program": "cowtest"}, {"trace_file": "x"}, {"machine": "qemu"}):
        assert wanted(CheckOptions("kernel", **narrower)) is None
    assert wanted(CheckOptions("kernel", workloads=("two-stores",), interleave=True)) is not None


def test_the_usual_races_are_every_pair_and_the_triples() -> None:
    usual = jobs(InterleaveOptions())
    plenty = {job.race.operations for job in usual if job.race.spare is None}
    assert {tuple(sorted(pair)) for pair in plenty if len(pair) == 2} == {
        tuple(sorted((one, other))) for one in OPERATIONS for other in OPERATIONS
    } - {("kill", "kill")}
    assert set(TRIPLES) <= plenty
    assert {job.bound for job in usual if job.race.spare is None} == {2}
    assert [len(job.race.operations) for job in usual] == sorted(len(job.race.operations) for job in usual)


def test_a_race_is_named_once_and_found_by_its_name() -> None:
    names = [race.name for race in races()]
    assert len(set(names)) == len(names)
    for race in races():
        assert race_named(race.name) == race
    (job,) = jobs(InterleaveOptions(("two-stores", "two-stores"), bound=1))
    assert (job.race.name, job.bound) == ("two-stores", 1)
    assert len(jobs(InterleaveOptions(("all",)))) == len(names)
