"""A run's model in int8: made with its training images, checked on its validation images, once, and kept beside it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import torch

from utome.config.prediction import Backend
from utome.config.sections import MachineSettings
from utome.data.formats import Pixels
from utome.data.layouts.finding import find_samples
from utome.data.survey import Facts, look_at
from utome.data.truth import read_pixels
from utome.device import Device, choose_device, enough_memory
from utome.errors import DataError
from utome.evaluation.certainty import mean_iou_difference
from utome.events import Listener, Noted, silent
from utome.files import sha256_bytes
from utome.jobs.otsu_side import RunFiles, place, place_of, run_files
from utome.jobs.reading import told
from utome.jobs.scoring import grouped, score_model
from utome.modelfolder.folder import Model, load_model
from utome.models.folding import folded
from utome.models.network import SegmentationNetwork
from utome.prediction.backends.exporting import as_onnx
from utome.prediction.backends.installed import refuse_uninstalled
from utome.prediction.backends.int8 import Check, checked, in_int8, int8_engine, keep, refuse_failed
from utome.prediction.backends.trial import Engine, Example, Image, middle
from utome.prediction.ensemble import load_predictor
from utome.prediction.predictor import Predictor
from utome.tiling import mirror

# So many training images, a piece of each, show the ranges that maps have.
CALIBRATION = 16
Item = TypeVar("Item")
CPU = Device(torch.device("cpu"), torch.float32)


def ready_predictor(
    runs: Sequence[Path],
    machine: MachineSettings,
    changes: Mapping[str, Any] | None = None,
    *,
    backends: Sequence[Backend] = (),
    listen: Listener = silent,
) -> Predictor:
    """As `load_predictor`; where int8 is wanted, each model is first made and checked in it, if that was not done before."""
    for run in runs:
        model = load_model(run)
        if (changes or {}).get("backend", model.card.predicted_as.backend) == "int8":
            check_int8(run, model, machine, listen=listen)
    return load_predictor(runs, machine, changes, backends=backends, listen=listen)


def check_int8(run: Path, model: Model, machine: MachineSettings, *, listen: Listener = silent) -> Check:
    """What the validation images of a run say of its model in int8.

    `DataError` where the images of the run cannot be found as they were, `ModelError` where int8 costs too much. Either way it is kept
    what they said.
    """
    check = checked(run, model.card)
    if check is None:
        refuse_uninstalled("int8", making=True)
        choose_device(machine, precision="float32")  # for the number of threads
        files = run_files(run, model.card)
        if files is None:
            raise DataError(
                f"int8 is made with the training images of a run and checked on its validation images, but no run lies at '{run}'. Give "
                "the folder of the run, or take --backend torch."
            )
        listen(Noted("Backend: making int8 from training images, and checking it on the validation images; done once."))
        with enough_memory():
            check = _made(run, model, files, listen)
    listen(Noted(f"Backend: {check.sentence}."))
    refuse_failed(check)
    return check


def _made(run: Path, model: Model, files: RunFiles, listen: Listener) -> Check:
    light, card = folded(model.network), model.card
    # Files in order of their names often lie kind by kind.
    training = spread(_images(files, "train"), CALIBRATION)
    document = in_int8(as_onnx(light, card.in_channels), _pieces(model, training))
    facts = grouped(_images(files, "val"), files.config.data.group)
    precise = Predictor(model, CPU)
    whole_numbers = Predictor(model, CPU, None, _Unasked(document))
    before, after = (
        [image.confusion for image in score_model(each, facts, at="native", listen=listen).images]
        for each in (precise, whole_numbers)
    )
    difference = mean_iou_difference(before, after, [fact.sample.group for fact in facts])
    together = [sum(each[1:], each[0]).mean_iou for each in (before, after)]
    check = Check(
        weights_sha256=card.weights_sha256,
        document_sha256=sha256_bytes(document),
        images=len(facts),
        before=together[0],
        after=together[1],
        difference=difference.value,
        low=None if difference.interval is None else difference.interval.low,
        high=None if difference.interval is None else difference.interval.high,
        versions={name: version(name) for name in ("utome", "torch", "onnxruntime", "openvino")},
    )
    keep(run, document, check)
    return check


def spread(items: Sequence[Item], count: int) -> Sequence[Item]:
    """So many of them, evenly from the first on; all where there are no more.

    >>> [spread(list(range(7)), count) for count in (3, 9)]
    [[0, 2, 4], [0, 1, 2, 3, 4, 5, 6]]
    """
    return [items[number * len(items) // count] for number in range(count)] if len(items) > count else items


class _Unasked:
    """int8 without a comparison on one image: here many images compare it."""

    def __init__(self, document: bytes) -> None:
        self._document = document

    def engine(self, network: SegmentationNetwork, examples: Iterable[Example]) -> Engine:
        """The network in int8."""
        del examples
        return int8_engine(self._document, network)


def _pieces(model: Model, facts: Sequence[Facts]) -> Iterator[Image]:
    """The middle of each image, mirrored to sides that the network takes."""
    for fact in facts:
        pixels: Pixels = read_pixels(fact.sample)
        piece = middle(model.card.prepared_by.image(pixels, source=fact.sample.source))
        geometry = model.network.geometry
        rows, columns = (
            mirror(-geometry.border, geometry.input_side(length) - geometry.border, length)
            for length in piece.shape[1:]
        )
        yield piece[:, rows[:, None], columns]


def _images(files: RunFiles, part: str) -> list[Facts]:
    """The images of one part of the run, as training read them; `DataError` where one is not there or has changed."""
    settings = files.config.data
    wanted = {place(each): (each["content"], each["truth"]) for each in files.data["images"] if each["part"] == part}
    listing = told(find_samples(Path(files.data["root"]), settings.layout), settings)
    facts = look_at([sample for sample in listing.samples if place_of(sample) in wanted])
    same = [fact for fact in facts if wanted[place_of(fact.sample)] == (fact.content, fact.truth)]
    if len(same) < len(wanted):
        raise DataError(
            f"{len(wanted) - len(same)} of the {len(wanted)} images that int8 needs (part `{part}`) are no longer where the run read "
            f"them, or have changed: '{files.data['root']}'. Put them back, or take --backend torch."
        )
    return same
