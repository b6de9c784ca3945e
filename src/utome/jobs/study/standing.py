"""`utome study show`: where a study stands, from its files alone; nothing is written, and torch is not imported."""

from pathlib import Path

from utome.studies.folder import StudyFolder
from utome.studies.gathering import gather
from utome.studies.outcome import StudyOutcome
from utome.studies.plan import planned
from utome.studies.records import versions_of


def show_study(out: Path) -> StudyOutcome:
    """All that the study in this folder knows so far; `ConfigError` where there is none."""
    folder = StudyFolder(out)
    asked = folder.asked()
    runs = planned(folder.study, asked.arms, asked.seeds, parted=asked.parted)
    return gather(folder, versions=versions_of(folder, runs))
