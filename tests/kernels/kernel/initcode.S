// The first user program, copied to address 0: exec("/init", argv), and exit if that fails.

        .section .rodata
        .globl initcode_start
        .globl initcode_end
        .align 3
initcode_start:
        lla a0, path
        lla a1, argv
        li a7, 7                // exec
        ecall
1:
        li a7, 2                // exit
        ecall
        j 1b

        .align 3
argv:
        .dword path - initcode_start
        .dword 0
path:
        .string "/init"
initcode_end:
