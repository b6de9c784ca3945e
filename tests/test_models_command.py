"""`utome models`: every network in a line, one of them level by level, and its drawing."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.command import run_utome
from utome.cli.networks import Sight, models
from utome.errors import ConfigError

# Parameters and receptive field of every recipe's network.
RECIPES: dict[str, tuple[int, int | str]] = {
    "unet-2015": (31_030_658, 204),
    "unet": (7_762_498, 204),
    "unet-batchnorm": (31_042_369, 204),
    "se-unet": (7_818_590, "global"),
    "se-unet-shallow": (1_940_782, "global"),
    "se-unet-supervised": (7_819_616, "global"),
    "se-unet-dropout": (7_818_590, "global"),
    "se-unet-frem": (7_818_590, "global"),
    "attention-unet": (31_393_901, 204),
    "advanced-attention-unet": (42_852_845, 204),
    "full-attention-unet": (43_327_423, 204),
    "efficient-unet": (18_473_677, "global"),
    "resnet50-unet": (32_521_105, 619),
    "unet-plus-plus": (9_049_128, 204),
    "unet-3-plus": (27_009_226, 236),
}


def shown(
    capsys: pytest.CaptureFixture[str], name: str | None = None, *assignments: str, channels: int | None = None,
    classes: int = 2, size: int = 512, drawing: Path | None = None, as_json: bool = False,
) -> str:  # fmt: skip
    """What the command prints, in this process."""
    models(name, Sight(assignments, channels, classes, size), drawing=drawing, json=as_json)
    return capsys.readouterr().out


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """What `utome models --json` prints."""
    listed: dict[str, Any] = json.loads(run_utome("models", "--json").stdout)
    return listed


def test_the_document_lists_every_network_with_its_counts(document: dict[str, Any]) -> None:
    assert {name: (each["parameters"], each["receptive_field"]) for name, each in document.items()} == RECIPES


def test_the_document_tells_of_each_network_all_that_is_promised(document: dict[str, Any]) -> None:
    for name, each in document.items():
        assert each["in_channels"] == (3 if name in {"efficient-unet", "resnet50-unet"} else 1)
        assert each["out_channels"] in {1, 2}
        assert each["multiply_accumulates"] > 10**10
        assert each["stride"] == {"se-unet-shallow": 8, "efficient-unet": 32, "resnet50-unet": 32}.get(name, 16)
        assert each["paper"]
        assert each["sizes"].startswith(f"sides {'from 188' if name == 'unet-2015' else 'divisible by'} ")
        for level in (*each["encoder"], *each["decoder"]):
            assert level["shape"][1:] == [level["shape"][1]] * 2
            assert level["reads"]


def test_the_list_has_a_line_a_network(capsys: pytest.CaptureFixture[str]) -> None:
    heading, *lines = shown(capsys).splitlines()
    assert heading.split() == ["recipe", "parameters", "GMAC", "input", "->", "output"]
    assert {line.split()[0]: int(line.split()[1].replace(",", "")) for line in lines} == {
        name: parameters for name, (parameters, _) in RECIPES.items()
    }


def test_one_network_is_shown_level_by_level() -> None:
    done = run_utome("models", "unet-2015", "--size", "572")
    assert done.returncode == 0, done.stderr
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    told = {line[0]: line[1] for line in lines}
    assert told["parameters"] == "31,030,658"
    assert told["multiply-accum."].endswith("for 572x572 -> 388x388")
    levels = [" ".join(line).split()[1:7] for line in lines if line[0] in {"down", "up"}]
    assert len(levels) == 9
    assert levels[4] == ["1/16", "1024", "x", "28", "x", "28"]
    assert told["receptive"] == "field  204 pixels"
    assert told["takes"] == "sides from 188 that leave 12 when divided by 16; the output is 184 smaller"


def test_a_global_field_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert "global (the network averages over the whole image)" in shown(capsys, "se-unet")


def test_settings_channels_and_classes_of_one_network_can_be_changed(capsys: pytest.CaptureFixture[str]) -> None:
    assignments = ("model.width=8", "model.one_logit=false")
    printed = shown(capsys, "attention-unet", *assignments, channels=4, classes=5, size=100, as_json=True)
    narrower = json.loads(printed)
    assert (narrower["in_channels"], narrower["out_channels"]) == (4, 5)
    assert narrower["encoder"][0]["shape"] == [8, 112, 112]
    assert narrower["answers"] == ["up 1"]


def test_a_drawing_is_written_beside_the_numbers(tmp_path: Path) -> None:
    drawing = tmp_path / "network.svg"
    done = run_utome("models", "unet-plus-plus", "--draw", drawing, "--json")
    printed = json.loads(done.stdout)
    boxes = {each.text for each in ET.parse(drawing).iter("{http://www.w3.org/2000/svg}text")}  # noqa: S314 - our own
    assert {str(level["shape"][0]) for level in (*printed["encoder"], *printed["decoder"])} <= boxes


@pytest.mark.parametrize(
    ("name", "assignments", "drawing", "sentence"),
    [
        (None, [], "all.svg", r"^--set and --draw are for one network. Name it"),
        (None, ["model.width=8"], None, r"^--set and --draw are for one network. Name it"),
        ("unet", [], "unet.png", r"unet.png' is no name for a drawing, which is SVG. Let it end in .svg.$"),
        ("unet", [], "unet", r"unet' is no name for a drawing"),
        ("attention", [], None, r"^There is no recipe 'attention'. Did you mean 'attention-unet'\?$"),
    ],
)
def test_what_cannot_be_shown_is_refused_and_nothing_is_written(
    name: str | None, assignments: list[str], drawing: str | None, sentence: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    with pytest.raises(ConfigError, match=sentence):
        shown(capsys, name, *assignments, drawing=tmp_path / drawing if drawing else None)
    assert capsys.readouterr().out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_ends_the_command_with_its_sentence_alone(tmp_path: Path) -> None:
    done = run_utome("models", "--draw", tmp_path / "all.svg")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--set and --draw are for one network" in done.stderr
    assert "Traceback" not in done.stderr
