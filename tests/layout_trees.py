"""Small folders in the layouts of published data sets, with noise for images."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from scipy.io import savemat

from tests.builders import noise, save, square
from utome.errors import DataError

HEIGHT, WIDTH = 12, 10
# Four corners of a square from x 2 to 5 and y 3 to 7.
SQUARE = [2.0, 3.0, 5.0, 3.0, 5.0, 7.0, 2.0, 7.0]


def refusal(call: Callable[[Path], object], root: Path) -> str:
    """The sentence with which `root` is refused."""
    with pytest.raises(DataError) as caught:
        call(root)
    return str(caught.value)


def mask() -> np.ndarray:
    """Black, with a white square."""
    return square(HEIGHT, WIDTH)


def bowl(root: Path, *, names: Sequence[str] = ("a1", "b2")) -> Path:
    """The 2018 Data Science Bowl: two nuclei an image, overlapping in one pixel."""
    for seed, name in enumerate(names):
        save(root / name / "images" / f"{name}.png", noise(8, 8, seed=seed))
        for number, corner in enumerate((0, 3)):
            nucleus = np.zeros((8, 8), dtype=np.uint8)
            nucleus[corner : corner + 4, corner : corner + 4] = 255
            save(root / name / "masks" / f"{number}.png", nucleus)
    return root


def isbi(root: Path, *, count: int = 11) -> Path:
    """Numbered sections with labels, and unlabelled ones."""
    for number in range(count):
        save(root / "train" / "image" / f"{number}.png", noise(HEIGHT, WIDTH, seed=number))
        save(root / "train" / "label" / f"{number}.png", mask())
        save(root / "test" / f"{number}.png", noise(HEIGHT, WIDTH, seed=100 + number))
    return root


def stack(path: Path, pages: np.ndarray) -> Path:
    """A TIFF file of many pages."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, pages, photometric="minisblack")
    return path


def isbi_stacks(root: Path, *, count: int = 11) -> Path:
    """The sections as pages: the label of page k has a square of its own size."""
    labels = np.zeros((count, HEIGHT, WIDTH), dtype=np.uint8)
    for page in range(count):
        labels[page, : page + 1, 0] = 255
    stack(root / "train-volume.tif", noise(count, HEIGHT, WIDTH))
    stack(root / "train-labels.tif", labels)
    stack(root / "test-volume.tif", noise(count, HEIGHT, WIDTH, seed=1))
    return root


