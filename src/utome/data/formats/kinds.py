"""Which format a file has, by its first bytes: names lie, and what was downloaded may be no image at all."""

from enum import StrEnum
from pathlib import Path

from utome.errors import DataError


class Kind(StrEnum):
    """A format that we read."""

    PNG = "PNG"
    JPEG = "JPEG"
    GIF = "GIF"
    BMP = "BMP"
    TIFF = "TIFF"
    NPY = "NumPy"
    MAT = "MATLAB"
    ZARR = "OME-Zarr"


ENDINGS: dict[Kind, frozenset[str]] = {
    Kind.PNG: frozenset({".png"}),
    Kind.JPEG: frozenset({".jpg", ".jpeg"}),
    Kind.GIF: frozenset({".gif"}),
    Kind.BMP: frozenset({".bmp"}),
    Kind.TIFF: frozenset({".tif", ".tiff"}),
    Kind.NPY: frozenset({".npy"}),
    Kind.MAT: frozenset({".mat"}),
    Kind.ZARR: frozenset({".zarr"}),
}
SUFFIXES = frozenset[str]().union(*ENDINGS.values())
LOSSY = ENDINGS[Kind.JPEG]
# A folder with one of these is a Zarr group, of version 3 or 2.
ZARR_FILES = ("zarr.json", ".zattrs")
SIGNATURES: dict[bytes, Kind] = {
    b"\x89PNG\r\n\x1a\n": Kind.PNG,
    b"\xff\xd8\xff": Kind.JPEG,
    b"GIF87a": Kind.GIF,
    b"GIF89a": Kind.GIF,
    b"BM": Kind.BMP,
    b"II*\0": Kind.TIFF,
    b"MM\0*": Kind.TIFF,
    b"II+\0": Kind.TIFF,  # BigTIFF
    b"MM\0+": Kind.TIFF,
    b"\x93NUMPY": Kind.NPY,
    b"MATLAB 5.0 MAT-file": Kind.MAT,
}
# What is often found where an image should be: its first bytes in lower case, what it is, and what to do.
IMPOSTORS: dict[bytes, tuple[str, str]] = {
    b"version https://git-lfs.github.com/spec": (
        "it is a pointer of Git LFS, which stands for the image",
        "Run `git lfs pull` in its folder.",
    ),
    b"<!doctype html": ("it is a web page, as a failed download leaves", "Download it again."),
    b"<html": ("it is a web page, as a failed download leaves", "Download it again."),
    b"matlab 7.3 mat-file": (
        "it is a MATLAB file of version 7.3, and accepted is version 5 to 7",
        "Save it with `save(..., '-v7')`, or as PNG or TIFF.",
    ),
    b"\x89hdf\r\n": ("it is an HDF5 file, which may hold anything", "Save the image as TIFF or NumPy."),
    b"pk\x03\x04": ("it is a zip archive", "Unpack it."),
}


def is_image_file(path: Path) -> bool:
    """Whether the name is that of an image we read: a known ending, and not a hidden file."""
    if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
        return False
    return _is_zarr(path) if path.suffix.lower() in ENDINGS[Kind.ZARR] else path.is_file()


def file_format(path: Path) -> str:
    """The name of the format that a file has, whatever its ending: 'PNG', 'JPEG', ...; `DataError` where it is none."""
    return kind_of(path).value


def is_lossy(path: Path) -> bool:
    """Whether the values of a mask may be blurred by the compression of its file."""
    return kind_of(path) is Kind.JPEG


def kind_of(path: Path) -> Kind:
    """The format that a file has, by its content; `DataError` says what it is where it is none that we read."""
    if _is_zarr(path):
        return Kind.ZARR
    start = _start(path)
    for signature, kind in SIGNATURES.items():
        if start.startswith(signature):
            return kind
    if not start:
        raise _no_image(path, "the file is empty", "Copy it again, or take it out.")
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()  # web pages may begin with a mark and blank lines
    for beginning, (what, advice) in IMPOSTORS.items():
        if text.startswith(beginning):
            raise _no_image(path, what, advice)
    accepted = ", ".join(kind for kind in Kind)
    raise _no_image(
        path, f"it begins as none of {accepted} does", "Save it as one of them; if it is damaged, copy it again."
    )


def _is_zarr(path: Path) -> bool:
    return path.is_dir() and any((path / name).is_file() for name in ZARR_FILES)


def _start(path: Path) -> bytes:
    """The first bytes of a file, enough for every signature."""
    try:
        with path.open("rb") as file:
            return file.read(256)
    except FileNotFoundError:
        raise DataError(f"'{path}' is not there. Check the name.") from None
    except OSError as error:
        if path.is_dir():
            raise _no_image(path, "it is a folder", "Give a file.") from None
        raise _no_image(
            path, error.strerror or type(error).__name__, "Ask for permission, or copy it elsewhere."
        ) from error


def _no_image(path: Path, what: str, advice: str) -> DataError:
    return DataError(f"'{path}' cannot be read as an image ({what}). {advice}")
