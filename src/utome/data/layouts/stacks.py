"""Files of many pages: where an image and its mask have the same number, each page is a sample of its own."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from utome.data.formats import page_count
from utome.data.samples import Sample
from utome.errors import DataError

TIFF = frozenset({".tif", ".tiff"})


def slices(sample: Sample) -> list[Sample]:
    """A sample for each page of image and mask, in the order of the pages; the sample alone where either has one page.

    Several pages of an image with a mask of one page are no slices, but perhaps channels: reading the image decides.
    """
    image, mask = sample.image, sample.masks[0]
    if not {image.suffix.lower(), mask.suffix.lower()} <= TIFF:
        return [sample]
    pages, of_mask = page_count(image), page_count(mask)
    if 1 in {pages, of_mask}:
        return [sample]
    if pages != of_mask:
        raise DataError(
            f"The image '{image}' has {pages} pages, but its mask '{mask}' has {of_mask}. They must have the same number: export "
            "the mask again, or take the pair out."
        )
    digits = len(str(pages))
    return [replace(sample, name=f"{sample.name}-{page + 1:0{digits}d}", page=page) for page in range(pages)]


def slices_note(samples: Sequence[Sample]) -> tuple[str, ...]:
    """What to say where some of the samples are pages."""
    stacks = sorted({sample.image for sample in samples if sample.page is not None})
    if not stacks:
        return ()
    return (
        (
            f"{_files(stacks)} many pages, each read as an image of its own. Neighbouring slices of one stack resemble each "
            "other, so a score on some of them says little about another stack; data.group can keep them together."
        ),
    )


def _files(stacks: Sequence[Path]) -> str:
    return f"'{stacks[0].name}' holds" if len(stacks) == 1 else f"{len(stacks)} files hold"
