"""What `utome evaluate` gives beside its scores: Otsu's threshold, the worst images, maps of errors, tables, and a page."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.builders import draw_discs, look, noise, save, save_pairs, square, tiny_config
from tests.layout_trees import bowl
from tests.test_evaluate_classes import CELLS, PAIR, model_of
from utome.config.overrides import evaluation_settings
from utome.config.sections import MachineSettings
from utome.errors import ConfigError
from utome.jobs.evaluate import Evaluation, Wanted, evaluate
from utome.jobs.scoring import grouped
from utome.jobs.train import train
from utome.report.errormap import FOUND, INVENTED, MISSED, UNKNOWN

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = MachineSettings(device="cpu")
NAMES = tuple("abcdefgh")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `data`, bright discs, and a short `run` on it."""
    root = tmp_path_factory.mktemp("trained")
    draw_discs(root / "data", NAMES)
    train(root / "data", tiny_config("data.group=^(.)", "machine.threads=1"), root / "run")
    return root


def discs(root: Path) -> Path:
    """Other discs than those that were trained on."""
    draw_discs(root, [f"disc-{number}" for number in range(6)])
    for path in (root / "images").iterdir():
        save(path, np.asarray(Image.open(path)) + np.uint8(1))
    return root


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def run_on(run: Path, data: Path, **wanted: Any) -> Evaluation:
    return evaluate(run, data, Wanted(**wanted), machine=CPU)


def test_one_image_is_named_as_one(trained: Path, tmp_path: Path) -> None:
    data = discs(tmp_path / "data")
    for path in sorted((data / "images").iterdir())[1:]:
        path.unlink()
        (data / "masks" / path.name).unlink()
    assert run_on(trained / "run", data).about == "1 image that training never saw, at its own size"


def test_the_threshold_takes_the_side_that_fits_the_training_images(trained: Path, tmp_path: Path) -> None:
    """On dark discs the smaller side would be right; the bright one, as in training, is wrong."""
    data = discs(tmp_path / "data")
    for path in (data / "images").iterdir():
        save(path, 255 - np.asarray(Image.open(path)))
    result = run_on(trained / "run", data)
    assert result.otsu is not None
    assert result.otsu.side == "bright"
    assert "fits the training images better" in result.otsu.about
    assert result.otsu.scores.together.iou[1] < 0.05
    document = result.as_json()
    assert document["otsu"]["side"] == "bright"
    assert document["otsu"]["classes"][1]["iou"] == pytest.approx(result.otsu.scores.together.iou[1])


@pytest.mark.parametrize("how", ["model alone", "moved", "changed", "damaged"])
def test_without_the_training_images_the_threshold_takes_the_smaller_side_and_says_so(
    trained: Path, tmp_path: Path, how: str
) -> None:
    run = shutil.copytree(trained / "run", tmp_path / "run", ignore=shutil.ignore_patterns("checkpoints"))
    data = json.loads((run / "data.json").read_text())
    if how == "moved":
        data["root"] = str(tmp_path / "gone")
    if how == "changed":
        data["images"] = [{**image, "truth": "0"} for image in data["images"]]
    if how == "damaged":
        del data["root"]
    (run / "data.json").write_text("" if how == "model alone" else json.dumps(data))
    result = run_on(run, discs(tmp_path / "data"))
    assert result.otsu is not None
    assert result.otsu.side == "smaller"
    assert ("not named beside the model" if how == "model alone" else "no longer where") in result.otsu.about
    assert result.otsu.scores.together.iou[1] > 0.9


def test_a_model_folder_inside_its_run_finds_the_run(trained: Path, tmp_path: Path) -> None:
    result = run_on(trained / "run" / "model", discs(tmp_path / "data"))
    assert result.otsu is not None
    assert result.otsu.side == "bright"


def test_of_seen_and_unseen_images_the_threshold_is_scored_on_the_unseen(trained: Path) -> None:
    result = run_on(trained / "run", trained / "data")
    assert result.unseen is not None
    assert result.otsu is not None
    assert [image.name for image in result.otsu.scores.images] == [image.name for image in result.unseen.images]


