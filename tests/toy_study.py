"""A study that takes seconds, and how to run one without the pages that take longer than all the rest."""

from pathlib import Path
from typing import Any

import pytest

from utome.jobs.study.asking import StudyRequest
from utome.jobs.study.running import run_study
from utome.studies.file import parse_study
from utome.studies.outcome import StudyOutcome

TOY = """
set:
  training.tile: 32
  training.batch: 2
  training.epochs: 1
  training.steps_per_epoch: 1
  training.precision: float32
  machine.device: cpu
  machine.threads: 1
  model.depth: 2
  data.split: 2/1/3
arms:
  plain: {recipe: unet, set: {model.width: 2}}
  wide: {recipe: unet, set: {model.width: 3}}
seeds: 1
"""


def run(data: Path, out: Path, text: str = TOY, *, report: bool = False, **asked: Any) -> StudyOutcome:
    """The study of this text, without the page of each run."""
    listening = {"listen": asked.pop("listen")} if "listen" in asked else {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("utome.jobs.train.write_report", lambda *_: None)
        if not report:
            patch.setattr("utome.jobs.study.running.write_study_report", lambda *_: None)
        return run_study(parse_study(text, source="toy.yaml"), text, data, out, StudyRequest(**asked), **listening)
