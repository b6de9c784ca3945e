"""`utome predict`: a label map and an overlay for every image, and its objects and probabilities where they are asked for.

A repeat of the same command goes on where it stopped: see `utome.jobs.manifest`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from utome.config.sections import MachineSettings
from utome.data.formats import file_sha256
from utome.errors import ConfigError, DataError
from utome.events import Listener, Noted, Progressed, silent
from utome.files import writing
from utome.jobs.fanning import Job, Order, predicted
from utome.jobs.inputs import Input, find_inputs
from utome.jobs.journal_lines import Entry
from utome.jobs.manifest import Manifest, opened
from utome.jobs.objects import TABLE, each_table, one_table
from utome.jobs.predicting import PROBABILITIES, Made, Manner, Predicting
from utome.prediction.deviation import Deviation
from utome.prediction.probability_maps import write_stack

# Of one image: its files, those that it had before, or why it has none.
Outcome = Made | Entry | DataError
__all__ = ["Manner", "PredictResult", "predict"]


@dataclass(frozen=True)
class PredictResult:
    """The label maps that are there, how many of them were before, and the sentence of each image that failed.

    If asked for: how far tiles were from the whole, by name, and how many objects `objects.csv` has.
    """

    out: Path
    written: tuple[Path, ...]
    failed: tuple[str, ...]
    kept: int = 0
    verified: Mapping[str, Deviation] | None = None
    objects: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The document of `utome predict --json`."""
        document: dict[str, Any] = {
            "out": str(self.out),
            "written": [str(path) for path in self.written],
            "kept": self.kept,
            "failed": list(self.failed),
        }
        if self.verified is not None:
            document["verified"] = {name: found.as_json() for name, found in self.verified.items()}
        return document if self.objects is None else {**document, "objects": self.objects}


def predict(
    run: Path,
    images: Path,
    out: Path,
    *,
    manner: Manner | None = None,
    machine: MachineSettings,
    listen: Listener = silent,
) -> PredictResult:
    """Write `out/NAME.png`, a palette PNG of class numbers, and `out/overlays/NAME.png` for every image and every page of a stack.

    The names are those of `find_inputs`; `Manner` says what else is written, and how images are that do not fit into memory. What
    lies there whole from an earlier time is kept, what is damaged is made again, and what is not ours is not overwritten. An image that
    cannot be read or does not fit the model is left out and named; `DataError` where that is true of all.
    """
    manner = manner or Manner()
    predicting = Predicting(run, manner, machine, listen)
    inputs = find_inputs(images, listen, out=out)
    with opened(out, predicting.identity) as manifest:
        work = _Work(predicting, manifest, inputs)
        _refuse_clashes(work.names)
        _refuse_inputs(out, work.names, inputs)
        manifest.refuse_strange(work.names)
        work.settle_all(_order(run, predicting, machine, inputs), listen)
        if not work.entries:
            raise DataError(
                work.failed[0]
                if len(work.failed) == 1
                else f"None of the {len(work.failed)} images could be predicted. {work.failed[0]}"
            )
        work.say_mixed(listen)
        return work.finished(out)


