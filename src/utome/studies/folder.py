"""The folder of a study: the study file as it was at the start, what was asked, and every run with its scores.

    DIR/study.yaml                      the study file, of which no training that was begun may change
    DIR/asked.json                      scale, arms and seeds asked for, all settings of each arm, and a hash of the images
    DIR/runs/ARM/seed-S[-fold-F]/       ordinary run folders
    DIR/scores/ARM/seed-S[-fold-F]/     scores.json, failed.json, and predictions/VARIANT/IMAGE.png

With more than one protocol its name stands before the seed. Every file is written whole.
"""

import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from utome.errors import ConfigError, DataError
from utome.files import TEMPORARY_PREFIX, exclusive, held, new_folder, sweep, write_json, write_text
from utome.studies.changes import (
    Trainings,
    others,
    refuse_another_question,
    refuse_other_trainings,
    scoring_key,
    trainings,
)
from utome.studies.file import StudyFile, parse_study
from utome.studies.plan import Asked, PlannedRun
from utome.studies.question import DataFacts
from utome.studies.scored import is_whole

FORMAT = 1
STUDY, ASKED, LOCK, SCORES, FAILED = "study.yaml", "asked.json", "study.lock", "scores.json", "failed.json"
RUNS, PREDICTIONS = "runs", "predictions"
# No system takes these in a file name.
FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
ASKED_OF, DATA_OF, TRAININGS_OF = TypeAdapter(Asked), TypeAdapter(DataFacts), TypeAdapter[Trainings](Trainings)

Read = TypeVar("Read")


