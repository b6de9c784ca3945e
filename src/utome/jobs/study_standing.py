"""`utome study show`: where a study stands, from its files alone; nothing is written, and torch is not imported."""

import platform
from importlib.metadata import version
from pathlib import Path

import utome
from utome.studies.folder import StudyFolder
from utome.studies.gathering import gather
from utome.studies.outcome import StudyOutcome


def show_study(out: Path) -> StudyOutcome:
    """All that the study in this folder knows so far; `ConfigError` where there is none."""
    return gather(StudyFolder(out), versions=versions())


def versions() -> dict[str, str]:
    """What a methods paragraph names."""
    packages = {name: version(name) for name in ("torch", "numpy", "scipy")}
    return {"utome": utome.__version__, "python": platform.python_version(), **packages}
