"""The training: the only package that imports MXNet."""
