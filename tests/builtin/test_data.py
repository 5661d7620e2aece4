"""Fashion-MNIST is found where it is, and nothing else is ever taken for it."""

import dataclasses
import gzip
import json
import os
import shutil
import socket
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deadrelu_tui.builtin import fashion_mnist as data
from deadrelu_tui.builtin.dataset import PROBE_SIZE
from deadrelu_tui.builtin.embedded.make import make
from deadrelu_tui.errors import InputError

TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = data.FILES
REAL_DEBIAN_FOLDER = data.DEBIAN_FOLDER
needs_full_set = pytest.mark.skipif(
    not REAL_DEBIAN_FOLDER.is_dir(), reason="Debian's dataset-fashion-mnist is not installed"
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without data, on a machine without Debian's package."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "xdg"))
    monkeypatch.delenv("DEADRELU_DATA_DIR", raising=False)
    monkeypatch.setattr(data, "DEBIAN_FOLDER", tmp_path / "debian")
    return home


def copy_embedded(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name in data.FILES:
        shutil.copy(data.EMBEDDED_FOLDER / f"{name}.gz", folder)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the embedded set, to be damaged."""
    return copy_embedded(tmp_path / "set")


@pytest.fixture(scope="module")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for many examples of one property, each of which writes the same file anew."""
    return copy_embedded(tmp_path_factory.mktemp("data") / "set")


def decoded(name: str, folder: Path = data.EMBEDDED_FOLDER) -> bytes:
    return gzip.decompress((folder / f"{name}.gz").read_bytes())


def one_line(error: pytest.ExceptionInfo[InputError]) -> str:
    message = str(error.value)
    assert message.isprintable()
    return message


def places_of(folder: Path) -> list[Path]:
    """The places that are looked at without being named."""
    return [
        folder / "xdg/deadrelu-tui/data",
        folder / ".mxnet/datasets/fashion-mnist",
        folder.parent / "debian",
    ]


# The embedded subset


def test_the_embedded_subset_is_used_where_no_full_set_is_found() -> None:
    dataset = data.find()
    assert dataset.source == "embedded"
    assert dataset.sha256 == data.EMBEDDED.sha256
    assert dataset.classes == 10
    for images, labels, count in (
        (dataset.train_images, dataset.train_labels, 8_000),
        (dataset.test_images, dataset.test_labels, 2_000),
    ):
        assert images.shape == (count, 784)
        assert labels.shape == (count,)
        assert images.dtype == labels.dtype == np.uint8
        assert images.flags.c_contiguous


def test_the_probe_set_is_the_first_2_000_held_out_images() -> None:
    dataset = data.find()
    assert len(dataset.probe_images) == PROBE_SIZE == 2_000
    assert np.shares_memory(dataset.probe_images, dataset.test_images)
    np.testing.assert_array_equal(dataset.probe_images, dataset.test_images[:2_000])


def test_the_moments_of_the_pixels_are_mean_and_standard_deviation_of_all() -> None:
    dataset = data.find(full=False)
    pixels = dataset.train_images.astype(np.float64)
    assert dataset.moments == pytest.approx((pixels.mean(), pixels.std()), rel=1e-12)


def test_the_embedded_subset_has_equally_many_images_of_each_class_in_mixed_order() -> None:
    dataset = data.find(full=False)
    assert np.bincount(dataset.train_labels).tolist() == [800] * 10
    assert np.bincount(dataset.test_labels).tolist() == [200] * 10
    assert len(set(dataset.train_labels[:100].tolist())) == 10


def test_the_embedded_folder_is_at_most_5_mb() -> None:
    assert sum(file.stat().st_size for file in data.EMBEDDED_FOLDER.iterdir() if file.is_file()) <= 5_000_000


def test_the_licence_of_the_images_is_beside_them() -> None:
    licence = (data.EMBEDDED_FOLDER / "LICENSE").read_text()
    assert "Copyright (c) 2017 Zalando SE, https://tech.zalando.com" in licence
    assert "Permission is hereby granted, free of charge" in licence


def test_the_fingerprint_is_stable() -> None:
    assert data.find(full=False).sha256 == "13584c1fdcfe1c2eed3abe4a85586cf51d5d4d58db16f259918d07c1ea251ddb"
    assert data.FULL.sha256 == "d1fd84a877f3b78fa9a171b3de73f93e7b6f69ed94bada3feae9d96821401f5c"


def test_no_network_is_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    data.find()
    data.status()


# The full set


@needs_full_set
@pytest.mark.full_set
def test_the_full_set_of_debian_is_found_and_has_all_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "DEBIAN_FOLDER", REAL_DEBIAN_FOLDER)
    dataset = data.find(full=True)
    assert dataset.source == str(REAL_DEBIAN_FOLDER)
    assert dataset.sha256 == data.FULL.sha256
    assert dataset.train_images.shape == (60_000, 784)
    assert dataset.test_images.shape == (10_000, 784)
    assert np.bincount(dataset.train_labels).tolist() == [6_000] * 10
    assert round(float(dataset.train_images.mean()), 1) == 72.9


@needs_full_set
@pytest.mark.full_set
def test_every_embedded_image_occurs_in_the_full_set_with_its_label_and_in_its_order() -> None:
    full, embedded = data.read(REAL_DEBIAN_FOLDER), data.find(full=False)
    for some_images, some_labels, all_images, all_labels in (
        (embedded.train_images, embedded.train_labels, full.train_images, full.train_labels),
        (embedded.test_images, embedded.test_labels, full.test_images, full.test_labels),
    ):
        in_order = zip(map(bytes, all_images), all_labels.tolist(), strict=True)
        # "in" on an iterator goes on from where it found the one before.
        assert all(pair in in_order for pair in zip(map(bytes, some_images), some_labels.tolist(), strict=True))


@needs_full_set
@pytest.mark.full_set
def test_the_embedded_subset_can_be_made_again(tmp_path: Path) -> None:
    assert make(REAL_DEBIAN_FOLDER, tmp_path) == list(data.EMBEDDED.digests)
    assert data.read(tmp_path, data.EMBEDDED).sha256 == data.EMBEDDED.sha256


@needs_full_set
@pytest.mark.full_set
@pytest.mark.parametrize("place", range(3), ids=["own folder", "MXNet's folder", "Debian's package"])
def test_the_full_set_is_found_in_each_place_before_the_embedded_one(home: Path, place: int) -> None:
    folder = places_of(home)[place]
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.symlink_to(REAL_DEBIAN_FOLDER)
    assert data.find().source == data.shown(folder)


@needs_full_set
@pytest.mark.full_set
def test_the_full_set_may_be_uncompressed_in_part(tmp_path: Path) -> None:
    (tmp_path / TEST_LABELS).write_bytes(decoded(TEST_LABELS, REAL_DEBIAN_FOLDER))
    for name in (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES):
        (tmp_path / f"{name}.gz").symlink_to(REAL_DEBIAN_FOLDER / f"{name}.gz")
    assert data.find(str(tmp_path)).sha256 == data.FULL.sha256


# Where it is looked for


def test_places_are_looked_at_in_the_documented_order(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEADRELU_DATA_DIR", str(tmp_path / "environment"))
    assert [(place.label, place.path) for place in data.places("~/flag")] == [
        ("--data-dir", home / "flag"),
        ("DEADRELU_DATA_DIR", tmp_path / "environment"),
        ("own folder", home / "xdg/deadrelu-tui/data"),
        ("MXNet's folder", home / ".mxnet/datasets/fashion-mnist"),
        ("Debian's package", tmp_path / "debian"),
        ("embedded", data.EMBEDDED_FOLDER),
    ]


def test_a_folder_that_was_named_never_falls_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEADRELU_DATA_DIR", str(tmp_path / "environment"))
    with pytest.raises(InputError, match=r"^DEADRELU_DATA_DIR: .*environment") as error:
        data.find()
    one_line(error)
    with pytest.raises(InputError, match=r"^--data-dir: .*flag"):
        data.find(str(tmp_path / "flag"))
    assert data.find(full=False).source == "embedded"


def test_an_empty_environment_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEADRELU_DATA_DIR", "")
    assert data.find().source == "embedded"


@pytest.mark.parametrize("place", range(3))
def test_a_damaged_set_is_never_passed_over(home: Path, place: int) -> None:
    for folder in places_of(home)[place:]:
        copy_embedded(folder)
        (folder / f"{TRAIN_LABELS}.gz").unlink()
    with pytest.raises(InputError, match=r"; repair it, or use --data-dir DIR or --embedded$") as error:
        data.find()
    assert f"{data.shown(places_of(home)[place])} lacks {TRAIN_LABELS}" in one_line(error)


def test_a_place_without_any_of_the_files_is_skipped(home: Path) -> None:
    own, mxnet, debian = places_of(home)
    own.mkdir(parents=True)
    (own / "notes.txt").write_text("mine")
    (own / TRAIN_IMAGES).mkdir()
    mxnet.parent.mkdir(parents=True)
    mxnet.write_text("a file")
    debian.symlink_to(home / "nowhere")
    assert data.find().source == "embedded"


def test_wanting_the_full_set_never_gives_the_embedded_one() -> None:
    with pytest.raises(InputError, match=r"apt-get install dataset-fashion-mnist, or use --data-dir") as error:
        data.find(full=True)
    one_line(error)


def test_wanting_the_embedded_set_ignores_every_folder(tmp_path: Path) -> None:
    assert data.find(str(tmp_path / "nowhere"), full=False).source == "embedded"


def test_a_part_of_the_set_is_not_taken_for_all_of_it(folder: Path) -> None:
    with pytest.raises(InputError, match="holds 8000×28×28 values, expected 60000×28×28"):
        data.find(str(folder))


# What can be wrong with it


def test_a_file_may_be_uncompressed(folder: Path) -> None:
    for name in data.FILES:
        (folder / name).write_bytes(decoded(name))
        (folder / f"{name}.gz").unlink()
    assert data.read(folder, data.EMBEDDED).sha256 == data.EMBEDDED.sha256


def write(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


def cut(name: str, size: int) -> Callable[[Path], object]:
    return lambda folder: os.truncate(folder / name, size)


def zipped(name: str, content: bytes) -> Callable[[Path], object]:
    return write(f"{name}.gz", gzip.compress(content, 1))


def labels_of(count: int) -> bytes:
    return struct.pack(">2I", 2049, count) + bytes(count)


def flipped(content: bytes, bit: int) -> bytes:
    damaged = bytearray(content)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


LABELS = decoded(TRAIN_LABELS)
LABELS_GZ = (data.EMBEDDED_FOLDER / f"{TRAIN_LABELS}.gz").read_bytes()

FAULTS = {
    "no gzip": (write(f"{TRAIN_LABELS}.gz", b"PK\n\x04"), "it is not gzip, or damaged: .* incorrect header check"),
    "damaged deflate data": (
        write(f"{TRAIN_LABELS}.gz", LABELS_GZ[:10] + b"\xff" * 200),
        "it is not gzip, or damaged: Error -3",
    ),
    "wrong CRC": (
        write(f"{TRAIN_LABELS}.gz", flipped(LABELS_GZ, 8 * len(LABELS_GZ) - 64)),
        "it is not gzip, or damaged: .* incorrect data check",
    ),
    "gzip cut in its data": (cut(f"{TRAIN_LABELS}.gz", 2_000), "it is cut short: its gzip data has no end"),
    "gzip cut in its trailer": (
        cut(f"{TRAIN_LABELS}.gz", len(LABELS_GZ) - 1),
        "it is cut short: its gzip data has no end",
    ),
    "empty file": (cut(f"{TRAIN_LABELS}.gz", 0), "it ends after 0 bytes, within its header"),
    "IDX cut in its header": (zipped(TRAIN_LABELS, LABELS[:7]), "it ends after 7 bytes, within its header"),
    "IDX cut in its data": (zipped(TRAIN_LABELS, LABELS[:-1]), "it ends after 8007 of 8008 bytes"),
    "IDX too long": (zipped(TRAIN_LABELS, LABELS + b"\0"), "it goes on after the 8008 bytes"),
    "images for labels": (
        zipped(TRAIN_LABELS, decoded(TEST_IMAGES)),
        "its magic number is 2051, expected 2049",
    ),
    "fewer labels than images": (
        zipped(TRAIN_LABELS, labels_of(7_999)),
        "it holds 7999 values, expected 8000",
    ),
    "more labels than images": (
        zipped(TRAIN_LABELS, labels_of(8_001)),
        "it holds 8001 values, expected 8000",
    ),
    "another order": (
        zipped(TRAIN_LABELS, LABELS[:8] + LABELS[:7:-1]),
        "its content is not Fashion-MNIST's: SHA-256 .{12}…, expected 261e0db8ed1a…",
    ),
    "images of another size": (
        zipped(TRAIN_IMAGES, struct.pack(">4I", 2051, 8_000, 32, 32) + bytes(100)),
        "it holds 8000×32×32 values, expected 8000×28×28",
    ),
    "one wrong pixel": (
        zipped(TEST_IMAGES, flipped(decoded(TEST_IMAGES), 100_000)),
        "its content is not Fashion-MNIST's: SHA-256",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_in_one_line_that_names_the_file(folder: Path, fault: str) -> None:
    damage, expected = FAULTS[fault]
    damage(folder)
    with pytest.raises(InputError, match=f"ubyte.gz cannot be used: {expected}") as error:
        data.read(folder, data.EMBEDDED)
    assert one_line(error).startswith(str(folder))


def test_every_missing_file_is_named(folder: Path) -> None:
    (folder / f"{TRAIN_IMAGES}.gz").unlink()
    (folder / f"{TEST_LABELS}.gz").unlink()
    with pytest.raises(InputError, match=f"lacks {TRAIN_IMAGES}, {TEST_LABELS} \\(needed, .*{TRAIN_LABELS}") as error:
        data.read(folder, data.EMBEDDED)
    one_line(error)


def test_a_folder_that_is_missing_or_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^--data-dir: the folder .*nowhere cannot be read: No such file"):
        data.find(str(tmp_path / "nowhere"))
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"^--data-dir: the folder .*file cannot be read: Not a directory"):
        data.find(str(tmp_path / "file"))


def test_a_folder_that_may_not_be_read_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = copy_embedded(places_of(home)[0])
    if os.geteuid() == 0:  # root may read everything

        def refuse(path: Path) -> None:
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(os, "scandir", refuse)
    else:
        folder.chmod(0)
    with pytest.raises(InputError, match=r"the folder ~/xdg/.* cannot be read: Permission denied; repair it"):
        data.find()
    folder.chmod(0o700)


def test_a_file_that_may_not_be_read_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() == 0:

        def refuse(path: Path, _mode: str) -> None:
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(data, "open", refuse, raising=False)
    else:
        (folder / f"{TRAIN_IMAGES}.gz").chmod(0)
    with pytest.raises(InputError, match=r"train-images-idx3-ubyte.gz cannot be used: it cannot be read: Permission"):
        data.read(folder, data.EMBEDDED)


def test_a_pipe_in_place_of_a_file_does_not_block(folder: Path) -> None:
    (folder / f"{TRAIN_LABELS}.gz").unlink()
    os.mkfifo(folder / TRAIN_LABELS)
    with pytest.raises(InputError, match=f"lacks {TRAIN_LABELS} "):
        data.read(folder, data.EMBEDDED)


def test_a_gzip_bomb_is_not_unpacked(folder: Path) -> None:
    zipped(TRAIN_LABELS, LABELS + bytes(100_000_000))(folder)
    tracemalloc.start()
    with pytest.raises(InputError, match="it goes on after"):
        data.read(folder, data.EMBEDDED)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000


@pytest.mark.parametrize("end", [b"", bytes(512)])
def test_gzip_data_may_come_in_several_members_and_be_filled_up_with_zeros(folder: Path, end: bytes) -> None:
    members = gzip.compress(LABELS[:3_000]) + gzip.compress(b"") + gzip.compress(LABELS[3_000:]) + end
    write(f"{TRAIN_LABELS}.gz", members)(folder)
    assert data.read(folder, data.EMBEDDED).train_labels.tobytes() == LABELS[8:]


def test_a_member_that_is_cut_short_after_a_whole_one_is_told(folder: Path) -> None:
    write(f"{TRAIN_LABELS}.gz", gzip.compress(LABELS[:3_000]) + gzip.compress(LABELS[3_000:])[:-1])(folder)
    with pytest.raises(InputError, match="it is cut short"):
        data.read(folder, data.EMBEDDED)


def test_a_path_cannot_break_the_line_of_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        data.find(str(tmp_path / "two\nlines\x1b[31m\udcff"))
    assert r"two\nlines\x1b[31m\udcff" in one_line(error)


@settings(max_examples=30, deadline=None)
@given(bit=st.integers(0, 8 * len(decoded(TEST_LABELS)) - 1))
def test_one_wrong_bit_anywhere_is_refused(shared_folder: Path, bit: int) -> None:
    zipped(TEST_LABELS, flipped(decoded(TEST_LABELS), bit))(shared_folder)
    with pytest.raises(InputError, match=TEST_LABELS) as error:
        data.read(shared_folder, data.EMBEDDED)
    one_line(error)


@settings(max_examples=30, deadline=None)
@given(bit=st.integers(0, 8 * len(LABELS_GZ) - 1))
def test_one_wrong_bit_in_a_gzip_file_is_refused_or_harmless(shared_folder: Path, bit: int) -> None:
    zipped(TEST_LABELS, decoded(TEST_LABELS))(shared_folder)
    write(f"{TRAIN_LABELS}.gz", flipped(LABELS_GZ, bit))(shared_folder)
    fault = None
    try:
        labels = data.read(shared_folder, data.EMBEDDED).train_labels
    except InputError as error:
        fault = str(error)
    finally:
        write(f"{TRAIN_LABELS}.gz", LABELS_GZ)(shared_folder)
    assert labels.tobytes() == LABELS[8:] if fault is None else TRAIN_LABELS in fault and fault.isprintable()


# The status of every place


def test_status_describes_every_place_and_raises_for_none(home: Path, tmp_path: Path) -> None:
    own, mxnet, _ = places_of(home)
    copy_embedded(own)
    copy_embedded(mxnet)
    (mxnet / f"{TEST_LABELS}.gz").unlink()
    flag, mine, of_mxnet, debian, embedded = data.status(str(tmp_path / "nowhere"))
    assert flag.state.endswith("nowhere cannot be read: No such file or directory")
    assert "expected 60000×28×28" in mine.state
    assert "lacks t10k-labels" in of_mxnet.state
    assert of_mxnet.path == "~/.mxnet/datasets/fashion-mnist"
    assert debian == data.PlaceStatus(str(tmp_path / "debian"), "Debian's package", "absent")
    assert (embedded.state, embedded.train, embedded.test) == ("embedded subset, verified", 8_000, 2_000)
    assert [place.sha256 for place in (flag, mine, of_mxnet, debian)] == [None] * 4
    assert embedded.sha256 == data.EMBEDDED.sha256
    json.dumps([dataclasses.asdict(place) for place in (flag, mine, of_mxnet, debian, embedded)])


@needs_full_set
@pytest.mark.full_set
def test_status_verifies_the_full_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "DEBIAN_FOLDER", REAL_DEBIAN_FOLDER)
    debian = data.status()[2]
    assert (debian.state, debian.train, debian.test) == ("full set, verified", 60_000, 10_000)
    assert debian.sha256 == data.FULL.sha256


def test_a_path_is_shown_as_the_user_knows_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert data.shown(home / "a/b") == "~/a/b"
    assert data.shown(home) == "~"
    assert data.shown(home.with_name("home-of-another")) == str(home) + "-of-another"
    monkeypatch.setenv("HOME", "/")
    assert data.shown(Path("/usr/share")) == "/usr/share"
