# The instructions that a board must find, data between functions that looks like them, and the trampoline.
.section .text
.globl _entry
_entry:
        csrr a1, mhartid
        csrr t0, mhartid
        wfi
spin:
        j spin

        .4byte 0xf14025f3       # after a $d mark: a constant, no csrr
        .4byte 0x12000073

.globl kernelvec
kernelvec:
        sret
        lr.w t1, (a0)
        sc.w t2, t1, (a0)
        amoadd.w t1, t2, (a0)
        c.nop                   # from here on nothing is aligned to 4 bytes
        amoswap.d.aq t1, t2, (a0)
        c.jr ra

.globl swtch
swtch:
        c.jr ra

.section trampsec, "ax"
.globl trampoline
trampoline:
.globl uservec
uservec:
        sfence.vma zero, zero
        csrw satp, t1
        jr t0
.globl userret
userret:
        sfence.vma zero, zero
        csrw satp, a0
        sret
