"""The steps by PyTorch: the only package of the engine that imports it."""
