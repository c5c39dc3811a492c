"""The designs, one file each: copy-on-write algorithms as they were published."""
