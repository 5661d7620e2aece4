"""Fashion-MNIST: where it is, whether it is what it should be, and its arrays.

Everything is verified by its decoded content, so that a set counts however it was compressed. Reads files
only: the network is touched elsewhere, and MXNet, the screen and the command line are not known here.
"""

import hashlib
import math
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs

from deadrelu_tui.builtin.dataset import ByteArray, Dataset
from deadrelu_tui.errors import InputError

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
"""The files of a set; each may also end in .gz, which is preferred where both are there."""

ABSENT = "absent"
IMAGE_SHAPE = (28, 28)
EMBEDDED_FOLDER = Path(__file__).parent / "embedded"
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")


@dataclass(frozen=True)
class Edition:
    """A set as it should be: how many images, and the SHA-256 of each of FILES, decoded, header included."""

    name: str
    train: int
    test: int
    digests: tuple[str, str, str, str]

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of the arrays in FILES."""
        return (self.train, *IMAGE_SHAPE), (self.train,), (self.test, *IMAGE_SHAPE), (self.test,)

    @property
    def sha256(self) -> str:
        """The one fingerprint: the SHA-256 of the four digests, in hexadecimal and joined."""
        return hashlib.sha256("".join(self.digests).encode()).hexdigest()


FULL = Edition(
    "full set",
    train=60_000,
    test=10_000,
    digests=(
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
)
EMBEDDED = Edition(  # made, and these digests printed, by deadrelu_tui/builtin/embedded/make.py
    "embedded subset",
    train=8_000,
    test=2_000,
    digests=(
        "d8e8359b817572ea9142700043440bcd9c1b7c7557a0f5183d17d8def0e84d63",
        "261e0db8ed1adcbdd7188aaaf7898f7b1437334ede207690fc5b80ec809609f0",
        "af1ceeab4c4cd2b58723edf4a35db3daf091158129392a6dceda211cc18f6875",
        "a5ccd661518ee0ac8aefc6041ee56d74535e7ff24ded2d09cbbfe106b6de40ba",
    ),
)


@dataclass(frozen=True)
class Place:
    """A folder where a set is looked for."""

    path: Path
    label: str
    """Why it is looked at, in the user's words."""
    required: bool = False
    """Whether a set was promised here, so that its absence is a fault."""
    edition: Edition = FULL

    def load(self) -> Dataset | None:
        """Read the set that is here; None where there is none and none was promised."""
        if not self.required and not (os.path.isdir(self.path) and _files_in(self.path)):
            return None
        return read(self.path, self.edition)


@dataclass(frozen=True)
class PlaceStatus:
    """What one place holds; every field is ready for JSON."""

    path: str
    label: str
    state: str
    """"full set, verified", "embedded subset, verified", "absent", or a sentence that says what is wrong."""
    train: int | None = None
    test: int | None = None
    sha256: str | None = None
    """The fingerprint; None means that this place cannot be used."""


def find(data_dir: str | None = None, full: bool | None = None) -> Dataset:
    """Load the first set that is found; full=False wants the embedded subset, full=True never that."""
    for place in places(data_dir):
        if full is not None and full != (place.edition is FULL):
            continue
        try:
            dataset = place.load()
        except InputError as error:
            if place.required:
                raise InputError(f"{place.label}: {error}; or use --embedded") from None
            raise InputError(f"{error}; repair it, or use --data-dir DIR or --embedded") from None
        if dataset is not None:
            return dataset
    raise InputError(
        "the full Fashion-MNIST was not found: apt-get install dataset-fashion-mnist, or use --data-dir DIR"
    )


def status(data_dir: str | None = None) -> list[PlaceStatus]:
    """Look at every place, in the order in which find() does; a bad place is described, not raised."""
    return [_status(place) for place in places(data_dir)]


def places(data_dir: str | None = None) -> list[Place]:
    """List the folders where a set is looked for; the first that holds one wins."""
    named = []
    if data_dir is not None:
        named.append(Place(Path(os.path.expanduser(data_dir)), "--data-dir", required=True))
    if from_environment := os.environ.get("DEADRELU_DATA_DIR"):
        named.append(Place(Path(os.path.expanduser(from_environment)), "DEADRELU_DATA_DIR", required=True))
    return [
        *named,
        Place(own_folder(), "own folder"),
        Place(Path(os.path.expanduser("~/.mxnet/datasets/fashion-mnist")), "MXNet's folder"),
        Place(DEBIAN_FOLDER, "Debian's package"),
        Place(EMBEDDED_FOLDER, "embedded", required=True, edition=EMBEDDED),
    ]


def own_folder() -> Path:
    """Return the folder into which a fetched set goes."""
    return Path(platformdirs.user_data_dir("deadrelu-tui")) / "data"


def _status(place: Place) -> PlaceStatus:
    path = shown(place.path)
    try:
        dataset = place.load()
    except InputError as error:
        return PlaceStatus(path, place.label, str(error))
    if dataset is None:
        return PlaceStatus(path, place.label, ABSENT)
    edition = place.edition
    state = f"{edition.name}, verified"
    return PlaceStatus(path, place.label, state, edition.train, edition.test, dataset.sha256)


