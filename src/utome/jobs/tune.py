"""`utome tune`: search settings on a folder of pairs, and leave the best as a config to train with."""

import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from utome.config.settings import Config
from utome.device import enough_memory
from utome.errors import ConfigError, InterruptedRunError, MachineError, PartlyFailedError
from utome.events import Event, Listener, Noted, silent
from utome.execution import Workers, fanned
from utome.files import sweep, write_text
from utome.jobs.preparing import Prepared, prepare
from utome.jobs.rungs import train_leg
from utome.jobs.searching import Searching
from utome.models.architectures import assemble
from utome.report.tuning import study_html
from utome.training.runfolder import data_hash
from utome.tuning.folder import StudyFolder
from utome.tuning.ledger import Ledger
from utome.tuning.savings import Sooner, curves_of, sooner
from utome.tuning.search import Again, Search, refuse_differences, refuse_pruner
from utome.tuning.space import Space, configured, read_space, within
from utome.tuning.storage import file_url, needs_password, shown, sqlite_file, storage_url
from utome.tuning.trial import Trial, best_of

if TYPE_CHECKING:  # imported for real when it runs, so that `--help` is instant
    from sqlalchemy.engine import URL

IN_THE_FOLDER = "study.db in this folder"


@dataclass(frozen=True)
class Asked:
    """What a new search is to be: `assignments` are what was given by hand, `fixed` the settings that `auto` does not choose."""

    config: Config
    assignments: tuple[str, ...]
    space: Mapping[str, Any]
    trials: int
    seeds: int = 1
    pruner: str = "none"

    @property
    def fixed(self) -> Collection[str]:
        """What the recipe `auto` leaves as it is."""
        return {each.partition("=")[0].strip() for each in self.assignments}


@dataclass(frozen=True)
class Where:
    """Where trainings run, and the URL of the storage, if that is not a file in the study's folder."""

    workers: Workers = field(default_factory=Workers)
    storage: str | None = None


@dataclass(frozen=True)
class TuneResult:
    """Where the study lies, what was asked, all trials, the best, and what ending trials early would have saved of a full search."""

    out: Path
    search: Search
    trials: tuple[Trial, ...]
    best: Trial
    sooner: tuple[Sooner, ...]

    def count(self, state: str) -> int:
        """How many trials ended in this way."""
        return sum(trial.state == state for trial in self.trials)

    @property
    def epochs(self) -> int:
        """Epochs trained in all."""
        return sum(trial.epochs for trial in self.trials)

    @property
    def epochs_of_full(self) -> int:
        """Epochs that the same trials would have taken at most, each to its end."""
        return self.search.epochs_to_the_end(self.trials)

    def as_json(self) -> dict[str, Any]:
        """The document of `utome tune --json`."""
        return {
            "study": str(self.out),
            "config": str(self.out / "best.yaml"),
            "report": str(self.out / "report.html"),
            "best": {"trial": self.best.number, "params": dict(self.best.params), "val_mean_iou": self.best.value},
            "trials": {state: self.count(state) for state in ("complete", "pruned", "failed")},
            "epochs": self.epochs,
            "epochs_of_full_search": self.epochs_of_full,
            "sooner": [each.as_json() for each in self.sooner],
        }


def tune(data: Path, asked: Asked, out: Path, *, where: Where, listen: Listener = silent) -> TuneResult:
    """Search anew, into the new folder `out`.

    Nothing is written before data, settings, space, storage and cluster are found good. Trials that fail are marked as failed and the
    search goes on; `PartlyFailedError` where none came to its end.
    """
    folder = StudyFolder(out)
    folder.refuse_if_there()
    storage = None if where.storage is None else _storage_of_new(where.storage, out)
    pruner = refuse_pruner(asked.pruner, asked.seeds * (asked.config.data.folds or 1))
    space = read_space(asked.space, asked.config)
    _refuse_unbuildable(space, asked.config)
    with enough_memory():
        prepared = prepare(data, within(asked.config, space), listen, fixed={*asked.fixed, *space})
        config = prepared.task.config
    if config.data.seed is None:
        # All trainings share their parts, those of other seeds that come after the search, too: else the test part of one would have
        # chosen the settings of another.
        config = configured(config, {"data.seed": config.seed})
    search = Search(
        f"{out.resolve().name}-{secrets.token_hex(4)}", config.recipe, asked.assignments, asked.trials, asked.seeds, pruner, space,
        IN_THE_FOLDER if storage is None else shown(storage), str(data.resolve()), _hash(prepared), config,
    )  # fmt: skip
    ledger = _ledger(search, folder, storage)
    if storage is not None:
        ledger.reach()
    if where.workers.cluster is not None:
        with fanned(train_leg, where.workers):
            pass  # it can be reached
    with folder.alone():
        folder.refuse_if_there()
        folder.write_search(search)
        with _status(folder):
            ledger.open(begun=False)
            return _searched(search, data, folder, ledger, where.workers, listen)


