"""The studies inside the package: one for each paper's table."""

from importlib.resources import files
from pathlib import Path

from utome.errors import ConfigError, nearest
from utome.studies.file import StudyFile, parse_study, read_study


def study_names() -> list[str]:
    """Every shipped study's name."""
    folder = files(__package__).joinpath("shipped")
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_study(name: str) -> tuple[StudyFile, str]:
    """A shipped study and its text."""
    text = files(__package__).joinpath("shipped", f"{name}.yaml").read_text(encoding="utf-8")
    return parse_study(text, source=f"{name}.yaml", name=name), text


def find_study(given: str) -> tuple[StudyFile, str]:
    """A user's file, or a shipped study by its name; `ConfigError` names the nearest where it is neither."""
    path = Path(given)
    if path.suffix in {".yaml", ".yml"} or path.is_file():
        return read_study(path)
    if given not in study_names():
        raise ConfigError(
            f"There is no study '{given}'. {nearest(given, study_names())} A study file of your own ends in .yaml."
        )
    return load_study(given)