def test_the_threshold_is_scored_at_the_size_of_the_network_too(tmp_path: Path) -> None:
    sized = {"channels": 1, "normalization": "image", "size": (16, 24), "moments": None, "percentiles": (0.5, 99.5)}
    result = run_on(model_of(tmp_path, PAIR, preparation=sized), discs(tmp_path / "data"), at="network")
    assert result.otsu is not None
    assert result.otsu.scores.together.counts.sum() == result.scores.together.counts.sum() == 6 * 16 * 24
    assert result.otsu.scores.together.iou[1] > 0.9


def test_more_than_two_classes_have_no_threshold(tmp_path: Path) -> None:
    mask = np.resize(np.array([0, 1, 2], dtype=np.uint8), (12, 10))
    data = save_pairs(tmp_path / "data", {"a": (noise(12, 10), mask)})
    result = run_on(model_of(tmp_path, CELLS), data, out=tmp_path / "out")
    assert result.otsu is None
    assert result.as_json()["otsu"] is None
    counts = rows(tmp_path / "out" / "counts.csv")
    assert [row["class"] for row in counts] == ["cell", "dirt"]


def test_groups_are_those_of_the_training_where_its_settings_name_one_for_each_image(
    trained: Path, tmp_path: Path
) -> None:
    result = run_on(trained / "run", discs(tmp_path / "data"))
    assert (result.scores.certainty.units, result.scores.certainty.of) == (1, "group")
    assert result.scores.certainty.sentence.startswith("There is 1 group")
    apart = run_on(trained / "run", draw_discs(tmp_path / "others", ["1", "2", "3"]))
    assert (apart.scores.certainty.units, apart.as_json()["intervals"]["of"]) == (3, "groups")


def test_a_setting_that_says_no_group_of_some_image_leaves_the_groups_of_the_layout(tmp_path: Path) -> None:
    facts = look(draw_discs(tmp_path, ["a1", "a2", "b1"])).facts
    assert [fact.sample.group for fact in grouped(facts, "^(.)")] == ["a", "a", "b"]
    assert [fact.sample.group for fact in grouped(facts, "^(a)")] == [None, None, None]
    assert grouped(facts, "nowhere.csv:child") == list(facts)


def test_the_worst_images_are_those_of_the_lowest_mean_iou(tmp_path: Path) -> None:
    """The threshold's scores are known: discs of noise are found badly, plain ones without a fault."""
    plain, bad = np.where(square(16, 16) > 0, 200, 20).astype(np.uint8), noise(16, 16)
    images = {f"{number}": (plain, square(16, 16)) for number in range(7)} | {"bad": (bad, square(16, 16))}
    result = run_on(model_of(tmp_path, PAIR), save_pairs(tmp_path / "data", images))
    assert result.otsu is not None
    worst = result.otsu.scores.as_json()["worst"]
    assert [row["name"] for row in worst] == ["bad", "0", "1", "2", "3"]
    assert worst[0]["mean_iou"] < 0.6
    assert worst[1]["mean_iou"] == 1


def drawn(out: Path, name: str) -> np.ndarray:
    return np.asarray(Image.open(out / "errors" / f"{name}.png"))


def test_every_image_has_a_map_of_its_errors(trained: Path, tmp_path: Path) -> None:
    result = run_on(trained / "run", discs(tmp_path / "data"), out=tmp_path / "out")
    for image in result.scores.images:
        shown = drawn(tmp_path / "out", image.name)
        counted = [int((shown == colour).all(axis=2).sum()) for colour in (FOUND, INVENTED, MISSED, UNKNOWN)]
        (_, invented), (missed, found) = image.confusion.counts.tolist()
        assert counted == [found, invented, missed, 0]