def tune_further(data: Path, again: Again, out: Path, *, where: Where, listen: Listener = silent) -> TuneResult:
    """Go on with the search in `out`: finished trials stay, those under way go on from their checkpoints.

    `ConfigError` where something is asked for that is another than at the beginning, but for the number of trials.
    """
    folder = StudyFolder(out)
    before, begun = folder.search(), len(folder.rows())
    if again.trials is not None and again.trials < begun:
        raise ConfigError(
            f"--trials is {again.trials}, but '{out}' has {begun} already. Give as many or more, or leave it out."
        )
    with folder.alone():
        sweep(out)
        refuse_differences(again, before, out)
        storage = _same_storage(where.storage, before)
        search = replace(
            before, trials=again.trials or before.trials, storage=IN_THE_FOLDER if storage is None else shown(storage)
        )
        with enough_memory():
            prepared = prepare(data, search.config, silent)
        if _hash(prepared) != search.data_sha256:
            raise ConfigError(
                f"The images or masks are not those that '{out}' was searched on, which lay in '{search.data}'. Give its own data, or "
                "begin anew with another --out."
            )
        ledger = _ledger(search, folder, storage)
        ledger.open(begun=folder.begun)
        _refuse_older(folder, ledger, search)
        with _status(folder):
            folder.write_search(search)
            return _searched(search, data, folder, ledger, where.workers, listen)


def _ledger(search: Search, folder: StudyFolder, storage: "URL | None") -> Ledger:
    return Ledger(storage or file_url(folder.path / "study.db"), search.name, search.space)


def _searched(
    search: Search, data: Path, folder: StudyFolder, ledger: Ledger, workers: Workers, listen: Listener
) -> TuneResult:
    """Search to the end, and write the report."""

    def tell(event: Event) -> None:
        folder.journal(event)
        listen(event)

    tell(Noted(f"Study folder: {folder.path}"))
    folder.write_table(search, ledger.trials)
    Searching(search, data, folder, ledger, tell).to_the_end(workers)
    return _concluded(search, folder, ledger.trials)


def _concluded(search: Search, folder: StudyFolder, trials: Sequence[Trial]) -> TuneResult:
    best = best_of(trials)
    if best is None:
        reason = next((trial.reason for trial in trials if trial.reason), "")
        raise PartlyFailedError(
            f"None of the {len(trials)} trials came to its end; '{folder.path / 'trials.csv'}' has all reasons. Change the space with "
            "--space, or the settings with --set, and give another --out; or try more with --resume and "
            f"--trials {2 * search.trials}. What the first said: {reason}"
        )
    folder.write_best(search, best)
    curves = curves_of(search, trials, folder)
    early = sooner(search, trials, curves)
    result = TuneResult(folder.path, search, tuple(trials), best, early)
    write_text(folder.report, study_html(search, trials, curves, early))
    return result


@contextmanager
def _status(folder: StudyFolder) -> Iterator[None]:
    """Leave behind in `status.json` how the search ended."""
    folder.set_status("running")
    try:
        yield
    except (KeyboardInterrupt, InterruptedRunError) as error:
        with suppress(MachineError):
            folder.set_status("interrupted", "Ctrl-C" if isinstance(error, KeyboardInterrupt) else str(error))
        raise
    except BaseException as error:
        with suppress(MachineError):  # the disk may be what failed
            folder.set_status("failed", str(error))
        raise
    folder.set_status("done")


def _refuse_unbuildable(space: Space, config: Config) -> None:
    """`ConfigError` where an end of a setting of the model is refused by the network alone, as more maps than it has.

    Built where weights take no memory: whether there is enough for them, each trial finds out for itself.
    """
    for path, dimension in space.items():
        for end in dimension.ends if path.startswith("model.") else ():
            model, said = configured(config, {path: end}).model, f"The search space holds `{path}` = {end!r}."
            try:
                with torch.device("meta"):
                    assemble(model, in_channels=1, classes=2)
            except ConfigError as error:
                raise ConfigError(f"{said} {error} --space FILE narrows the space.") from None
            except (RuntimeError, TypeError):  # torch counts bytes in 64 bits
                raise ConfigError(f"{said} No memory holds that network. --space FILE narrows the space.") from None


def _refuse_older(folder: StudyFolder, ledger: Ledger, search: Search) -> None:
    """`MachineError` where the storage lacks trials of which the folder knows: a copy of an earlier day, or another storage."""
    known, there = len(folder.rows()), len(ledger.trials)
    if there < known:
        raise MachineError(
            f"The storage '{search.storage}' holds {there} trials of this search, and '{folder.path / 'trials.csv'}' {known}. Put the "
            "storage back as it was, or give the one that has them with --storage."
        )


def _storage_of_new(given: str, out: Path) -> "URL":
    """The storage that a new search is to have; `ConfigError` where it cannot be one."""
    url = storage_url(given)
    file = sqlite_file(url)
    if file is not None and file.resolve().is_relative_to(out.resolve()):
        raise ConfigError(
            f"The storage '{given}' lies in the folder of the search, which must be new. Leave --storage out: the trials are then in "
            f"'{out / 'study.db'}'."
        )
    return url


def _same_storage(given: str | None, search: Search) -> "URL | None":
    """The storage to go on with; none for the file in the folder. `ConfigError` where a password is needed."""
    if given is not None:
        return storage_url(given)
    if search.storage == IN_THE_FOLDER:
        return None
    url = storage_url(search.storage)
    if needs_password(url):
        raise ConfigError(f"The storage '{search.storage}' has a password, which is not kept. Give --storage again.")
    return url


def _hash(prepared: Prepared) -> str:
    return data_hash(prepared.survey, prepared.split)
