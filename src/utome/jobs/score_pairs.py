"""What `utome score` compares: pairs of a truth and a prediction, from two files, two folders, or the pages of stacks."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from utome.data.formats import SUFFIXES, is_image_file, page_count, section_count
from utome.data.layouts.ctc import DRAWN
from utome.data.layouts.folders import contents, image_files, named, stem_of
from utome.data.layouts.leftovers import left_out
from utome.data.layouts.pairing import FIELDS, PREDICTIONS, TRUTHS, bare, couple
from utome.data.samples import Sample
from utome.errors import DataError
from utome.events import Listener, Noted

GIVE = "Give the truth first, and then what was predicted."
# A frame's prediction as the Cell Tracking Challenge names it.
FOUND = re.compile(r"^mask(\d{3,4})$")


def find_pairs(truth: Path, prediction: Path, field: Path | None, listen: Listener) -> list[Sample]:
    """The pairs as samples whose image is the prediction; they are named by the truth.

    Pages pair by number, and `group` is the stack of a page. `field` is the field of view: a file for a file, or a folder.
    `DataError` where something is missing, has no partner, or is given twice.
    """
    _refuse_twice(truth, prediction)
    alone = [_is_file(path) for path in (truth, prediction)]
    if all(alone):
        couples = [(truth, prediction)]
    elif any(alone):
        file, folder = (truth, prediction) if alone[0] else (prediction, truth)
        raise DataError(f"'{file}' is a file and '{folder}' a folder. Give two files, or two folders.")
    else:
        truths, (predictions, skipped) = _files(truth), _of_drawn_frames(_files(truth), _files(prediction))
        found = couple(predictions, truths, sides=(PREDICTIONS, TRUTHS))
        couples = [(true, predicted) for predicted, true in found.couples]
        said = (note for path in (truth, prediction) for note in left_out(set(_files(path)), path))
        for note in (*skipped, *found.notes, *said):
            listen(Noted(note))
    fields = _fields([true for true, _ in couples], field, listen)
    names = _names([true for true, _ in couples])
    samples = [
        page
        for true, predicted in couples
        for page in _pages(Sample(names[true], predicted, (true,), field=fields.get(true)))
    ]
    for true in dict.fromkeys(sample.masks[0] for sample in samples if sample.page is not None):
        if page_count(true) == 1:
            listen(
                Noted(f"'{true}' holds {section_count(true)} channels one after another, read as the pages of a stack.")
            )
    return sorted(samples, key=lambda sample: sample.name)


def _refuse_twice(truth: Path, prediction: Path) -> None:
    for path in (truth, prediction):
        if not path.exists():
            raise DataError(f"'{path}' is not there. {GIVE}")
    if truth.resolve() == prediction.resolve():
        raise DataError(f"'{truth}' is given as truth and as prediction. {GIVE}")


def _is_file(path: Path) -> bool:
    return path.is_file() or is_image_file(path)


def _files(folder: Path) -> list[Path]:
    try:
        files = image_files(folder)
    except PermissionError as error:
        raise DataError(
            f"'{error.filename}' may not be read. Ask for permission, or copy the images elsewhere."
        ) from error
    if not files:
        accepted = f"accepted endings: {', '.join(sorted(SUFFIXES))}"
        raise DataError(f"'{folder}' holds no images; {accepted}. {contents(folder)}")
    return files


def _of_drawn_frames(truths: Sequence[Path], predictions: list[Path]) -> tuple[list[Path], tuple[str, ...]]:
    """The predictions to score, and what is said of those left out.

    In the Cell Tracking Challenge every frame is predicted (`mask012`), but truth is drawn for some (`man_seg012`): the others
    are skipped. Everywhere else a prediction without a truth is a mistake.
    """
    drawn = {int(found[1]) for path in truths if (found := DRAWN.match(stem_of(path)))}
    frames = {path: int(found[1]) for path in predictions if (found := FOUND.match(stem_of(path)))}
    if len(drawn) < len(truths) or len(frames) < len(predictions):
        return predictions, ()
    scored = [path for path in predictions if frames[path] in drawn]
    skipped = [path.name for path in predictions if frames[path] not in drawn]
    if not scored or not skipped:
        return predictions, ()
    return scored, (f"Predictions of frames without truth are skipped: {named(skipped)}.",)


def _names(truths: Sequence[Path]) -> dict[Path, str]:
    """What to call each pair: the truth's name without its mark, where that tells all apart."""
    stems = {true: stem_of(true) for true in truths}
    short = {true: bare(stem, TRUTHS.mark) for true, stem in stems.items()}
    return short if len(set(short.values())) == len(short) else stems


def _fields(truths: Sequence[Path], field: Path | None, listen: Listener) -> dict[Path, Path]:
    """The field of view of each truth; empty where none is given."""
    if field is None:
        return {}
    if not field.exists():
        raise DataError(f"'{field}' is not there. Give the fields of view to --mask: a file for a file, or a folder.")
    if _is_file(field):
        if len(truths) > 1:
            raise DataError(
                f"'{field}' is one field of view for {len(truths)} truths. Give --mask a folder with one for each."
            )
        return {truths[0]: field}
    found = couple(_files(field), truths, sides=(FIELDS, TRUTHS))
    for note in found.notes:
        listen(Noted(note))
    return {true: inside for inside, true in found.couples}


def _pages(sample: Sample) -> list[Sample]:
    """A sample for each page of two stacks, or the sample alone."""
    truth, prediction = sample.masks[0], sample.image
    pages, of_prediction = section_count(truth), section_count(prediction)
    if pages != of_prediction:
        if page_count(truth) == page_count(prediction) == 1:
            return [sample]  # the channels of one of them are no sections
        raise DataError(
            f"The truth '{truth}' has {_count(pages)}, but the prediction '{prediction}' has {_count(of_prediction)}. They must "
            "have the same number; of probabilities of several classes, save those of one."
        )
    if pages == 1:
        return [sample]
    digits = len(str(pages))
    return [
        replace(sample, name=f"{sample.name}-{page + 1:0{digits}d}", page=page, group=sample.name)
        for page in range(pages)
    ]


def _count(pages: int) -> str:
    return f"{pages} page{'' if pages == 1 else 's'}"
