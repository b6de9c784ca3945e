"""A repeat of `utome predict` keeps what is whole, makes good what is not, and never overwrites what it did not write."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from tests.builders import save
from tests.predicted import content, many_images, smooth, tiny_run
from utome.config.sections import MachineSettings
from utome.errors import ConfigError, DataError, ModelError
from utome.events import Event, Noted
from utome.files import exclusive
from utome.jobs.objects import ObjectsWanted
from utome.jobs.predict import Manner, PredictResult, predict
from utome.prediction import windowed

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = MachineSettings(device="cpu")
ALL = Manner(objects=ObjectsWanted("components"), probabilities="uint8")
MANIFEST = "manifest.jsonl"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_run(tmp_path_factory.mktemp("run") / "model")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return many_images(tmp_path_factory.mktemp("images"), 2)


@pytest.fixture(scope="module")
def quiet(run: Path, images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a prediction that nothing happened to; tests copy it."""
    out = tmp_path_factory.mktemp("quiet") / "out"
    predict(run, images, out, manner=ALL, machine=CPU)
    return out


@pytest.fixture
def out(quiet: Path, tmp_path: Path) -> Path:
    shutil.copytree(quiet, tmp_path / "out")
    return tmp_path / "out"


def again(run: Path, images: Path, out: Path, **manner: Any) -> PredictResult:
    return predict(run, images, out, manner=Manner(**{**vars(ALL), **manner}), machine=CPU)


