"""The folder of a search: what was asked, the trials as a table and as run folders, the best config, and what happened."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import yaml

from utome.errors import ConfigError
from utome.events import Event, Progressed
from utome.files import append_line, exclusive, new_folder, write_json, write_text
from utome.tuning.search import Search, repetition_name, search_from_yaml
from utome.tuning.trial import Trial

STUDY, TABLE, STATUS, JOURNAL = "study.yaml", "trials.csv", "status.json", "events.jsonl"
Status = Literal["running", "interrupted", "done", "failed"]


class StudyFolder:
    """The files of one search and who writes them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.study = path / STUDY
        self.trials = path / "trials"
        self.best = path / "best.yaml"
        self.report = path / "report.html"

    @property
    def begun(self) -> bool:
        """Whether a trial was begun."""
        return self.trials.is_dir()

    def refuse_if_there(self) -> None:
        """`ConfigError` where something lies at the study's place already; a journal without a word is nothing."""
        if self.study.is_file():
            raise ConfigError(
                f"'{self.path}' is there already and is not overwritten. Give another --out, or add --resume to go on with that search."
            )
        others = [] if not self.path.is_dir() else [each for each in self.path.iterdir() if each.name != JOURNAL]
        if others or (self.path.exists() and not self.path.is_dir()):
            raise ConfigError(f"'{self.path}' is there already and is not overwritten. Give another --out.")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Work on the study as the only process; `ConfigError` where another works on it."""
        new_folder(self.path)
        with exclusive(self.path / JOURNAL) as ours:
            if not ours:
                raise ConfigError(
                    f"Another process works on '{self.path}'. Wait until it is done, or give another --out."
                )
            yield

    def write_search(self, search: Search) -> None:
        """Write down what was asked."""
        write_text(self.study, search.as_yaml())

    def search(self) -> Search:
        """What was asked; `ConfigError` where there is no search, or its file is damaged."""
        if not self.study.is_file():
            raise ConfigError(
                f"'{self.path}' holds no search to go on with. Leave --resume out, or give the --out of that search."
            )
        try:
            return search_from_yaml(self.study.read_text(encoding="utf-8"))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
            raise ConfigError(
                f"'{self.study}' is damaged, so the search cannot go on. Begin again with another --out."
            ) from error

    def run(self, trial: int, repetition: Mapping[str, int]) -> Path:
        """The run folder of one training of a trial."""
        return self.trials / f"{trial:04d}" / repetition_name(repetition)

    def set_status(self, status: Status, reason: str | None = None) -> None:
        """Say where the search stands."""
        write_json(self.path / STATUS, {"status": status, "reason": reason})

    def journal(self, event: Event) -> None:
        """Append an event to `events.jsonl`; mere progress is not kept."""
        if not isinstance(event, Progressed):
            append_line(self.path / JOURNAL, json.dumps(event.as_json()))

    def rows(self) -> list[dict[str, str]]:
        """The rows of `trials.csv`; none where there is none."""
        try:
            return list(csv.DictReader((self.path / TABLE).read_text(encoding="utf-8").splitlines()))
        except (OSError, ValueError):
            return []

    def write_table(self, search: Search, trials: Sequence[Trial]) -> None:
        """Write `trials.csv`, a row a trial."""
        write_text(self.path / TABLE, trials_csv(search, trials))

    def write_best(self, search: Search, trial: Trial) -> None:
        """Write `best.yaml`: the config of the best trial with its first seed."""
        said = f"# Trial {trial.number} of a search: mean validation IoU {trial.value:.4f}.\n"
        write_text(self.best, said + search.config_of(trial.params).as_yaml())


def trials_csv(search: Search, trials: Sequence[Trial]) -> str:
    """A row a trial: its values, its state, what it reported at each rung, what each training reached, epochs, and why it failed."""
    steps = [stage.step for stage in search.stages]
    names = list(map(repetition_name, search.repetitions))
    columns = [
        "trial",
        *search.space,
        "state",
        "val_mean_iou",
        *(f"rung_{step}" for step in steps),
        *names,
        "epochs",
        "reason",
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for trial in trials:
        last = trial.rungs[-1].values if trial.rungs else ()
        writer.writerow({
            "trial": trial.number, **trial.params, "state": trial.state, "val_mean_iou": trial.value,
            **{f"rung_{rung.step}": rung.value for rung in trial.rungs},
            **dict(zip(names, last, strict=False)), "epochs": trial.epochs, "reason": trial.reason,
        })  # fmt: skip
    return text.getvalue()
