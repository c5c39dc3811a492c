"""The board: xv6's machine (QEMU's ``virt``) on Unicorn, with the devices that xv6 drives."""
