"""Line programs: which line of which file each instruction was made of, as one table sorted by address.

A line program is code for a small machine whose registers are a row of the table (DWARF version 5, section 6.2; the
header differs in versions 2 to 4). It is run here rather than by pyelftools, which keeps every step of it and
believes a header that counts 2^60 files of no bytes.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from cowcheck.machine.elf.cursor import Cursor

_MOST_NAMES = 10_000  # files, or folders, of one unit
_DW_LNCT_PATH, _DW_LNCT_DIRECTORY_INDEX = 1, 2
_FIXED_BYTES = {0x0B: 1, 0x05: 2, 0x06: 4, 0x07: 8, 0x1E: 16}  # DW_FORM_data1, data2, data4, data8, data16
_FORM_STRING, _FORM_UDATA, _FORM_STRP, _FORM_LINE_STRP = 0x08, 0x0F, 0x0E, 0x1F
_COPY, _ADVANCE_PC, _ADVANCE_LINE, _SET_FILE, _CONST_ADD_PC, _FIXED_ADVANCE_PC = 1, 2, 3, 4, 8, 9
_END_SEQUENCE, _SET_ADDRESS = 1, 2


class Row(NamedTuple):
    """Instructions in a row that one line was made into."""

    address: int
    end: int
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class LineTable:
    """What one unit's line program says. ``files`` has the number that other sections give a file."""

    files: tuple[str, ...]
    rows: tuple[Row, ...]

    def file(self, number: int | None) -> str:
        """The name of a file by its number; empty where there is none."""
        return self.files[number] if number is not None and 0 <= number < len(self.files) else ""


class _Header(NamedTuple):
    files: tuple[str, ...]
    code: Cursor
    minimum_length: int
    line_base: int
    line_range: int
    operands: tuple[int, ...]  # how many each standard opcode has, from opcode 1 on


def read_lines(sections: Mapping[str, bytes], offset: int, directory: str) -> LineTable:
    """The line program at ``offset`` of .debug_line, of a unit that was compiled in ``directory``. Raises ValueError,
    or whatever Python raises of a number or an index that makes no sense."""
    header = _header(sections, offset, directory)
    return LineTable(header.files, tuple(_run(header)))


def _header(sections: Mapping[str, bytes], offset: int, directory: str) -> _Header:
    data = sections["line"]
    cursor = Cursor(data, offset)
    width = 4  # bytes of an offset
    length = cursor.unsigned(4)
    if length == 0xFFFF_FFFF:
        width, length = 8, cursor.unsigned(8)
    cursor = Cursor(data, cursor.offset, cursor.offset + length)
    version = cursor.unsigned(2)
    if not 2 <= version <= 5:
        raise ValueError(f"a line program of DWARF's version {version}")
    if version >= 5:
        cursor.take(2)  # address_size, segment_selector_size
    length = cursor.unsigned(width)
    code = Cursor(data, cursor.offset + length, cursor.end)
    minimum_length = cursor.unsigned(1)
    if version >= 4:
        cursor.take(1)  # maximum_operations_per_instruction, which is 1 but for VLIW
    cursor.take(1)  # default_is_stmt
    line_base, line_range, opcode_base = cursor.signed(1), cursor.unsigned(1), cursor.unsigned(1)
    operands = tuple(cursor.take(max(0, opcode_base - 1)))
    if version >= 5:
        folders = [name for name, _ in _entries(cursor, sections, width)]
        names = _entries(cursor, sections, width)
    else:
        folders, names = ["", *_strings(cursor)], [("", 0), *_names(cursor)]
    files = tuple(source_name(directory, folders[index] if index < len(folders) else "", name) for name, index in names)
    return _Header(files, code, minimum_length, line_base, line_range, operands)


def _strings(cursor: Cursor) -> list[str]:
    """Folders, of versions 2 to 4: strings up to an empty one."""
    found: list[str] = []
    while text := cursor.string():
        found.append(text)
    return found


def _names(cursor: Cursor) -> list[tuple[str, int]]:
    """Files, of versions 2 to 4: a string, its folder, a time and a size; up to an empty string."""
    found = []
    while text := cursor.string():
        found.append((text, cursor.uleb128()))
        cursor.uleb128()
        cursor.uleb128()
    return found


def _entries(cursor: Cursor, sections: Mapping[str, bytes], width: int) -> list[tuple[str, int]]:
    """Folders, or files, of version 5: name and folder of each, in a format that goes before them."""
    form = [(cursor.uleb128(), cursor.uleb128()) for _ in range(cursor.unsigned(1))]
    count = cursor.uleb128()
    if count > _MOST_NAMES:
        raise ValueError(f"a list of {count} files")
    found = []
    for _ in range(count):
        name, folder = "", 0
        for content, how in form:
            value: str | int
            if how == _FORM_STRING:
                value = cursor.string()
            elif how in (_FORM_STRP, _FORM_LINE_STRP):
                strings = sections["str" if how == _FORM_STRP else "line_str"]
                value = Cursor(strings, cursor.unsigned(width)).string()
            else:
                value = cursor.uleb128() if how == _FORM_UDATA else cursor.unsigned(_FIXED_BYTES[how])
            if content == _DW_LNCT_PATH:
                name = str(value)
            elif content == _DW_LNCT_DIRECTORY_INDEX:
                folder = int(value)
        found.append((name, folder))
    return found


def source_name(directory: str, folder: str, name: str) -> str:
    """A file's name as seen from where the compiler ran (``kernel/vm.c``); absolute for a file of somewhere else."""
    if not name:
        return ""
    path = posixpath.normpath(posixpath.join(directory, folder, name))
    root = posixpath.normpath(directory) + "/" if directory else ""
    return path.removeprefix(root)


def _run(header: _Header) -> list[Row]:
    """The rows that the program makes, without those that no instruction belongs to."""
    rows: list[Row] = []
    code, files = header.code, header.files
    base, span, step = header.line_base, header.line_range, header.minimum_length
    first_special = len(header.operands) + 1
    address, file, line = 0, 1, 1
    last: tuple[int, int, int] | None = None  # the row whose end is not known yet

    def emit() -> None:
        nonlocal last
        if last is not None and last[0] < address:
            name = files[last[1]] if 0 <= last[1] < len(files) else ""
            rows.append(Row(last[0], address, name, last[2]))
        # Line 0 is code of no line: it is counted to the line before it. Several rows at one address: the last holds.
        last = (address, file, line) if line > 0 or last is None else (address, last[1], last[2])

    while code.offset < code.end:
        opcode = code.unsigned(1)
        if opcode >= first_special:
            advance, change = divmod(opcode - first_special, span)
            address += advance * step
            line += base + change
            emit()
        elif opcode == 0:
            end = code.uleb128() + code.offset
            extended = code.unsigned(1)
            if extended == _END_SEQUENCE:
                emit()
                address, file, line, last = 0, 1, 1, None
            elif extended == _SET_ADDRESS:
                address = code.unsigned(end - code.offset)
            code.take(end - code.offset)
        elif opcode == _COPY:
            emit()
        elif opcode == _ADVANCE_PC:
            address += code.uleb128() * step
        elif opcode == _ADVANCE_LINE:
            line += code.sleb128()
        elif opcode == _SET_FILE:
            file = code.uleb128()
        elif opcode == _CONST_ADD_PC:
            address += (255 - first_special) // span * step
        elif opcode == _FIXED_ADVANCE_PC:
            address += code.unsigned(2)
        else:
            for _ in range(header.operands[opcode - 1]):
                code.uleb128()
    return rows
