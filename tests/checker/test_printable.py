"""Nothing that comes from outside reaches a terminal as a command."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.text import Text

from cowcheck.checker.cli import main
from cowcheck.checker.printable import printable, printable_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 中", "plain é 中"),
        ("\x1b[31m", r"\x1b[31m"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\u202eabc", r"\u202eabc"),
        ("\x9b2J", r"\x9b2J"),
    ],
)
def test_what_is_not_printable_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_styled_line_keeps_its_styles_and_its_line_breaks() -> None:
    line = Text.assemble(("a\x1b[2Jb", "red"), ("\nc\x1b", "bold"), style="dim")
    shown = printable_line(line)
    assert shown.plain == "a\\x1b[2Jb\nc\\x1b"
    styled = [(shown.plain[span.start : span.end], str(span.style)) for span in shown.spans]
    assert "".join(text for text, style in styled if style == "red") == "a\\x1b[2Jb"
    assert "".join(text for text, style in styled if style == "bold") == "\nc\\x1b"
    assert shown.style == "dim"
    assert printable_line(Text("abc")).plain == "abc"


DESIGN = """
from cowcheck.model.language import Design, Frame, panic
DESIGN = Design(name="name\\x1b[31m", title="title\\x1b[31m")

def kfree(pa: Frame) -> None:
    panic("last words \x1b[31m of \x9b it")  # \x1b
"""


def test_no_control_character_of_a_design_reaches_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    name = "my\x1b[31m.py"
    Path(name).write_text(DESIGN, "utf-8")
    for arguments in (
        ["explore", "--design", name, "--scenario", "two-stores"],
        ["explore", "--design", name, "--scenario", "two-stores", "--save", "found\x1b.json"],
        ["replay", "found\x1b.json"],
        ["explore", "--design", "\x1b[31m"],
        ["explore", "--scenario", "no\x1b[31m.py"],
        ["explore", "--\x1b[31m"],
        ["\x1b[31m"],
        ["replay", "\x1b[31m"],
    ):
        main(arguments)
        out, err = capsys.readouterr()
        assert out + err
        assert not [line for line in (out + err).splitlines() if not line.isprintable()]