def read(folder: Path, edition: Edition = FULL) -> Dataset:
    """Read the set in a folder, or raise an InputError that names the file and its fault."""
    paths = _files_in(folder)
    missing = [name for name in FILES if name not in paths]
    if missing:
        needed = "needed, each as it is or with .gz: " + ", ".join(FILES)
        raise InputError(f"{shown(folder)} lacks {', '.join(missing)} ({needed})")

    arrays = [
        _read_idx(paths[name], shape, digest)
        for name, shape, digest in zip(FILES, edition.shapes, edition.digests, strict=True)
    ]
    train_images, train_labels, test_images, test_labels = arrays
    return Dataset(
        train_images=train_images.reshape(edition.train, -1),
        train_labels=train_labels,
        test_images=test_images.reshape(edition.test, -1),
        test_labels=test_labels,
        source="embedded" if edition is EMBEDDED else shown(folder),
        sha256=edition.sha256,
    )


def shown(path: Path) -> str:
    """Write a path as the user knows it: home as ~, and nothing that could break the line."""
    text, home = str(path), os.path.expanduser("~").rstrip("/")
    if home and (text == home or text.startswith(home + "/")):
        text = "~" + text[len(home) :]
    return text if text.isprintable() else text.encode("unicode_escape").decode()


def _files_in(folder: Path) -> dict[str, Path]:
    """Map those of FILES that are in a folder to their paths."""
    try:
        with os.scandir(folder) as entries:
            there = {entry.name for entry in entries if entry.is_file()}
    except OSError as error:
        raise InputError(f"the folder {shown(folder)} cannot be read: {error.strerror}") from error
    return {name: folder / file for name in FILES for file in (name, name + ".gz") if file in there}


def _read_idx(path: Path, shape: tuple[int, ...], digest: str) -> ByteArray:
    """Read the array in an IDX file; of several faults, the most telling is raised."""
    header = struct.Struct(f">{1 + len(shape)}I")  # big-endian: the magic number, then the shape
    size = header.size + math.prod(shape)
    content = _decoded(path, size + 1)  # one byte too many tells enough, and no gzip bomb gives more
    if len(content) < header.size:
        raise _fault(path, f"it ends after {len(content)} bytes, within its header")

    magic, *actual_shape = header.unpack_from(content)
    expected_magic = 0x0800 + len(shape)  # 08 is unsigned bytes, then the number of dimensions
    if magic != expected_magic:
        raise _fault(path, f"its magic number is {magic}, expected {expected_magic}")
    if tuple(actual_shape) != shape:
        was, expected = ("×".join(map(str, counts)) for counts in (actual_shape, shape))
        raise _fault(path, f"it holds {was} values, expected {expected}")
    if len(content) < size:
        raise _fault(path, f"it ends after {len(content)} of {size} bytes")
    if len(content) > size:
        raise _fault(path, f"it goes on after the {size} bytes that its header announces")
    actual = hashlib.sha256(content).hexdigest()
    if actual != digest:
        was = f"SHA-256 {actual[:12]}…, expected {digest[:12]}…"
        raise _fault(path, f"its content is not Fashion-MNIST's: {was}")
    # A view of what was read, not a copy.
    return np.frombuffer(content, np.uint8, offset=header.size).reshape(shape)


def _decoded(path: Path, limit: int) -> bytes:
    """Read at most so many bytes of a file, decompressed where it ends in .gz."""
    try:
        with open(path, "rb") as file:
            if path.suffix != ".gz":
                return file.read(limit)
            packed = file.read(2 * limit)  # no compression makes it so much longer
    except OSError as error:
        raise _fault(path, f"it cannot be read: {error.strerror}") from error
    try:
        return _unpacked(packed, limit)
    except EOFError as error:
        raise _fault(path, "it is cut short: its gzip data has no end") from error
    except zlib.error as error:
        raise _fault(path, f"it is not gzip, or damaged: {error}") from error


def _unpacked(packed: bytes, limit: int) -> bytes:
    """Decompress gzip data, member by member, to at most so many bytes; raise EOFError if it ends too early.

    Each member in one call, unlike the gzip module's 8 KiB at a time: each call takes the interpreter lock back,
    and whatever is imported meanwhile in another thread lets it wait for 5 ms.
    """
    content = b""
    while packed and len(content) < limit:
        member = zlib.decompressobj(wbits=zlib.MAX_WBITS + 16)  # which is how zlib is told of gzip's header
        content += member.decompress(packed, limit - len(content))
        if not member.eof and len(content) < limit:
            raise EOFError
        packed = member.unused_data.lstrip(b"\0")  # some fill the last block of a tape
    return content


def _fault(path: Path, what: str) -> InputError:
    return InputError(f"{shown(path)} cannot be used: {what}")