def test_a_repeat_computes_nothing(run: Path, images: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    monkeypatch.setattr("utome.jobs.predicting.Predicting.made", None)
    result = again(run, images, out)
    assert (result.kept, len(result.written), result.failed) == (5, 5, ())
    assert result.objects == len((out / "objects.csv").read_text().splitlines()) - 1
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_each_kind_of_file_is_there_and_a_stack_has_one_of_all_its_pages(quiet: Path) -> None:
    names = ["0", "1", "stack-1", "stack-2", "stack-3"]
    expected = {f"{name}.png" for name in names} | {f"overlays/{name}.png" for name in names}
    expected |= {f"objects/{name}{ending}" for name in names for ending in (".tif", ".geojson", ".zip", ".csv")}
    expected |= {f"probabilities/{name}.tif" for name in (*names, "stack")} | {"objects.csv", MANIFEST}
    assert content(quiet).keys() == expected
    pages = [tifffile.imread(quiet / "probabilities" / f"stack-{page}.tif") for page in (1, 2, 3)]
    assert (tifffile.imread(quiet / "probabilities" / "stack.tif") == np.stack(pages)).all()


@pytest.mark.parametrize(
    "name", ["0.png", "overlays/1.png", "objects/stack-2.tif", "probabilities/stack.tif", "objects.csv"]
)
@pytest.mark.parametrize("damage", ["gone", "half", "other"])
def test_what_is_damaged_or_missing_is_made_again(
    run: Path, images: Path, out: Path, quiet: Path, name: str, damage: str
) -> None:
    path = out / name
    if damage == "gone":
        path.unlink()
    elif damage == "half":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    else:
        path.write_bytes(bytes(path.stat().st_size))
    result = again(run, images, out)
    assert result.kept == (5 if name in {"probabilities/stack.tif", "objects.csv"} else 4)
    assert content(out) == content(quiet)


def test_an_image_that_is_another_one_now_is_predicted_anew(run: Path, images: Path, out: Path, tmp_path: Path) -> None:
    shutil.copytree(images, tmp_path / "images")
    save(tmp_path / "images" / "1.png", smooth(40, 48, seed=77))
    assert again(run, tmp_path / "images", out).kept == 4
    predict(run, tmp_path / "images", tmp_path / "fresh", manner=ALL, machine=CPU)
    assert content(out) == content(tmp_path / "fresh")


def test_more_images_are_added(run: Path, images: Path, out: Path, tmp_path: Path) -> None:
    shutil.copytree(images, tmp_path / "images")
    save(tmp_path / "images" / "01.png", smooth(40, 48, seed=78))
    assert again(run, tmp_path / "images", out).kept == 5
    predict(run, tmp_path / "images", tmp_path / "fresh", manner=ALL, machine=CPU)
    assert content(out) == content(tmp_path / "fresh")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"probabilities": "float32"}, '`probabilities` is "uint8" there and "float32" here'),
        ({"changes": {"tile": 32}}, "`prediction.tile` is 64 there and 32 here"),
        ({"objects": ObjectsWanted("watershed")}, '`objects.way` is "components" there and "watershed" here'),
        ({"objects": None}, '`objects.way` is "components" there and not given here'),
        ({"fill": 3.0}, "`fill` is not given there and 3.0 here"),
        ({"format": "tiff"}, '`format` is "auto" there and "tiff" here'),
    ],
)  # fmt: skip
def test_other_settings_are_refused_with_the_difference(
    run: Path, images: Path, out: Path, quiet: Path, change: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        again(run, images, out, **change)
    assert sentence in str(caught.value)
    assert "Give another --out, or the same model and settings." in str(caught.value)
    assert content(out) == content(quiet)


def test_another_model_is_refused(images: Path, out: Path, tmp_path: Path) -> None:
    other = tiny_run(tmp_path / "other", classes=3)
    with pytest.raises(ConfigError, match=r"holds predictions that were made otherwise: `models` is "):
        again(other, images, out)


@pytest.mark.parametrize("name", ["2.png", "overlays/2.png", "objects/2.csv", "probabilities/2.tif"])
def test_files_of_others_are_not_overwritten(run: Path, images: Path, out: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(images, tmp_path / "images")
    save(tmp_path / "images" / "2.png", smooth(40, 48, seed=79))
    (out / name).write_bytes(b"mine")
    before = content(out)
    with pytest.raises(
        ConfigError, match=r"is there already and is not overwritten, since '.*manifest.jsonl' does not name it"
    ):
        again(run, tmp_path / "images", out)
    assert content(out) == before


def test_a_journal_whose_last_line_was_never_finished(run: Path, images: Path, out: Path, quiet: Path) -> None:
    lines = (out / MANIFEST).read_bytes().splitlines(keepends=True)
    kept = b"".join(lines[:3]) + lines[3][:50]
    (out / MANIFEST).write_bytes(kept)
    for name in content(out).keys() - {MANIFEST, "0.png", "1.png"}:
        if not name.endswith(("/0.png", "/1.png")) and "/0." not in name and "/1." not in name:
            (out / name).unlink()
    assert again(run, images, out).kept == 2
    assert content(out) == content(quiet)


@pytest.mark.parametrize("header", [b"", b"{}\n", b"no\n", b'{"format": 1}\n', b'{"format": 1, "made_by": 3}\n'])
def test_a_journal_without_its_first_line_is_refused(run: Path, images: Path, out: Path, header: bytes) -> None:
    (out / MANIFEST).write_bytes(header)
    with pytest.raises(ConfigError, match=r"is damaged, so what lies beside it is not known. Give another --out"):
        again(run, images, out)


def test_a_journal_of_a_newer_version_is_refused(run: Path, images: Path, out: Path) -> None:
    (out / MANIFEST).write_text('{"format": 2, "made_by": {}}\n')
    with pytest.raises(ConfigError, match=r"has format 2; this utome reads format 1"):
        again(run, images, out)


def test_two_commands_do_not_work_in_one_folder(run: Path, images: Path, out: Path) -> None:
    with exclusive(out / MANIFEST) as ours:
        assert ours
        with pytest.raises(ConfigError, match=r"Another process works on '.*out'. Wait until it is done"):
            again(run, images, out)


def test_the_table_has_the_rows_of_all_images_that_lie_there(run: Path, images: Path, out: Path, quiet: Path) -> None:
    result = again(run, images / "1.png", out)
    rows = [(folder / "objects.csv").read_text().splitlines() for folder in (out, quiet)]
    assert sorted(rows[0]) == sorted(rows[1])
    assert result.objects == len((quiet / "objects.csv").read_text().splitlines()) - 1
    assert len(result.written) == 1
    (out / "objects" / "0.csv").unlink()
    again(run, images / "1.png", out)
    lines = (out / "objects.csv").read_text().splitlines()
    assert lines[0] == (quiet / "objects.csv").read_text().splitlines()[0]
    assert {line.split(",")[0] for line in lines[1:]} == {"1", "stack-1", "stack-2", "stack-3"}


def test_an_image_that_fails_and_is_what_it_was_keeps_its_rows(
    run: Path, images: Path, out: Path, quiet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (out / "overlays" / "1.png").unlink()

    def no_room(*_: Any) -> Any:
        raise DataError("There is no room.")

    monkeypatch.setattr("utome.jobs.predicting.Predicting.made", no_room)
    assert again(run, images, out).failed == ("There is no room.",)
    assert content(out)["objects.csv"] == content(quiet)["objects.csv"]


def test_what_verify_found_is_kept(run: Path, images: Path, tmp_path: Path) -> None:
    heard: list[list[Event]] = [[], [], []]
    out = tmp_path / "out"
    results = [
        predict(run, images / "0.png", out, manner=Manner(verify=verify), machine=CPU, listen=said.append)
        for verify, said in zip((False, True, True), heard, strict=True)
    ]
    assert [result.kept for result in results] == [1 * (number == 2) for number in range(3)]
    assert results[0].verified is None
    assert results[1].verified == results[2].verified
    sentences = [[event for event in said if isinstance(event, Noted) and "one piece" in event.text] for said in heard]
    assert [len(each) for each in sentences] == [0, 1, 1]


@pytest.fixture
def half_broken(tmp_path: Path) -> Path:
    """Two images, and between them a stack whose second page cannot be decoded."""
    folder = many_images(tmp_path / "images", 2)
    (folder / "stack.tif").unlink()
    path = folder / "0a.tif"
    tifffile.imwrite(
        path, np.stack([smooth(32, 40, seed=page) for page in range(3)]), compression="zlib", photometric="minisblack"
    )
    with tifffile.TiffFile(path) as file:
        offset, size = file.pages[1].dataoffsets[0], file.pages[1].databytecounts[0]
    damaged = bytearray(path.read_bytes())
    damaged[offset : offset + size] = bytes(size)
    path.write_bytes(bytes(damaged))
    return folder


@pytest.mark.parametrize("form", ["auto", "tiff"])
def test_a_page_that_cannot_be_decoded_stops_no_other(run: Path, half_broken: Path, tmp_path: Path, form: Any) -> None:
    out = tmp_path / "out"
    result = predict(run, half_broken, out, manner=Manner(format=form, probabilities="uint8"), machine=CPU)
    assert [path.stem for path in result.written] == ["0", "0a-1", "0a-3", "1"]
    assert len(result.failed) == 1
    assert result.failed[0].startswith(f"Page 2: '{half_broken / '0a.tif'}' cannot be read as an image")
    assert not (out / "probabilities" / "0a.tif").exists(), "a stack is whole or absent"
    repeated = predict(run, half_broken, out, manner=Manner(format=form, probabilities="uint8"), machine=CPU)
    assert (repeated.kept, len(repeated.failed)) == (4, 1)


def test_strict_ends_at_the_first_that_fails_and_keeps_the_others(run: Path, half_broken: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(DataError, match=r"0a.tif' cannot be read as an image"):
        predict(run, half_broken, out, manner=Manner(strict=True), machine=CPU)
    assert content(out).keys() == {"0.png", "overlays/0.png", "0a-1.png", "overlays/0a-1.png", MANIFEST}
    assert predict(run, half_broken, out, manner=Manner(), machine=CPU).kept == 2


def test_nothing_is_written_where_nothing_can_be_predicted(run: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"<html>")
    with pytest.raises(DataError, match=r"cannot be read as an image"):
        predict(run, tmp_path / "a.png", tmp_path / "out", machine=CPU)
    assert not (tmp_path / "out").exists()


def test_a_model_of_a_newer_version_is_refused(images: Path, tmp_path: Path) -> None:
    model = tiny_run(tmp_path / "model")
    card = json.loads((model / "model.json").read_text())
    (model / "model.json").write_text(json.dumps({**card, "format": 99}))
    with pytest.raises(ModelError, match=r"has format 99; this utome reads format"):
        predict(model, images, tmp_path / "out", machine=CPU)
    assert not (tmp_path / "out").exists()


def test_an_image_by_regions_goes_on_where_it_stopped(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windowed, "LEAST", 64)
    save(tmp_path / "a.tif", smooth(100, 130))
    manner = Manner(format="tiff", probabilities="float32")
    done: list[int] = []
    work = windowed.WindowedImage.logits

    def counted(self: Any, window: Any) -> Any:
        done.append(1)
        if len(done) == stop:
            raise KeyboardInterrupt
        return work(self, window)

    stop = 0
    monkeypatch.setattr(windowed.WindowedImage, "logits", counted)
    predict(run, tmp_path / "a.tif", tmp_path / "quiet", manner=manner, machine=CPU)
    regions, stop = len(done), len(done) + 5
    assert regions > 5
    with pytest.raises(KeyboardInterrupt):
        predict(run, tmp_path / "a.tif", tmp_path / "out", manner=manner, machine=CPU)
    chunk = next((tmp_path / "out" / ".parts").rglob("0.uint8"))
    chunk.write_bytes(chunk.read_bytes()[:-1])  # a damaged chunk is made again
    predict(run, tmp_path / "a.tif", tmp_path / "out", manner=manner, machine=CPU)
    assert len(done) == 2 * regions + 2, "three of the four that were done are kept; the fifth was begun twice"
    assert content(tmp_path / "out") == content(tmp_path / "quiet")
