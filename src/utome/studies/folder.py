"""The folder of a study: the study file as it was at the start, what was asked, and every run with its scores.

    DIR/study.yaml                      the study file, which must not change
    DIR/asked.json                      scale, settings, arms and seeds asked for, and a hash of the images
    DIR/runs/ARM/seed-S[-fold-F]/       ordinary run folders
    DIR/scores/ARM/seed-S[-fold-F]/     scores.json, failed.json, and predictions/VARIANT/IMAGE.png

With more than one protocol its name stands before the seed. Every file is written whole.
"""

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from utome.errors import ConfigError, DataError
from utome.files import exclusive, held, new_folder, sweep, write_json, write_text
from utome.studies.file import StudyFile, parse_study
from utome.studies.plan import Asked, Length, PlannedRun
from utome.studies.question import DataFacts

FORMAT = 1
STUDY, ASKED, LOCK, SCORES, FAILED = "study.yaml", "asked.json", "study.lock", "scores.json", "failed.json"
PREDICTIONS = "predictions"
# No system takes these in a file name.
FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')


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

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Work on the study as the only process; `ConfigError` where another works on it, or something else lies here."""
        if self.path.exists() and not self.begun and not (self.path.is_dir() and self._is_free()):
            raise ConfigError(f"'{self.path}' is there already and is no study. Give another --out.")
        new_folder(self.path)
        with exclusive(self.path / LOCK) as ours:
            if not ours:
                raise ConfigError(f"Another process works on the study '{self.path}'. Wait until it is done.")
            sweep(self.path)
            yield

    def begin(self, text: str, study: StudyFile, asked: Asked, data: DataFacts) -> None:
        """Write down what is asked; the file that says so comes last."""
        write_text(self.path / STUDY, text)
        self.write_asked(study, asked, data)

    def write_asked(self, study: StudyFile, asked: Asked, data: DataFacts) -> None:
        """Write down what was asked so far."""
        write_json(self.path / ASKED, {"format": FORMAT, "name": study.name, **asdict(asked), "data": asdict(data)})

    @cached_property
    def study(self) -> StudyFile:
        """The study as it was at the start."""
        text = (self.path / STUDY).read_text(encoding="utf-8")
        return parse_study(text, source=str(self.path / STUDY), name=self._asked()["name"])

    def asked(self) -> Asked:
        """What was asked so far."""
        content = self._asked()
        lengths = {arm: Length(**each) for arm, each in content["lengths"].items()}
        return Asked(
            content["scale"], tuple(content["assignments"]), tuple(content["arms"]), content["seeds"], content["threads"], lengths,
            content["parted"],
        )  # fmt: skip

    def data(self) -> DataFacts:
        """The images that the study began with."""
        content = self._asked()["data"]
        return DataFacts(**{**content, "classes": tuple(content["classes"])})

    def refuse_changes(self, text: str, asked: Asked) -> None:
        """`ConfigError` with the difference where file, scale or settings are not those that the study began with."""
        before = (self.path / STUDY).read_text(encoding="utf-8")
        if yaml.safe_load(before) != yaml.safe_load(text):
            lines = difflib.unified_diff(before.splitlines(), text.splitlines(), "as begun", "now", n=0, lineterm="")
            shown = "\n  ".join(list(lines)[2:])
            raise ConfigError(
                f"The study file is not the one that '{self.path}' began with:\n  {shown}\nPut it back as it was, or give another --out."
            )
        begun = self.asked()
        for name, then, now in (
            ("--scale", begun.scale, asked.scale),
            ("--set", " ".join(begun.assignments), " ".join(asked.assignments)),
        ):
            if then != now:
                raise ConfigError(
                    f"'{self.path}' began with {name} {then or '(nothing)'} and is now given {now or '(nothing)'}. Give it as it was, or "
                    "another --out."
                )

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
        return self.path / "runs" / self.place(run)

    def scores(self, run: PlannedRun) -> Path:
        """The folder of its scores and predictions."""
        return self.path / "scores" / self.place(run)

    def read_scores(self, run: PlannedRun) -> dict[str, Any] | None:
        """What a run scored; none where it is not scored, or the file is of another version."""
        content = read_json(self.scores(run) / SCORES)
        return content if content is not None and content.get("format") == FORMAT else None

    def read_failure(self, run: PlannedRun) -> str | None:
        """Why a run failed the last time; none where it did not."""
        content = read_json(self.scores(run) / FAILED)
        return None if content is None else str(content.get("reason"))

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

    def _is_free(self) -> bool:
        """Whether nothing lies here but what a study that was stopped at once leaves."""
        return {each.name for each in self.path.iterdir()} <= {LOCK, STUDY}


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
