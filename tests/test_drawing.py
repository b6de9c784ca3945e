"""The drawing of a network: well-formed, complete, and on the sheet."""

import re
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.small_networks import SMALL
from utome.errors import ConfigError
from utome.jobs.models import describe_model, draw_model
from utome.models.anatomy import Anatomy, anatomy
from utome.recipes.library import network_names
from utome.report.drawing import draw

SVG = "{http://www.w3.org/2000/svg}"
RECIPES = network_names()
Box = tuple[float, float, float, float]


def maps_of(network: Anatomy) -> list[tuple[int, ...]]:
    return [each.shape for each in (*network.encoder, *network.decoder)]


def drawn(network: Anatomy) -> ET.Element:
    return ET.fromstring(draw(network))  # noqa: S314 - our own


def texts(sheet: ET.Element) -> list[str]:
    return [each.text or "" for each in sheet.iter(f"{SVG}text")]


def boxes(sheet: ET.Element) -> list[Box]:
    """Left, top, width and height of each box of a map, without the white sheet below them."""
    found = [each for each in sheet.iter(f"{SVG}rect") if each.get("rx")]
    left, top, width, height = ([float(each.get(name, "")) for each in found] for name in ("x", "y", "width", "height"))
    return list(zip(left, top, width, height, strict=True))


def arrows(sheet: ET.Element) -> list[ET.Element]:
    return [each for each in sheet.iter(f"{SVG}path") if each.get("marker-end")]


def small_anatomy(name: str) -> Anatomy:
    return anatomy(SMALL[name], in_channels=1, classes=2, size=64)


@pytest.fixture(scope="module", params=RECIPES)
def recipe(request: pytest.FixtureRequest) -> Anatomy:
    """The network of each recipe."""
    return describe_model(request.param)


def test_every_map_has_a_box_with_its_channels_and_its_size_below(recipe: Anatomy) -> None:
    sheet = drawn(recipe)
    shapes = maps_of(recipe)
    assert len(boxes(sheet)) == len(shapes)
    said = texts(sheet)
    written = [(int(channels), below) for channels, below in pairwise(said) if channels.isdigit() and " x " in below]
    assert written == [(channels, f"{height} x {width}") for channels, height, width in shapes]


def test_every_map_that_is_read_has_an_arrow_which_is_dashed_for_a_skip(recipe: Anatomy) -> None:
    found = arrows(drawn(recipe))
    reads = [each.reads for each in (*recipe.encoder, *recipe.decoder)]
    assert len(found) == sum(map(len, reads))
    skips = sum(len(each) - 1 for each in reads)
    assert sum(each.get("marker-end") == "url(#skip)" for each in found) == skips
    assert sum(each.get("stroke-dasharray") is not None for each in found) == skips
    assert sum(each.get("marker-end") == "url(#down)" for each in found) == len(recipe.encoder)


def test_an_arrow_begins_at_the_box_that_is_read_and_ends_at_the_one_that_reads(recipe: Anatomy) -> None:
    sheet = drawn(recipe)
    maps = [*recipe.encoder, *recipe.decoder]
    place = dict(zip((each.name for each in maps), boxes(sheet), strict=True))
    ways = [(name, each.name) for each in maps for name in each.reads]
    for (source, target), arrow in zip(ways, arrows(sheet), strict=True):
        numbers = [float(number) for number in re.findall(r"[-\d.]+", arrow.get("d", ""))]
        points = corners(arrow.get("d", ""), numbers)
        assert source == "image" or near(points[0], place[source]), (source, target)
        assert near(points[1], place[target]), (source, target)


def corners(path: str, numbers: list[float]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Where a path of straight lines or one curve begins and ends."""
    begin = (numbers[0], numbers[1])
    if " C " in path:
        return begin, (numbers[-2], numbers[-1])
    return begin, (numbers[2], numbers[3] if " V " in path else numbers[1])


def near(point: tuple[float, float], box: Box) -> bool:
    """Whether the point touches the box or the size that is written below it."""
    (x, y), (left, top, width, height) = point, box
    return left - 9 <= x <= left + width + 9 and top - 9 <= y <= top + height + 32


def test_all_boxes_lie_on_the_sheet_and_none_on_another(recipe: Anatomy) -> None:
    sheet = drawn(recipe)
    width, height = float(sheet.get("width", "")), float(sheet.get("height", ""))
    assert sheet.get("viewBox") == f"0 0 {width:.0f} {height:.0f}"
    found = boxes(sheet)
    assert all(x > 0 and y > 0 and x + wide < width and y + high < height for x, y, wide, high in found)
    for (x, y, wide, high), (other_x, other_y, other_wide, other_high) in combinations(found, 2):
        apart = x + wide < other_x or other_x + other_wide < x or y + high < other_y or other_y + other_high < y
        assert apart


def test_a_dot_marks_every_map_that_answers(recipe: Anatomy) -> None:
    assert len(list(drawn(recipe).iter(f"{SVG}circle"))) == len(recipe.answers)


def test_a_drawing_is_named_by_its_numbers(recipe: Anatomy) -> None:
    title = drawn(recipe).findtext(f"{SVG}title") or ""
    assert f"{recipe.parameters:,} parameters" in title
    assert f"{recipe.in_channels} -> {recipe.out_channels} channels" in title
    assert title in texts(drawn(recipe))


@pytest.mark.parametrize("name", sorted(SMALL))
def test_every_option_can_be_drawn(name: str) -> None:
    network = small_anatomy(name)
    assert len(boxes(drawn(network))) == len(maps_of(network))


def test_the_enhanced_level_says_so() -> None:
    assert any("enhanced" in text for text in texts(drawn(small_anatomy("se-unet-enhanced"))))
    assert not any("enhanced" in text for text in texts(drawn(small_anatomy("se-unet-plain"))))


def test_a_drawing_is_a_file_of_svg_and_of_nothing_else(tmp_path: Path) -> None:
    network = small_anatomy("unet")
    draw_model(network, tmp_path / "unet.SVG")
    assert (tmp_path / "unet.SVG").read_text() == draw(network)
    with pytest.raises(ConfigError, match=r"unet\.png' is no name for a drawing, which is SVG. Let it end in \.svg"):
        draw_model(network, tmp_path / "unet.png")
    assert [path.name for path in tmp_path.iterdir()] == ["unet.SVG"]
