"""The steps by NumPy alone, on any machine."""