def drive_set(root: Path, *, scored: bool = True) -> Path:
    """DRIVE: photographs as TIFF, masks as GIF, the field of view a square; without `scored`, the test is unlabelled."""
    vessel = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    vessel[:, : WIDTH // 2] = 255
    for part, folder, numbers in (("training", "training", ("21", "22")), ("test", "test", ("01", "02"))):
        for number in numbers:
            save(root / folder / "images" / f"{number}_{part}.tif", noise(HEIGHT, WIDTH, 3, seed=int(number)))
            save(root / folder / "mask" / f"{number}_{part}_mask.gif", mask())
            if scored or part == "training":
                save(
                    root / folder / "1st_manual" / f"{number}_manual1.gif",
                    vessel,
                )
            if scored and part == "test":
                save(root / folder / "2nd_manual" / f"{number}_manual2.gif", mask())
    return root


def chase(root: Path, *, children: Sequence[str] = ("01", "02")) -> Path:
    """CHASE_DB1: two eyes a child, two observers an eye."""
    for child in children:
        for seed, eye in enumerate("LR"):
            name = f"Image_{child}{eye}"
            save(root / f"{name}.jpg", noise(HEIGHT, WIDTH, 3, seed=10 * int(child) + seed))
            save(root / f"{name}_1stHO.png", mask() > 0)
            save(root / f"{name}_2ndHO.png", square(HEIGHT, WIDTH, value=1) > 0)
    return root


def cells() -> np.ndarray:
    """Object numbers 3 and 300."""
    numbers = np.zeros((HEIGHT, WIDTH), dtype=np.uint16)
    numbers[1:4, 1:4], numbers[6:9, 5:8] = 3, 300
    return numbers


def tracking(root: Path, truth: Mapping[str, Sequence[int]], *, frames: int = 4) -> Path:
    """Cell Tracking Challenge: `truth` says which frames of `01_GT`, `02_ST` and so on are drawn."""
    for name in sorted({kind.split("_")[0] for kind in truth}):
        for frame in range(frames):
            save(root / name / f"t{frame:03d}.tif", noise(HEIGHT, WIDTH, seed=100 * int(name) + frame))
    for kind, drawn in truth.items():
        (root / kind / "SEG").mkdir(parents=True)
        for frame in drawn:
            save(root / kind / "SEG" / f"man_seg{frame:03d}.tif", cells())
    return root


def nerve_cord(root: Path, *, count: int = 3) -> Path:
    """Drosophila VNC: nine values in the labels, and a folder of one structure alone."""
    values = np.resize(np.array([0, 32, 64, 96, 128, 159, 191, 223, 255], dtype=np.uint8), (HEIGHT, WIDTH))
    for number in range(count):
        save(root / "stack1" / "raw" / f"{number:02d}.tif", noise(HEIGHT, WIDTH, seed=number))
        save(root / "stack1" / "labels" / f"labels{number:08d}.png", values)
        save(root / "stack1" / "membranes" / f"{number:02d}.png", mask())
    save(root / "stack2" / "raw" / "00.tif", noise(HEIGHT, WIDTH, seed=9))
    return root


def regions() -> np.ndarray:
    """CrackForest's values: 2 is crack."""
    return np.resize(np.array([1, 1, 2, 3, 4], dtype=np.uint8), (HEIGHT, WIDTH))


def crack_forest(root: Path, *, pngs: Sequence[str] = (), mats: Sequence[str] = ()) -> Path:
    """CrackForest, with the regions of some images as PNG and of some as MATLAB files."""
    for seed, name in enumerate(sorted({*pngs, *mats})):
        save(root / "image" / f"{name}.jpg", noise(HEIGHT, WIDTH, 3, seed=seed))
    for name in pngs:
        save(root / "segmentation_png" / f"{name}.png", regions())
    for name in mats:
        (root / "groundTruth").mkdir(parents=True, exist_ok=True)
        truth = {"Segmentation": regions(), "Boundaries": np.zeros((HEIGHT, WIDTH), dtype=np.uint8)}
        savemat(root / "groundTruth" / f"{name}.mat", {"groundTruth": truth})
    return root


def siblings(root: Path, names: Mapping[str, Sequence[str]], *, masks: str = "_lab", suffix: str = ".png") -> Path:
    """Images of each part in `train` and so on, their masks beside it in `train_lab`."""
    for part, its in names.items():
        for seed, name in enumerate(its):
            save(root / part / f"{name}{suffix}", noise(HEIGHT, WIDTH, seed=seed + 50 * len(part)))
            save(root / f"{part}{masks}" / f"{name}{suffix}", mask())
    return root


def coco_document(annotations: Sequence[Mapping[str, Any]], *, images: Sequence[str] = ("a.png",)) -> dict[str, Any]:
    """A document of the categories nucleus (1) and wall (7); images are numbered from 10."""
    return {
        "images": [
            {"id": number, "file_name": name, "height": HEIGHT, "width": WIDTH}
            for number, name in enumerate(images, 10)
        ],
        "annotations": [{"id": number, "image_id": 10, **entry} for number, entry in enumerate(annotations)],
        "categories": [{"id": 7, "name": "wall"}, {"id": 1, "name": "nucleus"}],
    }


def coco_folder(
    root: Path, document: Mapping[str, Any], *, name: str = "annotations.json", images: str = "images"
) -> Path:
    """The images of a document, and the document."""
    for entry in document["images"]:
        save(root / images / entry["file_name"], noise(HEIGHT, WIDTH, seed=entry["id"]))
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(json.dumps(document))
    return root


def nnunet_raw(root: Path, labels: Mapping[str, Any], *, tested: bool = False) -> Path:
    """nnU-Net's raw data: two cases to train on, and one without labels unless `tested`."""
    for ending, cases in (("Tr", ("cell_001", "cell_002")), ("Ts", ("cell_003",))):
        for seed, case in enumerate(cases):
            save(root / f"images{ending}" / f"{case}_0000.png", noise(HEIGHT, WIDTH, seed=seed + 10 * len(cases)))
            if ending == "Tr" or tested:
                save(
                    root / f"labels{ending}" / f"{case}.png",
                    np.resize(np.array([0, 1, 2, 0], dtype=np.uint8), (HEIGHT, WIDTH)),
                )
    (root / "dataset.json").write_text(json.dumps({"channel_names": {"0": "light"}, "labels": dict(labels)}))
    return root
