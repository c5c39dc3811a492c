"""A report from a JSON document that an earlier run has written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cowcheck.checker.formats.case import Report
from cowcheck.checker.formats.of_designs import suites_of_designs
from cowcheck.checker.result import SCHEMA as OF_DESIGNS
from cowcheck.checker.result import from_document as designs_from
from cowcheck.checker.verify.from_json import from_document as kernels_from
from cowcheck.checker.verify.result import SCHEMA as OF_KERNELS
from cowcheck.model.errors import CowcheckError, read_text

MOST_BYTES = 1 << 30


def read_report(path: Path) -> Report:
    """The report of a file that ``--json`` has written. Raises :class:`CowcheckError` where it is none."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CowcheckError(f"{path}: larger than {MOST_BYTES >> 30} GiB; this is no result")
        text = read_text(path)
    except OSError as error:
        raise CowcheckError(f"{path}: cannot be read ({error.strerror or error})") from error
    try:
        return report_of(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise CowcheckError(f"{path}: not JSON: {error}") from error
    except CowcheckError as error:
        raise CowcheckError(f"{path}: {error}") from error


def report_of(document: Any) -> Report:
    """The report of a document. Raises :class:`CowcheckError` where it is none of this version's."""
    schema = document.get("schema") if isinstance(document, dict) else None
    try:
        if schema == OF_DESIGNS:
            return Report("explore", suites_of_designs(designs_from(document)))
        if schema == OF_KERNELS:
            from cowcheck.checker.formats.of_kernels import suite_of_kernel

            return Report("check", tuple(suite_of_kernel(result) for result in kernels_from(document)))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, AssertionError) as error:
        raise CowcheckError(f"damaged results ({type(error).__name__}: {error}); write them again") from error
    raise CowcheckError(f"no result of `--json`: the schema is {schema!r}; known: {OF_DESIGNS!r}, {OF_KERNELS!r}")
