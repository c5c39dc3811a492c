"""What a design may not do is an error with file, line, what is wrong, and what to do instead."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cowcheck.checker.catalogue import Design, load_design, scenarios, specs_directory
from cowcheck.model.errors import CowcheckError, SourceError
from cowcheck.model.system import Model

IMPORTS = """\
from cowcheck.model.language import NULL, PA2PTE, PTE2PA, PTE_V, Buffer, Design, Frame, PageTable, PerFrame, Proc
from cowcheck.model.language import PteRef, Spinlock, acquire, all_frames, in_ram, memmove, memset, myproc, panic
from cowcheck.model.language import pte_at, r_stval, release, sleep, syscall_buffer
"""
HEAD = f'''\
"""A toy: most of these files are wrong in one line of usertrap, which begins with a frame."""

{IMPORTS}
DESIGN = Design(name="toy", title="a toy", count="toy.count")


class toy:
    lock: Spinlock
    word: int
    frame: Frame
    count: PerFrame[int]
    locks: PerFrame[Spinlock]


def number(n: int) -> int:
    return n


def usertrap() -> None:
    pa = toy.frame
'''
FIRST = HEAD.count("\n") + 1  # the line after the head
PTE = "pte = pte_at(myproc().pagetable, 0)\n"

# the lines of usertrap after the first, the line among them that is wrong, what is said of it, and what to do
BODIES = {
    "with": ("with toy.lock:\n    pass", 1, "unsupported statement: with", "a design has assignments, if, for"),
    "try": ("try:\n    pass\nfinally:\n    pass", 1, "unsupported statement: try", "a design has"),
    "while": ("while toy.word:\n    pass", 1, "an unbounded loop", "write `for i in range(first, past_the_last):`"),
    "while-true": ("while True:\n    toy.word = 1", 1, "an unbounded loop", "`while True:` is for a loop that sleeps"),
    "while-else": ("while True:\n    sleep(toy.lock)\nelse:\n    pass", 1, "an unbounded loop", "write `for"),
    "lambda": ("x = lambda: 0", 1, "unsupported expression: lambda: 0", "a design has integers, names"),
    "comprehension": ("x = [n for n in range(3)]", 1, "unsupported expression: [n for n in range(3)]", "calls"),
    "generator": ("number(n for n in range(3))", 1, "unsupported expression: (n for n in range(3))", "calls"),
    "text": ('x = "text"', 1, "unsupported expression: 'text'", "a design has integers"),
    "float": ("x = 1.5", 1, "unsupported expression: 1.5", "a design has integers"),
    "product": ("x = 2 * toy.word", 1, "unsupported expression: 2 * toy.word", "+ - & | ^ << >> ~"),
    "conditional": ("x = 1 if toy.word else 2", 1, "unsupported expression: 1 if", "a design has integers"),
    "chain": ("x = 0 < toy.word < 3", 1, "unsupported expression: 0 < toy.word < 3", "one comparison at a time"),
    "is": ("x = toy.word is NULL", 1, "unsupported expression: toy.word is NULL", "one comparison"),
    "walrus": ("if (x := 3) == 3:\n    pass", 1, "unsupported expression: (x := 3)", "a design has integers"),
    "f-string": ('x = f"{pa}"', 1, "unsupported expression: f", "a design has integers"),
    "del": ("del toy.word", 1, "unsupported statement: del", "a design has assignments"),
    "global": ("global toy", 1, "unsupported statement: global", "a design has assignments"),
    "import": ("import os", 1, "unsupported statement: import", "a design has assignments"),
    "def": ("def inner() -> None:\n    pass", 1, "unsupported statement: def inside a function", "a design has"),
    "assert": ("assert toy.word", 1, "unsupported statement: assert", "a design has assignments"),
    "raise": ("raise ValueError", 1, "unsupported statement: raise", "a design has assignments"),
    "yield": ("yield", 1, "unsupported statement", "a design has assignments"),
    "match": ("match toy.word:\n    case _:\n        pass", 1, "unsupported statement: match", "a design has"),
    "two-names": ("x, y = 1, 2", 1, "unsupported expression: (1, 2)", "a design has integers"),
    "two-targets": ("x = y = 1", 1, "unsupported statement", "a design has assignments"),
    "no-value": ("x: int", 1, "unsupported statement", "a design has assignments"),
    "an-expression": ("3", 1, "unsupported statement", "a design has assignments"),
    "for-list": ("for i in [1, 2]:\n    pass", 1, "a loop over something else than range()", "write `for i in"),
    "for-else": ("for i in range(2):\n    pass\nelse:\n    pass", 1, "a loop over something else", "write `for"),
    "range-of-three": ("for i in range(0, 3, 2):\n    pass", 1, "range() with 3 arguments", "write range(first,"),
    "range-of-none": ("for i in range():\n    pass", 1, "range() with 0 arguments", "write range(first,"),
    "range-of-frames": ("for i in range(pa):\n    pass", 1, "a bound of range() is a int", "give a int"),
    "all-frames": ("for f in all_frames():\n    pass", 1, "all_frames() in code that runs after boot", "kinit"),
    "break": ("break", 1, "break or continue outside a loop", "remove it"),
    "continue": ("if toy.word:\n    continue", 2, "break or continue outside a loop", "remove it"),
    "result-of-none": ("return 1", 1, "the result of 'usertrap' is a None, and is given a int", "give a None"),
    "shared-name": ("x = toy.nothing", 1, "undeclared shared name 'toy.nothing'", "it has toy.lock, toy.word"),
    "shared-struct": ("nowhere.word = 1", 1, "undeclared shared name 'nowhere.word'", "declare it in `class nowhere`"),
    "local-name": ("x = nobody", 1, "undeclared name 'nobody'", "declare shared memory in a class of the design"),
    "before-its-value": ("if toy.word:\n    x = y\ny = 1", 2, "'y' may be read before it has a value", "assign"),
    "function": ("nobody()", 1, "undeclared function 'nobody'", "define it in the design, or import it"),
    "python-s-own": ("print(1)", 1, "undeclared function 'print'", "define it in the design, or import it"),
    "too-few": ("number()", 1, "'number' takes 1 arguments, and is given 0", "give each its value"),
    "too-many": ("number(1, 2)", 1, "'number' takes 1 arguments, and is given 2", "give each its value"),
    "keyword": ("number(n=1)", 1, "unsupported call: number(n=1)", "call a function by its name, without keywords"),
    "method": ("toy.number(1)", 1, "unsupported call: toy.number(1)", "call a function by its name"),
    "argument": ("number(pa)", 1, "argument 'n' of 'number' is a int, and is given a Frame", "give a int"),
    "built-in-too-few": ("memset(pa)", 1, "'memset' takes 2 arguments, and is given 1", "see model/language.py"),
    "built-in-argument": ("memset(1, 0)", 1, "argument 'dst' of 'memset' is a Frame, and is given a int", "Frame"),
    "memmove-of-a-number": ("memmove(pa, 1)", 1, "argument 'src' of 'memmove' is a Frame", "give a Frame"),
    "value-of-none": ("x = acquire(toy.lock)", 1, "the value of a call that has none", "call it as a statement"),
    "lock-read": ("x = toy.lock", 1, "a lock is read", "use acquire() and release()"),
    "lock-of-proc-read": ("x = myproc().lock", 1, "a lock is read", "use acquire() and release()"),
    "lock-assigned": ("toy.lock = 1", 1, "a lock is assigned to", "use acquire() and release()"),
    "lock-counted": ("toy.lock += 1", 1, "a lock is read", "use acquire() and release()"),
    "no-lock": ("acquire(toy.word)", 1, "'toy.word' is not a lock", "declare it as Spinlock"),
    "all-locks": ("release(toy.locks)", 1, "'toy.locks' is an array", "index it: toy.locks[pa]"),
    "array-read": ("x = toy.count", 1, "'toy.count' is an array", "index it: toy.count[pa]"),
    "array-indexed-by-number": ("x = toy.count[1]", 1, "an array of frames is indexed with a int", "with a Frame"),
    "no-array": ("x = toy.word[pa]", 1, "'toy.word' is no array", "declare it as PerFrame[int]"),
    "frame-plus": ("x = pa + 1", 1, "arithmetic on a Frame", "it is a name, not a number: compare it with =="),
    "frame-shift": ("x = pa >> 12", 1, "arithmetic on a Frame", "or use it as an index"),
    "frame-minus": ("x = -pa", 1, "arithmetic on a Frame", "it is a name, not a number"),
    "frame-order": ("x = pa < toy.frame", 1, "'<' between values of type Frame", "a frame has no order: use =="),
    "frame-as-number": ("x = pa == 1", 1, "the right side is a Frame, and is given a int", "give a Frame"),
    "proc-order": ("x = myproc() > NULL", 1, "'>' between values of type Proc", "use == or !="),
    "pte-plus": (PTE + "x = pte[0] + 1", 2, "'+' on a PTE", "use PTE2PA, PA2PTE and PTE_FLAGS"),
    "pte-index": (PTE + "x = pte[1]", 2, "a PTE is read through its own pointer", "write pte[0] for C's *pte"),
    "pte-pointer-plus": (PTE + "x = pte + 1", 2, "arithmetic on a PteRef", "it is a name, not a number"),
    "pte-of-a-frame": (PTE + "pte[0] = pa", 2, "the memory assigned to is a pte, and is given a Frame", "give a pte"),
    "null-alone": ("x = NULL", 1, "'x' starts with a value that has no type of its own", "or `x: Frame = NULL`"),
    "zero-alone": ("x = 0", 1, "'x' starts with a value that has no type of its own", "as `x: int = 0` or `x: Frame"),
    "another-type": ("x = 1\nx = pa", 2, "'x' is a int, and is given a Frame", "give a int"),
    "annotated": ("x: Frame = 1", 1, "'x' is a Frame, and is given a int", "give a Frame"),
    "field": ("x = myproc().name", 1, "a Proc has no field 'name'", "it has state, killed, parent, pagetable, sz"),
    "pid-assigned": ("myproc().pid = 1", 1, "a Proc has no field 'pid'", "it has state"),
    "field-of-frame": ("pa.previous = pa", 1, "a Frame has no field 'previous'", "it has next"),
    "next-of-number": ("pa.next = 1", 1, "the memory assigned to is a Frame, and is given a int", "give a Frame"),
    "global-of-type": ("toy.word = pa", 1, "the memory assigned to is a int, and is given a Frame", "give a int"),
    "panic-of-nothing": ("panic(toy.word)", 1, "panic() without a message", 'write panic("why")'),
    "panic-s-value": ('x = panic("no")', 1, "the value of a call that has none", "call it as a statement"),
    "syntax": ("x = = 1", 1, "not Python: invalid syntax", "mend the syntax"),
    "indentation": ("  x = 1", 1, "not Python: unexpected indent", "mend the syntax"),
}

# whole files: the text, the line that is wrong, what is said of it, and what to do
LINES = f"""\
{IMPORTS}
DESIGN = Design(name="toy", title="a toy")

