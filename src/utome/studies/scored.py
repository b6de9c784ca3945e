"""What `scores.json` holds: of each variant a row an image, with its own scores and the counts that are pooled."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from utome.config.section import Section


class Row(Section):
    """One image. `prediction` is its label map, relative to the folder of the file; an image without truth has no values."""

    image: str
    group: str | None
    source: str
    page: int | None
    prediction: str | None
    labelled: bool
    values: Mapping[str, float | None]
    sums: Mapping[str, tuple[float, ...]]


class Scored(Section):
    """A whole file; `scoring` is the hash of what it was scored by, see `utome.studies.changes`."""

    format: int
    scoring: str
    images: Mapping[str, int]
    variants: Mapping[str, tuple[Row, ...]]
    left_out: Mapping[str, str]
    cost: Mapping[str, int]


def is_whole(content: Mapping[str, Any]) -> bool:
    """Whether the content of a file is what was once written."""
    try:
        Scored.model_validate(content)
    except ValidationError:
        return False
    return True
