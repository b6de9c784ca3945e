"""Draw `docs/touching.png`, and print how many touching nuclei of the 2018 Data Science Bowl are parted.

    python scripts/draw_touching.py DSB2018_FOLDER

All nuclei of an image are united to one foreground, and then told apart again. So the figures are those of telling apart alone,
on outlines that are right. The default of `prediction.objects.neck` is the best on every other image in order of their names,
from the first; the figures are of the rest, some of which were seen before the default was settled.
The picture shows the three images of these, one of a size, in which components
unite most nuclei, each where they unite most.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from utome.config.prediction import ObjectSettings
from utome.data.layouts.finding import find_samples
from utome.data.samples import Sample
from utome.data.truth import read_objects, read_pixels
from utome.metrics.objects import ObjectCounts, score_objects
from utome.prediction.objects import Objects, Way, find_objects
from utome.prediction.pictures import COLOURS, colour_png, displayed

DOCS = Path(__file__).parents[1] / "docs"
SHOWN, SIDE, SCALE, GAP = 3, 128, 3, 12
# Objects so many pixels apart are neighbours.
NEAR = 3
TRIED: dict[str, tuple[Way, ObjectSettings]] = {
    "components": ("components", ObjectSettings()),
    "watershed": ("watershed", ObjectSettings()),
    "watershed, neck=0.8": ("watershed", ObjectSettings(neck=0.8)),
    "watershed, neck=0.95": ("watershed", ObjectSettings(neck=0.95)),
    "watershed, smooth=0": ("watershed", ObjectSettings(smooth=0)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="the folder of the data set")
    samples = find_samples(parser.parse_args().source).samples[1::2]
    print_figures(samples)
    rows = [picture_row(sample) for sample in most_united(samples)]
    gap = np.full((GAP, rows[0].shape[1], 3), 255, dtype=np.uint8)
    (DOCS / "touching.png").write_bytes(colour_png(np.concatenate([part for row in rows for part in (row, gap)][:-1])))


def print_figures(samples: tuple[Sample, ...]) -> None:
    print("| objects by | found | of truly | merges | splits | AP at IoU 0.5 | at 0.75 |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    truths = [read_objects(sample) for sample in samples]
    for name, (way, settings) in TRIED.items():
        counts = [scored(truth, told_apart(truth, way, settings)) for truth in truths]
        whole = sum(counts[1:], start=counts[0])
        precisions = " | ".join(f"{value:.3f}" for value in whole.average_precision)
        print(f"| {name} | {whole.predicted} | {whole.truth} | {whole.merges} | {whole.splits} | {precisions} |")


def scored(truth: np.ndarray, found: Objects) -> ObjectCounts:
    return score_objects(truth, found.instances, thresholds=(0.5, 0.75)).everywhere


def told_apart(truth: np.ndarray, way: Way, settings: ObjectSettings) -> Objects:
    return find_objects((truth > 0).astype(np.uint8), way, settings)


def most_united(samples: tuple[Sample, ...]) -> Iterator[Sample]:
    """Images of different sizes in which components unite most objects, that with most of all first."""

    def united(sample: Sample) -> int:
        return scored(read_objects(sample), told_apart(read_objects(sample), "components", ObjectSettings())).merges

    sizes: set[tuple[int, ...]] = set()
    for sample in sorted(samples, key=united, reverse=True):
        size = read_objects(sample).shape
        if size not in sizes and len(sizes) < SHOWN:
            sizes.add(size)
            yield sample


def picture_row(sample: Sample) -> UInt8[np.ndarray, "h w 3"]:
    """A square of the image, its true nuclei, its components, and these parted."""
    truth, pixels = read_objects(sample), read_pixels(sample)
    place = most_touching(truth)
    ways = [truth, *(told_apart(truth, *TRIED[name]).instances for name in ("components", "watershed"))]
    shown = [enlarged(displayed(pixels)[place]), *(coloured(instances[place]) for instances in ways)]
    gap = np.full((shown[0].shape[0], GAP, 3), 255, dtype=np.uint8)
    return np.concatenate([part for picture in shown for part in (picture, gap)][:-1], axis=1)


def most_touching(instances: np.ndarray) -> tuple[slice, slice]:
    """The square in which most sides of pixels lie between two objects."""
    right, down = (np.diff(instances, axis=axis, append=0) != 0 for axis in (1, 0))
    inside = instances > 0
    touch = np.zeros(instances.shape, dtype=np.int64)
    touch[:, :-1] += right[:, :-1] & inside[:, :-1] & inside[:, 1:]
    touch[:-1] += down[:-1] & inside[:-1] & inside[1:]
    total = np.pad(touch, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    sums = total[SIDE:, SIDE:] - total[:-SIDE, SIDE:] - total[SIDE:, :-SIDE] + total[:-SIDE, :-SIDE]
    y, x = np.unravel_index(int(sums.argmax()), sums.shape)
    return slice(int(y), int(y) + SIDE), slice(int(x), int(x) + SIDE)


def coloured(instances: np.ndarray) -> UInt8[np.ndarray, "h w 3"]:
    """Objects in colours that repeat, but not among neighbours, with white lines between them."""
    palette = np.asarray(COLOURS[1:], dtype=np.uint8)
    large = enlarged(instances[:, :, None])[:, :, 0]
    picture = np.where(large[:, :, None] > 0, palette[unlike_neighbours(instances)[large]], np.uint8(0))
    edge = np.zeros(large.shape, dtype=bool)
    edge[1:] |= large[1:] != large[:-1]
    edge[:, 1:] |= large[:, 1:] != large[:, :-1]
    picture[edge] = 255
    return picture


def unlike_neighbours(instances: np.ndarray) -> np.ndarray:
    """A colour for each object: the first from its own on that no object has which lies near and came before."""
    near: dict[int, set[int]] = defaultdict(set)
    padded = np.pad(instances, NEAR)
    height, width = instances.shape
    for down, across in product(range(2 * NEAR + 1), repeat=2):
        other = padded[down : down + height, across : across + width]
        meeting = (instances > other) & (other > 0)
        for one, another in np.unique(np.stack([instances[meeting], other[meeting]]), axis=1).T.tolist():
            near[one].add(another)
    count = len(COLOURS) - 1
    colours = np.arange(int(instances.max()) + 1) * 3 % count
    for number in sorted(near):
        taken = {int(colours[other]) for other in near[number]}
        free = (each % count for each in range(colours[number], colours[number] + count) if each % count not in taken)
        colours[number] = next(free, colours[number])
    return colours


def enlarged(picture: np.ndarray) -> np.ndarray:
    return picture.repeat(SCALE, axis=0).repeat(SCALE, axis=1)


if __name__ == "__main__":
    main()
