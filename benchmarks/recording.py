"""What recording a run costs its training: steps per second with a file, against those without one, in turns."""

from __future__ import annotations

import argparse
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from report import Ratio, settings_of

from deadrelu_tui.engine import begin
from deadrelu_tui.run.store import Store
