"""Running a kernel's own machine code on several harts, in an order that is decided outside."""
