"""Odd files: a table of what is read all the same, and one of what is refused with its sentence."""

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.builders import noise, square
from tests.files import animation, chunk, mat, npy, picture, png, tiff, written
from utome.data.formats import COLOURED, file_format, is_lossy, read_image, read_mask, stored
from utome.data.formats import mat as mat_module
from utome.errors import DataError

GREY = noise(9, 7)
COLOUR = noise(9, 7, 3)
MASK = square(8, 8)
BITS = MASK // 255
OPAQUE = np.full((9, 7), 255, dtype=np.uint8)
VARYING = noise(9, 7, seed=1)
SIGNED = np.array([[-3, 0], [2, 7]], dtype=np.int16)
NOT_A_NUMBER = np.array([[0, np.nan], [1, 2]], dtype=np.float32)


class Trap:
    """Unpickling this is a failure of the test."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return pytest.fail, ("something was unpickled",)


def pillow(pixels: np.ndarray, kind: str, mode: str | None = None) -> bytes:
    image = Image.fromarray(pixels)
    return picture(image if mode is None else image.convert(mode), kind)


def with_alpha(*channels: np.ndarray) -> bytes:
    return pillow(np.dstack(channels), "PNG")


def thumbnailed() -> bytes:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        file.write(GREY, metadata=None)
        file.write(GREY[::2, ::2], metadata=None, subfiletype=1)
    return buffer.getvalue()


def lying_npy(*shape: int) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return buffer.getvalue() + bytes(99)


PALETTE = chunk(b"PLTE", bytes([0, 0, 0, 200, 10, 20]))
# Name of the file, its content, and what it is as an image: height, width and channels may be left out at the end.
IMAGES: dict[str, tuple[str, bytes, np.ndarray]] = {
    "PNG called JPEG": ("a.jpg", pillow(GREY, "PNG"), GREY),
    "TIFF called PNG": ("a.png", tiff(GREY), GREY),
    "NumPy called TIFF": ("a.tif", npy(GREY), GREY),
    "no ending": ("a", pillow(GREY, "PNG"), GREY),
    "spaces, emoji and a dash": ("-a \N{MICROSCOPE} b.png", pillow(GREY, "PNG"), GREY),
    "1x1": ("a.png", pillow(GREY[:1, :1], "PNG"), GREY[:1, :1]),
    "1x1 colour TIFF": ("a.tif", tiff(COLOUR[:1, :1], photometric="rgb"), COLOUR[:1, :1]),
    "one row": ("a.tif", tiff(GREY[:1]), GREY[:1]),
    "1 bit PNG": ("a.png", pillow(GREY > 99, "PNG"), (GREY > 99).astype(np.uint8)),
    "2 bit PNG": ("a.png", png(1, 4, depth=2, rows=b"\0\x1b"), np.array([[0, 85, 170, 255]], dtype=np.uint8)),
    "16 bit PNG": ("a.png", pillow(noise(9, 7, dtype=np.uint16), "PNG"), noise(9, 7, dtype=np.uint16)),
    "16 bit PNG of one value": (
        "a.png", png(1, 1, depth=16, rows=b"\0\x01\x02"), np.array([[258]], dtype=np.uint16),
    ),
    "GIF": ("a.gif", pillow(GREY, "GIF"), GREY),
    "BMP": ("a.bmp", pillow(COLOUR, "BMP"), COLOUR),
    "BMP of 1 bit": ("a.bmp", pillow(MASK > 0, "BMP"), BITS),
    "three equal channels": ("a.png", pillow(np.dstack([GREY] * 3), "PNG"), GREY),
    "RGBA, constant alpha": ("a.png", with_alpha(COLOUR, OPAQUE), COLOUR),
    "LA, constant alpha": ("a.png", with_alpha(GREY, OPAQUE), GREY),
    "RGBA NumPy, constant alpha": ("a.npy", npy(np.dstack([COLOUR, OPAQUE])), COLOUR),
    "a transparent colour that no pixel has": (
        "a.png", png(1, 2, rows=b"\0\x01\x02", extra=chunk(b"tRNS", b"\0\x09")), np.array([[1, 2]], dtype=np.uint8),
    ),
    "CMYK JPEG of one ink": ("a.jpg", picture(Image.new("CMYK", (7, 9), (0, 0, 0, 255)), "JPEG"), np.zeros((9, 7), np.uint8)),
    "CMYK TIFF": (
        "a.tif", picture(Image.new("CMYK", (7, 9), (0, 255, 255, 0)), "TIFF"),
        np.broadcast_to(np.array([255, 0, 0], dtype=np.uint8), (9, 7, 3)),
    ),
    "big-endian TIFF": ("a.tif", tiff(noise(9, 7, dtype=np.uint16), byteorder=">"), noise(9, 7, dtype=np.uint16)),
    "big-endian TIFF by Pillow": (
        "a.tif", picture(Image.fromarray(noise(9, 7, dtype=np.uint16).astype(">u2")), "TIFF"), noise(9, 7, dtype=np.uint16),
    ),
    "big-endian NumPy": ("a.npy", npy(SIGNED.astype(">i2")), SIGNED),
    "NumPy by columns": ("a.npy", npy(np.asfortranarray(COLOUR)), COLOUR),
    "NumPy, channels first": ("a.npy", npy(COLOUR.transpose(2, 0, 1)), COLOUR),
    "NumPy, one channel first": ("a.npy", npy(GREY[None]), GREY),
    "NumPy, one channel last": ("a.npy", npy(GREY[:, :, None]), GREY),
    "truth values": ("a.npy", npy(MASK > 0), BITS),
    "BigTIFF": ("a.tif", tiff(COLOUR, bigtiff=True, photometric="rgb"), COLOUR),
    "tiled TIFF": ("a.tif", tiff(noise(40, 37), tile=(16, 16)), noise(40, 37)),
    "TIFF in planes": (
        "a.tif", tiff(COLOUR.transpose(2, 0, 1), photometric="rgb", planarconfig="separate", tile=(16, 16)), COLOUR,
    ),
    "TIFF with a last axis of one": ("a.tif", tiff(GREY[:, :, None]), GREY),
    "TIFF with a thumbnail": ("a.tif", thumbnailed(), GREY),
}  # fmt: skip
for kind in ("int8", "int16", "int32", "int64", "uint32", "uint64", "float16", "float32", "float64"):
    IMAGES[f"{kind} TIFF"] = ("a.tif", tiff(GREY.astype(kind)), GREY.astype(kind))
    IMAGES[f"{kind} NumPy"] = ("a.npy", npy(GREY.astype(kind)), GREY.astype(kind))
    if kind != "float16":
        IMAGES[f"{kind} TIFF, compressed"] = ("a.tif", tiff(GREY.astype(kind), compression="zlib"), GREY.astype(kind))

MASKS: dict[str, tuple[str, bytes, np.ndarray]] = {
    "GIF": ("a.gif", pillow(MASK, "GIF"), MASK),
    "GIF whose first colour is white": ("a.gif", pillow(MASK | np.uint8(255), "GIF"), MASK | np.uint8(255)),
    "GIF with a palette": ("a.gif", pillow(noise(9, 7) % 3 * np.uint8(100), "GIF", "RGB"), noise(9, 7) % 3 * np.uint8(100)),
    "palette with a transparent entry": (
        "a.png", png(1, 2, colour_type=3, rows=b"\0\1\0", extra=PALETTE + chunk(b"tRNS", b"\0")), np.array([[1, 0]]),
    ),
    "1 bit BMP": ("a.bmp", pillow(MASK > 0, "BMP"), BITS),
    "negative values": ("a.tif", tiff(SIGNED), SIGNED),
    "whole numbers of 16 bit reals": ("a.tif", tiff(MASK.astype(np.float16)), MASK),
    "uint64": ("a.npy", npy(MASK.astype(np.uint64)), MASK),
    "RGBA, constant alpha, coloured": (
        "a.png", with_alpha(COLOUR, OPAQUE), COLOURED + COLOUR.astype(np.int32) @ np.array([65536, 256, 1]),
    ),
    "coloured NumPy, channels first": (
        "a.npy", npy(COLOUR.transpose(2, 0, 1)), COLOURED + COLOUR.astype(np.int32) @ np.array([65536, 256, 1]),
    ),
    "CrackForest": ("a.mat", mat(groundTruth={"Segmentation": MASK, "Boundaries": MASK[:3]}), MASK),
    "CrackForest, not compressed": ("a.mat", mat(groundTruth={"Segmentation": MASK}, compressed=False), MASK),
    "MATLAB array alone": ("a.mat", mat(mask=MASK), MASK),
    "MATLAB truth values": ("a.mat", mat(mask=MASK > 0), BITS),
    "MATLAB negative numbers": ("a.mat", mat(mask=SIGNED), SIGNED),
}  # fmt: skip

PLAIN_MAT = mat(a=MASK, compressed=False)
DAMAGED = "Open it in a viewer; if it is damaged, copy it again or take it out."
# Name of the file, its content, and what the sentence about it says, as an image and as a mask alike.
REFUSED: dict[str, tuple[str, bytes, str]] = {
    "empty": ("a.png", b"", "(the file is empty). Copy it again"),
    "web page": ("a.png", b"\xef\xbb\xbf\n <!DOCTYPE HTML><html>", "(it is a web page, as a failed download leaves). Download it again."),
    "bare web page": ("a.tif", b"<HTML><body>404", "(it is a web page, as a failed download leaves). Download it again."),
    "Git LFS": (
        "a.tif", b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 12\n",
        "(it is a pointer of Git LFS, which stands for the image). Run `git lfs pull` in its folder.",
    ),
    "zip": ("a.npy", b"PK\x03\x04aaaa", "(it is a zip archive). Unpack it."),
    "text": ("a.png", b"hello", "(it begins as none of PNG, JPEG, GIF, BMP, TIFF, NumPy, MATLAB, OME-Zarr does). Save it as one"),
    "MATLAB 7.3": ("a.mat", b"MATLAB 7.3 MAT-file, Platform: GLNXA64" + bytes(99), "version 7.3, and accepted is version 5 to 7)"),
    "MATLAB, several arrays": ("a.mat", mat(a=MASK, b=MASK), "holds 'a', 'b'; accepted: a struct `groundTruth`"),
    "MATLAB, text": ("a.mat", mat(a="text"), "holds 'a'; accepted: a struct `groundTruth`"),
    "MATLAB, complex numbers": ("a.mat", mat(a=MASK * 1j), "holds 'a'; accepted: a struct `groundTruth`"),
    "MATLAB, several observers": (
        "a.mat", mat(groundTruth=np.array([{"Segmentation": MASK}, {"Segmentation": MASK}])), "holds 'groundTruth'; accepted",
    ),
    "MATLAB, unknown numbers": (
        "a.mat", PLAIN_MAT.replace(struct.pack("<II", 2, 64), struct.pack("<II", 77, 64)), "(it has numbers of the unknown type 77)",
    ),
    "MATLAB, dimensions that lie": (
        "a.mat", PLAIN_MAT.replace(struct.pack("<III", 8, 8, 8), struct.pack("<III", 8, 9999, 9999)), DAMAGED,
    ),
    "MATLAB, a length that lies": (
        "a.mat", PLAIN_MAT.replace(struct.pack("<II", 2, 64), struct.pack("<II", 2, 2**31)), "(it is truncated, or has an element",
    ),
    "zero-size PNG": ("a.png", png(0, 5), "(its header is damaged, or says a size of zero)"),
    "zero-size NumPy": ("a.npy", npy(np.zeros((0, 5))), "has no pixels: it is 0x5. Save it again, or take it out."),
    "PNG bomb": (
        "a.png", png(100_000, 100_000),
        "says that it is 100000x100000 with 1 channel of uint8, 9.3 GiB when decoded; accepted: at most 2.0 GiB",
    ),
    "colour PNG bomb": ("a.png", png(50_000, 50_000, colour_type=2), "50000x50000 with 3 channels of uint8, 7.0 GiB when decoded"),
    "JPEG bomb": (
        "a.jpg", pillow(COLOUR, "JPEG").replace(struct.pack(">HH", 9, 7), struct.pack(">HH", 65_500, 65_500), 1),
        "65500x65500 with 3 channels of",
    ),
    "GIF bomb": ("a.gif", b"GIF89a" + struct.pack("<HH", 60_000, 60_000) + pillow(GREY, "GIF")[10:], "60000x60000"),
    "NumPy that lies": ("a.npy", lying_npy(90_000, 70_000), "(the file is truncated)"),
    "truncated NumPy": ("a.npy", npy(GREY)[:-9], "(the file is truncated). Copy it again."),
    "truncated NumPy header": ("a.npy", npy(GREY)[:40], DAMAGED),
    "truncated GIF": ("a.gif", pillow(GREY, "GIF")[:60], DAMAGED),
    "truncated BMP": ("a.bmp", pillow(COLOUR, "BMP")[:60], DAMAGED),
    "truncated MATLAB": ("a.mat", mat(a=noise(99, 99))[:900], DAMAGED),
    "truncated strips": ("a.tif", tiff(noise(64, 64), compression="zlib", rowsperstrip=8)[:-99], "(the file is truncated)"),
    "animated GIF": ("a.gif", animation(noise(3, 9, 7), "GIF"), "holds 3 pages; accepted: one image a file"),
    "animated PNG": ("a.png", animation(noise(3, 9, 7), "PNG"), "holds 3 pages; accepted: one image a file"),
    "stack": ("a.npy", npy(noise(30, 9, 7)), "holds 30 pages; accepted: one image a file"),
    "NaN": ("a.tif", tiff(NOT_A_NUMBER), "holds values that are no numbers (NaN or infinity)"),
    "infinity": ("a.npy", npy(np.array([[1, np.inf]])), "holds values that are no numbers (NaN or infinity)"),
    "complex numbers": ("a.tif", tiff(GREY.astype(np.complex64)), "holds pixels of type complex64; accepted: integers or real"),
    "objects": ("a.npy", npy(np.array([[Trap()]], dtype=object), pickled=True), "holds pixels of type object; accepted: integers or"),
    "records": ("a.npy", npy(np.zeros((3, 4), [("a", "u1")])), "accepted: integers or real numbers"),
    "text in NumPy": ("a.npy", npy(np.array([["a"]])), "holds pixels of type <U1"),
    "five channels": ("a.npy", npy(np.zeros((48, 40, 5))), "an image of 5 channels; accepted: 1 or 3 channels, or 2 or 4"),
    "one axis": ("a.npy", npy(GREY[0]), "is an array of shape (7,); accepted: height by width"),
    "five axes": ("a.npy", npy(np.zeros((2, 2, 2, 2, 2))), "is an array of shape (2, 2, 2, 2, 2); accepted: height by width"),
    "four axes, none of channels": ("a.npy", npy(np.zeros((2, 9, 7, 9))), "none of whose axes can be channels"),
    "two channels": ("a.npy", npy(COLOUR[:, :, :2]), "has 2 channels; accepted: grey or red, green and blue"),
    "four channels": ("a.npy", npy(np.dstack([COLOUR, VARYING])), "has 4 channels; accepted: grey or red, green and blue"),
    "RGBA, varying alpha": ("a.png", with_alpha(COLOUR, VARYING), "has a transparency that varies; accepted: none, or the same"),
    "LA, varying alpha": ("a.png", with_alpha(GREY, VARYING), "has a transparency that varies; accepted: none, or the same"),
    "RGBA TIFF, varying alpha": (
        "a.tif", tiff(np.dstack([COLOUR, VARYING]), photometric="rgb", extrasamples=["unassalpha"]), "has a transparency that varies",
    ),
    "volume": ("a.tif", tiff(noise(5, 9, 7), volumetric=True), "is an image of shape (5, 9, 7); accepted: one plane"),
    "CIELAB": ("a.tif", tiff(COLOUR, photometric="cielab"), "has colours of the kind CIELAB; accepted: grey, palette or RGB"),
    "CMYK of 16 bits": (
        "a.tif", tiff(noise(9, 7, 4, dtype=np.uint16), photometric="separated"), "has colours of the kind SEPARATED",
    ),
    "truth values of colours": ("a.tif", tiff(COLOUR > 99, photometric="rgb"), "3 x 1 bits, which are not read"),
}  # fmt: skip
# As images these can be read.
REFUSED_MASKS: dict[str, tuple[str, bytes, str]] = {
    "fractions": ("a.npy", npy(np.array([[0.5, 1]])), "holds fractions; accepted: whole numbers, one for each class"),
    "huge reals": ("a.npy", npy(np.array([[1e30, 1]])), "holds the value 1e+30; accepted: whole numbers below 2^53"),
    "huge integers": ("a.npy", npy(np.array([[2**64 - 1, 1]], dtype=np.uint64)), "holds the value 1.84467e+19; accepted"),
    "colours of 16 bits": (
        "a.tif", tiff(noise(9, 7, 3, dtype=np.uint16), photometric="rgb"), "accepted: colours of 8 bits a channel",
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", IMAGES)
def test_an_odd_image_is_read_at_its_depth(tmp_path: Path, row: str) -> None:
    name, content, expected = IMAGES[row]
    found = read_image(written(tmp_path / name, content or thumbnailed()))
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected[:, :, None] if expected.ndim == 2 else expected)


@pytest.mark.parametrize("row", MASKS)
def test_an_odd_mask_is_read(tmp_path: Path, row: str) -> None:
    name, content, expected = MASKS[row]
    found = read_mask(written(tmp_path / name, content))
    assert found.dtype.kind in "ui"
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("row", REFUSED)
def test_an_odd_file_is_refused_in_one_sentence_that_names_it(tmp_path: Path, row: str) -> None:
    name, content, sentence = REFUSED[row]
    path = written(tmp_path / name, content)
    for read in (read_image, read_mask):
        refused(path, read, sentence)


@pytest.mark.parametrize("row", REFUSED_MASKS)
def test_values_that_cannot_be_classes_are_refused(tmp_path: Path, row: str) -> None:
    name, content, sentence = REFUSED_MASKS[row]
    path = written(tmp_path / name, content)
    read_image(path)
    refused(path, read_mask, sentence)


def test_an_image_whose_palette_has_a_transparent_entry_is_refused_where_that_is_used(tmp_path: Path) -> None:
    name, content, _ = MASKS["palette with a transparent entry"]
    refused(written(tmp_path / name, content), read_image, "has a transparency that varies")


@pytest.mark.parametrize("suffix", [".png", ".tif", ".npy"])
def test_an_image_of_just_the_memory_that_may_be_used_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    content = {".png": pillow(COLOUR, "PNG"), ".tif": tiff(COLOUR, photometric="rgb"), ".npy": npy(COLOUR)}[suffix]
    path = written(tmp_path / f"a{suffix}", content)
    monkeypatch.setattr(stored, "BUDGET", COLOUR.nbytes)
    assert np.array_equal(read_image(path), COLOUR)
    monkeypatch.setattr(stored, "BUDGET", COLOUR.nbytes - 1)
    refused(path, read_image, "9x7 with 3 channels of uint8")


def test_a_matlab_file_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "a.mat", mat(a=np.zeros((99, 99), dtype=np.uint8)))
    assert path.stat().st_size < 999
    monkeypatch.setattr(mat_module, "BUDGET", 999)
    refused(path, read_mask, "images are read whole")


@pytest.mark.parametrize("kind", ["PNG", "GIF", "TIFF"])
def test_pillows_own_limit_of_pixels_is_none_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert np.array_equal(read_image(written(tmp_path / "a", pillow(GREY, kind)))[:, :, 0], GREY)


def test_a_file_without_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = written(tmp_path / "a.png", pillow(GREY, "PNG"))
    monkeypatch.setattr(Path, "open", denied)  # a test that runs as root may read everything
    refused(path, read_image, "(Permission denied). Ask for permission, or copy it elsewhere.")


def test_the_content_and_not_the_name_says_the_format(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jpg", pillow(GREY, "PNG"))
    assert file_format(path) == "PNG"
    assert not is_lossy(path)
    path = written(tmp_path / "a.png", pillow(GREY, "JPEG"))
    assert file_format(path) == "JPEG"
    assert is_lossy(path)


def refused(path: Path, read: Callable[[Path], object], sentence: str) -> None:
    with pytest.raises(DataError) as caught:
        read(path)
    found = str(caught.value)
    assert sentence in found
    assert f"'{path}'" in found
    assert "\n" not in found
    assert found.endswith(".")
