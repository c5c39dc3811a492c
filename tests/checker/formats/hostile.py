"""Texts that a submission may hold, made to break out of a format."""

from __future__ import annotations

from hypothesis import strategies as st

from cowcheck.checker.formats.case import Case, Fault, Group, Moment, Problem, Report, Source, Status, Suite
from cowcheck.specs.invariants import INVARIANTS

KNOWN = (
    "<script>alert(1)</script>",
    "]]></failure><testcase/>",
    "&lt;&#0;&nbsp;",
    "\x1b[31mred\x1b]0;title\x07",
    "one\n::error file=a.c::two",
    "##[error]three\r\n::add-mask::x",
    "a::b,c=%25%0A::stop-commands::x",
    "\x00\x0b\ufffe\uffff\ud800\u202e\u2028",
    "[link](javascript:alert) ![image](http://x) {0} {{",
    "| cell | `code` </pre></details>\n\n# heading @someone #1",
    "../../../etc/passwd",
    "//host/share/x",
    "C:\\x\\y",
    '\\u0000"},{"a":"',
    "",
)
texts = st.one_of(st.sampled_from(KNOWN), st.text(st.characters(exclude_categories=()), max_size=40))
names = st.sampled_from([item.name for item in INVARIANTS])
sources = st.builds(Source, texts, st.integers(0, 99_999), texts)
moments = st.builds(Moment, st.integers(0, 3), st.none() | sources, texts)
problems = st.builds(
    Problem,
    invariant=names,
    message=texts,
    where=texts,
    source=st.none() | sources,
    key=st.tuples(texts, texts),
    moments=st.lists(moments, max_size=4).map(tuple),
    by_hart=st.booleans(),
    text=texts,
    then=st.lists(names, max_size=2).map(tuple),
    after=st.just("") | names,
)
some_problems = st.lists(problems, max_size=3).map(tuple)
cases = st.builds(
    Case,
    group=st.sampled_from(Group),
    name=texts,
    status=st.sampled_from(Status),
    because=texts,
    note=texts,
    part=st.floats(0, 1),
    violated=st.lists(names, max_size=3, unique=True).map(tuple),
    problems=some_problems,
)
suites = st.builds(
    Suite,
    name=texts,
    file=texts,
    verdict=st.sampled_from(["pass", "fail", "inconclusive"]),
    cases=st.lists(cases, max_size=4).map(tuple),
    problems=some_problems,
    notes=st.lists(texts, max_size=2).map(tuple),
)
faults = st.builds(Fault, st.sampled_from(["input", "signal", "internal", "unfinished"]), texts)
reports = st.builds(Report, st.just("check"), st.lists(suites, max_size=2).map(tuple), st.none() | faults)


def harmless(text: str) -> bool:
    """Whether a terminal or a log obeys nothing in it."""
    return all(c == "\n" or c.isprintable() for c in text)
