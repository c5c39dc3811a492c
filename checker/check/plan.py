"""Which workloads a check runs: every scenario, and both sweeps; or those that were named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cowcheck.checker.catalogue import scenarios
from cowcheck.machine.program import Workload, workloads
from cowcheck.model.errors import CowcheckError


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run, in order: a workload, and the number of harts."""

    steps: tuple[tuple[Workload, int], ...]

    @property
    def harts(self) -> int:
        """The most that a step needs."""
        return max((harts for _, harts in self.steps), default=1)


def all_workloads() -> tuple[Workload, ...]:
    """Every workload there is, those of the scenarios first."""
    return workloads(scenarios().values())


def plan(names: Sequence[str], harts: int | None) -> Plan:
    """The workloads of these names, or all. Raises :class:`CowcheckError` for a name that none has."""
    known = {workload.name: workload for workload in all_workloads()}
    for name in names:
        if name not in known:
            raise CowcheckError(f"unknown workload {name!r}; known: {', '.join(known)}")
    chosen = [known[name] for name in dict.fromkeys(names)] if names else list(known.values())
    steps = [(workload, harts or workload.harts) for workload in chosen]
    return Plan(tuple(sorted(steps, key=lambda step: step[1])))  # a rig serves all that ask for as many harts
