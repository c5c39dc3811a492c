"""A scenario file is read as it stands; what is wrong with one is told with file, line and remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cowcheck.checker.catalogue import scenarios
from cowcheck.model.errors import CowcheckError, SourceError
from cowcheck.model.language import MAXVA
from cowcheck.model.scenario import MAX_FRAMES, MAX_HARTS, MAX_PAGES, OpKind, Scenario
from cowcheck.model.scenario_file import load_scenario

HEAD = """\
from cowcheck.model.user import FAR, MAXVA, Scenario, exec, exit, fork, kill, load, meet, read, sbrk, store, wait

SCENARIO = Scenario(name="play", title="a play", harts=2, frames=9, pages=("data", "data"))


"""
DECLARED = 3  # the line of SCENARIO
FIRST = HEAD.count("\n") + 2  # the first line of parent's body

# what parent does, what is said of its first line, and what to do
OPS = {
    "statement": ("if load(0):\n        pass", "unsupported in a program: if load(0):", "a program is a list of calls"),
    "loop": ("for i in range(3):\n        load(0)", "unsupported in a program: for i in range(3):", "a list of calls"),
    "number": ("1 + 1", "unsupported in a program: 1 + 1", "a program is a list of calls: load, store, execute, read"),
    "assignment": ("x = load(0)", "unsupported in a program: x = load(0)", "a program is a list of calls"),
    "unknown-op": ("jump(0)", "unsupported in a program: jump(0)", "load, store, execute, read, fork, kill, sbrk"),
    "keyword": ("load(page=0)", "unsupported in a program: load(page=0)", "a program is a list of calls"),
    "method": ("user.load(0)", "unsupported in a program: user.load(0)", "a program is a list of calls"),
    "too-few": ("load()", "load() with 0 arguments", "write load(page)"),
    "too-many": ("store(0, 1)", "store() with 2 arguments", "write store(page)"),
    "optional": ("read(0, 1, 2)", "read() with 3 arguments", "write read(page [pages])"),
    "none-allowed": ("exec(1)", "exec() with 1 arguments", "write exec()"),
    "no-number": ('load("0")', "''0'' is no page number", "give an integer, FAR or MAXVA"),
    "bool": ("load(True)", "'True' is no page number", "give an integer, FAR or MAXVA"),
    "float": ("load(0.5)", "'0.5' is no page number", "give an integer, FAR or MAXVA"),
    "name": ("load(NEAR)", "'NEAR' is no page number", "give an integer, FAR or MAXVA"),
    "negative": ("load(-1)", "page -1", "give a page number from 0, FAR or MAXVA"),
    "beyond": (f"load({MAXVA + 1})", f"page {MAXVA + 1}", "give a page number from 0, FAR or MAXVA"),
    "no-pages": ("read(0, 0)", "0 pages", f"give 1 to {MAX_PAGES}"),
    "pages": (f"read(0, {MAX_PAGES + 1})", f"{MAX_PAGES + 1} pages", f"give 1 to {MAX_PAGES}"),
    "sbrk-of-none": ("sbrk(0)", "sbrk(0)", f"give 1 to {MAX_PAGES} pages, up or down"),
    "sbrk": (f"sbrk({-MAX_PAGES - 1})", f"sbrk({-MAX_PAGES - 1})", f"give 1 to {MAX_PAGES} pages, up or down"),
    "fork-of-nobody": ("fork(child)", "fork() of an unknown program 'child'", "define it"),
    "fork-of-a-number": ("fork(1)", "fork() of an unknown program '1'", "define it"),
    "kill-of-nobody": ("kill(child)", "kill() of an unknown program 'child'", "define it"),
}

GOOD = 'name="n", title="t", harts=1, frames=9, pages=("data",)'

# a part of GOOD and what stands in its place, what is said, and what to do
HEADERS = {
    "no-name": ('name="n", ', "", "the scenario has no 'name'", "add name=..."),
    "no-harts": ("harts=1, ", "", "the scenario has no 'harts'", "add harts=..."),
    "no-hart": ("harts=1", "harts=0", "harts=0", f"give a number from 1 to {MAX_HARTS}"),
    "harts": ("harts=1", "harts=9", "harts=9", f"give a number from 1 to {MAX_HARTS}"),
    "fewer-harts": ("harts=1", "harts=-1", "harts=-1", f"give a number from 1 to {MAX_HARTS}"),
    "no-frame": ("frames=9", "frames=0", "frames=0", f"give a number from 1 to {MAX_FRAMES}"),
    "frames": ("frames=9", "frames=32", "frames=32", f"give a number from 1 to {MAX_FRAMES}"),
    "too-few-frames": (
        "frames=9",
        "frames=2",
        "2 frames are too few for scenario 'n': its first process needs 3 (1 pages, and the rest for its page table)",
        "change the size",
    ),
    "no-page": ('("data",)', "()", "pages=()", f"give 1 to {MAX_PAGES} kinds of page"),
    "page": ('"data"', '"stack"', "pages=('stack',)", "each one of text, data, guard"),
    "page-type": ('"data"', "1", "'pages' holds something that is no string", "give strings"),
    "pages-type": ('("data",)', '"data"', "'pages' is 'data', which is no tuple", "give a tuple"),
    "type": ("harts=1", 'harts="2"', "'harts' is '2', which is no int", "give a int"),
    "bool": ("harts=1", "harts=True", "'harts' is True, which is no int", "give a int"),
    "no-literal": ("harts=1", "harts=1 + 1", "the value of 'harts' is not a literal", "write it out"),
    "unknown": ("harts=1", "harts=1, cores=1", "unknown argument 'cores'", "known: name, title, harts, frames, pages"),
}


def refusal(text: str, write: Callable[[str], Scenario]) -> SourceError:
    with pytest.raises(SourceError) as caught:
        write(text)
    error = caught.value
    assert str(error) == f"{error.place}: {error.problem}; {error.remedy}"
    assert error.place.file == "play.py"
    assert "\n" not in str(error)
    return error


def parent(*ops: str, more: str = "") -> str:
    return HEAD + "def parent() -> None:\n" + "".join(f"    {op}\n" for op in ops) + more


def program(name: str, *ops: str) -> str:
    return f"\n\ndef {name}() -> None:\n" + "".join(f"    {op}\n" for op in ops or ("pass",))


@pytest.mark.parametrize("case", OPS)
def test_an_operation_is_refused(case: str, write_scenario: Callable[[str], Scenario]) -> None:
    op, problem, remedy = OPS[case]
    error = refusal(parent(op), write_scenario)
    assert problem in error.problem
    assert remedy in error.remedy
    assert error.place.line == FIRST


@pytest.mark.parametrize("case", HEADERS)
def test_a_declaration_is_refused(case: str, write_scenario: Callable[[str], Scenario]) -> None:
    good, bad, problem, remedy = HEADERS[case]
    text = HEAD.replace(
        HEAD[HEAD.index("Scenario(name") : HEAD.index("\n\n\n")], f"Scenario({GOOD.replace(good, bad)})"
    )
    error = refusal(text + "def parent() -> None:\n    load(0)\n", write_scenario)
    assert problem in error.problem
    assert remedy in error.remedy
    assert error.place.line == DECLARED


def test_three_harts_and_no_process(write_scenario: Callable[[str], Scenario]) -> None:
    error = refusal(HEAD.replace("harts=2", "harts=3"), write_scenario)
    assert (error.place.line, error.problem) == (DECLARED, "the scenario has no process")
    assert error.remedy == "add a function such as `def parent() -> None: store(0)`"


def test_no_declaration(write_scenario: Callable[[str], Scenario]) -> None:
    for text in ("", '"""Only words."""\n', "def parent() -> None:\n    pass\n"):
        assert refusal(text, write_scenario).problem == "the file declares no scenario"


def test_two_starts(write_scenario: Callable[[str], Scenario]) -> None:
    error = refusal(parent("load(0)", more=program("child", "load(0)")), write_scenario)
    assert error.problem == "2 programs are not forked by another (parent, child)"
    assert error.place.line == DECLARED


def test_a_program_that_forks_itself(write_scenario: Callable[[str], Scenario]) -> None:
    error = refusal(parent("fork(parent)"), write_scenario)
    assert error.problem == "'parent' forks itself (parent -> parent)"
    error = refusal(parent("fork(child)", more=program("child", "load(0)", "fork(child)")), write_scenario)
    assert error.problem == "'child' forks itself (parent -> child -> child)"
    assert error.place.line == FIRST + 5  # child's fork


def test_programs_that_fork_each_other(write_scenario: Callable[[str], Scenario]) -> None:
    more = program("first", "fork(second)") + program("second", "fork(first)")
    error = refusal(parent("fork(first)", more=more), write_scenario)
    assert error.problem == "'first' forks itself (parent -> first -> second -> first)"


def test_too_many_processes(write_scenario: Callable[[str], Scenario]) -> None:
    seven = parent(*["fork(child)"] * 6, more=program("child"))
    assert write_scenario(seven).processes == 8  # with init and the parent
    error = refusal(parent(*["fork(child)"] * 7, more=program("child")), write_scenario)
    assert (error.problem, error.remedy) == ("9 processes, init included", "8 are the most")


def test_a_program_that_is_defined_twice(write_scenario: Callable[[str], Scenario]) -> None:
    error = refusal(parent("load(0)", more=program("parent", "load(0)")), write_scenario)
    assert (error.place.line, error.problem) == (FIRST + 3, "'parent' is defined twice")


@pytest.mark.parametrize("line", ["import os", "from os import path", "x = 1", "class child: pass", "load(0)"])
def test_what_has_no_place_in_a_scenario(line: str, write_scenario: Callable[[str], Scenario]) -> None:
    error = refusal(parent("load(0)", more=f"\n\n{line}\n"), write_scenario)
    assert error.problem.startswith("unsupported at the top level of a scenario: ")
    assert error.place.line == FIRST + 3


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.py").write_bytes(b"\xff\xfe")
    for path, words in (
        (tmp_path, "Is a directory"),
        (tmp_path / "none.py", "No such"),
        (tmp_path / "latin.py", "UTF-8"),
    ):
        with pytest.raises(CowcheckError, match=words):
            load_scenario(path, str(path))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ops=st.lists(st.sampled_from(sorted(op for op, _, _ in OPS.values())) | st.text(max_size=12), max_size=3))
def test_any_program_is_read_or_refused(ops: list[str], write_scenario: Callable[[str], Scenario]) -> None:
    try:
        write_scenario(parent("pass", *(op.replace("\r", " ").replace("\f", " ") for op in ops)))
    except UnicodeEncodeError:
        pass  # half a surrogate pair: no file can hold it
    except CowcheckError as error:
        said = str(error)
        assert "play.py" in said


# --- sizes ---


@pytest.mark.parametrize("size", ["harts", "frames", "pages"])
@pytest.mark.parametrize("value", [0, -1, 1000])
def test_a_size_that_cannot_be(size: str, value: int) -> None:
    sizes = {"harts": None, "frames": None, "pages": None, size: value}
    with pytest.raises(CowcheckError, match=rf"^--{size} {value}: give a number from 1 to \d+$"):
        scenarios()["two-stores"].resized(**sizes)


def test_fewer_frames_than_the_first_process_needs() -> None:
    two_pages = scenarios()["sbrk-down"]
    with pytest.raises(
        CowcheckError, match=r"3 frames are too few .* needs 4 \(2 pages, and the rest .*give --frames 4 or more"
    ):
        two_pages.resized(None, 3, None)
    assert two_pages.resized(None, 4, None).frames == 4


def test_fewer_pages_than_the_programs_use() -> None:
    with pytest.raises(CowcheckError, match=r"^--pages 1: scenario 'read-two-pages' uses 2 pages; give 2 or more$"):
        scenarios()["read-two-pages"].resized(None, None, 1)


def test_more_pages_are_data() -> None:
    assert scenarios()["store-guard"].resized(None, None, 4).pages == ("guard", "data", "data", "data")


def test_a_page_far_away_needs_no_more_pages() -> None:
    assert scenarios()["store-unmapped"].resized(None, None, 1).pages == ("data",)


def test_nothing_asked_is_nothing_changed() -> None:
    for scenario in scenarios().values():
        assert scenario.resized(None, None, None) == scenario


def test_a_scenario_can_be_run_on_more_harts() -> None:
    assert scenarios()["two-stores"].resized(3, 10, None).harts == 3


def test_sbrk_adds_entries_to_the_page_table(write_scenario: Callable[[str], Scenario]) -> None:
    grown = write_scenario(parent("sbrk(2)", "sbrk(-1)", "sbrk(1)"))
    assert (grown.pages, grown.table_pages) == (("data", "data"), 5)
    with pytest.raises(SourceError, match=f"could grow to {MAX_PAGES + 2} pages"):
        write_scenario(parent(f"sbrk({MAX_PAGES})"))


# --- what is read ---


def test_operations_are_numbered_through(write_scenario: Callable[[str], Scenario]) -> None:
    """0 is init's reap; then each program's operations in the order of the file, each ended by its exit."""
    scenario = write_scenario(
        parent("fork(child)", "read(0, 2)", "kill(child)", more=program("child", "store(FAR)", "sbrk(-1)", "exec()"))
    )
    kinds = [(op.program, op.kind, op.page, op.pages, op.target) for op in scenario.ops]
    assert kinds == [
        ("init", OpKind.REAP, 0, 1, ""),
        ("parent", OpKind.FORK, 0, 1, "child"),
        ("parent", OpKind.READ, 0, 2, ""),
        ("parent", OpKind.KILL, 0, 1, "child"),
        ("parent", OpKind.EXIT, 0, 1, ""),
        ("child", OpKind.STORE, MAXVA - 1, 1, ""),
        ("child", OpKind.SBRK, 0, -1, ""),
        ("child", OpKind.EXEC, 0, 1, ""),
        ("child", OpKind.EXIT, 0, 1, ""),
    ]
    assert scenario.starts == {"parent": 1, "child": 5}
    assert (scenario.first, scenario.processes, scenario.harts, scenario.frames) == ("parent", 3, 2, 9)


def test_a_program_that_is_forked_twice_is_two_processes(write_scenario: Callable[[str], Scenario]) -> None:
    more = program("child", "fork(grandchild)") + program("grandchild")
    assert write_scenario(parent("fork(child)", "fork(child)", more=more)).processes == 1 + 1 + 2 + 2


def test_the_order_of_the_functions_says_nothing(write_scenario: Callable[[str], Scenario]) -> None:
    scenario = write_scenario(HEAD + "def child() -> None:\n    pass\n" + program("parent", "fork(child)"))
    assert scenario.first == "parent"


def test_an_operation_in_words(write_scenario: Callable[[str], Scenario]) -> None:
    told = {
        "load(1)": ("load page 1", "parent's load of page 1"),
        "store(0)": ("store page 0", "parent's store to page 0"),
        "read(1)": ("read() into page 1", "parent's read() into page 1"),
        "read(0, 2)": ("read() into pages 0-1", "parent's read() into pages 0-1"),
        "sbrk(2)": ("sbrk(+2 pages)", "parent's sbrk(+2 pages)"),
        "sbrk(-1)": ("sbrk(-1 page)", "parent's sbrk(-1 page)"),
        "exec()": ("exec()", "parent's exec()"),
        "meet()": ("meet", "parent's meet"),
    }
    scenario = write_scenario(parent(*told))
    said = [(str(op), op.subject) for op in scenario.ops[1:-1]]
    assert said == list(told.values())


def test_lines_of_the_shipped_scenarios_are_those_of_the_file() -> None:
    for scenario in scenarios().values():
        lines = scenario.source.splitlines()
        for op in scenario.ops[1:]:
            line = lines[op.place.line - 1].strip()
            assert op.place.file == scenario.shown
            assert line.startswith(f"{op.kind}(") or op.kind is OpKind.EXIT
