"""Every design against every scenario, by both engines: python -m tests.checker.native.sweep [--plain] [DESIGN ...]

The designs are those that cowcheck ships and all of tests/broken and tests/right; the scenarios those that it ships and
those of tests/broken. ``--plain`` is without symmetry; explorations that are then larger than MOST states are left out,
and counted. Prints a line for each difference and the sums; the exit status is 1 where there is a difference.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from cowcheck.checker.catalogue import Design, designs, load_design, scenarios
from cowcheck.checker.explore import Exploration
from cowcheck.checker.judge import Judge
from cowcheck.checker.native import Declined, Merge, NativeExplorer
from cowcheck.model.scenario import Scenario
from cowcheck.model.scenario_file import load_scenario
from cowcheck.model.system import Model
from tests.checker.native.comparison import compare, engine

TESTS = Path(__file__).parent.parent.parent
MOST = 60_000
FOLDERS = ("right", "broken", "broken/patterns", "broken/copies", "broken/statements")


def subjects(names: list[str]) -> list[Design]:
    """The designs to compare on, by name or file name where some are given."""
    files = [path for folder in FOLDERS for path in sorted((TESTS / folder).glob("*.py"))]
    shipped = [design for name, design in designs().items() if not names or name in names]
    return shipped + [load_design(path) for path in files if not names or path.stem in names]


def plays() -> list[Scenario]:
    """The scenarios."""
    own = sorted((TESTS / "broken" / "scenarios").glob("*.py"))
    return [*scenarios().values(), *(load_scenario(path, path.name) for path in own)]


def merged_differs(design: Design, scenario: Scenario, judge: Judge, found: Exploration, symmetry: bool) -> bool:
    """Whether merged runs come to another verdict, or lose an end."""
    model = Model(design.program, scenario)
    again = NativeExplorer(model, judge, engine(model), symmetry=symmetry, merge=Merge.ALWAYS).run()
    return again.findings != found.findings or again.outcomes != found.outcomes


def main(arguments: list[str]) -> int:
    symmetry = "--plain" not in arguments
    judge = Judge()
    started = time.monotonic()
    same = different = large = declined = states = 0
    times = {"reference": 0.0, "native": 0.0}
    for design in subjects([name for name in arguments if not name.startswith("-")]):
        for scenario in plays():
            model = Model(design.program, scenario)
            try:
                first = NativeExplorer(model, judge, engine(model), symmetry=symmetry).run()
            except Declined:
                declined += 1
                continue
            if first.states > MOST:
                large += 1
                continue
            compared = compare(design, scenario, judge, symmetry=symmetry)
            differences = list(compared.differences)
            if merged_differs(design, scenario, judge, first, symmetry):
                differences.append("merged runs")
            if differences:
                sys.stdout.write(f"{design.name} in {scenario.name}: {', '.join(differences)}\n")
            different += bool(differences)
            same += not differences
            states += first.states
            times["native"] += first.seconds
            times["reference"] += compared.reference.seconds
    sys.stdout.write(
        f"{same} the same, {different} different, {large} larger than {MOST} states, {declined} declined; "
        f"{states:,} states, {times['reference']:.1f} s by the reference, {times['native']:.1f} s natively; "
        f"{time.monotonic() - started:.0f} s\n"
    )
    return int(different > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
