"""Why a recording says nothing of an invariant."""

from __future__ import annotations

from cowcheck.checker.verify.tally import Tally
from cowcheck.machine.trace.header import Header


def reasons(header: Header, tally: Tally, forks: int, returns: int, censuses: int) -> dict[str, str]:
    """By invariant, why it was not checked."""
    found = {}
    judged = tally.counts
    if header.counts is None:
        found["refcount-equals-mappings"] = (
            header.no_counts or "where the kernel keeps its reference counts is not known"
        )
    if not tally.shared:
        shared = "fork copied every page: nothing was shared" if forks else "no process was forked"
        found["no-writable-shared-frame"] = shared
        found.setdefault("refcount-equals-mappings", shared)
    if not header.ownership and not censuses:
        found["no-leak"] = header.no_ownership or "what the kernel itself uses frames for was not recorded"
    for name, because in (
        ("refcount-equals-mappings", "no frame with a reference count was mapped"),
        ("isolation", "no loads of user code, and no stores of kernel code to user pages, were recorded"),
        ("out-of-memory-kills", "memory never ran out in a page fault"),
        ("no-undue-failure", "no legal access took a page fault"),
        ("progress", "the recording does not reach the end of a run"),
        ("kernel-survives", "the recording does not reach the end of a run"),
    ):
        if not judged[name]:
            found.setdefault(name, because)
    if not returns:
        found["no-stale-translation"] = "no user code ran"
    return found
