"""The search itself: ask for a trial, train it from rung to rung, hear what it reports, end it or go on.

This process alone owns the study; trainings run on the executor. What is decided is written down before it is acted upon, so a process
that was killed anywhere goes on as if it had not been.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from utome.errors import MachineError, UtomeError
from utome.events import Listener, TrialBegun, TrialEnded, TrialReported
from utome.execution import Done, Fan, Workers, fanned
from utome.jobs.rungs import Leg, LegDone, train_leg
from utome.tuning.folder import StudyFolder
from utome.tuning.ledger import Ledger
from utome.tuning.pruning import Judge
from utome.tuning.sampling import suggest
from utome.tuning.search import Search
from utome.tuning.trial import Rung, Stage, Trial, best_of


@dataclass
class _Open:
    """A trial under way: at which stage it is, and what its trainings gave so far, by repetition."""

    trial: Trial
    stage: int
    values: dict[int, float]
    epochs: dict[int, int]
    waiting: set[int] = field(default_factory=set)


@dataclass
class Searching:
    """One search, from where its ledger stands to its last trial."""

    search: Search
    data: Path
    folder: StudyFolder
    ledger: Ledger
    tell: Listener

    def __post_init__(self) -> None:
        self._judge = Judge(self.search.pruner, self.search.epochs, self.search.config.seed)
        self._judge.hear(self.ledger.trials)
        self._open: dict[int, _Open] = {}
        # Trainings that begin as soon as a worker is free: those of a trial that has failed meanwhile never do.
        self._ready: list[Leg] = []
        self._stages: Sequence[Stage] = self.search.stages
        self._reports = 1 + max((rung.order for trial in self.ledger.trials for rung in trial.rungs), default=-1)

    def to_the_end(self, workers: Workers) -> None:
        """Take up what was under way, then ask for trials until there are as many as wanted."""
        with fanned(train_leg, workers) as fan:
            for trial in self.ledger.trials:
                if trial.state == "running":
                    self._take_up(trial)
            self._employ(fan)
            for done in fan:
                self._heard(done)
                self._employ(fan)

    def _employ(self, fan: Fan[Leg, LegDone]) -> None:
        """Begin trainings, and trials where none is ready, until no worker is free."""
        while fan.has_room() and (self._ready or len(self.ledger.trials) < self.search.trials):
            if self._ready:
                fan.add(self._ready.pop(0))
            else:
                self._ask()

    def _ask(self) -> None:
        """Begin a trial."""
        trial = self.ledger.add(suggest(self.search.space, self.ledger.trials, self.search.config.seed))
        self._judge.begin(trial.number + 1)
        self.tell(TrialBegun(trial.number, self.search.trials, trial.params))
        self._write()
        self._enter(_Open(trial, 0, {}, {}))

    def _take_up(self, trial: Trial) -> None:
        """Go on with a trial that was under way when this search was stopped."""
        self.tell(TrialBegun(trial.number, self.search.trials, trial.params, again=True))
        last = trial.rungs[-1] if trial.rungs else None
        values = dict(enumerate(last.values)) if last else {}
        # The sum so far: either all trainings go on and say anew how far they are, or those of before are done.
        each = _Open(trial, len(trial.rungs), values, {0: trial.epochs} if last else {})
        if last is not None and (last.ended or each.stage == len(self._stages)):
            self._end(each, "pruned" if last.ended else "complete")
        else:
            self._enter(each)

    def _enter(self, each: _Open) -> None:
        """Make the trainings of the trial's stage ready."""
        stage, search, number = self._stages[each.stage], self.search, each.trial.number
        self._open[number] = each
        legs = []
        for repetition in stage.repetitions:
            try:
                config = search.config_of(each.trial.params, repetition).as_dict()
            except UtomeError as error:  # values that are good alone, but not together
                self._end(each, "failed", str(error))
                return
            own = search.repetitions[repetition]
            run = self.folder.run(number, own)
            # Whole paths: a worker of a cluster has a folder of its own to begin from.
            legs.append(
                Leg(
                    number, repetition, self.data.resolve(), run.resolve(), config, stage.until, (*each.trial.params, *own)
                )
            )  # fmt: skip
        each.waiting = set(stage.repetitions)
        self._ready += legs

    def _heard(self, done: Done[Leg, LegDone]) -> None:
        """One training has come to the end of its stage, or has failed."""
        each = self._open.get(done.item.trial)
        result = done.result
        if result is None:
            if not isinstance(done.error, UtomeError):
                raise done.error or AssertionError("an item ends with a result or an error")
            result = LegDone(0, None, str(done.error))
        if result.hopeless:
            raise MachineError(
                f"{result.failure} All trials so far are kept; once that is mended, go on with --resume."
            )
        if each is None:  # another training of the trial has failed
            return
        if result.value is None:
            self._end(each, "failed", result.failure)
            return
        repetition = done.item.repetition
        each.waiting.discard(repetition)
        each.values[repetition], each.epochs[repetition] = result.value, result.epochs
        if not each.waiting:
            self._reported(each)

    def _reported(self, each: _Open) -> None:
        """All trainings of a stage are there: write down what they reached, and what that means."""
        stage, number = self._stages[each.stage], each.trial.number
        values = tuple(each.values[repetition] for repetition in sorted(each.values))
        rung = Rung(
            stage.step, sum(values) / len(values), values, sum(each.epochs.values()), self._reports, ended=False
        )
        self._reports += 1
        each.stage += 1
        is_last = each.stage == len(self._stages)
        if self._judge.ends(number, rung) and not is_last:
            rung = Rung(rung.step, rung.value, rung.values, rung.epochs, rung.order, ended=True)
        each.trial = self.ledger.report(number, rung)
        self.tell(TrialReported(number, stage.until, rung.value))
        if rung.ended or is_last:
            self._end(each, "pruned" if rung.ended else "complete")
        else:
            self._write()
            self._enter(each)

    def _end(self, each: _Open, state: str, reason: str | None = None) -> None:
        trial = self.ledger.end(each.trial.number, state, reason)  # type: ignore[arg-type]
        self._open.pop(trial.number, None)
        self._ready = [leg for leg in self._ready if leg.trial != trial.number]
        self._judge.ended(trial)
        best = best_of(self.ledger.trials)
        is_best = best is not None and best.number == trial.number
        self._write()
        if is_best:
            self.folder.write_best(self.search, trial)
        self.tell(
            TrialEnded(
                trial.number, self.search.trials, trial.params, state, trial.value, trial.epochs, best=is_best, reason=reason
            )
        )  # fmt: skip

    def _write(self) -> None:
        self.folder.write_table(self.search, self.ledger.trials)
