"""What lies in the folder of a prediction is of the images that lie there now, and of how these were computed."""

import json
import shutil
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import tifffile

from tests.builders import save
from tests.layout_trees import stack
from tests.predicted import content, many_images, smooth, tiny_run
from utome.config.sections import MachineSettings
from utome.errors import DataError, MachineError
from utome.events import Event, Noted
from utome.execution import Workers
from utome.jobs import predict as command
from utome.jobs import predicting
from utome.jobs.inputs import Input
from utome.jobs.manifest import opened
from utome.jobs.objects import ObjectsWanted
from utome.jobs.predict import Manner, predict
from utome.jobs.predicting import Predicting
from utome.prediction import windowed

pytestmark = pytest.mark.usefixtures("one_thread")
ONE = Input("1", Path("1.png"), "1.png")
CPU = MachineSettings(device="cpu")
ALL = Manner(objects=ObjectsWanted("components"), probabilities="uint8")
MIXED = "1 by torch in bfloat16 on cuda, 4 by torch in float32 on cpu"
FORMS = {"whole": ALL, "regions": Manner(objects=ALL.objects, probabilities="uint8", format="tiff")}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_run(tmp_path_factory.mktemp("run") / "model")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return many_images(tmp_path / "images", 2)


def documents(out: Path) -> list[dict[str, Any]]:
    return [json.loads(each) for each in (out / "manifest.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("form", FORMS)
def test_an_image_that_is_another_one_and_cannot_be_predicted_has_no_files(
    run: Path, images: Path, tmp_path: Path, form: str
) -> None:
    manner, out = FORMS[form], tmp_path / "out"
    predict(run, images, out, manner=manner, machine=CPU)
    whole = (images / "1.png").read_bytes()
    (images / "1.png").write_bytes(whole[: len(whole) // 2])
    result = predict(run, images, out, manner=manner, machine=CPU)
    assert (result.kept, len(result.failed)) == (4, 1)
    shutil.copytree(images, tmp_path / "others")
    (tmp_path / "others" / "1.png").unlink()
    predict(run, tmp_path / "others", tmp_path / "fresh", manner=manner, machine=CPU)
    assert content(out) == content(tmp_path / "fresh")
    (images / "1.png").write_bytes(whole)
    assert predict(run, images, out, manner=manner, machine=CPU).kept == 4
    predict(run, images, tmp_path / "mended", manner=manner, machine=CPU)
    assert content(out) == content(tmp_path / "mended")


def test_a_stack_one_of_whose_pages_is_another_one_and_cannot_be_predicted_is_gone(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, out = many_images(tmp_path / "images", 1), tmp_path / "out"
    predict(run, images, out, manner=ALL, machine=CPU)
    stack(images / "stack.tif", np.stack([smooth(32, 40, seed=200 + page) for page in range(3)]))
    made = Predicting.made

    def second_is_damaged(self: Any, image: Any) -> Any:
        if image.page == 1:
            raise DataError(f"'{image.path}' is damaged.")
        return made(self, image)

    monkeypatch.setattr(Predicting, "made", second_is_damaged)
    result = predict(run, images, out, manner=ALL, machine=CPU)
    assert result.failed == (f"Page 2: '{images / 'stack.tif'}' is damaged.",)
    assert not [name for name in content(out) if "stack-2" in name]
    assert not (out / "probabilities" / "stack.tif").exists()
    assert "stack-2" not in (out / "manifest.jsonl").read_text() + (out / "objects.csv").read_text()


def pages(count: int, *, seed: int = 200) -> np.ndarray:
    return np.stack([smooth(32, 40, seed=seed + page) for page in range(count)])


@pytest.mark.parametrize("now", ["broken", 1, 2, 10])
def test_what_a_stack_gave_when_it_had_other_pages_is_gone(run: Path, tmp_path: Path, now: str | int) -> None:
    folder, out = many_images(tmp_path / "images", 1), tmp_path / "out"
    predict(run, folder, out, manner=ALL, machine=CPU)
    path = folder / "stack.tif"
    if isinstance(now, int):
        stack(path, pages(now))
    else:
        path.write_bytes(path.read_bytes()[:100])
    assert len(predict(run, folder, out, manner=ALL, machine=CPU).failed) == (now == "broken")
    predict(run, folder, tmp_path / "fresh", manner=ALL, machine=CPU)
    assert content(out) == content(tmp_path / "fresh")


def test_an_image_may_pass_the_size_of_large_ones_either_way(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, out = many_images(tmp_path / "images", 1), tmp_path / "out"
    monkeypatch.setattr(predicting, "WHOLE", 50 * 50)
    for number, side in enumerate((40, 64, 40)):
        save(folder / "a.tif", smooth(side, side))
        predict(run, folder, out, manner=ALL, machine=CPU)
        predict(run, folder, tmp_path / f"fresh-{number}", manner=ALL, machine=CPU)
        assert content(out) == content(tmp_path / f"fresh-{number}")
    assert "a.png" in content(out)


def test_an_image_takes_the_name_of_a_stack_and_gives_it_back(run: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "images", tmp_path / "out"
    stack(folder / "s.tif", pages(2))
    predict(run, folder, out, manner=ALL, machine=CPU)
    (folder / "s.tif").rename(tmp_path / "s.tif")
    save(folder / "s.png", smooth(40, 40))
    predict(run, folder, out, manner=ALL, machine=CPU)
    assert not [each for each in documents(out) if each.get("together") == "probabilities/s.tif"]
    (folder / "s.png").unlink()
    stack(folder / "s.tif", pages(2, seed=300))
    predict(run, folder, out, manner=ALL, machine=CPU)
    assert predict(run, folder, out, manner=ALL, machine=CPU).kept == 2
    assert tifffile.imread(out / "probabilities" / "s.tif").shape == (2, 32, 40)


def test_lines_of_earlier_versions_say_no_file_and_are_read(run: Path, images: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    predict(run, images, out, manner=ALL, machine=CPU)
    before = content(out)
    lines = [{key: value for key, value in each.items() if key != "file"} for each in documents(out)]
    (out / "manifest.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in lines))
    assert predict(run, images, out, manner=ALL, machine=CPU).kept == 5
    assert content(out) == before


def test_an_image_that_is_not_there_for_reading_keeps_its_files(run: Path, images: Path, tmp_path: Path) -> None:
    predict(run, images, tmp_path / "out", manner=ALL, machine=CPU)
    before = content(tmp_path / "out")
    with opened(tmp_path / "out", documents(tmp_path / "out")[0]["made_by"]) as manifest:
        manifest.withdraw(ONE, None)
        manifest.withdraw(ONE, documents(tmp_path / "out")[2]["sha256"])
    assert content(tmp_path / "out") == before


def test_what_was_withdrawn_by_a_process_that_was_killed_is_not_there(run: Path, images: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    predict(run, images, out, manner=ALL, machine=CPU)
    with opened(out, documents(out)[0]["made_by"]) as manifest:
        manifest.withdraw(ONE, "another")
    assert documents(out)[-1] == {"withdrawn": "1", "together": ["objects.csv"]}
    assert "1.png" not in content(out)
    (out / "1.png").write_bytes(b"mine")
    with pytest.raises(Exception, match="is there already and is not overwritten"):
        predict(run, images, out, manner=ALL, machine=CPU)


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_where_the_only_image_cannot_be_predicted_nothing_is_left(
    run: Path, tmp_path: Path, form: str, there: bool
) -> None:
    path, out = save(tmp_path / "a.tif", smooth(40, 48)), tmp_path / "out"
    for number in range(2 if there else 1):
        if number or not there:
            path.write_bytes(path.read_bytes()[:-900])
            with pytest.raises(DataError, match="cannot be read as an image"):
                predict(run, path, out, manner=FORMS[form], machine=CPU)
        else:
            predict(run, path, out, manner=FORMS[form], machine=CPU)
    assert not content(out)
    assert out.exists() is there, "a folder that this command made is gone"


def test_folders_that_were_made_for_nothing_are_gone(run: Path, tmp_path: Path) -> None:
    path, out = save(tmp_path / "a.tif", smooth(40, 48)), tmp_path / "old" / "new" / "newer" / "out"
    (tmp_path / "old").mkdir()
    path.write_bytes(path.read_bytes()[:-900])
    with pytest.raises(DataError, match="cannot be read as an image"):
        predict(run, path, out, manner=FORMS["regions"], machine=CPU)
    assert not list((tmp_path / "old").iterdir())


def test_where_there_is_no_cluster_nothing_is_left(
    run: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_scheduler(*_: object) -> NoReturn:
        raise MachineError("There is no scheduler.")

    monkeypatch.setattr(command, "predicted", no_scheduler)
    with pytest.raises(MachineError):
        predict(run, images, tmp_path / "out", manner=Manner(workers=Workers()), machine=CPU)
    assert not (tmp_path / "out").exists()


def test_images_that_were_computed_otherwise_are_told_of(run: Path, images: Path, tmp_path: Path) -> None:
    out, heard = tmp_path / "out", list[Event]()
    predict(run, images / "0.png", out, machine=CPU, listen=heard.append)
    first, entry = documents(out)
    assert entry["facts"]["computed"] == "torch in float32 on cpu"
    entry["facts"]["computed"] = "torch in bfloat16 on cuda"
    (out / "manifest.jsonl").write_text(f"{json.dumps(first)}\n{json.dumps(entry)}\n")
    assert predict(run, images, out, machine=CPU, listen=heard.append).kept == 1
    said = [event.text for event in heard if isinstance(event, Noted) and "roundings" in event.text]
    assert said == [f"These predictions differ in their roundings: {MIXED}. For all in one way, give another --out."]


def test_regions_that_were_computed_otherwise_are_made_again(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windowed, "LEAST", 64)
    path, out, manner = save(tmp_path / "a.tif", smooth(100, 130)), tmp_path / "out", Manner(format="tiff")
    logits, done, stop = windowed.WindowedImage.logits, list[int](), 3

    def counted(self: Any, window: Any) -> Any:
        if len(done) == stop:
            raise KeyboardInterrupt
        done.append(1)
        return logits(self, window)

    monkeypatch.setattr(windowed.WindowedImage, "logits", counted)
    with pytest.raises(KeyboardInterrupt):
        predict(run, path, out, manner=manner, machine=CPU)
    assert len(list((out / ".parts").rglob("*.uint8"))) == 3, "what is under way stays"
    done.clear()
    stop = -1
    monkeypatch.setattr("utome.prediction.predictor.Predictor.computed", "otherwise")
    predict(run, path, out, manner=manner, machine=CPU)
    otherwise = len(done)
    done.clear()
    predict(run, path, tmp_path / "fresh", manner=manner, machine=CPU)
    assert otherwise == len(done)
