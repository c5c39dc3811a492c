"""What the words of a panic mean in xv6: one sentence each, that is true whatever has led to it."""

from __future__ import annotations

MEANINGS = {
    "sched locks": "a process gives up the hart (exit, sleep, yield) while it holds a spinlock besides its own (or has "
    "turned interrupts off once too often): one was taken before and not given back.",
    "sched p->lock": "a process gives up the hart and does not hold its own lock.",
    "sched running": "a process gives up the hart and its state is still RUNNING.",
    "sched interruptible": "a process gives up the hart with interrupts on.",
    "acquire": "the hart already holds the spinlock that it wants to take: it would wait for itself.",
    "release": "the hart does not hold the spinlock that it gives back.",
    "pop_off - interruptible": "interrupts are on although a spinlock is held.",
    "pop_off": "more spinlocks are given back than were taken.",
    "freewalk: leaf": "a page table is taken down and a page is still mapped in it: uvmunmap has not "
    "removed every page of the process.",
    "uvmunmap: not mapped": "a page is to be unmapped that has no valid page-table entry.",
    "uvmunmap: walk": "a page is to be unmapped for which there is not even a page-table page.",
    "uvmunmap: not a leaf": "the entry of a page that is to be unmapped is valid and grants nothing.",
    "uvmunmap: not aligned": "uvmunmap is given an address that does not begin a page.",
    "uvmcopy: pte should exist": "fork comes to a page below p->sz that has no page-table entry.",
    "uvmcopy: page not present": "fork comes to a page below p->sz whose entry is not valid.",
    "mappages: remap": "a page is to be mapped that is mapped already: the old entry must go first.",
    "remap": "a page is to be mapped that is mapped already: the old entry must go first.",
    "walk": "walk is given an address at or above MAXVA: it must be refused before.",
    "kfree": "kfree is given an address that does not begin a page, or lies below the kernel's end or from PHYSTOP on.",
    "uvmclear": "the page that user code is to lose has no page-table entry.",
    "init exiting": "its first process ends, which never may.",
    "zombie exit": "a process that has ended runs again.",
    "usertrap: not from user mode": "usertrap is entered by a trap of the kernel's own.",
    "kerneltrap: not from supervisor mode": "kerneltrap is entered by a trap from user mode.",
    "kerneltrap: interrupts enabled": "kerneltrap is entered with interrupts on.",
    "kerneltrap": "the kernel's own code takes a trap that nothing serves.",
}
"""Where xv6 panics with each text."""


def meaning(text: str) -> str:
    """The sentence for a panic's text; empty where it is none of xv6's."""
    where = MEANINGS.get(text.strip())
    return f"xv6 says this where {where}" if where else ""
