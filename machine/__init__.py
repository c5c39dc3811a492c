"""What runs a kernel: emulators behind one interface. There is nothing here yet; only designs are judged."""
