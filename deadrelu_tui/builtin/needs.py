"""What a machine must have before anything can be trained: the facts behind error messages and `doctor`."""

PYTHON_FIRST, PYTHON_LAST = (3, 10), (3, 12)
NUMPY_BELOW = 2
MXNET = "1.9.1"
NATIVE_LIBRARIES = ("libgomp.so.1", "libquadmath.so.0")
"""What MXNet's wheel links to and a slim Debian lacks."""
APT_LINE = "apt-get install -y libgomp1 libquadmath0"
GPU_WHEEL = "mxnet-cu112"
"""The build with CUDA, which takes the place of the package mxnet."""
