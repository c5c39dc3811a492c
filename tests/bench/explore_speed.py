"""`cowcheck explore` and SPIN on the same models: states, states a second, bytes a state, time from command to answer.

SPIN runs the exported model. Both take turns in one run, so that what else the machine does meets both. SPIN's time is
that of the export, of `spin -a`, of the compiler and of the verifier; cowcheck's is the whole command's.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.bench.ran import Ran, ran

COMMAND = (sys.executable, "-m", "cowcheck.checker")
SCENARIOS = Path(__file__).parent / "scenarios"
MOST_MEMORY_MIB = 12_000
BUILD = ("gcc", "-O2", "-DSAFETY", "-DNOREDUCE", "-DNOBOUNDCHECK", "-DVECTORSZ=2048", f"-DMEMLIM={MOST_MEMORY_MIB}")


class Size(NamedTuple):
    """A model. ``slots`` is the power of two of SPIN's hash table: about one slot a state, which suits it best."""

    name: str
    design: str
    scenario: str
    rounds: int
    slots: int
    first_violation: bool = False
    large: bool = True


SIZES = (
    Size("small", "lab-plan", "two-stores", 5, 16, large=False),
    Size("a race: the first counterexample", "kref-lock", "two-stores", 5, 16, first_violation=True, large=False),
    Size("3 million", "lab-plan", str(SCENARIOS / "three_million.py"), 3, 22),
    Size("8 million", "lab-plan", str(SCENARIOS / "eight_million.py"), 3, 23),
)


class Engine(NamedTuple):
    """A way to run `explore`. ``large``: it is fast enough for the large sizes."""

    name: str
    options: tuple[str, ...]
    large: bool


class Answer(NamedTuple):
    """One run to its answer. ``build_s`` is of what is generated and compiled, where that is a step of its own."""

    states: int
    wall_s: float
    build_s: float
    run_cpu_s: float
    peak_bytes: int
    verdict: str


class Row(NamedTuple):
    """A checker on a size."""

    checker: str
    answers: tuple[Answer, ...]

    @property
    def states(self) -> int:
        return self.answers[0].states

    def middle(self, field: str) -> float:
        """The median of a field over the rounds."""
        return float(median(getattr(answer, field) for answer in self.answers))


class Explored(NamedTuple):
    """What was measured, or why nothing was."""

    rows: tuple[tuple[Size, tuple[Row, ...]], ...] = ()
    because: str = ""


def engines() -> tuple[Engine, ...]:
    """Those that this cowcheck has; each with its reductions and, on the plain graph that SPIN searches, without."""
    told = subprocess.run([*COMMAND, "explore", "--help"], capture_output=True, text=True, check=True).stdout
    one = ("--jobs", "1", "--max-memory", str(MOST_MEMORY_MIB))
    if "--engine" not in told:
        return (Engine("reference", one, False), Engine("reference, plain", (*one, "--no-symmetry"), False))
    named = [("reference", "--no-symmetry", False), ("native", "--no-reduction", True)]
    return tuple(
        Engine(name, (*one, "--engine", engine, *plain), large)
        for engine, off, large in named
        for name, plain in ((engine, ()), (f"{engine}, plain", (off,)))
    )


def measure_explore(sizes: Sequence[Size] = SIZES) -> Explored:
    """Runs all, in turn."""
    missing = [name for name in ("spin", "gcc") if shutil.which(name) is None]
    if missing:
        return Explored(because=f"{' and '.join(missing)} cannot be found")
    known = engines()
    rows = []
    for size in sizes:
        answers: dict[str, list[Answer]] = {}
        for number in range(size.rounds):
            answers.setdefault("SPIN", []).append(spin(size))
            for engine in known:
                if engine.large or not size.large:
                    answers.setdefault(f"cowcheck ({engine.name})", []).append(cowcheck(size, engine))
            sys.stderr.write(f"{size.name}: round {number + 1} of {size.rounds}\n")
        rows.append((size, tuple(Row(checker, tuple(found)) for checker, found in answers.items())))
    return Explored(tuple(rows))


def spin(size: Size) -> Answer:
    """SPIN, from the export to the answer."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        export = [*COMMAND, "export", "--design", size.design, "--scenario", size.scenario, "-o", str(folder / "m.pml")]
        build = [
            _did(ran(export, Path.cwd()), "the export"),
            _did(ran(["spin", "-a", "m.pml"], folder), "spin -a"),
            _did(ran([*BUILD, "-o", "pan", "pan.c"], folder), "gcc"),
        ]
        run = _did(ran(["./pan", "-m100000", f"-w{size.slots}"], folder), "the verifier")
    stored = re.search(r"^\s*([\d.e+]+) states, stored", run.output, re.MULTILINE)
    errors = re.search(r"errors: (\d+)", run.output)
    if stored is None or errors is None or "max search depth too small" in run.output:
        raise RuntimeError(f"SPIN did not come to its end:\n{run.output}")
    build_s = sum(step.wall_s for step in build)
    verdict = "fail" if int(errors[1]) else "pass"
    return Answer(int(float(stored[1])), build_s + run.wall_s, build_s, run.cpu_s, run.peak_bytes, verdict)


def cowcheck(size: Size, engine: Engine) -> Answer:
    """`cowcheck explore`, from Python's start to the answer."""
    with tempfile.TemporaryDirectory() as scratch:
        result = Path(scratch) / "result.json"
        command = [*COMMAND, "explore", "--design", size.design, "--scenario", size.scenario, "--json", str(result)]
        command += [*engine.options, *(["--stop-at-first"] if size.first_violation else [])]
        run = ran(command, Path.cwd())
        if run.status not in (0, 1):
            raise RuntimeError(f"cowcheck ended with {run.status}:\n{run.output}")
        (told,) = json.loads(result.read_text(encoding="utf-8"))["results"]
    stats = told["stats"]
    return Answer(stats["states"], run.wall_s, 0.0, run.cpu_s, run.peak_bytes, told["verdict"])


def _did(run: Ran, what: str) -> Ran:
    if run.status != 0:
        raise RuntimeError(f"{what} ended with {run.status}:\n{run.output}")
    return run