class _Work:
    """All images of one command, and what came of them so far."""

    def __init__(self, predicting: Predicting, manifest: Manifest, inputs: Sequence[Input]) -> None:
        self._predicting, self._manifest, self._inputs = predicting, manifest, inputs
        self._outputs = {image.name: predicting.outputs(image) for image in inputs}
        self._hashes: dict[Path, str] = {}
        self.entries: dict[str, Entry] = {}
        self.failed: list[str] = []
        self._kept = 0

    @property
    def names(self) -> list[str]:
        """Every file that is to be written."""
        names = [name for outputs in self._outputs.values() for name in outputs]
        names += [stack for stack, _ in self._stacks]
        return names if self._predicting.objects is None else [*names, TABLE]

    def settle_all(self, order: Order, listen: Listener) -> None:
        """Keep what images have, and predict the others here or by workers."""
        alone = order.manner.workers is None
        images = self._made_here(listen) if alone else self._made_by(order)
        for done, (image, made) in enumerate(images, start=1):
            self._settle(image, made, listen)
            listen(Progressed("predicting", done, len(self._inputs)))
        self.entries = {image.name: self.entries[image.name] for image in self._inputs if image.name in self.entries}

    def _made_here(self, listen: Listener) -> Iterator[tuple[Input, Outcome]]:
        for image in self._inputs:
            try:
                yield image, self._there(image) or self._made(image, listen)
            except DataError as error:
                yield image, error

    def _made_by(self, order: Order) -> Iterator[tuple[Input, Outcome]]:
        jobs = []
        for image in self._inputs:
            try:
                there = self._there(image)
                if there is None:
                    there_too = replace(image, path=image.path.absolute())  # workers may stand in another folder
                    folder = self._manifest.part(image.name).absolute()
                    jobs.append(Job(order, there_too, folder, self._predicting.key(image, self._sha256(image))))
            except DataError as error:
                yield image, error
            else:
                if there is not None:
                    yield image, there
        yield from predicted(order, self._predicting, jobs)

    def _settle(self, image: Input, made: Outcome, listen: Listener) -> None:
        """Keep or commit what an image has; one that failed is remembered, or ends all if that is wished."""
        if isinstance(made, DataError):
            self._manifest.withdraw(image, self._hashes.get(image.path))
            sentence = image.told(made)
            if self._predicting.manner.strict:
                raise DataError(sentence) from made
            self.failed.append(sentence)
            return
        self._kept += isinstance(made, Entry)
        entry = made if isinstance(made, Entry) else self._committed(image, made)
        self.entries[image.name] = entry
        found = _deviation(entry)
        if found is not None and self._predicting.manner.verify:
            listen(Noted(f"{image.name}: {found.sentence}"))

    def say_mixed(self, listen: Listener) -> None:
        """Say it where some of the images were computed otherwise than others, as by another machine at an earlier time."""
        known = (entry.facts.get("computed") for entry in self.entries.values())
        ways = Counter(way for way in known if way is not None)
        if len(ways) > 1:
            each = ", ".join(f"{count} by {way}" for way, count in ways.items())
            listen(
                Noted(f"These predictions differ in their roundings: {each}. For all in one way, give another --out.")
            )

    def finished(self, out: Path) -> PredictResult:
        """Write what is made of several images, and leave the folder tidy."""
        manifest, predicting = self._manifest, self._predicting
        order, objects = [image.name for image in self._inputs], None
        for stack, pages in self._stacks:
            if all(page.name in self.entries for page in pages):
                temporary = manifest.part(f".stacks/{_stem(pages)}")
                with writing(temporary):
                    write_stack(temporary, [out / f"{PROBABILITIES}/{page.name}.tif" for page in pages])
                manifest.commit_together(stack, temporary, pages[0].file)
        if predicting.objects is not None:
            # Whatever has objects here has rows, also if it was given to an earlier command alone, or failed in this one.
            has_table = [each for each in manifest.entries(order) if manifest.is_whole(each, each_table(each.image))]
            tables = [(out / each_table(each.image)).read_bytes() for each in has_table]
            manifest.commit_together(TABLE, one_table(tables))
            objects = sum(each.facts["objects"] for each in has_table)
        manifest.close(order)
        verified = {name: found for name, entry in self.entries.items() if (found := _deviation(entry)) is not None}
        return PredictResult(
            out,
            tuple(out / self._outputs[name][0] for name in self.entries),
            tuple(self.failed),
            self._kept,
            verified if predicting.manner.verify else None,
            objects,
        )

    def _made(self, image: Input, listen: Listener) -> Made:
        self._predicting.choose(self._inputs)
        if not self._predicting.by_regions(image):
            return self._predicting.made(image)
        key = self._predicting.key(image, self._sha256(image))
        return self._predicting.made_by_regions(image, self._manifest.part(image.name), key, listen)

    def _there(self, image: Input) -> Entry | None:
        """What is there of an image from an earlier time, if it is whole and has all that is asked for."""
        entry = self._manifest.finished(image, self._sha256(image), self._outputs[image.name])
        missing = entry is not None and self._predicting.manner.verify and _deviation(entry) is None
        return None if missing else entry

    def _committed(self, image: Input, made: Made) -> Entry:
        contents = {name: made.contents[name] for name in self._outputs[image.name]}
        return self._manifest.commit(image, self._sha256(image), contents, made.facts)

    def _sha256(self, image: Input) -> str:
        if image.path not in self._hashes:
            self._hashes[image.path] = file_sha256(image.path)
        return self._hashes[image.path]

    @property
    def _stacks(self) -> list[tuple[str, list[Input]]]:
        """The stack of probabilities of each file that is one, and its pages."""
        if self._predicting.manner.probabilities is None:
            return []
        pages = [image for image in self._inputs if image.page is not None]
        groups = [list(group) for _, group in groupby(pages, key=lambda image: image.path)]
        return [(f"{PROBABILITIES}/{_stem(group)}.tif", group) for group in groups]


def _refuse_clashes(names: Sequence[str]) -> None:
    """`DataError` where two images, or a stack and an image, have one name for what comes of them."""
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise DataError(
            f"'{name}' would be written {count} times, for a stack and for what bears its name, too. Rename all but one."
        )


def _refuse_inputs(out: Path, names: Sequence[str], inputs: Sequence[Input]) -> None:
    """`ConfigError` where an image would be overwritten by what comes of it, or of another one."""
    images = {image.path.resolve() for image in inputs}
    taken = next((out / name for name in names if (out / name).resolve() in images), None)
    if taken is not None:
        raise ConfigError(
            f"'{taken}' is an image that is to be predicted, and would be overwritten by what comes of it. Give another --out."
        )


def _order(run: Path, predicting: Predicting, machine: MachineSettings, inputs: Sequence[Input]) -> Order:
    """What workers load, with whole paths, and with the backends that are chosen here, so that all compute alike."""
    manner = predicting.manner
    if manner.workers is None:
        return Order(run, manner, machine)
    manner = replace(manner, others=tuple(each.absolute() for each in manner.others))
    return Order(run.absolute(), manner, machine, predicting.choose(inputs))


def _stem(pages: Sequence[Input]) -> str:
    """The name of a stack: that of its pages without their numbers."""
    return pages[0].name.rpartition("-")[0]


def _deviation(entry: Entry) -> Deviation | None:
    found = entry.facts["deviation"]
    return None if found is None else Deviation(**found)
