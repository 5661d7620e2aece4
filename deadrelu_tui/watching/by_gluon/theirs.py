"""The user's own MXNet: it was imported before anything in here is, and never by us."""

from __future__ import annotations

import sys
from typing import Any

mx: Any = sys.modules["mxnet"]
