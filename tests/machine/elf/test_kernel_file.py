"""What a path may lead to: a kernel, a tree, and all that is neither."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from cowcheck.machine.elf.damage import KernelError
from cowcheck.machine.elf.kernel_file import MOST_BYTES, read_kernel_file


def problem(path: Path) -> str:
    with pytest.raises(KernelError) as caught:
        read_kernel_file(path)
    return str(caught.value)


def make_tree(tree: Path) -> Path:
    (tree / "kernel").mkdir(parents=True)
    (tree / "Makefile").write_text("")
    (tree / "kernel/proc.c").write_text("")
    return tree


@pytest.mark.parametrize("place", ["kernel/kernel", "kernel", "kernel.elf"])
def test_the_kernel_of_a_tree(tmp_path: Path, place: str) -> None:
    path = tmp_path / place
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x")
    assert read_kernel_file(tmp_path) == (str(path), b"x")
    assert read_kernel_file(path) == (str(path), b"x")


def test_nothing_there(tmp_path: Path) -> None:
    assert "there is no such file; give a kernel" in problem(tmp_path / "none")
    (tmp_path / "file").write_text("")
    assert "there is no such file" in problem(tmp_path / "file/kernel")


def test_a_tree_that_was_not_built(tmp_path: Path) -> None:
    text = problem(make_tree(tmp_path / "xv6"))
    assert "has not been built; build it there with `make TOOLPREFIX=" in text
    assert "kernel/kernel fs.img`, or give --build" in text
    (tmp_path / "xv6/kernel/kernel").mkdir()
    assert "has not been built" in problem(tmp_path / "xv6")


def test_a_folder_without_a_tree_and_one_with_a_tree_inside(tmp_path: Path) -> None:
    assert "is no xv6 tree" in problem(tmp_path)
    make_tree(tmp_path / "submission")
    assert f"give {tmp_path / 'submission'}" in problem(tmp_path)


def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    fifo = tmp_path / "kernel.elf"
    os.mkfifo(fifo)
    assert "is a FIFO" in problem(fifo)
    assert "is a FIFO" in problem(tmp_path)


def test_devices_and_sockets(tmp_path: Path) -> None:
    assert "is a character device" in problem(Path("/dev/zero"))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        assert "is a socket" in problem(tmp_path / "s")


def test_links_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    assert "cannot be looked at (Too many levels of symbolic links)" in problem(tmp_path / "loop")
    (tmp_path / "kernel").symlink_to(".")  # a folder that is its own kernel/
    assert "is no xv6 tree" in problem(tmp_path)


def test_what_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "file").write_bytes(b"x")
    monkeypatch.setattr(os, "open", refuse)
    assert "cannot be read (Permission denied)" in problem(tmp_path / "file")
    monkeypatch.setattr(os, "scandir", refuse)
    assert "cannot be listed (Permission denied)" in problem(tmp_path)


def test_a_name_with_a_zero_byte() -> None:
    assert "is no path" in problem(Path("a\0b"))


def test_a_disk_image_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "kernel"
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    assert "256 MiB is the most read; give the kernel itself" in problem(path)
