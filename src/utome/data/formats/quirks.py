"""What is odd about a file and is put right when it is read, so that it can be said."""

from collections.abc import Callable
from enum import StrEnum


class Quirk(StrEnum):
    """An oddity; its value says what it is and what was done."""

    MISNAMED = "another format than the ending says; read as what it is"
    TURNED = "turned as the EXIF says, as viewers show it"
    UNTURNED = "an EXIF that asks for a turn, but the mask fits the image as it is stored; not turned"
    CHANNELS_FIRST = "channels before rows and columns; put last"
    OPAQUE = "a transparency that is the same everywhere; left out"
    EQUAL = "grey stored as three equal channels; read as grey"
    FILLED = "values that are no numbers (NaN or infinity); they become data.fill"
    PALETTE = "a palette; its indices are the values, whatever its colours"
    MASK_TURNED = "an EXIF of their own; turned as it says"
    MASK_UNTURNED = "an EXIF of their own that asks for a turn, but they fit the image as they are stored; not turned"
    NOISY = "a JPEG, which blurs black and white; what lies above 127 is read as white"


# Those of masks, and those that both kinds of files may have.
OF_MASKS = frozenset({Quirk.PALETTE, Quirk.MASK_TURNED, Quirk.MASK_UNTURNED, Quirk.NOISY})
OF_FILES = frozenset({Quirk.MISNAMED})


Notice = Callable[[Quirk], None]


def unnoticed(quirk: Quirk) -> None:
    """Say nothing."""
