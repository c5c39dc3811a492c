"""The doc pages of the designs, made from runs: what each author claims, and what cowcheck finds.

``make docs`` writes them to ``docs/designs``; a test holds that they are what a run gives. Nothing in them is written
by hand but what the design's own file says (its docstring, claims and notes); times and memory stay out of them.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from cowcheck.checker.catalogue import Design, designs, scenarios
from cowcheck.checker.counterexample import counterexample, sizes
from cowcheck.checker.coverage import unreached_lines
from cowcheck.checker.job import Job
from cowcheck.checker.jobs import run_all
from cowcheck.checker.ranking import ranked, worst
from cowcheck.checker.result import Result, Verdict
from cowcheck.specs.invariants import find_invariant

GENERATED = "<!-- made by `make docs` from runs: do not edit -->"


def explore_everything() -> list[Result]:
    """Every design that cowcheck ships in every scenario, on all cores."""
    jobs = [Job(design, scenario) for design in designs() for scenario in scenarios()]
    return run_all(jobs, os.cpu_count() or 1)


def pages(results: Sequence[Result]) -> dict[str, str]:
    """The text of each page by its file name."""
    by_design = {name: [result for result in results if result.subject.design == name] for name in designs()}
    texts = {"README.md": "\n".join(_index(by_design)) + "\n"}
    for name, design in designs().items():
        texts[f"{name}.md"] = "\n".join(_page(design, by_design[name])) + "\n"
    return texts


def _index(by_design: dict[str, list[Result]]) -> Iterator[str]:
    yield "# The designs"
    yield ""
    yield GENERATED
    yield ""
    count = len(next(iter(by_design.values())))
    yield f"Each design in each of the {count} scenarios, every interleaving; a violation ends the path that it is on."
    yield ""
    yield "| design | verdict | states | violated |"
    yield "|---|---|---|---|"
    for name, results in by_design.items():
        found = ", ".join(f"`{invariant}`" for invariant in ranked(results)) or "none"
        states = sum(result.stats.states for result in results)
        title = designs()[name].linked.info.title
        yield f"| [{name}]({name}.md): {title} | {worst(results)} | {states:,} | {found} |"


def _page(design: Design, results: Sequence[Result]) -> Iterator[str]:
    info = design.linked.info
    yield f"# {design.name}: {info.title}"
    yield ""
    yield GENERATED
    yield ""
    yield (ast.get_docstring(design.linked.unit.tree) or "").replace("``", "`")
    yield ""
    origin = f"Source: [{design.linked.unit.shown}](../../{design.linked.unit.shown})."
    if info.write_up:
        origin += f" Write-up: {info.write_up}."
    if info.variant_of:
        origin += f" A variant of [{info.variant_of}]({info.variant_of}.md)."
    yield origin
    yield from _list("What its author claims", info.claims)
    yield from _list("What the write-up leaves out, and what was taken instead", (*_taken(design), *info.notes))
    yield from _findings(results)
    if info.variant_of:
        yield from _where_it_holds(results)
    yield from _table(results)
    yield from _unreached(design, results)


def _list(title: str, items: Sequence[str]) -> Iterator[str]:
    if items:
        yield ""
        yield f"## {title}"
        yield ""
        yield from (f"- {item}" for item in items)


def _taken(design: Design) -> Iterator[str]:
    by_origin: dict[str, list[str]] = {}
    for name, origin in design.linked.taken.items():
        by_origin.setdefault(origin, []).append(f"`{name}`")
    for origin, names in by_origin.items():
        yield f"{', '.join(names)}: the code of [{origin}]({origin}.md)"


def _findings(results: Sequence[Result]) -> Iterator[str]:
    found = ranked(results)
    yield ""
    yield "## What cowcheck finds"
    yield ""
    complete = sum(result.stats.complete for result in results)
    yield f"{complete} of {len(results)} scenarios were explored completely."
    if not found:
        yield "Every invariant holds in all of them." if complete == len(results) else "No violation was found."
        return
    for invariant, places in found.items():
        _, result, violation = places[0]
        names = sorted({other.subject.scenario for _, other, _ in places})
        yield ""
        yield f"### `{invariant}`"
        yield ""
        yield f"{find_invariant(invariant).summary[:1].upper()}{find_invariant(invariant).summary[1:]}."
        yield f"Violated in {len(names)} of {len(results)} scenarios: {', '.join(f'`{name}`' for name in names)}."
        if violation.after:
            yield f"It follows from a violation of `{violation.after}` on the same path."
        yield ""
        yield "```text"
        yield from (line.plain for line in counterexample(result.subject, violation))
        yield "```"
        yield ""
        yield "```console"
        yield f"$ cowcheck explore --design {result.subject.design} --scenario {result.subject.scenario}"
        yield "```"


def _where_it_holds(results: Sequence[Result]) -> Iterator[str]:
    """A variant settles a claim: by what the scenarios' pages are, where it passes and where it fails."""
    yield ""
    yield "## Where the claim holds, and where not"
    yield ""
    yield "| scenarios whose pages are | explored | pass | fail |"
    yield "|---|---|---|---|"
    kinds = sorted({tuple(sorted(set(result.subject.page_kinds))) for result in results})
    for kind in kinds:
        these = [result for result in results if tuple(sorted(set(result.subject.page_kinds))) == kind]
        failing = [result.subject.scenario for result in these if result.verdict is Verdict.FAIL]
        passing = sum(result.verdict is Verdict.PASS for result in these)
        yield f"| {' and '.join(kind)} | {len(these)} | {passing} | {len(failing)} {', '.join(failing)} |"


def _table(results: Sequence[Result]) -> Iterator[str]:
    yield ""
    yield "## Scenarios"
    yield ""
    yield "| scenario | sizes | states | steps deep | verdict | violated |"
    yield "|---|---|---|---|---|---|"
    for result in results:
        found = ", ".join(f"`{violation.invariant}`" for violation in result.violations)
        stats = result.stats
        yield (
            f"| {result.subject.scenario} | {sizes(result.subject)} | {stats.states:,} | {stats.depth} "
            f"| {result.verdict} | {found} |"
        )


def _unreached(design: Design, results: Sequence[Result]) -> Iterator[str]:
    lines = unreached_lines(design, [result.reached for result in results])
    yield ""
    yield "## Steps that no scenario reached"
    yield ""
    if not lines:
        yield "None."
    for line in lines:
        why = " (it can only panic)" if line.panic else ""
        yield f"- `{line.source}` in `{line.function}`: `{line.code}`{why}"


def main(folder: Path) -> None:
    """Writes every page to the folder, and removes those of designs that are gone."""
    texts = pages(explore_everything())
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.md"):
        if stale.name not in texts:
            stale.unlink()
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/designs"))
