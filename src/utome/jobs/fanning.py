"""Images, and regions of large ones, predicted by several processes or machines that share the disk.

A worker returns nothing but names: what it made lies in the folder of what is under way, and one process gives files their names and
keeps the journal. So the bytes are those of one process with the same number of threads.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from utome.config.prediction import Backend
from utome.config.sections import MachineSettings
from utome.errors import DataError
from utome.execution import Done, Workers, fanned
from utome.files import new_folder, write_bytes
from utome.jobs.inputs import Input
from utome.jobs.predicting import Made, Manner, Predicting
from utome.jobs.regions import Regions

# Regions that a worker gets at a time.
TOGETHER = 4


@dataclass(frozen=True)
class Order:
    """What a worker loads: the model, what is to be made of images, and what computes each model, where that is chosen."""

    run: Path
    manner: Manner
    machine: MachineSettings
    backends: tuple[Backend, ...] = ()


@dataclass(frozen=True)
class Job:
    """An image whose files go into `folder`, or some regions of it, whose chunks are found by `key`."""

    order: Order
    image: Input
    folder: Path
    key: str
    regions: tuple[int, ...] | None = None


@dataclass
class _Loaded:
    """What a worker keeps from one job to the next, since most are about the same model and the same image."""

    order: Order | None = None
    predicting: Predicting | None = None
    image: tuple[Input, str, Path] | None = None
    regions: Regions | None = None
    open: ExitStack = field(default_factory=ExitStack)


_LOADED = _Loaded()


def carry_out(job: Job) -> Made | None:
    """The files of an image; none for regions, whose chunks are written."""
    predicting = _predicting(job.order)
    if job.regions is None:
        return _written(predicting.made(job.image), job.folder)
    regions = _regions(predicting, job)
    for number in job.regions:
        regions.predict(number)
    return None


def predicted(order: Order, predicting: Predicting, jobs: Sequence[Job]) -> Iterator[tuple[Input, Made | DataError]]:
    """Each image with its files, or why it has none, as they are done; whatever else a worker meets is raised."""
    left: dict[Input, int] = {}
    with fanned(carry_out, order.manner.workers or Workers()) as fan:
        for job in jobs:
            parts = _parts(order, predicting, job)
            if isinstance(parts, DataError):
                yield job.image, parts
            elif not parts:
                yield job.image, _assembled(predicting, job)
            else:
                left[job.image] = len(parts)
                for part in parts:
                    fan.add(part)
        for done in fan:
            found = _ended(done, left, predicting)
            if found is not None:
                yield done.item.image, found


def _ended(done: Done[Job, Made | None], left: dict[Input, int], predicting: Predicting) -> Made | DataError | None:
    """What an image has that ends with this part of it; none where others are on their way, or one of them has failed."""
    image = done.item.image
    if image not in left:
        return None
    if done.error is not None:
        del left[image]
        if isinstance(done.error, DataError):
            return done.error
        raise done.error
    left[image] -= 1
    if left[image]:
        return None
    return _assembled(predicting, done.item) if done.result is None else done.result


def _parts(order: Order, predicting: Predicting, job: Job) -> list[Job] | DataError:
    """The jobs that an image is made of, or why there are none."""
    if not predicting.by_regions(job.image):
        return [job]
    try:
        with predicting.opened(job.image, job.folder, job.key) as regions:
            missing = regions.missing
    except DataError as error:
        return error
    groups = (tuple(missing[start : start + TOGETHER]) for start in range(0, len(missing), TOGETHER))
    return [Job(order, job.image, job.folder, job.key, group) for group in groups]


def _assembled(predicting: Predicting, job: Job) -> Made | DataError:
    try:
        with predicting.opened(job.image, job.folder, job.key) as regions:
            return predicting.assembled(regions, job.image)
    except DataError as error:
        return error


def _written(made: Made, folder: Path) -> Made:
    """The same files, those that are bytes under numbers in a folder."""
    new_folder(folder)
    places = {name: folder / str(number) for number, name in enumerate(made.contents)}
    for name, content in made.contents.items():
        if isinstance(content, bytes):
            write_bytes(places[name], content)
        else:
            places[name] = content
    return replace(made, contents=places)


def _predicting(order: Order) -> Predicting:
    if _LOADED.predicting is None or _LOADED.order != order:
        _LOADED.predicting = Predicting(order.run, order.manner, order.machine, backends=order.backends)
        _LOADED.order, _LOADED.image = order, None
    return _LOADED.predicting


def _regions(predicting: Predicting, job: Job) -> Regions:
    if _LOADED.regions is None or _LOADED.image != (job.image, job.key, job.folder):
        _LOADED.open.close()
        _LOADED.image, _LOADED.open = None, ExitStack()
        _LOADED.regions = _LOADED.open.enter_context(predicting.opened(job.image, job.folder, job.key))
        _LOADED.image = job.image, job.key, job.folder
    return _LOADED.regions