class StudyFolder:
    """The files of one study."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def begun(self) -> bool:
        """Whether a study was started here."""
        return (self.path / ASKED).is_file()

    @property
    def at_work(self) -> bool:
        """Whether a process works on it now, as far as that can be known."""
        return held(self.path / LOCK) is True

    def refuse_others(self) -> None:
        """`ConfigError` where something else lies here."""
        if self.path.exists() and not self.begun and not (self.path.is_dir() and self._is_free()):
            raise ConfigError(f"'{self.path}' is there already and is no study. Give another --out.")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Work on the study as the only process; `ConfigError` where another works on it, or something else lies here."""
        self.refuse_others()
        new_folder(self.path)
        with exclusive(self.path / LOCK) as ours:
            if not ours:
                raise ConfigError(f"Another process works on the study '{self.path}'. Wait until it is done.")
            sweep(self.path)
            yield

    def write(self, text: str, study: StudyFile, asked: Asked, data: DataFacts) -> None:
        """Write down the study and what was asked so far, if that is new; the file that makes a folder a study comes last."""
        if not self.begun or (self.path / STUDY).read_text(encoding="utf-8") != text:
            write_text(self.path / STUDY, text)
        vars(self).pop("study", None)
        self.write_asked(study, asked, data)

    def write_asked(self, study: StudyFile, asked: Asked, data: DataFacts) -> None:
        """Write down what was asked so far, and of its arms every setting."""
        content = {"format": FORMAT, "name": study.name, **asdict(asked), "data": asdict(data)}
        write_json(self.path / ASKED, {**content, "trainings": trainings(study, asked, asked.arms)})

    @cached_property
    def study(self) -> StudyFile:
        """The study as it was last written down."""
        text = (self.path / STUDY).read_text(encoding="utf-8")
        return parse_study(text, source=str(self.path / STUDY), name=str(self._asked().get("name")))

    def asked(self) -> Asked:
        """What was asked so far."""
        content = self._asked()
        return self._read(ASKED_OF, {each.name: content[each.name] for each in fields(Asked) if each.name in content})

    def data(self) -> DataFacts:
        """The images that the study began with."""
        return self._read(DATA_OF, self._asked().get("data"))

    def changed(self, study: StudyFile, asked: Asked) -> tuple[str, ...]:
        """The arms that are others now, or gone, and may be, since nothing of them is trained; and what was scored as they said.

        `ConfigError` with the difference where trainings would be others than those that were begun.
        """
        begun = self.asked()
        for name, before, now in (
            ("--scale", begun.scale, asked.scale),
            ("--set", " ".join(begun.assignments), " ".join(asked.assignments)),
        ):
            if before != now:
                raise ConfigError(
                    f"'{self.path}' began with {name} {before or '(nothing)'} and is now given {now or '(nothing)'}. Give it as it was, or "
                    "another --out."
                )
        refuse_another_question(self.study, study)
        then = self._asked().get("trainings")
        known = trainings(self.study, begun, begun.arms) if then is None else self._read(TRAININGS_OF, then)
        found = others(known, trainings(study, begun, study.arms))
        anew = tuple(arm for arm in found if not self._is_trained(arm))
        refuse_other_trainings(lines for arm, lines in found.items() if arm not in anew)
        return (*anew, *self.study.references) if self.study.baseline in anew else anew

    def forget(self, arms: Iterable[str]) -> None:
        """Take away what lies here of these arms."""
        for place, arm in product((RUNS, "scores"), arms):
            if (self.path / place / arm).exists():
                shutil.rmtree(self.path / place / arm)

    def refuse_other_data(self, now: DataFacts) -> None:
        """`DataError` where images, masks or classes are not those that the study began with."""
        then = self.data()
        if then.sha256 != now.sha256:
            raise DataError(
                f"The images in '{now.root}' are not those that '{self.path}' began with in '{then.root}' ({then.images} then, "
                f"{now.images} now; or their pixels, masks or classes differ). Put them back, or give another --out."
            )

    def place(self, run: PlannedRun) -> str:
        """The name of a run: its arm, then seed and fold, behind the protocol where there are several."""
        study = self.study
        several = f"{run.protocol}-" if len(study.protocols) > 1 else ""
        fold = f"-fold-{run.fold}" if study.protocols[run.protocol].folds and not self.asked().parted else ""
        return f"{run.arm}/{several}seed-{run.seed}{fold}"

    def run(self, run: PlannedRun) -> Path:
        """Its run folder."""
        return self.path / RUNS / self.place(run)

    def scores(self, run: PlannedRun) -> Path:
        """The folder of its scores and predictions."""
        return self.path / "scores" / self.place(run)

    def read_scores(self, run: PlannedRun) -> dict[str, Any] | None:
        """What a run scored; none where it is not scored as the study now asks, or the file is of another version or damaged."""
        content = read_json(self.scores(run) / SCORES)
        if content is None or content.get("format") != FORMAT or content.get("scoring") != scoring_key(self.study):
            return None
        return content if is_whole(content) else None

    def read_failure(self, run: PlannedRun) -> str | None:
        """Why a run failed the last time; none where it did not."""
        content = read_json(self.scores(run) / FAILED)
        return None if content is None else str(content.get("reason"))

    def _is_trained(self, arm: str) -> bool:
        """Whether a run of the arm is scored, at work, or has epochs and did not fail; its training, or all of it, may be gone since."""
        if any((self.path / "scores" / arm).glob(f"*/{SCORES}")):
            return True
        return any(
            held(place / "events.jsonl") is True
            or (
                (place / "history.csv").is_file() and (read_json(place / "status.json") or {}).get("status") != "failed"
            )
            for place in (self.path / RUNS / arm).glob("*")
        )

    def _asked(self) -> dict[str, Any]:
        content = read_json(self.path / ASKED)
        if content is None:
            raise ConfigError(
                f"'{self.path}' holds no study. Give the --out of `utome study run`, or the folder that holds `{ASKED}`."
            )
        if content.get("format") != FORMAT:
            raise ConfigError(
                f"'{self.path / ASKED}' has format {content.get('format')}; this utome reads format {FORMAT}."
            )
        return content

    def _read(self, kind: TypeAdapter[Read], content: object) -> Read:
        """A part of what was asked, as it is; `ConfigError` where it is damaged."""
        try:
            return kind.validate_python(content)
        except ValidationError as error:
            problem = error.errors()[0]
            place = ".".join(map(str, problem["loc"])) or "something"
            raise ConfigError(
                f"'{self.path / ASKED}' is damaged: `{place}` is missing or wrong. Put the file back as it was, or give another --out."
            ) from None

    def _is_free(self) -> bool:
        """Whether nothing lies here but what a study that was stopped at once leaves."""
        names = {each.name for each in self.path.iterdir() if not each.name.startswith(TEMPORARY_PREFIX)}
        return names <= {LOCK, STUDY}


def read_json(path: Path) -> dict[str, Any] | None:
    """A JSON object; none where there is none, or it is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def file_names(names: list[str]) -> Mapping[str, str]:
    """A file's name for each image: what no system takes is replaced, and no two are the same."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        plain = FORBIDDEN.sub("-", name)
        candidate, number = plain, 1
        while candidate.casefold() in taken:  # some systems do not tell upper case from lower
            number += 1
            candidate = f"{plain}-{number}"
        taken.add(candidate.casefold())
        found[name] = candidate
    return found
