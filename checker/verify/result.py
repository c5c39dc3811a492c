"""What verifying a recording came to, as plain values and as JSON (``docs/kernel-results.schema.json``)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from cowcheck.checker.interleave.result import RaceResult
from cowcheck.checker.interleave.result import to_json as races_to_json
from cowcheck.checker.result import Verdict
from cowcheck.checker.verify.finding import Finding
from cowcheck.machine.trace.header import Header

SCHEMA = "cowcheck/kernel-results/1"


class Status(StrEnum):
    """What is known of an invariant."""

    HOLDS = "holds"
    VIOLATED = "violated"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Check:
    """One invariant: how often it was judged where it could have failed; ``because`` says why it was not checked."""

    invariant: str
    status: Status
    judged: int
    because: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One workload, from its state at the start to its end. ``ending`` is empty where the recording stops before
    that. ``violated`` are the invariants that were violated in it, whether or not a finding tells of this run."""

    name: str
    events: int
    ending: str
    text: str
    violated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KernelResult:
    """``incomplete`` says what keeps a recording without a violation from passing; ``unchecked`` what a workload could
    not do; ``shares`` whether fork shared any frame."""

    verdict: Verdict
    header: Header
    oracle: str
    checks: tuple[Check, ...]
    findings: tuple[Finding, ...]
    runs: tuple[Run, ...]
    events: int
    forks: int
    shares: bool
    incomplete: tuple[str, ...]
    unchecked: tuple[str, ...] = ()
    races: tuple[RaceResult, ...] | None = None  # None: none were explored


def document(results: Iterable[KernelResult]) -> dict[str, Any]:
    """The JSON document of some results."""
    return {"schema": SCHEMA, "results": [to_json(result) for result in results]}


def to_json(result: KernelResult) -> dict[str, Any]:
    """One result as JSON values."""
    header = result.header
    return {
        "verdict": str(result.verdict),
        "subject": {
            "kernel": header.kernel,
            "build_id": header.build_id,
            "machine": header.machine,
            "harts": header.harts,
            "ram": [header.first_ppn, header.last_ppn],
            "workload": header.workload,
        },
        "oracle": result.oracle,
        "invariants": [{**asdict(check), "status": str(check.status)} for check in result.checks],
        "findings": [asdict(finding) for finding in result.findings],
        "runs": [{**asdict(run), "violated": list(run.violated)} for run in result.runs],
        "events": result.events,
        "forks": result.forks,
        "shares": result.shares,
        "incomplete": list(result.incomplete),
        "unchecked": list(result.unchecked),
        **({} if result.races is None else {"races": races_to_json(result.races)}),
    }
