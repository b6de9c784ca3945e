"""What images stay together: as the layout knows, by a pattern in their names, or by a column of a table."""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from utome.data.samples import Sample
from utome.errors import ConfigError, DataError, nearest

# `TABLE.csv:COLUMN`; anything else is a regular expression.
TABLE = re.compile(r"(?P<path>.+\.(?:csv|tsv)):(?P<column>.+)", re.IGNORECASE)
# The column of a table that names the images; where there is none of these, the first one does.
NAMES = ("image", "name", "file", "filename", "image_id", "id")


@dataclass(frozen=True)
class Grouping:
    """How to find an image's group: by `column` of a table, by `pattern`, or, without both, as its layout knows.

    The pattern is a regular expression; its first group, found in an image's name, or all that was found, is the image's
    group.
    """

    pattern: re.Pattern[str] | None = None
    column: Mapping[str, str] = field(default_factory=dict)
    said: str | None = None

    def of(self, sample: Sample) -> str | None:
        """The group of an image; none where it stands alone. `DataError` where pattern or table do not say."""
        if self.column:
            group = self.column.get(sample.name) or self.column.get(sample.image.name)
            if group is None:
                raise DataError(
                    f"data.group is '{self.said}', but that table has no line, or an empty one, for the image '{sample.name}'. Add it."
                )
            return group
        if self.pattern is None:
            return sample.group
        found = self.pattern.search(sample.name)
        if found is None:
            raise DataError(
                f"data.group is '{self.said}', which is not found in the name '{sample.name}'. Change it, so that every image has "
                "a group."
            )
        return found.group(1) if found.re.groups else found.group(0)


def grouping(said: str | None) -> Grouping:
    """The grouping that the setting `data.group` says: a regular expression, or `TABLE.csv:COLUMN`."""
    if said is None:
        return Grouping()
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
    """Image name to value in `column`."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = list(csv.DictReader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ","))
    except FileNotFoundError:
        raise ConfigError(f"data.group names the table '{path}', which is not there. Check the path.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"The table '{path}' cannot be read ({error}). Save it as CSV in UTF-8.") from error
    columns = list(lines[0]) if lines else []
    if column not in columns:
        raise ConfigError(
            f"The table '{path}' has no column '{column}'. {nearest(column, [str(each) for each in columns])}"
        )
    names = next((each for each in columns if str(each).lower() in NAMES and each != column), columns[0])
    groups: dict[str, str] = {}
    for line in lines:
        name, group = line[names] or "", line[column] or ""
        if groups.setdefault(name, group) != group:
            raise DataError(
                f"The table '{path}' gives '{name}' two groups: '{groups[name]}' and '{group}'. Keep one line."
            )
    return groups
