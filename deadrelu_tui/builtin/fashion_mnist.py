"""Fashion-MNIST: where it is, whether it is what it should be, and its arrays.

Everything is verified by its decoded content, so that a set counts however it was compressed. Reads files
only: the network is touched elsewhere, and MXNet, the screen and the command line are not known here.
"""

import hashlib
import math
import os
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
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

_GZIP = b"\x1f\x8b"
"""How gzip data begins, whatever the file is called."""
BELOW = 2
"""Folders within a folder that are looked at: torchvision has FashionMNIST/raw, Keras fashion-mnist."""
MOST_BELOW = 200

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
    used: bool = False
    """Whether a run takes what is here."""
    stops: bool = False
    """Whether a run stops because of what is here."""


def find(data_dir: str | None = None, full: bool | None = None) -> Dataset:
    """Load the first set that is found; full=False wants the embedded subset, full=True never that."""
    place, found, passed = _settled(((each, _outcome(each)) for each in places(data_dir)), full)
    if isinstance(found, Dataset):
        return replace(found, passed_over=tuple(map(str, passed)))
    if place is None:
        raise InputError(
            "the full Fashion-MNIST was not found: apt-get install dataset-fashion-mnist, or use --data-dir DIR"
        )
    if place.required:
        raise InputError(f"{place.label}: {found}; or use --embedded")
    raise InputError(f"{found}; repair it, or use --data-dir DIR or --embedded")


def status(data_dir: str | None = None, full: bool | None = None) -> list[PlaceStatus]:
    """Look at every place, in the order in which find() does; a bad place is described, not raised."""
    outcomes = [(place, _outcome(place)) for place in places(data_dir)]
    chosen, found, _ = _settled(outcomes, full)
    usable = isinstance(found, Dataset)
    return [
        replace(_status(place, outcome), used=usable and place is chosen, stops=not usable and place is chosen)
        for place, outcome in outcomes
    ]


Outcome = Dataset | InputError | None
"""What a place holds: a set, a fault, nothing."""


def _outcome(place: Place) -> Outcome:
    try:
        return place.load()
    except InputError as error:
        return error


def _settled(
    outcomes: Iterable[tuple[Place, Outcome]], full: bool | None
) -> tuple[Place | None, Outcome, list[InputError]]:
    """Return at which place a run stops looking, what it found there, and the faults that it passed over.

    A set that is damaged does not hide a whole one elsewhere. But the embedded subset does not take its place unasked.
    """
    passed: list[tuple[Place, InputError]] = []
    for place, outcome in outcomes:
        if outcome is None or (full is not None and full != (place.edition is FULL)):
            continue
        if isinstance(outcome, InputError) and not place.required:
            passed.append((place, outcome))
        elif passed and place.edition is EMBEDDED:
            break
        else:
            return place, outcome, [fault for _, fault in passed]
    return (*passed[0], []) if passed else (None, None, [])


def places(data_dir: str | None = None) -> list[Place]:
    """List the folders where a set is looked for; the first that holds one wins."""
    named = []
    from_environment = os.environ.get("DEADRELU_DATA_DIR")
    if data_dir is not None and data_dir != from_environment:
        named.append(Place(Path(os.path.expanduser(data_dir)), "--data-dir", required=True))
    if from_environment:
        named.append(Place(Path(os.path.expanduser(from_environment)), "DEADRELU_DATA_DIR", required=True))
    return [
        *named,
        Place(own_folder(), "own folder"),
        Place(
            Path(os.path.expanduser(os.environ.get("MXNET_HOME") or "~/.mxnet"), "datasets/fashion-mnist"),
            "MXNet's folder",
        ),
        Place(DEBIAN_FOLDER, "Debian's package"),
        Place(EMBEDDED_FOLDER, "embedded", required=True, edition=EMBEDDED),
    ]


def own_folder() -> Path:
    """Return the folder into which a fetched set goes."""
    return Path(platformdirs.user_data_dir("deadrelu-tui")) / "data"


