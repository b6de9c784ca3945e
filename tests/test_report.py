"""The report: self-contained, complete, and safe whatever the files are called."""

import re
from html.parser import HTMLParser

import pytest

from tests.command import TINY, run_utome
from utome.jobs.demo import sample_folder


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of a short run on images of which one has a name that could break a page."""
    folder = tmp_path_factory.mktemp("report")
    for kind in ("images", "masks"):
        (folder / "data" / kind).mkdir(parents=True)
        for number, path in enumerate(sorted((sample_folder() / "train" / kind).iterdir())[:8]):
            name = f"<b>&{number}.png"
            (folder / "data" / kind / name).write_bytes(path.read_bytes())
    done = run_utome(
        "train",
        folder / "data",
        "--out",
        folder / "run",
        *TINY,
        "--set",
        "training.epochs=2",
        "--set",
        "data.split=6/1/1",
    )
    assert done.returncode == 0, done.stderr
    return (folder / "run" / "report.html").read_text(encoding="utf-8")


class Tags(HTMLParser):
    """Collects tags and checks that each is closed."""

    VOID = frozenset({"meta", "img", "br", "use", "path", "rect"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value for name, value in attrs if name in {"src", "href", "xlink:href"} and value]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value for name, value in attrs if name in {"src", "href"} and value]

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_the_page_is_well_formed_and_fetches_nothing(page: str) -> None:
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert tags.addresses
    assert [address[:40] for address in tags.addresses if not address.startswith(("data:", "#"))] == []
    assert "url(http" not in page


def test_it_shows_curves_scores_pictures_and_every_setting(page: str) -> None:
    assert "training accuracy" in page
    assert "IoU of foreground" in page
    assert page.count("<img ") == 4, "one held-out image of eight, with its truth, prediction and errors"
    assert "<code>optimizer.learning_rate</code>" in page
    assert "changed for this run; the recipe has 32" in page


def test_a_threshold_without_learning_and_what_is_known_of_certainty_stand_beside_the_scores(page: str) -> None:
    assert "foreground, by Otsu&#x27;s threshold" in page or "foreground, by Otsu's threshold" in page
    assert re.search(r"takes what is (bright|dark), which fits the training images better", page)
    assert "There is 1 image: that does not tell how sure a score is" in page


def test_a_name_with_markup_is_shown_and_not_obeyed(page: str) -> None:
    assert re.search(r"&lt;b&gt;&amp;\d", page)
    assert "<b>&" not in page


def test_no_two_elements_of_the_page_have_one_id_and_every_reference_has_its_target(page: str) -> None:
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:href="|url\()#([^")]+)', page)) <= set(ids)


def test_the_loss_and_the_scores_are_two_figures(page: str) -> None:
    assert page.count("<svg") == 2
    assert page.index('id="loss-figure_1"') < page.index('id="scores-figure_1"')
