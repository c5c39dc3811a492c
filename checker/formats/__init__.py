"""Formats that other programs read: JUnit XML, SARIF, GitHub annotations, Gradescope results. None of them judges."""

from cowcheck.checker.formats.case import Case, Fault, Moment, Problem, Report, Source, Status, Suite

__all__ = ["Case", "Fault", "Moment", "Problem", "Report", "Source", "Status", "Suite"]