"""
AFTER = LINES.count("\n") + 1
CALLS = "\n\ndef usertrap() -> None:\n    "
FILES = {
    "recursion": (
        LINES + "def usertrap() -> None:\n    usertrap()\n",
        AFTER,
        "recursion: uservec -> usertrap -> usertrap",
        "a design is inlined: use a loop",
    ),
    "recursion-in-a-round": (
        LINES + "def usertrap() -> None:\n    again()\n\n\ndef again() -> None:\n    usertrap()\n",
        AFTER,
        "recursion: uservec -> usertrap -> again -> usertrap",
        "a design is inlined",
    ),
    "missing-return": (
        LINES + "def f(n: int) -> int:\n    if n == r_stval():\n        return 1\n" + CALLS + "f(1)\n",
        AFTER,
        "'f' can end without a return",
        "return a int on every path",
    ),
    "return-of-nothing": (
        LINES + "def f() -> int:\n    return\n" + CALLS + "f()\n",
        AFTER + 1,
        "return without a value",
        "return a int",
    ),
    "default-argument": (
        LINES + "def f(n: int = 1) -> None:\n    pass\n" + CALLS + "f(1)\n",
        AFTER,
        "'f' has a default, a * parameter or a decorator",
        "give plain parameters",
    ),
    "star-argument": (
        LINES + "def f(*n: int) -> None:\n    pass\n" + CALLS + "f()\n",
        AFTER,
        "'f' has a default, a * parameter or a decorator",
        "give plain parameters",
    ),
    "decorator": (
        LINES + "@staticmethod\ndef f() -> None:\n    pass\n" + CALLS + "f()\n",
        AFTER + 1,
        "'f' has a default, a * parameter or a decorator",
        "give plain parameters",
    ),
    "no-annotation": (
        LINES + "def f(n) -> None:\n    pass\n" + CALLS + "f(1)\n",
        AFTER,
        "parameter 'n' of 'f' has no type that the language knows",
        "annotate it with one of int, Frame, Pte, PteRef, PageTable, Proc, Buffer, None",
    ),
    "no-result-annotation": (
        LINES + "def f():\n    pass\n" + CALLS + "f()\n",
        AFTER,
        "the result of 'f' has no type that the language knows",
        "annotate it with one of int",
    ),
    "defined-twice": (
        LINES + "def f() -> None:\n    pass\n\n\ndef f() -> None:\n    pass\n",
        AFTER + 4,
        f"'f' is defined twice (first in line {AFTER})",
        "remove one",
    ),
    "built-in-defined": (
        LINES + "def acquire(lock: Spinlock) -> None:\n    pass\n",
        AFTER,
        "'acquire' is a built-in of the language",
        "give it another name",
    ),
    "imported-and-defined": (
        "from cowcheck.specs.designs.lab_plan import kfree\n" + LINES + "def kfree(pa: Frame) -> None:\n    pass\n",
        AFTER + 1,
        "'kfree' is imported and defined",
        "keep one of the two",
    ),
    "import-from-elsewhere": (
        LINES + "from os import path\n",
        AFTER,
        "import from 'os'",
        "a design imports from cowcheck.model.language, cowcheck.specs.xv6.* and cowcheck.specs.designs.* only",
    ),
    "import-of-a-module": (
        LINES + "import os\n",
        AFTER,
        "unsupported at the top level of a design: Import",
        "only imports by name, integer constants, classes (shared memory) and functions stand here",
    ),
    "import-as": (
        LINES + "from cowcheck.specs.xv6.vm import walk as w\n",
        AFTER,
        "'walk' is imported as 'w'",
        "keep its name",
    ),
    "import-of-nothing-there": (
        LINES + "from cowcheck.model.language import kfree\n",
        AFTER,
        "the language has no 'kfree'",
        "see model/language.py",
    ),
    "import-of-a-private-name": (
        LINES + "from cowcheck.model.language import _declared\n",
        AFTER,
        "the language has no '_declared'",
        "see model/language.py",
    ),
    "import-of-no-base": (
        LINES + "from cowcheck.specs.xv6.vm import mmap\n",
        AFTER,
        "the base kernel has no 'mmap'",
        "see specs/xv6",
    ),
    "import-of-no-design": (
        LINES + "from cowcheck.specs.designs.nobody import kfree\n",
        AFTER,
        "there is no design module 'cowcheck.specs.designs.nobody'",
        "see `cowcheck list designs`",
    ),
    "import-of-no-design-s": (
        LINES + "from cowcheck.specs.designs.lab_plan import mmap\n",
        AFTER,
        "specs/designs/lab_plan.py defines no 'mmap'",
        "import what it defines",
    ),
    "import-of-a-path": (
        LINES + "from cowcheck.specs.designs.lab_plan.x import kfree\n",
        AFTER,
        "there is no design module 'cowcheck.specs.designs.lab_plan.x'",
        "see `cowcheck list designs`",
    ),
    "variable-at-the-top": (
        LINES + "x = number()\n",
        AFTER,
        "'x' is not an integer constant",
        "shared memory is declared in a class",
    ),
    "statement-at-the-top": (
        LINES + "if PTE_V:\n    pass\n",
        AFTER,
        "unsupported at the top level of a design: If",
        "only imports by name",
    ),
    "field-without-a-type": (
        LINES + "class toy:\n    lock = 1\n",
        AFTER + 1,
        "unsupported field in class toy",
        "a field is `name: type` with Spinlock, int, Frame or PerFrame[int | Spinlock]",
    ),
    "field-of-another-type": (
        LINES + "class toy:\n    owner: Proc\n",
        AFTER + 1,
        "unsupported field in class toy",
        "a field is `name: type`",
    ),
    "field-with-a-value": (
        LINES + "class toy:\n    word: int = 1\n",
        AFTER + 1,
        "unsupported field in class toy",
        "a field is `name: type`",
    ),
    "no-design": (f"{IMPORTS}\n", 1, "the file declares no design", "add DESIGN = Design(name='...', title='...')"),
    "empty": ("", 1, "the file declares no design", "add DESIGN = Design("),
    "nul": ("x\0", 1, "not Python: source code string cannot contain null bytes", ""),
    "unclosed": ("x = (\n", 1, "not Python: '(' was never closed", "mend the syntax"),
    "too-deep": ("x = " + "(" * 400 + "1" + ")" * 400, 1, "not Python: ", ""),
}

DESIGNS = {
    "no-name": ('title="a toy"', "the design has no name", "add name='...'"),
    "no-title": ('name="toy"', "the design has no title", "add title='...'"),
    "empty-name": ('name="", title="a toy"', "the design has no name", "add name='...'"),
    "positional": ('"toy", title="a toy"', "a positional argument in the declaration", "give every argument its name"),
    "unknown": ('name="toy", title="a toy", colour=1', "unknown argument 'colour'", "known: name, title, write_up"),
    "star": ('**{"name": "toy"}', "unknown argument '**'", "known: name"),
    "no-literal": ('name="t" + "oy", title="a toy"', "the value of 'name' is not a literal", "write it out"),
    "type": ('name=1, title="a toy"', "'name' is 1, which is no str", "give a str"),
    "bool": ('name="toy", title="a toy", count_offset=True', "'count_offset' is True, which is no int", "give a int"),
    "claims": ('name="toy", title="a toy", claims="all"', "'claims' is 'all', which is no tuple", "give a tuple"),
    "claim": ('name="toy", title="a toy", claims=(1,)', "'claims' holds something that is no string", "give strings"),
}


def refusal(text: str, write: Callable[[str], Design]) -> SourceError:
    with pytest.raises(SourceError) as caught:
        write(text)
    error = caught.value
    assert str(error) == f"{error.place}: {error.problem}; {error.remedy}"
    assert error.place.file == "toy.py"
    assert "\n" not in str(error)
    return error


def indented(body: str) -> str:
    return "".join(f"    {line}\n" for line in body.split("\n"))


def test_the_head_is_a_design(write_design: Callable[[str], Design]) -> None:
    """So what the bodies are refused for is their own."""
    assert write_design(HEAD).name == "toy"


@pytest.mark.parametrize("case", BODIES)
def test_a_statement_is_refused(case: str, write_design: Callable[[str], Design]) -> None:
    body, line, problem, remedy = BODIES[case]
    error = refusal(HEAD + indented(body), write_design)
    assert problem in error.problem
    assert remedy in error.remedy
    assert error.place.line == FIRST + line - 1


@pytest.mark.parametrize("case", FILES)
def test_a_file_is_refused(case: str, write_design: Callable[[str], Design]) -> None:
    text, line, problem, remedy = FILES[case]
    error = refusal(text, write_design)
    assert problem in error.problem
    assert remedy in error.remedy
    assert error.place.line == line


@pytest.mark.parametrize("case", DESIGNS)
def test_a_declaration_is_refused(case: str, write_design: Callable[[str], Design]) -> None:
    arguments, problem, remedy = DESIGNS[case]
    error = refusal(f"{IMPORTS}DESIGN = Design({arguments})\n", write_design)
    assert problem in error.problem
    assert remedy in error.remedy
    assert error.place.line == IMPORTS.count("\n") + 1


NESTED = {
    "sum": "x = " + " + ".join(["toy.word"] * 120),
    "not": "x = " + "not " * 120 + "toy.word",
    "minus": "x = " + "-" * 400 + "1",
    "elif": "if toy.word == 0:\n    pass" + "\nelif toy.word:\n    pass" * 120,
    "calls": "number(" * 90 + "1" + ")" * 90,
}


@pytest.mark.parametrize("case", NESTED)
def test_what_is_nested_too_deeply_is_refused(case: str, write_design: Callable[[str], Design]) -> None:
    error = refusal(HEAD + indented(NESTED[case]), write_design)
    assert error.problem == "nested too deeply"
    assert error.place.line >= FIRST


def test_what_is_nested_as_deeply_as_may_be_runs(write_design: Callable[[str], Design]) -> None:
    """Python reads the code that is made of it."""
    design = write_design(HEAD + indented("x = r_stval()\ntoy.word = " + " + ".join(["x"] * 80)))
    Model(design.program, scenarios()["store-text-alone"])


@pytest.mark.parametrize("count", ["toy.word", "toy.locks", "toy.none", "none"])
def test_a_count_that_is_no_array_of_numbers_is_refused(count: str, write_design: Callable[[str], Design]) -> None:
    error = refusal(HEAD.replace('"toy.count"', f'"{count}"'), write_design)
    assert error.problem == f"the count '{count}' is no PerFrame[int] of this design"
    assert error.remedy == "known: toy.count"


def test_a_loop_that_sleeps_needs_no_bound(write_design: Callable[[str], Design]) -> None:
    write_design(HEAD + indented("while True:\n    if toy.word:\n        break\n    sleep(toy.lock)"))


def test_an_error_in_another_file_names_that_file(write_design: Callable[[str], Design]) -> None:
    """lab_plan's cow_fault calls kaddref nowhere, but its uvmcopy does, and this design has none."""
    with pytest.raises(SourceError) as caught:
        write_design(f"{IMPORTS}from cowcheck.specs.designs.lab_plan import uvmcopy\n{LINES}")
    assert caught.value.place.file == "specs/designs/lab_plan.py"
    assert caught.value.problem == "undeclared function 'kaddref'"


