"""The folder of `utome evaluate --out`: a map of errors an image, tables of objects, and a page. Every file is written whole."""

import re
from pathlib import Path

from utome.data.classes import ClassTable
from utome.errors import ConfigError
from utome.evaluation.object_table import CountRow, ObjectRow, measure_objects, table_csv
from utome.evaluation.scoring import Labelled
from utome.files import new_folder, write_bytes, write_text
from utome.prediction.pictures import colour_png
from utome.report.errormap import error_map

ERRORS, OBJECTS, COUNTS, PAGE = "errors", "objects.csv", "counts.csv", "evaluation.html"
# No system takes these in a file name.
FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')


class EvaluationFolder:
    """`errors/NAME.png`, `objects.csv`, `counts.csv` and `evaluation.html` below `path`, which must be new or empty.

    `counts` has the objects of each class for each image, in the order in which images came.
    """

    def __init__(self, path: Path) -> None:
        if path.exists() and not (path.is_dir() and not any(path.iterdir())):
            raise ConfigError(f"'{path}' is there already and is not overwritten. Give another --out.")
        self.path = path
        self.counts: list[tuple[CountRow, ...]] = []
        self._objects: list[ObjectRow] = []
        self._names: set[str] = set()

    def add(self, labelled: Labelled, classes: ClassTable, pixel_um: float | None) -> None:
        """Draw the errors of one image, and measure its objects."""
        name = self._name(labelled.score.name)
        found = measure_objects(labelled, name, classes.names, pixel_um)
        self._objects += found.rows
        self.counts.append(found.counts)
        shown = error_map(labelled.pixels, labelled.truth, labelled.predicted, classes=classes.count)
        new_folder(self.path / ERRORS)
        write_bytes(self.path / ERRORS / f"{name}.png", colour_png(shown))

    def finish(self, page: str) -> None:
        """Write the tables and the page."""
        write_text(self.path / OBJECTS, table_csv(ObjectRow, self._objects))
        write_text(self.path / COUNTS, table_csv(CountRow, [row for image in self.counts for row in image]))
        write_text(self.path / PAGE, page)

    def _name(self, name: str) -> str:
        """The image's name as a file's; a second image of one name has a number after it."""
        plain = FORBIDDEN.sub("-", name)
        candidate, number = plain, 1
        while candidate.casefold() in self._names:  # some systems do not tell upper case from lower
            number += 1
            candidate = f"{plain}-{number}"
        self._names.add(candidate.casefold())
        return candidate
