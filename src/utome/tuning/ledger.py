"""Where trials are kept: a study in Optuna's own storage, so that its tools open it. One process alone writes.

A trial is added with all its values at once. What it reports is one attribute, written before anything is done about it; Optuna's own
values and states follow from it, and are put right where a process was killed between the two.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from utome.errors import ConfigError, MachineError
from utome.tuning.sampling import frozen
from utome.tuning.space import Params, Space
from utome.tuning.storage import optuna_storage, shown, sqlite_file
from utome.tuning.trial import Rung, State, Trial

if TYPE_CHECKING:  # imported for real when it runs, so that `--help` is instant
    import optuna
    from sqlalchemy.engine import URL

RUNGS, REASON = "rungs", "reason"


class Ledger:
    """The trials of one study in a storage."""

    def __init__(self, url: "URL", name: str, space: Space) -> None:
        self._url, self._name, self._space = url, name, space
        self._storage: optuna.storages.RDBStorage | None = None
        self._study: optuna.Study | None = None
        self._trials: list[Trial] = []

    def reach(self) -> "optuna.storages.RDBStorage":
        """Connect to the storage; `ConfigError` or `MachineError` where that cannot be."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        with self._words():
            self._storage = self._storage or optuna_storage(self._url)
        return self._storage

    def open(self, *, begun: bool) -> None:
        """Find the study; one that has not `begun` is made. `MachineError` where the storage or the study is gone."""
        import optuna

        file = sqlite_file(self._url)
        if begun and file is not None and not file.is_file():
            raise MachineError(_gone(f"'{file}' is not there"))
        storage = self.reach()
        with self._words():
            sampler = optuna.samplers.RandomSampler(seed=0)  # samples nothing: trials come with their values
            try:
                self._study = (
                    optuna.load_study(study_name=self._name, storage=storage, sampler=sampler)
                    if begun
                    else optuna.create_study(
                        study_name=self._name,
                        storage=storage,
                        sampler=sampler,
                        direction="maximize",
                        load_if_exists=True,
                    )
                )
            except KeyError:
                raise MachineError(_gone(f"'{shown(self._url)}' holds no study '{self._name}'")) from None
        self._read()

    @property
    def trials(self) -> list[Trial]:
        """All of them, by number."""
        return list(self._trials)

    def add(self, params: Params) -> Trial:
        """A new trial with these values."""
        trial = Trial(len(self._trials), params)
        with self._words():
            self._known.add_trial(frozen(trial, self._space))
        self._trials.append(trial)
        return trial

    def report(self, number: int, rung: Rung) -> Trial:
        """Write down what a trial reported, and whether it was then ended."""
        trial = self._trials[number].at(rung)
        with self._words():
            entry = self._entry(number)
            entry.set_user_attr(RUNGS, [each.as_json() for each in trial.rungs])
            entry.report(rung.value, rung.step)
        self._trials[number] = trial
        return trial

    def end(self, number: int, state: State, reason: str | None = None) -> Trial:
        """A trial is complete, pruned or failed."""
        from optuna.trial import TrialState

        trial = self._trials[number]
        trial = Trial(number, trial.params, state, trial.rungs, reason)
        with self._words():
            if reason is not None:
                self._entry(number).set_user_attr(REASON, reason)
            if state == "complete":
                self._known.tell(number, trial.value)
            else:
                self._known.tell(number, state=TrialState.PRUNED if state == "pruned" else TrialState.FAIL)
        self._trials[number] = trial
        return trial

    @property
    def _known(self) -> "optuna.Study":
        if self._study is None:
            raise AssertionError("a ledger is opened before it is used")
        return self._study

    def _entry(self, number: int) -> "optuna.Trial":
        import optuna

        return optuna.Trial(self._known, self._known.get_trials(deepcopy=False)[number]._trial_id)

    def _read(self) -> None:
        from optuna.trial import TrialState

        states: dict[Any, State] = {
            TrialState.RUNNING: "running", TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed",
        }  # fmt: skip
        with self._words():
            self._trials = [
                Trial(
                    number, dict(entry.params), states[entry.state],
                    tuple(map(Rung.from_json, entry.user_attrs.get(RUNGS, []))), entry.user_attrs.get(REASON),
                )
                for number, entry in enumerate(self._known.get_trials(deepcopy=False))
            ]  # fmt: skip
            for trial in self._trials:
                if trial.state == "running":
                    self._put_right(trial)

    def _put_right(self, trial: Trial) -> None:
        """Report to Optuna what was written down but not reported when the process was killed."""
        entry = self._entry(trial.number)
        reported = self._known.get_trials(deepcopy=False)[trial.number].intermediate_values
        for rung in trial.rungs:
            if rung.step not in reported:
                entry.report(rung.value, rung.step)

    @contextmanager
    def _words(self) -> Iterator[None]:
        """Turn what a storage refuses into a sentence."""
        import optuna
        import sqlalchemy.exc

        file = sqlite_file(self._url)
        if self._study is not None and file is not None and not file.is_file():
            raise MachineError(_gone(f"'{file}' is no longer there"))  # SQLite would go on writing into nothing
        try:
            yield
        except ImportError:
            raise ConfigError(
                f"The storage '{shown(self._url)}' needs a Python package that is not installed. For PostgreSQL install `psycopg` "
                "(pip install 'psycopg[binary]') and write postgresql+psycopg://USER@HOST/DATABASE."
            ) from None
        except (optuna.exceptions.StorageInternalError, sqlalchemy.exc.SQLAlchemyError) as error:
            raise MachineError(
                f"The storage '{shown(self._url)}' refuses: {_reason(error)}. See that it can be reached and is not locked by another "
                "program. Of a search that has begun everything so far is kept: go on with --resume."
            ) from None


def _gone(what: str) -> str:
    return (
        f"{what}, so the search cannot go on. The trials that were trained are still in its folder. Put the storage back, or begin "
        "again with another --out."
    )


def _reason(error: Exception) -> str:
    """The storage's own words, in one line, without SQL."""
    inner: BaseException = error
    while (deeper := getattr(inner, "orig", None) or inner.__cause__) is not None:
        inner = deeper
    words = " ".join(str(inner).split()).rstrip(".")
    return (
        "it is locked by another program"
        if isinstance(inner, sqlite3.OperationalError) and "locked" in words
        else words
    )
