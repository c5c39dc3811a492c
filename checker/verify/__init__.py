"""Verifies recordings of a kernel: every state's invariants, and every step."""

from cowcheck.checker.verify.bad_event import BadEvent
from cowcheck.checker.verify.finding import Finding, Step
from cowcheck.checker.verify.result import Check, KernelResult, Run, Status
from cowcheck.checker.verify.verifier import Verifier

__all__ = ["BadEvent", "Check", "Finding", "KernelResult", "Run", "Status", "Step", "Verifier"]