def test_what_is_ignored_is_drawn_and_not_measured(tmp_path: Path) -> None:
    mask = square(12, 10, value=1)
    mask[:2] = 7
    data = save_pairs(tmp_path / "data", {"a": (noise(12, 10), mask)})
    run = model_of(tmp_path, {"background": (0,), "foreground": (1,)})
    settings = evaluation_settings(["data.ignore=[7]"]).data
    evaluate(run, data, Wanted(out=tmp_path / "out"), reading=settings, machine=CPU)
    assert ((drawn(tmp_path / "out", "a") == UNKNOWN).all(axis=2) == (mask == 7)).all()
    assert all(float(row["centroid_y_px"]) >= 2 for row in rows(tmp_path / "out" / "objects.csv"))


def test_objects_are_measured_and_matched(trained: Path, tmp_path: Path) -> None:
    """The network is not needed to be good: what it predicts is measured, whatever it is."""
    data = discs(tmp_path / "data")
    result = run_on(trained / "run", data, out=tmp_path / "out", pixel_um=0.5)
    table, counts = rows(tmp_path / "out" / "objects.csv"), rows(tmp_path / "out" / "counts.csv")
    assert [row["image"] for row in counts] == [image.name for image in result.scores.images]
    assert {row["truth"] for row in counts} == {"1"}
    for count, image in zip(counts, result.scores.images, strict=True):
        own = [row for row in table if row["image"] == image.name]
        assert [row["object_id"] for row in own] == [str(number + 1) for number in range(int(count["predicted"]))]
        assert sum(int(row["area_px"]) for row in own) == image.confusion.counts[:, 1].sum()
        assert sum(row["matched"] == "yes" for row in own) == int(count["matched"])
        for row in own:
            assert float(row["area_um2"]) == int(row["area_px"]) / 4
            assert float(row["length_um"]) == float(row["length_px"]) / 2
            assert (row["truth_id"] == "1") == (float(row["iou"]) > 0)
            assert (row["matched"] == "yes") == (float(row["iou"]) > 0.5)
    entry = result.as_json()["images"][0]["objects"][0]
    assert (entry["class"], entry["truth"]) == ("foreground", 1)


def test_true_objects_keep_the_numbers_that_the_truth_gives_them(tmp_path: Path) -> None:
    """Two nuclei that touch are two, each a file."""
    run_on(model_of(tmp_path, PAIR), bowl(tmp_path / "data"), out=tmp_path / "out")
    assert {row["truth"] for row in rows(tmp_path / "out" / "counts.csv")} == {"2"}


def test_the_page_is_there_and_a_folder_is_never_overwritten(trained: Path, tmp_path: Path) -> None:
    data, out = discs(tmp_path / "data"), tmp_path / "out"
    result = run_on(trained / "run", data, out=out)
    page = (out / "evaluation.html").read_text(encoding="utf-8")
    assert page.count("<img ") == 4 * len(result.scores.worst)
    assert "foreground, by Otsu's threshold" in page.replace("&#x27;", "'")
    assert sorted(path.name for path in out.iterdir()) == ["counts.csv", "errors", "evaluation.html", "objects.csv"]
    before = {path: path.read_bytes() for path in out.rglob("*.*")}
    with pytest.raises(ConfigError, match="is not overwritten"):
        run_on(trained / "run", data, out=out)
    assert {path: path.read_bytes() for path in out.rglob("*.*")} == before


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"pixel_um": 0.5}, "Give both"),
        ({"pixel_um": 0.0, "out": Path("out")}, "above 0"),
        ({"pixel_um": float("nan"), "out": Path("out")}, "above 0"),
        ({"at": "network", "out": Path("out")}, "Leave one out"),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_read(wanted: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        run_on(Path("nowhere"), Path("nowhere"), **wanted)


def test_names_that_no_file_can_have_are_changed_and_stay_apart(tmp_path: Path) -> None:
    from utome.jobs.evaluation_folder import EvaluationFolder

    folder = EvaluationFolder(tmp_path / "out")
    assert [folder._name(name) for name in ("a/b", "a:b", "A-b", "c")] == ["a-b", "a-b-2", "A-b-3", "c"]
