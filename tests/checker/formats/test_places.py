"""Places, as the debugging information names them and as a repository does."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given

from cowcheck.checker.formats.case import Source
from cowcheck.checker.formats.places import relative_to, source_of, tree_of, uri
from tests.checker.formats.hostile import texts


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("uvmcopy (kernel/vm.c:314)", Source("kernel/vm.c", 314, "uvmcopy")),
        ("uvmcopy (kernel/vm.c:314), inlined in fork", Source("kernel/vm.c", 314, "uvmcopy")),
        ("f (/home/a b/kernel/vm.c:1)", Source("/home/a b/kernel/vm.c", 1, "f")),
        ("0x80001234", None),
        ("(no place)", None),
        ("", None),
        ("f (vm.c:x)", None),
    ],
)
def test_a_place_is_read(text: str, source: Source | None) -> None:
    assert source_of(text) == source


@pytest.mark.parametrize(
    ("kernel", "tree"), [("xv6/kernel/kernel", "xv6"), ("kernel/kernel", "."), ("build/my.elf", "build"), ("", ".")]
)
def test_the_tree_of_a_kernel(kernel: str, tree: str) -> None:
    assert tree_of(kernel) == tree


def test_a_file_is_named_relative_to_the_repository(tmp_path: Path) -> None:
    (tmp_path / "repo" / "xv6" / "kernel").mkdir(parents=True)
    (tmp_path / "repo" / "xv6" / "kernel" / "vm.c").touch()
    (tmp_path / "repo" / "top.py").touch()
    repo = tmp_path / "repo"
    locate = relative_to(str(repo), "xv6")
    assert locate("kernel/vm.c") == "xv6/kernel/vm.c"
    assert locate("./kernel/../kernel/vm.c") == "xv6/kernel/vm.c"
    assert locate(str(repo / "xv6" / "kernel" / "vm.c")) == "xv6/kernel/vm.c"
    assert locate("top.py") == "top.py"
    assert locate("kernel/gone.c") == "xv6/kernel/gone.c"
    assert relative_to(str(repo / "xv6"), str(repo / "xv6"))("kernel/vm.c") == "kernel/vm.c"


def test_what_lies_elsewhere_keeps_its_name(tmp_path: Path) -> None:
    assert relative_to(str(tmp_path), "/elsewhere/xv6")("kernel/vm.c") == "kernel/vm.c"
    assert relative_to(str(tmp_path), "xv6")("/home/student/kernel/vm.c") == "home/student/kernel/vm.c"
    assert relative_to(str(tmp_path), "xv6")("../../../../../../../../etc/passwd") == "etc/passwd"
    assert relative_to(str(tmp_path), "xv6")("//") == "unknown"


@given(texts)
def test_a_path_never_leads_out(text: str) -> None:
    path = relative_to("/nowhere", "xv6")(text)
    assert not path.startswith("/")
    assert ".." not in path.split("/")
    assert uri(path).isascii()
    assert not set(uri(path)) & set(" :?#[]@!$&'()*+,;=<>\"\\^`{|}")
    if text.isprintable():
        assert unquote(uri(path)) == path
