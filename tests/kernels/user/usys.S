// The system calls, by xv6's numbers.

        .text

#define SYSTEM_CALL(name, number) \
        .globl name; \
name:   li a7, number; \
        ecall; \
        ret

SYSTEM_CALL(fork, 1)
SYSTEM_CALL(exit, 2)
SYSTEM_CALL(wait, 3)
SYSTEM_CALL(pipe, 4)
SYSTEM_CALL(read, 5)
SYSTEM_CALL(kill, 6)
SYSTEM_CALL(exec, 7)
SYSTEM_CALL(fstat, 8)
SYSTEM_CALL(dup, 10)
SYSTEM_CALL(getpid, 11)
SYSTEM_CALL(sleep, 13)
SYSTEM_CALL(uptime, 14)
SYSTEM_CALL(open, 15)
SYSTEM_CALL(write, 16)
SYSTEM_CALL(mknod, 17)
SYSTEM_CALL(close, 21)
SYSTEM_CALL(unknown, 99)

// Where the kernel knows of two ways: all pages at once, or each when it is used.
        .globl sbrk
        .globl sbrklazy
sbrk:   li a1, 1
        j 1f
sbrklazy:
        li a1, 2
1:      li a7, 12
        ecall
        ret
