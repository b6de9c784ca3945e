"""`utome train`: from a folder of pairs to a run folder with a model, an honest score and a report."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from utome.config.overrides import override
from utome.config.settings import Config
from utome.device import enough_memory
from utome.distributed import by_first, ended_together, is_first, leave, share, size
from utome.errors import InterruptedRunError, MachineError, UtomeError
from utome.events import EpochDone, Event, Listener, Noted, silent
from utome.files import new_folder
from utome.jobs.advising import AUTO, Advice, may_narrow, milder, narrower
from utome.jobs.costing import lasting, step_seconds
from utome.jobs.interruption import Stop, stoppable
from utome.jobs.measuring import with_deviation
from utome.jobs.preparing import Prepared, model_card, prepare, rebuild
from utome.jobs.scoring import score_split
from utome.modelfolder.folder import save_model
from utome.recipes.library import load_recipe
from utome.report.page import write_report
from utome.training.checkpoints import Checkpoints
from utome.training.fitting import what_fits
from utome.training.forecast import Forecast
from utome.training.keeping import CheckpointKeeper
from utome.training.loop import fit
from utome.training.progress import Progress, begin, result
from utome.training.runfolder import RunFolder, Status, data_hash, describe_data, environment
from utome.training.space import refuse_too_little_space
from utome.training.state import weights


@dataclass(frozen=True)
class TrainResult:
    """Where the run lies, its best epoch, and how many images trained, chose and were kept for the score."""

    run: Path
    best: EpochDone
    images: dict[str, int]


def train(
    data: Path,
    config: Config,
    out: Path,
    *,
    fixed: Collection[str] | None = None,
    minutes: float | None = None,
    listen: Listener = silent,
) -> TrainResult:
    """Train on the pairs below `data` into the new run folder `out`.

    With `fixed`, the recipe `auto` chooses for these images all but the settings that it names; without, the config is taken as it is.
    With `minutes`, the length is chosen so that data are read and training ends within them, on this machine as busy as it is
    now; the final scores and the report come after. The config that is written down has that length, and so repeats the same
    steps. Nothing is written before data, config and device are found good. Several processes that have joined
    (`utome.distributed`) do one training: the first alone writes and, at the end, scores.
    """
    load_recipe(config.recipe)  # the report names it, so an unknown one is refused now and not at the end
    folder = RunFolder(out)
    by_first(folder.refuse_if_there)
    with enough_memory():
        prepared = plan(data, config, fixed=fixed, minutes=minutes, listen=listen)
        return start(prepared, folder, listen)


def start(prepared: Prepared, folder: RunFolder, listen: Listener, *, until: int | None = None) -> TrainResult:
    """Train what is prepared, in a new folder, from its first step; for `until` see `run`."""

    def make_room() -> None:
        refuse_too_little_space(folder.path, prepared.task)
        new_folder(folder.checkpoints)

    def write_down() -> None:
        folder.refuse_another_run()
        if prepared.starting is not None:
            folder.write_starting_weights(prepared.starting)
        folder.create(prepared.task.config, describe_data(prepared.survey, prepared.split), prepared.task.device)

    by_first(make_room)
    with alone(folder):
        by_first(write_down)
        return run(prepared, begin(prepared.task), folder, listen, until=until)


@contextmanager
def alone(folder: RunFolder) -> Iterator[None]:
    """Work on the run alone: the first process holds its folder for all."""
    with ExitStack() as stack:
        by_first(lambda: stack.enter_context(folder.alone()))
        yield


def plan(
    data: Path,
    config: Config,
    *,
    fixed: Collection[str] | None = None,
    minutes: float | None = None,
    listen: Listener = silent,
) -> Prepared:
    """What `train` with these arguments begins with: its task's config has the length that fits into the minutes."""
    started = time.perf_counter()
    if fixed is not None and minutes is not None:
        fixed = {*fixed, "training.epochs"}
    prepared = prepare(data, config, listen, fixed=fixed)
    if minutes is None:
        return prepared
    if fixed is not None and prepared.task.config.recipe == AUTO:
        prepared = _suited(prepared, 60 * minutes, fixed, listen)
    return _within(prepared, 60 * minutes, time.perf_counter() - started, listen)


def _suited(prepared: Prepared, seconds: float, fixed: Collection[str], listen: Listener) -> Prepared:
    """The same training as the recipe `auto` wants it in a short time: half the width, and less augmentation."""
    steps = int(seconds / step_seconds(prepared))
    advice = narrower(prepared.task.config, steps) if may_narrow(prepared.task.config, fixed) else None
    if advice is not None:
        prepared = _following(prepared, [advice], listen)
        steps = int(seconds / step_seconds(prepared))
    return _following(prepared, milder(prepared.task.config, steps, fixed), listen)


def _following(prepared: Prepared, advice: Sequence[Advice], listen: Listener) -> Prepared:
    """The same training with these settings."""
    for each in advice:
        listen(Noted(f"auto: {each.path}={each.value}, since {each.reason}."))
    changes = [f"{each.path}={each.value}" for each in advice]
    return rebuild(prepared, override(prepared.task.config.as_dict(), changes)) if changes else prepared


