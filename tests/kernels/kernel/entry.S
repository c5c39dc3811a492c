// The board starts every hart here, in machine mode.

        .section entry, "ax"
        .globl _entry
_entry:
        // sp = stack0 + (mhartid + 1) * 4096: a stack of one page for each hart
        la sp, stack0
        csrr a0, mhartid
        addi a0, a0, 1
        slli a0, a0, 12
        add sp, sp, a0
        call start
spin:
        j spin
