"""What is odd about a file and is put right when it is read, so that it can be said."""

from collections.abc import Callable
from enum import StrEnum


class Quirk(StrEnum):
    """An oddity; its value says what it is and what was done."""

    MISNAMED = "another format than the ending says; read as what it is"
    TURNED = "turned as the EXIF says, as viewers show it"
    CHANNELS_FIRST = "channels before rows and columns; put last"
    OPAQUE = "a transparency that is the same everywhere; left out"
    EQUAL = "grey stored as three equal channels; read as grey"
    FILLED = "values that are no numbers (NaN or infinity); they become data.fill"
    PALETTE = "a palette; its indices are the values, whatever its colours"


Notice = Callable[[Quirk], None]


def unnoticed(quirk: Quirk) -> None:
    """Say nothing."""
