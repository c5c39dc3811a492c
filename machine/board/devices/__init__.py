"""The devices of QEMU's ``virt`` machine that xv6 drives, one file each."""
