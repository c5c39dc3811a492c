"""Checks a submitted kernel: runs it under the workloads, records it, and verifies what was recorded."""

from cowcheck.checker.check.conduct import conduct
from cowcheck.checker.check.consumer import Consumer
from cowcheck.checker.check.plan import Plan, plan
from cowcheck.checker.check.subject import Subject, open_kernel

__all__ = ["Consumer", "Plan", "Subject", "conduct", "open_kernel", "plan"]
