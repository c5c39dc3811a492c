"""Every workload there is: one for each scenario, and the sweeps."""

from __future__ import annotations

from collections.abc import Iterable

from cowcheck.machine.program.address_classes import LAYOUTS
from cowcheck.machine.program.address_sweep import address_workload
from cowcheck.machine.program.allocation_points import GROUPS
from cowcheck.machine.program.allocation_sweep import allocation_workload
from cowcheck.machine.program.scenario_program import scenario_workload
from cowcheck.machine.program.sharers import sharers_workload
from cowcheck.machine.program.workload import Workload
from cowcheck.model.scenario import Scenario


def sweeps() -> tuple[Workload, ...]:
    """Every address, every allocation, and as many sharers as there can be."""
    return (
        *(address_workload(layout) for layout in LAYOUTS),
        *(allocation_workload(group) for group in GROUPS),
        sharers_workload(),
    )


def workloads(scenarios: Iterable[Scenario]) -> tuple[Workload, ...]:
    """The scenarios as workloads, in their order, and then the sweeps. Raises :class:`CowcheckError` for a scenario
    that no real process could run."""
    return (*(scenario_workload(scenario) for scenario in scenarios), *sweeps())