def test_a_file_that_is_no_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "latin.py"
    path.write_bytes(b"# caf\xe9\n")
    with pytest.raises(CowcheckError, match=r"latin\.py: not a UTF-8 text \(.* at byte 5\)$"):
        load_design(path)


def test_a_folder_is_no_design(tmp_path: Path) -> None:
    with pytest.raises(CowcheckError, match=r": cannot be read \(Is a directory\)$"):
        load_design(tmp_path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CowcheckError, match=r"none\.py: cannot be read \(No such file or directory\)$"):
        load_design(tmp_path / "none.py")


# --- anything at all ---

LAB_PLAN = (specs_directory() / "designs" / "lab_plan.py").read_text("utf-8")
TOKENS = re.findall(r"\w+|\s+|[^\w\s]", LAB_PLAN)
FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def compiles_or_says_why(path: Path) -> None:
    """Raises nothing but CowcheckError, and warns of nothing."""
    with suppress(CowcheckError):
        load_design(path)


@FUZZ
@given(text=st.text(max_size=200))
def test_any_text_compiles_or_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "any.py"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    compiles_or_says_why(path)


@FUZZ
@given(content=st.binary(max_size=80))
def test_any_bytes_compile_or_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "any.py"
    path.write_bytes(content)
    compiles_or_says_why(path)


