"""Make the embedded subset from the full set: python -m deadrelu_tui.builtin.embedded.make [SOURCE_DIR].

The images are real and unchanged, equally many of each class, drawn by a seeded generator and kept in the
order of the full set. Made again, it has the same content.
"""

import gzip
import hashlib
import struct
import sys
from pathlib import Path

import numpy as np

from deadrelu_tui.builtin import fashion_mnist as data
from deadrelu_tui.builtin.dataset import CLASSES, ByteArray

SEED = 0


def make(source: Path, target: Path) -> list[str]:
    """Write the four files of the subset and return their digests, in the order of data.FILES."""
    full = data.read(source)
    rng = np.random.default_rng(SEED)
    train = _stratified(full.train_labels, data.EMBEDDED.train, rng)
    test = _stratified(full.test_labels, data.EMBEDDED.test, rng)
    contents = (
        _idx(full.train_images[train].reshape(-1, *data.IMAGE_SHAPE)),
        _idx(full.train_labels[train]),
        _idx(full.test_images[test].reshape(-1, *data.IMAGE_SHAPE)),
        _idx(full.test_labels[test]),
    )
    for name, content in zip(data.FILES, contents, strict=True):
        # Neither time nor file name, so that the same content gives the same file.
        with (
            open(target / f"{name}.gz", "wb") as raw,
            gzip.GzipFile("", "wb", compresslevel=9, fileobj=raw, mtime=0) as file,
        ):
            file.write(content)
    return [hashlib.sha256(content).hexdigest() for content in contents]


def _stratified(labels: ByteArray, size: int, rng: np.random.Generator) -> list[int]:
    """Choose equally many indices of each class, in rising order."""
    chosen: list[int] = []
    for label in range(CLASSES):
        of_class = np.flatnonzero(labels == label)
        chosen.extend(rng.choice(of_class, size // CLASSES, replace=False).tolist())
    return sorted(chosen)


def _idx(array: ByteArray) -> bytes:
    """Encode an array of bytes as an IDX file."""
    header = struct.pack(f">{1 + array.ndim}I", 0x0800 + array.ndim, *array.shape)
    return header + array.tobytes()


if __name__ == "__main__":
    print("digests for deadrelu_tui/data.py:")
    print(*make(Path(sys.argv[1]) if sys.argv[1:] else data.DEBIAN_FOLDER, data.EMBEDDED_FOLDER), sep="\n")
