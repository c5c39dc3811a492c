"""Compiling at run time: once, whatever the compiler does; and what happens where there is none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cowcheck.checker.cli import main
from cowcheck.checker.native import compiler as of_compiler
from cowcheck.checker.native import engine as of_engine
from cowcheck.checker.native.compiler import CompilerError, Unit, built, find_compiler

UNIT = Unit({"one.c": '#include "two.h"\nint one(void) { return TWO; }\n', "two.h": "#define TWO 2\n"}, "-O0")
PASSES = ("explore", "--design", "lab-plan", "--scenario", "store-text-alone")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache of the user's, and no engine that is loaded."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(of_engine, "_engines", {})
    find_compiler.cache_clear()
    yield tmp_path / "cache" / "cowcheck" / "engines"
    find_compiler.cache_clear()


@pytest.fixture
def found(cache: Path) -> Path:
    path = find_compiler()
    if path is None:
        pytest.skip("no C compiler")
    assert isinstance(path, Path)
    return path


def script(folder: Path, text: str) -> Path:
    """A compiler of our own."""
    folder.mkdir()
    path = folder / "cc"
    path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    path.chmod(0o755)
    return path


def test_what_was_compiled_is_not_compiled_again(tmp_path: Path, found: Path, cache: Path) -> None:
    counting = script(tmp_path / "bin", f'echo run >> {tmp_path}/runs\nexec {found} "$@"')
    first = built((UNIT,), counting)
    assert (tmp_path / "runs").read_text().count("run") == 2, "the file, and the library"
    assert built((UNIT,), counting) == first
    assert (tmp_path / "runs").read_text().count("run") == 2
    assert built((Unit({**UNIT.files, "two.h": "#define TWO 3\n"}, "-O0"),), counting) != first
    assert (tmp_path / "runs").read_text().count("run") == 4
    assert sorted(path.suffix for path in cache.iterdir()) == [".o", ".o", ".so", ".so"], "nothing else is left"


def test_the_cache_keeps_what_was_used_last(found: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_compiler, "KEPT", 4)
    for number in range(4):
        library = built((Unit({"one.c": f"int one{number};\n"}, "-O0"),), found)
        os.utime(library, (number, number))
    assert len(list(cache.iterdir())) <= 4 + 1


def test_a_cache_that_cannot_be_written_is_done_without(
    found: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert built((UNIT,), found).is_file()


def test_what_does_not_compile_is_told_with_the_compilers_words(found: Path) -> None:
    with pytest.raises(CompilerError, match=r"(?s)ended with 1\n.*one\.c:1"):
        built((Unit({"one.c": "int one(void) { return two; }\n"}, "-O0"),), found)


@pytest.mark.parametrize(
    ("text", "words"), [("", "no C compiler"), ("echo out of order; exit 1", "out of order")], ids=["none", "broken"]
)
def test_without_a_compiler_that_works(
    text: str,
    words: str,
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """``auto`` explores with the reference interpreter and says so; ``native`` is an error."""
    if text:
        script(tmp_path / "bin", text)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert main([*PASSES, "--json", "-"]) == 0
    out, err = capsys.readouterr()
    assert '"engine": "reference"' in out
    assert (words in err, "reference interpreter explores" in err) == (True, True)
    assert main([*PASSES, "--engine", "native"]) == 2
    out, err = capsys.readouterr()
    assert (out, words in err) == ("", True)
    assert main([*PASSES, "--engine", "reference"]) == 0
    assert capsys.readouterr().err == ""


def test_options_that_need_the_reference_say_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options in (("--oracle", "z3"), ("--graph", str(tmp_path / "graph.json"))):
        assert main([*PASSES, "--engine", "native", "--json", "-", *options]) == 0
        out, err = capsys.readouterr()
        assert '"engine": "reference"' in out
        assert f"{options[0]}" in err
        assert "needs the reference interpreter" in err
