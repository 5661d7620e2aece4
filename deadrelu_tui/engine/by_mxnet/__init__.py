"""The steps by Apache MXNet: the only package that imports it."""
