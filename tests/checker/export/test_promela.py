"""The text of an export: what it says, and that it hangs together. Nothing here needs SPIN."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from cowcheck.checker.catalogue import Design, design_names, shipped_design
from cowcheck.checker.export.parts import MOST_STATEMENTS, sizes_of_inlines, statements
from cowcheck.checker.export.promela import Promela, promela
from cowcheck.checker.export.terms import comment
from cowcheck.model.errors import CowcheckError
from cowcheck.model.scenario import Scenario

SCENARIOS = ("store-text-alone", "two-stores", "kill-in-fault", "sbrk-up-down", "three-children")
FREE = """
from cowcheck.model.language import NULL, Design, Frame, acquire, release
from cowcheck.specs.xv6.kalloc import kmem
DESIGN = Design(name="{name}", title="a design of the tests")

class page:
    data: int

class wrong:
    step: int

def kfree(pa: Frame) -> None:
    acquire(kmem.lock)
{body}
    pa.next = kmem.freelist
    kmem.freelist = pa
    release(kmem.lock)
"""


def code(text: str) -> str:
    """The text without its comments."""
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


@pytest.mark.parametrize(
    ("design", "scenario"),
    [*((name, "exec-after-fork") for name in design_names()), *(("lab-plan", name) for name in SCENARIOS)],
)
def test_an_export_hangs_together(design: str, scenario: str, scenario_named: Callable[[str], Scenario]) -> None:
    text = promela(shipped_design(design), scenario_named(scenario))
    model = code(text)
    for opening, closing in (("(", ")"), ("{", "}"), ("[", "]")):
        assert model.count(opening) == model.count(closing)
    words = Counter(re.findall(r"\w+", model))
    assert words["if"] == words["fi"]
    assert words["do"] == words["od"]
    labels = re.findall(r"^\s*(\w+):(?!:)", model, re.MULTILINE)
    assert len(labels) == len(set(labels))
    assert set(re.findall(r"\bgoto (\w+)", model)) <= set(labels)
    assert not [label for label in labels if label.startswith(("end", "accept", "progress"))], (
        "they mean something to SPIN"
    )
    inlines = set(re.findall(r"^inline (\w+)\(", model, re.MULTILINE))
    assert all(words[name] > 1 for name in inlines), "an inline that nothing calls"
    declared = set(re.findall(r"^#define (\w+)", model, re.MULTILINE)) | inlines | set(labels)
    for declaration in re.findall(r"^(?:hidden )?(?:bit|byte|short|int|Proc) ([^;]+);", model, re.MULTILINE):
        declared.update(re.findall(r"(?:^|, )(\w+)(?=\[| =|,|$)", declaration))
    used = set(re.findall(r"(?<![\w.])[a-z_]\w*", model[model.index("active [") :]))
    keywords = {"active", "proctype", "process", "do", "od", "if", "fi", "d_step", "else", "goto", "break", "skip"}
    assert not used - declared - keywords - {"_pid"}


def test_the_text_of_an_export(scenario_named: Callable[[str], Scenario], golden: Callable[[str, str], None]) -> None:
    """All of it but the steps after the first ones, of which there are hundreds."""
    text = promela(shipped_design("lab-plan"), scenario_named("store-text-alone"))
    shown, _, _ = text.partition("L40:")
    assert len(shown) < len(text) / 2
    golden("export-lab-plan-store-text-alone.pml", shown)


@pytest.mark.parametrize("design", ["lab-plan", "kref-lock"])
def test_a_part_is_no_larger_than_spin_takes(design: str, scenario_named: Callable[[str], Scenario]) -> None:
    writer = Promela(shipped_design(design), scenario_named("exec-after-fork"))
    sizes = sizes_of_inlines(dict(writer._inlines()))
    parts = "\n".join(writer._process(sizes)).split("  :: d_step {")[1:]
    assert len(parts) > 3
    assert all(statements(part.splitlines(), sizes) <= MOST_STATEMENTS for part in parts)


def test_code_that_a_scenario_cannot_reach_is_left_out(scenario_named: Callable[[str], Scenario]) -> None:
    plain = promela(shipped_design("lab-plan"), scenario_named("two-stores"))
    execs = promela(shipped_design("lab-plan"), scenario_named("exec-after-fork"))
    assert "oldpagetable" not in plain
    assert "oldpagetable" in execs
    assert "kill_target" not in plain


def test_names_of_a_design_do_not_meet_those_of_an_export(
    write_design: Callable[[str], Design], scenario_named: Callable[[str], Scenario]
) -> None:
    design = write_design(FREE.format(name="odd", body="    page.data = 1\n    wrong.step = page.data"))
    text = code(promela(design, scenario_named("fork-no-frame")))
    assert re.search(r"^short page_data\[FRAMES\];", text, re.MULTILINE)
    assert re.search(r"^short page_data_;", text, re.MULTILINE)
    assert re.search(r"^short wrong_step_;", text, re.MULTILINE)


def test_no_text_ends_a_comment_early() -> None:
    assert comment("a */ b /* c") == "/* a * / b / * c */"


def test_a_step_that_spin_has_no_room_for_is_refused(
    write_design: Callable[[str], Design], scenario_named: Callable[[str], Scenario]
) -> None:
    loop = "    x = page.data\n" + "    if x == 1:\n        x = 2\n" * 400 + "    page.data = x\n"
    text = (
        FREE.format(name="long", body="")
        + f"\ndef kinit() -> None:\n{loop}    for pa in all_frames():\n        kfree(pa)\n"
    )
    with pytest.raises(CowcheckError, match=r"toy\.py:\d+: a step that begins here has more statements than SPIN"):
        promela(write_design(text.replace("acquire,", "acquire, all_frames,")), scenario_named("fork-no-frame"))


def test_the_same_export_comes_out_twice(scenario_named: Callable[[str], Scenario]) -> None:
    first, second = (promela(shipped_design("kref-lock"), scenario_named("two-stores")) for _ in range(2))
    assert first == second


def test_a_design_in_a_file_of_ones_own(tmp_path: Path, scenario_named: Callable[[str], Scenario]) -> None:
    """Places in comments are those of the file as it was named."""
    from cowcheck.checker.catalogue import find_design

    path = tmp_path / "own.py"
    path.write_text(FREE.format(name="own", body=""), encoding="utf-8")
    assert f"/* {path}:" in promela(find_design(str(path)), scenario_named("fork-no-frame"))
