"""Reading one image or mask, whatever the format of its file: decided by content, at full depth, never unpickled."""

from utome.data.formats.colours import COLOURED
from utome.data.formats.hashing import file_sha256
from utome.data.formats.kinds import LOSSY, SUFFIXES, file_format, is_image_file, is_lossy
from utome.data.formats.pixel_size import PixelSize, pixel_size
from utome.data.formats.quirks import OF_FILES, OF_MASKS, Notice, Quirk, unnoticed
from utome.data.formats.reading import (
    exif_orientation,
    image_size,
    page_count,
    palette_of,
    read_image,
    read_map,
    read_mask,
    section_count,
)
from utome.data.formats.recent import Recent
from utome.data.formats.stored import Labels, Pixels
from utome.data.formats.windows import BAND, HeldWindows, Windows, bands, open_windows

__all__ = [
    "BAND",
    "COLOURED",
    "LOSSY",
    "OF_FILES",
    "OF_MASKS",
    "SUFFIXES",
    "HeldWindows",
    "Labels",
    "Notice",
    "PixelSize",
    "Pixels",
    "Quirk",
    "Recent",
    "Windows",
    "bands",
    "exif_orientation",
    "file_format",
    "file_sha256",
    "image_size",
    "is_image_file",
    "is_lossy",
    "open_windows",
    "page_count",
    "palette_of",
    "pixel_size",
    "read_image",
    "read_map",
    "read_mask",
    "section_count",
    "unnoticed",
]
