"""What is published of the studies is what their numbers say."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[1]

PUBLISH = runpy.run_path(str(ROOT / "scripts" / "publish_studies.py"))
STUDIES = ROOT / "docs" / "studies"


def test_the_table_of_tables_is_what_the_results_make() -> None:
    """Also after a change of words or of rounding."""
    assert (STUDIES / "README.md").read_text(encoding="utf-8") == PUBLISH["table_of_tables"](STUDIES)


def test_the_first_table_of_the_readme_is_that_of_its_study() -> None:
    """No digit is written by hand."""
    assert PUBLISH["first_screen"](STUDIES).strip() in (ROOT / "README.md").read_text(encoding="utf-8")


def test_what_is_published_shows_no_image_of_data_whose_terms_forbid_it() -> None:
    """Figures of numbers alone, but for the nuclei, which are CC0."""
    figures = {"scores", "differences", "curves", "features"}
    for folder in (path for path in STUDIES.iterdir() if path.is_dir() and path.name != "effunet-nuclei"):
        shown = {path.name.split("-")[0].removesuffix(".png") for path in Path(folder / "figures").iterdir()}
        assert shown <= figures, folder.name
        assert "figures/panel" not in (folder / "results.md").read_text(encoding="utf-8")
