"""What images stay together: as the layout knows, by a pattern in their names, or by a column of a table."""

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from utome.data.formats import SUFFIXES
from utome.data.samples import Sample
from utome.errors import ConfigError, DataError, nearest

# `TABLE.csv:COLUMN`; anything else is a regular expression.
TABLE = re.compile(r"(?P<path>.+\.(?:csv|tsv)):(?P<column>.+)", re.IGNORECASE)
# The column of a table that names the images; where there is none of these, the first one does.
NAMES = ("image", "name", "file", "filename", "image_id", "id")
# What may part the columns of a table.
DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Grouping:
    """How to find an image's group: by `column` of a table, by `pattern`, or, without both, as its layout knows.

    The pattern is a regular expression; its first group, found in an image's name, or all that was found, is the image's
    group. `apart` parts all images, whatever the layout knows. `said` is the setting that it was made from.
    """

    pattern: re.Pattern[str] | None = None
    column: Mapping[str, str] = field(default_factory=dict)
    said: str | None = None
    apart: bool = False

    def of(self, sample: Sample) -> str | None:
        """The group of an image; none where it stands alone. `DataError` where pattern or table do not say."""
        if self.apart:
            return None
        if self.said is None:
            return sample.group
        group = self._by_pattern(sample) if self.pattern is not None else self._by_table(sample)
        if group:
            return group
        what = "the table has no line, or an empty one" if self.pattern is None else "it finds nothing"
        raise DataError(
            f"data.group is '{self.said}', but for the image '{sample.name}' {what}. Change it, so that every image has a group."
        )

    def _by_pattern(self, sample: Sample) -> str | None:
        found = None if self.pattern is None else self.pattern.search(sample.name)
        return found and found.group(min(1, found.re.groups))

    def _by_table(self, sample: Sample) -> str | None:
        return self.column.get(sample.name) or self.column.get(sample.image.stem)


def grouping(said: str | None) -> Grouping:
    """The grouping that the setting `data.group` says: a regular expression, or `TABLE.csv:COLUMN`."""
    if said is None:
        return Grouping()
    if not said:
        raise ConfigError("data.group is empty. Give a regular expression, or TABLE.csv:COLUMN, or leave it out.")
    table = TABLE.fullmatch(said)
    if table is not None:
        return Grouping(column=_column(Path(table["path"]), table["column"]), said=said)
    try:
        return Grouping(re.compile(said), said=said)
    except re.error as error:
        raise ConfigError(
            f"data.group is '{said}', which is no regular expression: {error}. Write one like '^(.*)-\\d+$', whose first group "
            "is what images share, or TABLE.csv:COLUMN."
        ) from error


def _column(path: Path, column: str) -> dict[str, str]:
    """Image name to value in `column`. Images may be named with their folder and ending, or without."""
    lines = _lines(path)
    if not lines:
        raise ConfigError(f"The table '{path}' is empty. Give a line with the names of its columns, and one an image.")
    columns = [name for name in lines[0] if name]
    if column not in columns:
        raise ConfigError(f"The table '{path}' has no column '{column}'. {nearest(column, columns)}")
    names = next((each for each in columns if each.lower() in NAMES and each != column), columns[0])
    groups: dict[str, str] = {}
    for line in lines:
        file = Path((line[names] or "").replace("\\", "/"))
        name, group = file.stem if file.suffix.lower() in SUFFIXES else file.name, line[column] or ""
        if groups.setdefault(name, group) != group:
            raise DataError(
                f"The table '{path}' gives '{name}' two groups: '{groups[name]}' and '{group}'. Keep one line."
            )
    return groups


def _lines(path: Path) -> list[dict[str, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        delimiter = max(DELIMITERS, key=text.partition("\n")[0].count)
        return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))
    except FileNotFoundError:
        raise ConfigError(f"data.group names the table '{path}', which is not there. Check the path.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or "it is no table in UTF-8"
        raise DataError(f"The table '{path}' cannot be read ({reason}). Save it as CSV in UTF-8.") from error
