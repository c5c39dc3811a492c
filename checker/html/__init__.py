"""The HTML report: one self-contained file that shows what a command found, and steps through it."""

from cowcheck.checker.html.document import html_of, write_report
from cowcheck.checker.html.of_exploration import page_of_exploration
from cowcheck.checker.html.of_kernel import page_of_kernel

__all__ = ["html_of", "page_of_exploration", "page_of_kernel", "write_report"]
