"""What the tests share: one judge, compiled once, and ways to explore and to write small designs and scenarios."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from cowcheck.checker.catalogue import Design, load_design, scenarios
from cowcheck.checker.explore import Exploration, Explorer
from cowcheck.checker.judge import Judge
from cowcheck.model.scenario import Scenario
from cowcheck.model.scenario_file import load_scenario
from cowcheck.model.system import Model

TESTS = Path(__file__).parent
BROKEN_SCENARIOS = TESTS / "broken" / "scenarios"


@pytest.fixture(scope="session")
def judge() -> Judge:
    """The compiled judge; it remembers the views that it has seen."""
    return Judge()


@pytest.fixture(scope="session")
def explore(judge: Judge) -> Callable[..., Exploration]:
    """``explore(design, scenario, pte_steps=False, **options)``: the options are the Explorer's. What was explored
    once is remembered."""
    known: dict[object, Exploration] = {}

    def run(design: Design, scenario: Scenario, *, pte_steps: bool = False, **options: object) -> Exploration:
        sizes = (scenario.harts, scenario.frames, scenario.pages)
        key = (design.linked.unit.text, scenario.source, sizes, pte_steps, tuple(sorted(options.items())))
        if key not in known:
            model = Model(design.program, scenario, pte_steps=pte_steps)
            known[key] = Explorer(model, judge, **options).run()  # type: ignore[arg-type]
        return known[key]

    return run


@pytest.fixture(scope="session")
def scenario_named() -> Callable[[str], Scenario]:
    """A scenario that is shipped, or one of those in tests/broken/scenarios, by its name."""

    def find(name: str) -> Scenario:
        path = BROKEN_SCENARIOS / f"{name.replace('-', '_')}.py"
        return load_scenario(path, f"tests/broken/scenarios/{path.name}") if path.is_file() else scenarios()[name]

    return find


@pytest.fixture(scope="session")
def compiled() -> Callable[[Path], Design]:
    """The design in a file below tests/, compiled once."""
    return cache(lambda path: load_design(path, path.relative_to(TESTS.parent).as_posix()))


@pytest.fixture
def write_design(tmp_path: Path) -> Callable[[str], Design]:
    """Compiles the text of a design."""

    def write(text: str) -> Design:
        path = tmp_path / "toy.py"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return load_design(path, "toy.py")

    return write


@pytest.fixture
def write_scenario(tmp_path: Path) -> Callable[[str], Scenario]:
    """Reads the text of a scenario."""

    def write(text: str) -> Scenario:
        path = tmp_path / "play.py"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return load_scenario(path, "play.py")

    return write


# --- golden files: the text that people read, rewritten by `pytest --update-golden` ---

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden/ with what comes out now")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Holds a text to the golden file of that name."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"{path} is missing: run `pytest --update-golden`, and read what it writes"
        assert text == path.read_text(encoding="utf-8")

    return check
