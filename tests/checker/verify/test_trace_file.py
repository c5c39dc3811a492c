"""Trace files: whole ones are verified to the same result, damaged ones up to the damage, others are refused."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
import zstandard
from jsonschema import Draft202012Validator

from cowcheck.checker.result import Verdict
from cowcheck.checker.verify import KernelResult
from cowcheck.checker.verify.result import document
from cowcheck.checker.verify.trace_file import verify_trace
from cowcheck.model.errors import CowcheckError

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture(scope="module")
def right(toy_kernel: Any, tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The lines of a right kernel's trace."""
    path = toy_kernel().play().end().write(tmp_path_factory.mktemp("trace") / "right.jsonl")
    return Path(path).read_bytes().splitlines(keepends=True)


@pytest.fixture(scope="module")
def wrong(toy_kernel: Any, tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The same of one that is wrong."""
    path = toy_kernel(["parent-keeps-w"]).play().end().write(tmp_path_factory.mktemp("trace") / "wrong.jsonl")
    return Path(path).read_bytes().splitlines(keepends=True)


def verified(*data: bytes, **options: bool) -> KernelResult:
    return verify_trace(io.BytesIO(b"".join(data)), "boot.jsonl", **options)


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
@pytest.mark.parametrize("bug", ["", "double-drop"])
def test_a_file_gives_the_result_of_the_events(toy_kernel: Any, tmp_path: Path, suffix: str, bug: str) -> None:
    kernel = toy_kernel([bug]).play().end()
    path = kernel.write(tmp_path / f"run.jsonl{suffix}")
    with path.open("rb") as file:
        assert verify_trace(file, path.name) == kernel.verify()
    again = kernel.write(tmp_path / f"again.jsonl{suffix}")
    assert again.read_bytes() == path.read_bytes()


def test_the_result_is_valid_json_of_its_schema(right: list[bytes], wrong: list[bytes], toy_kernel: Any) -> None:
    schema = json.loads((DOCS / "kernel-results.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    results = [verified(*right), verified(*wrong), verified(*right[:-1]), toy_kernel(["eager"]).play().end().verify()]
    assert {str(result.verdict) for result in results} == {"pass", "fail", "inconclusive"}
    values = json.loads(json.dumps(document(results)))
    Draft202012Validator(schema).validate(values)
    broken = {**values["results"][0], "verdict": "fail"}
    assert not Draft202012Validator(schema).is_valid({**values, "results": [broken]})


def damaged(lines: list[bytes], at: int, line: bytes) -> list[bytes]:
    return [*lines[:at], line, *lines[at + 1 :]]


DAMAGE = {
    b'{"kind":"pte","hart":0,"pid"\n': "no JSON",
    b'{"kind":"FOO"}\n': "unknown event kind 'FOO'; known: run, trap, user, ",
    b"[]\n": "no event: a line is a JSON object",
    b'"\xff"\n': "not UTF-8",
    b'{"kind":"fence","hart":0,"pid":1,"pc":0,"time":\x000}\n': "no JSON",
    b'{"kind":"fence","hart":0,"pid":1,"pc":0,"time":' + b"9" * 5000 + b"}\n": "a number in it is too long",
    b'{"kind":"fence","hart":0,"pid":1,"pc":0,"time":18446744073709551616}\n': "'time' is no 64-bit number",
    b'{"kind":"fence","hart":0,"pid":1,"pc":0,"time":1.5}\n': "'time' is no whole number",
    b'{"kind":"fence","hart":0,"pid":1,"pc":0,"time":NaN}\n': "NaN is no number of JSON's",
    b'{"kind":"fence","hart":0,"hart":1,"pid":1,"pc":0,"time":0}\n': "a key stands in it twice",
    b'{"kind":"fence","hart":0,"pid":1,"pc":0}\n': "this fence event lacks 'time'",
    b'{"kind":"fence","hart":0,"pid":1,"pc":0,"time":0,"x":1}\n': "a fence event has no 'x'",
    b'{"kind":"console","hart":0,"pid":1,"pc":0,"time":0,"text":7}\n': "'text' is no text",
    b'{"begin":"x","y":1}\n': "a line that begins a run",
    b"[" * 100_000 + b"\n": "nested too deeply",
    b"x" * ((1 << 20) + 2) + b"\n": "longer than 1 MiB",
}


@pytest.mark.parametrize("line", DAMAGE, ids=[f"{number}" for number in range(len(DAMAGE))])
def test_a_damaged_line_ends_the_verifying_and_is_told(right: list[bytes], wrong: list[bytes], line: bytes) -> None:
    at = len(right) // 2
    result = verified(*damaged(right, at, line))
    assert result.verdict is Verdict.INCONCLUSIVE
    assert result.incomplete[0].startswith(f"verified up to the damage: boot.jsonl:{at + 1}: ")
    assert DAMAGE[line] in result.incomplete[0]
    assert result.events == at - 1
    assert verified(*damaged(wrong, len(wrong) - 1, line)).verdict is Verdict.FAIL


def test_a_last_line_that_is_cut_off(right: list[bytes]) -> None:
    result = verified(*right[:-1], right[-1][:-3])
    assert result.incomplete == (f"verified up to the damage: boot.jsonl:{len(right)}: the last line is cut off: "
                                 "it has no newline",)  # fmt: skip


def test_a_gigabyte_line_is_refused_after_a_megabyte(right: list[bytes]) -> None:
    class Endless(io.RawIOBase):
        read_bytes = 0

        def read(self, size: int = -1) -> bytes:
            self.read_bytes += size
            return b"x" * size

    source = Endless()
    with pytest.raises(CowcheckError, match="longer than 1 MiB"):
        verify_trace(source, "boot.jsonl")  # type: ignore[arg-type]
    assert source.read_bytes < 4 << 20


def test_a_bomb_is_streamed(right: list[bytes]) -> None:
    spaces = b" " * (16 << 20)
    for packed in (gzip.compress(spaces), zstandard.compress(spaces)):
        with pytest.raises(CowcheckError, match="longer than 1 MiB"):
            verified(packed)
    blank = b"\n" * (1 << 18)
    assert verified(gzip.compress(b"".join([*right[:20], blank, *right[20:]]))).verdict is Verdict.PASS


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_compressed_data_that_are_cut_off_or_damaged(right: list[bytes], pack: Any) -> None:
    packed = pack(b"".join([right[0], *[b'{"begin":"again"}\n', *right[1:]] * 100]))
    cut = verified(packed[:-20])
    assert cut.verdict is Verdict.INCONCLUSIVE
    assert "cut off" in cut.incomplete[0]
    assert cut.events > 5000
    flipped = bytearray(packed)
    flipped[len(packed) // 2] ^= 0xFF
    try:
        result = verified(bytes(flipped))
    except CowcheckError:
        return  # what was damaged is the header, or an event that cannot be
    assert result.incomplete


def test_members_one_after_the_other_are_one_file(right: list[bytes]) -> None:
    halves = b"".join(right[:50]), b"".join(right[50:])
    for pack in (gzip.compress, zstandard.compress):
        assert verified(*map(pack, halves)).verdict is Verdict.PASS
    assert verified(*map(gzip.compress, halves), b"\0" * 512).verdict is Verdict.PASS


HEADERS = {
    b"": "boot.jsonl: an empty file; a trace begins with a header line",
    b"\n": "boot.jsonl:1: no JSON",
    b"{}\n": "boot.jsonl:1: the first line is no header",
    b'{"schema":"cowcheck/trace/2"}\n': "boot.jsonl:1: the schema is 'cowcheck/trace/2', and this cowcheck reads "
    "'cowcheck/trace/1'; use a newer cowcheck",
    b'{"schema":"other"}\n': "boot.jsonl:1: the schema is 'other', not 'cowcheck/trace/1'",
    b'{"schema":"cowcheck/trace/1"}\n': "boot.jsonl:1: 'harts' is no number from 1 to 64",
    b'{"schema":"cowcheck/trace/1","harts":1}\n': "boot.jsonl:1: 'ram' is no pair",
    b'{"schema":"cowcheck/trace/1","harts":1,"ram":[1,99999999]}\n': "at most 1048576 can be verified",
    b'{"schema":"cowcheck/trace/1","harts":1,"ram":[1,2],"ownership":1}\n': "'ownership' is not true or false",
    b'{"schema":"cowcheck/trace/1","hats":1}\n': "unknown key 'hats' in the header",
    b"\x7fELF" + b"\0" * 100: "boot.jsonl:1: the last line is cut off",
}


@pytest.mark.parametrize("data", HEADERS, ids=[f"{number}" for number in range(len(HEADERS))])
def test_a_file_that_is_no_trace_is_refused(data: bytes) -> None:
    with pytest.raises(CowcheckError) as caught:
        verified(data)
    assert HEADERS[data] in str(caught.value)


@pytest.mark.parametrize("reference", [False, True])
def test_events_that_contradict_each_other_are_an_error_with_its_line(right: list[bytes], reference: bool) -> None:
    number, line = next(item for item in enumerate(right, start=1) if item[0] > 100 and b'"pte"' in item[1])
    values = {**json.loads(line), "old": 0, "new": 1}
    lines = [*right[:number], json.dumps(values).encode() + b"\n", *right[number:]]
    with pytest.raises(CowcheckError) as caught:
        verified(*lines, reference=reference)
    assert str(caught.value).startswith(
        f"boot.jsonl:{number + 1}: 'old' of a pte event is 0x0, and by the events before"
    )


def test_a_value_out_of_range_is_an_error_with_its_line(right: list[bytes]) -> None:
    with pytest.raises(CowcheckError, match=r"^boot.jsonl:60: 'hart' is 7; the header says that there are 2, from 0; "):
        verified(*damaged(right, 59, b'{"kind":"fence","hart":7,"pid":1,"pc":0,"time":0}\n'))


def test_runs_are_apart(right: list[bytes], wrong: list[bytes]) -> None:
    result = verified(right[0], b'{"begin":"one"}\n', *right[1:], b'{"begin":"two"}\n', *wrong[1:])
    assert [(run.name, run.ending) for run in result.runs] == [("one", "done"), ("two", "done")]
    assert {finding.run for finding in result.findings} == {"two"}
    assert sum(run.events for run in result.runs) == result.events == len(right) + len(wrong) - 2
