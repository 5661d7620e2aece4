"""How much is downloaded: python benchmarks/downloads.py

Prints the size of everything that pip fetches for the base and with MXNet, on this machine and this Python, in
megabytes (10⁶ bytes).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def size(wanted: str) -> float:
    """Return what is fetched to install something, itself included, in megabytes."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--dest", folder, wanted], check=True)
        return sum(file.stat().st_size for file in Path(folder).iterdir()) / 1e6


def main() -> None:
    """Print both."""
    for name, wanted in (("NumPy", str(ROOT)), ("NumPy and MXNet", f"{ROOT}[mxnet]")):
        print(f"{name}: {size(wanted):.0f} MB")


if __name__ == "__main__":
    main()
