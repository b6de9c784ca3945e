"""The page of metrics leaves out no score: each is named in the section of its module, outside of the examples."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from types import ModuleType

import pytest

import utome.metrics
import utome.statistics
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
# What scores are made from, and has no number that a reader would meet.
PARTS = {
    "utome.metrics.checks": None,
    "utome.metrics.isbi2012.labelling": None,
    "utome.metrics.isbi2012.overlap": None,
    "utome.metrics.isbi2012.sections": None,
    "utome.metrics.isbi2012.simple_points": None,
    "utome.statistics.scores": {"weighted"},
    "utome.statistics.units": {"holds_anything", "noun"},
}


def modules() -> list[ModuleType]:
    packages = (utome.metrics, utome.statistics)
    names = [
        found.name for package in packages for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]
    return [importlib.import_module(name) for name in names if PARTS.get(name, set()) is not None]


def public_names(module: ModuleType) -> set[str]:
    """Functions and classes that the module defines, and of its classes the properties, methods and single numbers."""
    own = [
        each
        for name, each in vars(module).items()
        if not name.startswith("_")
        and (inspect.isroutine(each) or inspect.isclass(each))
        and each.__module__ == module.__name__
    ]
    names = {each.__name__ for each in own} - (PARTS.get(module.__name__) or set())
    for each in own:
        if inspect.isclass(each) and not issubclass(each, Enum):
            names |= set(scores_of(each))
    return names


def scores_of(one: type) -> Iterator[str]:
    for name, each in vars(one).items():
        if not name.startswith("_") and (isinstance(each, property) or inspect.isfunction(each)):
            yield name
    if is_dataclass(one):
        yield from (field.name for field in fields(one) if field.type in {int, float, float | None})


def names_in_sections_of(module: str) -> set[str]:
    """The names in code style in all sections that name the module or its package."""
    texts = [re.sub(r"^```.*?^```$", "", section, flags=re.MULTILINE | re.DOTALL) for section in PAGE.split("\n## ")]
    package = module.rpartition(".")[0]
    documented = {module, package} - {"utome.metrics"}
    spans = [re.findall(r"`([^`\n]+)`", text) for text in texts]
    return {word for found in spans if documented & set(found) for span in found for word in re.findall(r"\w+", span)}


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.__name__)
def test_the_page_of_metrics_names_every_score_in_the_section_of_its_module(module: ModuleType) -> None:
    assert sorted(public_names(module) - names_in_sections_of(module.__name__)) == []


def test_the_scores_are_found_where_they_are_known_to_be() -> None:
    found = {name for module in modules() for name in public_names(module)}
    assert {"iou", "hausdorff_95", "v_rand", "ods", "seg", "merges", "smallest_p", "holm", "verdict"} <= found
    assert not {"weighted", "check_tolerance", "np", "DataError"} & found


def test_every_section_of_metrics_has_an_example_and_says_what_happens_where_there_is_nothing_to_count() -> None:
    sections = [section for section in PAGE.split("\n## ") if re.search(r"^`utome\.", section, re.MULTILINE)]
    assert len(sections) == 8
    for section in sections:
        assert [part for part in ("```python", "Empty cases.", "Example") if part not in section] == [], section