def _status(place: Place, outcome: Outcome) -> PlaceStatus:
    path = shown(place.path)
    if isinstance(outcome, InputError):
        return PlaceStatus(path, place.label, str(outcome))
    if outcome is None:
        return PlaceStatus(path, place.label, ABSENT)
    edition = place.edition
    state = f"{edition.name}, verified"
    return PlaceStatus(path, place.label, state, edition.train, edition.test, outcome.sha256)


def read(folder: Path, edition: Edition = FULL) -> Dataset:
    """Read the set in a folder, or raise an InputError that names the file and its fault."""
    paths = _files_in(folder)
    missing = [name for name in FILES if name not in paths]
    if missing:
        needed = "needed, each as it is or with .gz: " + ", ".join(FILES)
        raise InputError(f"{shown(folder)} lacks {', '.join(missing)} ({needed})")

    arrays = [
        _read_one_of(paths[name], shape, digest)
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


def _files_in(folder: Path) -> dict[str, list[Path]]:
    """Map those of FILES that are in a folder, or in one of those below it, to their paths, those with .gz first."""
    found = _files_at(folder)
    below, looked = [(folder, 0)], 0
    while below and len(found) < len(FILES) and looked < MOST_BELOW:
        within, depth = below.pop(0)
        try:
            folders = sorted(each for each in within.iterdir() if each.is_dir())
        except OSError:
            continue
        for each in folders if depth < BELOW else ():
            looked += 1
            try:
                there = _files_at(each)
            except InputError:
                continue
            if len(there) == len(FILES):
                return there
            below.append((each, depth + 1))
    return found


def _files_at(folder: Path) -> dict[str, list[Path]]:
    try:
        with os.scandir(folder) as entries:
            there = sorted(entry.name for entry in entries if _is_file(entry))
    except OSError as error:
        raise InputError(f"the folder {shown(folder)} cannot be read: {error.strerror}") from error
    found: dict[str, list[Path]] = {}
    for file in sorted(there, key=lambda name: not name.lower().endswith(".gz")):
        name = file.lower().removesuffix(".gz").replace(".", "-")  # some write train-images.idx3-ubyte
        if name in FILES:
            found.setdefault(name, []).append(folder / file)
    return found


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads round in a circle
        return False


def _read_one_of(paths: Sequence[Path], shape: tuple[int, ...], digest: str) -> ByteArray:
    """Read the first of some files that is whole; if none is, the fault of the first is raised."""
    faults: list[InputError] = []
    for path in paths:
        try:
            return _read_idx(path, shape, digest)
        except InputError as fault:  # noqa: PERF203 - there are two of them at most
            faults.append(fault)
    raise faults[0]


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
            size = os.fstat(file.fileno()).st_size  # of a pipe 0; Python takes the memory before it reads
            packed = file.read(min(2 * limit, size + 1) if size else 2 * limit)  # no compression makes it longer
    except OSError as error:
        raise _fault(path, f"it cannot be read: {error.strerror}") from error
    if packed[:2] != _GZIP and path.suffix.lower() != ".gz":
        if packed.lstrip()[:1] == b"<":
            raise _fault(path, "it is a web page, not what was asked for")
        return packed[:limit]
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
    parts: list[bytes] = []
    view, at, left, window = memoryview(packed), 0, limit, len(packed)
    while at < len(view) and left > 0:
        if view[at] == 0:  # some fill the last block of a tape
            at += 1
            continue
        began, member = at, zlib.decompressobj(wbits=zlib.MAX_WBITS + 16)  # which is how zlib is told of gzip's header
        while not member.eof and left > 0:
            piece = view[at : at + window]
            if not piece:
                raise EOFError
            part = member.decompress(piece, left)
            parts.append(part)
            left -= len(part)
            at += len(piece) - len(member.unused_data)
        # What follows a member is copied: of many small ones, little at a time.
        window = max(4096, 2 * (at - began))
    return b"".join(parts)


def _fault(path: Path, what: str) -> InputError:
    return InputError(f"{shown(path)} cannot be used: {what}")
