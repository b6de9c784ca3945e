"""`utome score`: predictions of any program against their truths, by any family of metrics."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from utome.data.grouping import grouping
from utome.data.samples import Sample
from utome.errors import ConfigError, DataError
from utome.evaluation.case import Case
from utome.evaluation.certainty import ENOUGH, FEW
from utome.evaluation.families import Nature, Scales, choose
from utome.evaluation.tally import FamilyScores, Tally, for_json
from utome.events import Listener, Noted, Progressed, silent
from utome.files import write_text
from utome.jobs.score_looking import Asked, How, look
from utome.jobs.score_pairs import find_pairs
from utome.jobs.score_reading import read_case


@dataclass(frozen=True)
class ScoreOptions:
    """How to score: what the files are, where they count, and how far off a place may be.

    `group` is a pattern or table that says which images are drawn together, as `data.group` of a training; `csv` is a file
    to write.
    """

    asked: Asked = field(default_factory=Asked)
    mask: Path | None = None
    scales: Scales = field(default_factory=Scales)
    group: str | None = None
    csv: Path | None = None


@dataclass(frozen=True)
class Scored:
    """The scores of all families, and how the files were read."""

    samples: tuple[Sample, ...]
    families: tuple[FamilyScores, ...]
    how: How
    notes: tuple[str, ...]

    @property
    def units(self) -> int:
        """Images, those of a group and the pages of a stack counted as one: so many were drawn."""
        return len({_unit(sample) for sample in self.samples})

    def as_json(self) -> dict[str, Any]:
        """The document of `utome score --json`; what does not exist is null, an infinite distance "Infinity"."""
        return {
            "images": len(self.samples),
            "units": self.units,
            "classes": list(self.how.classes),
            "read_as": {"truth": self.how.truth, "prediction": self.how.prediction},
            "notes": list(self.notes),
            "metrics": {family.family: family.as_json() for family in self.families},
            "per_image": [
                {
                    **_files(sample),
                    "scores": {family.family: _for_json(family.images[sample.name]) for family in self.families},
                }
                for sample in self.samples
            ],
        }

    def as_csv(self) -> str:
        """A row an image and a column for each number that tables show; empty where it does not exist, `inf` where infinite."""
        columns = [(family, figure) for family in self.families for figure in family.figures if figure.shown]
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(
            ["name", "truth", "prediction", "page", *(f"{family.family}.{figure.name}" for family, figure in columns)]
        )
        for sample in self.samples:
            values = [_cell(family.images[sample.name][figure.name], whole=figure.whole) for family, figure in columns]
            table.writerow([*_files(sample).values(), *values])
        return text.getvalue()


def score(truth: Path, prediction: Path, options: ScoreOptions | None = None, *, listen: Listener = silent) -> Scored:
    """Score predictions against truths, two files or two folders; write `options.csv` where it is named.

    `DataError` names the file that cannot be scored; nothing is then written. `ConfigError` where the CSV is there
    already, or its folder is not.
    """
    options = options or ScoreOptions()
    if options.csv is not None:
        _check_new(options.csv)
    groups = grouping(options.group)
    samples = [
        replace(sample, group=groups.of(sample)) for sample in find_pairs(truth, prediction, options.mask, listen)
    ]
    how = look(samples, options.asked, listen)
    nature = Nature(
        classes=how.classes,
        told_apart=(how.truth == "objects", how.prediction == "objects"),
        probabilities=how.prediction == "probability",
        all_known=options.mask is None and not how.table.ignored and not how.ignore,
    )
    chosen = choose(options.asked.families, nature, options.scales)
    tallies: list[Tally[Any]] = [Tally(family) for family in chosen.families]
    notes = [*how.said, *chosen.reasons, _about_units(samples, grouped=options.group is not None)]
    for note in notes:
        listen(Noted(note))
    for done, sample in enumerate(samples, start=1):
        _add(tallies, sample, read_case(sample, how))
        listen(Progressed("scoring", done, len(samples)))
    without = [tally.family.name for tally in tallies if tally.too_many]
    if without:
        notes.append(f"Without intervals, which take too much memory for so many: {', '.join(without)}.")
        listen(Noted(notes[-1]))
    scored = Scored(tuple(samples), tuple(tally.scores() for tally in tallies), how, tuple(notes))
    if options.csv is not None:
        write_text(options.csv, scored.as_csv())
    return scored


def _check_new(table: Path) -> None:
    """Refuse a place for the CSV now that would only be refused when all is scored."""
    if table.exists():
        raise ConfigError(f"'{table}' is there already and is not overwritten. Give --csv another name.")
    if not table.parent.is_dir():
        raise ConfigError(
            f"'{table}' cannot be written, because '{table.parent}' is no folder. Make it, or give --csv another."
        )


def _add(tallies: Sequence[Tally[Any]], sample: Sample, case: Case) -> None:
    for tally in tallies:
        try:
            tally.add(sample.name, _unit(sample), case)
        except DataError as error:
            raise DataError(
                f"The prediction '{sample.source}' cannot be scored against '{sample.truth_source}' by the family "
                f"'{tally.family.name}'. {error}"
            ) from error


def _unit(sample: Sample) -> str:
    return sample.group or sample.name


def _about_units(samples: Sequence[Sample], *, grouped: bool) -> str:
    units = len({_unit(sample) for sample in samples})
    stacks = not grouped and any(sample.page is not None for sample in samples)
    what = "group" if grouped else "stack" if stacks else "image"
    pages = " Pages of one stack resemble each other and count as one." if stacks else ""
    if units < 2:
        return f"One {what} does not tell how sure a score is, so there are no intervals.{pages}"
    rough = f" So few make them rough: score {ENOUGH} or more before comparing." if units < FEW else ""
    return f"Intervals hold the score of such data in 95 % of studies; they are over {units} {what}s.{rough}{pages}"


def _files(sample: Sample) -> dict[str, Any]:
    page = None if sample.page is None else sample.page + 1
    return {"name": sample.name, "truth": str(sample.masks[0]), "prediction": str(sample.image), "page": page}


def _cell(value: float, *, whole: bool) -> str:
    return "" if math.isnan(value) else repr(int(value) if whole else float(value))


def _for_json(row: Mapping[str, float]) -> dict[str, float | str | None]:
    return {name: for_json(value) for name, value in row.items()}
