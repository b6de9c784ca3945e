"""Every code block in the README and the docs runs, and is known to have been collected."""

import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import run_utome
from tests.conftest import ROOT
from utome.jobs.demo import sample_folder
from utome.jobs.models import draw_model, models

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# These set up the machine that the tests themselves run on; the continuous integration calls them.
SETUP = ("make ", "python3 -m venv", ".venv/bin/")
SHORT = "--set machine.threads=1 --set model.width=2 --set training.epochs=1 --set training.tile=32 --set training.tiles_per_image=1"


def blocks(language: str) -> list[tuple[str, str]]:
    return [
        (page.name, code)
        for page in PAGES
        for kind, code in BLOCK.findall(page.read_text(encoding="utf-8"))
        if kind == language
    ]


def commands() -> list[str]:
    lines = [line.split("  #")[0].strip() for _, code in blocks("sh") for line in code.splitlines() if line.strip()]
    return [line for line in lines if not line.startswith(SETUP)]


def test_every_language_of_a_block_is_one_that_is_run() -> None:
    kinds = {kind for page in PAGES for kind, _ in BLOCK.findall(page.read_text(encoding="utf-8"))}
    assert kinds == {"sh", "python", "text"}


@pytest.mark.parametrize("shown", [code for _, code in blocks("text")], ids=lambda code: code.partition(":")[0])
def test_what_the_docs_show_of_a_real_folder_is_what_inspect_says(shown: str, real_images: Path) -> None:
    done = run_utome("inspect", shown.partition(":")[0], "--no-cost", cwd=real_images)
    assert done.stdout == shown


@pytest.mark.parametrize(("page", "code"), blocks("python"))
def test_a_python_block_runs(page: str, code: str) -> None:
    exec(compile(code, page, "exec"), {})  # noqa: S102 - it is our own documentation


def test_the_commands_of_the_readme_run_in_their_order(tmp_path: Path) -> None:
    shutil.copytree(sample_folder() / "train", tmp_path / "MY")
    shutil.copytree(sample_folder() / "test" / "images", tmp_path / "NEWIMAGES")
    assert [command.split()[1] for command in commands()] == [
        "inspect", "train", "evaluate", "predict", "models", "inspect", "inspect", "recipes", "train", "tune", "train",
    ]  # fmt: skip
    for command in commands():
        line = f"{command} {SHORT}" if command.startswith("utome train") else command
        line = f"{line} {SHORT} --trials 2" if command.startswith("utome tune") else line
        line = line.replace("--minutes 10", "--minutes 0.1")
        done = subprocess.run(
            [sys.executable, "-m", *shlex.split(line)], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (line, done.stderr)
    assert (tmp_path / "MYRUN" / "report.html").is_file()
    assert len(list((tmp_path / "PREDICTIONS").glob("*.png"))) == 12
    assert (tmp_path / "full-attention.svg").is_file()


def test_the_page_of_architectures_shows_the_networks_as_they_are(tmp_path: Path) -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "draw_architectures.py"))
    page, networks = script["PAGE"].read_text(encoding="utf-8"), models(size=script["SIZE"])
    assert script["with_table"](page, networks) == page
    for recipe, network in networks.items():
        draw_model(network, tmp_path / f"{recipe}.svg")
        drawn = script["DRAWINGS"] / f"{recipe}.svg"
        assert drawn.read_bytes() == (tmp_path / drawn.name).read_bytes()
        assert f"(architectures/{drawn.name})" in page.replace("![", "")
    assert {path.stem for path in script["DRAWINGS"].iterdir()} == networks.keys()


def test_the_make_targets_of_the_readme_exist() -> None:
    targets = re.findall(r"^make (\w+)", "\n".join(code for _, code in blocks("sh")), re.MULTILINE)
    assert targets == ["demo", "test"]
    for target in targets:
        done = subprocess.run(
            ["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ
        )
        assert done.returncode == 0, done.stderr


def test_no_page_has_a_place_that_waits_for_a_figure() -> None:
    known = {"UTOME_DATA", "UTOME_CACHE"}
    for page in PAGES:
        assert set(re.findall(r"\b[A-Z]+_[A-Z]+\b", page.read_text(encoding="utf-8"))) <= known, page.name


def test_every_link_between_pages_leads_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