@FUZZ
@given(lines=st.lists(st.sampled_from(sorted(body for body, _, _, _ in BODIES.values())), min_size=1, max_size=3))
def test_any_lines_compile_or_are_refused(lines: list[str], tmp_path: Path) -> None:
    path = tmp_path / "any.py"
    path.write_text(HEAD + "".join(map(indented, lines)), encoding="utf-8")
    compiles_or_says_why(path)


def mutated(rng: random.Random) -> str:
    """The lab's plan with a few tokens dropped, doubled, or put in each other's place."""
    tokens = list(TOKENS)
    for _ in range(rng.randint(1, 4)):
        at, other = rng.randrange(len(tokens)), rng.randrange(len(tokens))
        match rng.randrange(4):
            case 0:
                del tokens[at]
            case 1:
                tokens.insert(at, tokens[other])
            case 2:
                tokens[at] = tokens[other]
            case 3:
                tokens[at] = rng.choice(["0", "-1", "NULL", "pte", "kmem", "[0]", "(", ":", "not ", "~", "\n    "])
    return "".join(tokens)


@settings(FUZZ, max_examples=100)
@given(seed=st.integers(0, 2**32))
def test_a_mutated_design_compiles_or_is_refused(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "any.py"
    path.write_text(mutated(random.Random(seed)), encoding="utf-8")
    compiles_or_says_why(path)
