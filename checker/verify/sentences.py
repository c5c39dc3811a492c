"""The sentence of a violation: the statement's own, with the subject of a recording; more where a recording knows
more."""

from __future__ import annotations

from cowcheck.checker.judge import message
from cowcheck.checker.verify.panics import meaning
from cowcheck.checker.verify.scene import Accusation, What
from cowcheck.checker.verify.words import ACCESSES, address, frame_name, page_name, process_name
from cowcheck.machine.record.event import KIND, A, B, C, EventKind
from cowcheck.specs.statement import Statement


def sentence(accusation: Accusation, statement: Statement) -> str:
    """What is wrong and why it matters."""
    own = what_happened(accusation)
    if own:
        matters = _matters(accusation) or statement.matters
        return f"{own} {matters}"
    text = message(statement, accusation.view, subject(accusation))
    return text[0].upper() + text[1:]


def subject(accusation: Accusation) -> str:
    """What the view is of."""
    what, ppn, pid, vpn, other, _ = accusation.about
    names = accusation.scene.names
    frame = frame_name(ppn) if ppn is not None else "no frame"
    match what:
        case What.FRAME | What.TOUCH:
            return frame
        case What.MAPPING:
            return f"{page_name(pid, vpn, names)} (to {frame})"
        case What.TRANSLATION:
            return f"hart {other}'s cached translation of {page_name(pid, vpn, names)}"
        case What.WRITTEN:
            return f"a store of kernel code, for {process_name(pid, names)}, to its read-only page {vpn:#x}"
        case What.FAULT:
            trap = accusation.scene.trap
            where = address(trap[B]) if trap else f"page {vpn:#x}"
            return f"{process_name(pid, names)}'s {ACCESSES.get(other, 'access to')} {where}"
        case What.LOAD:
            return f"{process_name(pid, names)}'s load from page {vpn:#x}"
    return "the kernel"


def what_happened(accusation: Accusation) -> str:
    """What is wrong, where a recording has better words for it than the statement; else nothing."""
    what, ppn, pid, _, other, _ = accusation.about
    row, names = accusation.row, accusation.scene.names
    match what:
        case What.STORE:
            assert ppn is not None
            pages = [f"{user.vpn:#x}" for user in accusation.scene.users if user.pid == other]
            return (
                f"Kernel code that ran for {process_name(pid, names)} wrote to {frame_name(ppn)}, which "
                f"{process_name(other, names)} maps "
                f"(page {', '.join(pages)}): that process's memory changed under it."
            )
        case What.FOR_EVER:
            trap = accusation.scene.trap
            where = f" at {address(trap[B])} (user pc {address(trap[C])})" if trap else ""
            access = ACCESSES.get(other, "access to").split()[0]
            name = process_name(pid, names)
            return (
                f"{name[0].upper()}{name[1:]} takes the same fault for ever: its {access}{where} faulted again, "
                "after its handler had returned."
            )
        case What.CENSUS:
            lost = row[B] - row[A]
            return (
                f"{lost} frame{' is' if lost == 1 else 's are'} lost: {row[A]} stand on the free list, and {row[B]} "
                "should, for everything that was begun since they were counted has gone."
            )
        case What.OUTCOME:
            return f"{accusation.scene.text}.{_filling(accusation.scene.text)}"
        case What.PANIC:
            return f"The kernel panicked: {accusation.scene.text or 'it said nothing'}."
        case What.BROKEN:
            return f"The machine cannot go on: {accusation.scene.text or 'the recording does not say why'}."
        case What.HANG:
            return f"Nothing moves any more: {accusation.scene.text or 'the recording does not say why'}."
    return ""


def _filling(text: str) -> str:
    """What wrote a value that a program saw, where the value tells."""
    for byte, function in (("01", "kfree"), ("05", "kalloc")):
        if f"saw 0x{(byte * 8).lstrip('0')}" in text:
            return f" (0x{byte} in every byte is what xv6's {function} fills a page with.)"
    return ""


def _matters(accusation: Accusation) -> str:
    if accusation.about.what is What.PANIC and (words := meaning(accusation.scene.text)):
        return f"One process has brought every other one down. {words}"
    if accusation.about.what is What.STORE:
        if any(past.row[KIND] == EventKind.FREE for past in accusation.scene.history[-2:]):
            return "kfree must look at the count before it fills the page, and fill it only when nobody maps it."
        return (
            "The kernel's own stores to user memory must break the sharing first, as the store-fault handler does: "
            "look at copyout."
        )
    if accusation.about.what is What.FOR_EVER:
        return (
            "A fault that cannot be served must end the process; one that can must leave a page-table entry that "
            "allows the access."
        )
    return ""
