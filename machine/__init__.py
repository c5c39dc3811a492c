"""What runs a kernel: emulators behind one interface, what they record of it, and the files of that."""