def _within(prepared: Prepared, seconds: float, spent: float, listen: Listener) -> Prepared:
    """The same training, as long as these seconds allow, of which some are spent."""
    config = lasting(prepared, seconds, spent=spent)
    training = config.training
    listen(
        Noted(
            f"{training.epochs} epochs of {training.steps_per_epoch} steps fit into the time; config.yaml keeps that length."
        )
    )
    return rebuild(prepared, config)


def run(
    prepared: Prepared, progress: Progress, folder: RunFolder, listen: Listener, *, until: int | None = None
) -> TrainResult:
    """Train to the end, score, and write the report; `status.json` says how it ended. The folder is this process's alone.

    With `until` it goes to the end of that epoch alone, of as many as the config says, and the run is then `paused`: its best model is
    written, but nothing is scored. Gone on with, it comes to the same bytes as one that went in one go.
    """

    def tell(event: Event) -> None:
        if is_first():
            folder.journal(event)
        listen(event)

    paused = (
        None if until is None else lambda: f"after epoch {progress.epoch} of {prepared.task.config.training.epochs}"
    )
    with ended_together(), _status(folder, paused), stoppable() as stop:
        tell(Noted(f"Run folder: {folder.path}"))
        if size() > 1:
            tell(Noted(_shared_out(prepared.task.config.training.batch)))
        _fit(prepared, progress, Going(folder, stop, until), tell)
        leave()  # the other processes have nothing more to do
        if is_first() and until is None:
            stop.at_once()
            group = prepared.task.config.data.group
            scored = score_split(
                with_deviation(folder.model, prepared, tell), prepared.split, group, prepared.task.device, listen
            )
            for sentence in scored.scores.never_predicted:
                tell(Noted(sentence))
            write_report(folder, progress.history, scored.predictor, scored.scores, scored.otsu)
    best = [epoch for epoch in progress.history if epoch.best][-1]
    return TrainResult(
        folder.path, best, {part: len(getattr(prepared.split, part)) for part in ("train", "val", "test")}
    )


def about(prepared: Prepared) -> dict[str, Any]:
    """What every checkpoint of this training says of it."""
    return {
        "config": prepared.task.config.as_dict(),
        "data": data_hash(prepared.survey, prepared.split),
        **environment(prepared.task.device),
    }


@dataclass(frozen=True)
class Going:
    """Where a training writes, what may tell it to end, and its last epoch if that is not the config's."""

    folder: RunFolder
    stop: Stop
    until: int | None


def _fit(prepared: Prepared, progress: Progress, going: Going, tell: Listener) -> None:
    """Train, saving on the way; the best model is written at the end, also of a run that was interrupted."""
    folder = going.folder
    task, checkpoints = prepared.task, Checkpoints(folder.checkpoints, about(prepared))
    seconds = 60 * task.config.training.save_minutes
    keeper = CheckpointKeeper(
        task, progress, checkpoints, seconds, going.stop.told, lambda: folder.write_history(progress.history),
        lambda: _keep_model(prepared, progress, folder),
    )  # fmt: skip
    try:
        # To try what fits, all processes would have to come along; one alone would wait for the others.
        with enough_memory((lambda: what_fits(task)) if size() == 1 else None):
            keeper.begin()
            fit(task, progress, keeper, listen=Forecast(task, progress, tell), until=going.until)
    except BaseException:
        with suppress(UtomeError):  # what ended the training is what matters
            _write_model(prepared, checkpoints, folder)
        raise
    _write_model(prepared, checkpoints, folder)


def _keep_model(prepared: Prepared, progress: Progress, folder: RunFolder) -> None:
    """Write the model of an epoch that is to be kept; before its state is saved, so that no interruption leaves it out."""
    kept = prepared.task.config.training.keep_epochs
    if kept is not None and progress.epoch in kept:
        place = folder.kept / f"epoch-{progress.epoch:05d}"
        network = result(prepared.task, progress)
        save_model(place, weights(network), model_card(prepared, progress.history[-1]))


def _write_model(prepared: Prepared, checkpoints: Checkpoints, folder: RunFolder) -> None:
    """Write the best model so far, if there is one."""
    best = checkpoints.best() if is_first() else None
    if best is not None:
        save_model(folder.model, best.weights, model_card(prepared, best.epoch))


@contextmanager
def _status(folder: RunFolder, paused: Callable[[], str] | None) -> Iterator[None]:
    """Leave behind in `status.json` how the run ended; `paused` says where it waits, if it is to go on later."""
    try:
        yield
    except (KeyboardInterrupt, InterruptedRunError) as error:
        with suppress(MachineError):
            _set_status(folder, "interrupted", "Ctrl-C" if isinstance(error, KeyboardInterrupt) else str(error))
        raise
    except BaseException as error:
        with suppress(MachineError):  # the disk may be what failed
            _set_status(folder, "failed", str(error))
        raise
    if paused is None:
        _set_status(folder, "done")
    else:
        _set_status(folder, "paused", paused())


def _set_status(folder: RunFolder, status: Status, reason: str | None = None) -> None:
    if is_first():
        folder.set_status(status, reason)


def _shared_out(batch: int) -> str:
    """What each process does, in a sentence."""
    shares = [share(batch, number) for number in range(size())]
    tiles = " + ".join(str(each.stop - each.start) for each in shares)
    return (
        f"{size()} processes share the {batch} tiles of each step ({tiles}) and the validation images; losses, gradients and the "
        "statistics of norms are those of all tiles together."
    )
