"""Several processes, or a cluster, give the bytes of one process."""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.builders import save
from tests.predicted import content, many_images, smooth, tiny_run
from utome.config.prediction import Backend
from utome.config.sections import MachineSettings
from utome.errors import DataError
from utome.events import silent
from utome.execution import Workers
from utome.jobs import fanning
from utome.jobs.inputs import find_inputs
from utome.jobs.objects import ObjectsWanted
from utome.jobs.predict import Manner, predict
from utome.jobs.predicting import Predicting
from utome.prediction import windowed
from utome.prediction.backends import choice
from utome.prediction.ensemble import load_predictor
from utome.prediction.predictor import Predictor

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = MachineSettings(device="cpu", threads=1)
FORMS: dict[str, dict[str, Any]] = {
    "whole": {"objects": ObjectsWanted("components"), "probabilities": "uint8", "verify": True},
    "regions": {"objects": ObjectsWanted("components"), "probabilities": "float32", "format": "tiff"},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_run(tmp_path_factory.mktemp("run") / "model")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Small images, one of a few regions, and one that cannot be read."""
    folder = many_images(tmp_path / "images", 2)
    save(folder / "large.tif", smooth(90, 600))
    (folder / "broken.png").write_bytes(b"<html>")
    return folder


@pytest.mark.parametrize(("form", "processes"), [("whole", 1), ("whole", 2), ("regions", 1)])
def test_workers_give_the_bytes_of_one_process(
    tmp_path: Path, run: Path, images: Path, form: str, processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanning, "TOGETHER", 2)
    alone = predict(run, images, tmp_path / "one", manner=Manner(**FORMS[form]), machine=CPU)
    shared = Manner(**FORMS[form], workers=Workers(processes))
    result = predict(run, images, tmp_path / "many", manner=shared, machine=CPU)
    assert content(tmp_path / "many") == content(tmp_path / "one")
    assert [path.name for path in result.written] == [path.name for path in alone.written]
    assert result.failed == alone.failed
    assert (result.objects, result.verified) == (alone.objects, alone.verified)
    assert predict(run, images, tmp_path / "many", manner=shared, machine=CPU).kept == len(result.written)


def test_regions_of_one_image_are_shared_out(
    tmp_path: Path, run: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windowed, "LEAST", 64)  # in this process alone, which is the one worker here
    monkeypatch.setattr(fanning, "TOGETHER", 2)
    jobs: list[fanning.Job] = []
    carry_out = fanning.carry_out

    def heard(job: fanning.Job) -> Any:
        jobs.append(job)
        return carry_out(job)

    monkeypatch.setattr(fanning, "carry_out", heard)
    manner = Manner(format="tiff", workers=Workers())
    predict(run, images / "large.tif", tmp_path / "many", manner=manner, machine=CPU)
    assert len(jobs) > 3
    numbers = [number for job in jobs for number in job.regions or ()]
    assert numbers == list(range(len(numbers)))
    predict(run, images / "large.tif", tmp_path / "one", manner=Manner(format="tiff"), machine=CPU)
    assert content(tmp_path / "many") == content(tmp_path / "one")


def test_workers_find_regions_whatever_backend_auto_chose(
    tmp_path: Path, run: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "is_installed", lambda backend: backend == "torch")
    manner = Manner(format="tiff", changes={"backend": "auto"})
    predict(run, images / "large.tif", tmp_path / "one", manner=manner, machine=CPU)
    shared = replace(manner, workers=Workers())
    predict(run, images / "large.tif", tmp_path / "many", manner=shared, machine=CPU)
    assert content(tmp_path / "many") == content(tmp_path / "one")


def test_workers_compute_each_of_several_models_as_one_process_does(
    tmp_path: Path, run: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tiny_run(tmp_path / "other")
    heard: list[tuple[Backend, ...]] = []

    def each_its_own(self: Predictor, examples: Any) -> tuple[Backend, ...]:
        found: tuple[Backend, ...] = ("float32",) if len(choosing) % 2 else ("torch",)
        choosing.append(self)
        assert list(examples)
        return found

    def loaded(*arguments: Any, backends: tuple[Backend, ...] = (), **options: Any) -> Predictor:
        heard.append(backends)
        return load_predictor(*arguments, backends=backends, **options)

    choosing: list[Predictor] = []
    monkeypatch.setattr(Predictor, "choose", each_its_own)
    monkeypatch.setattr("utome.jobs.int8.load_predictor", loaded)
    predict(run, images / "0.png", tmp_path / "many", manner=Manner(others=(other,), workers=Workers()), machine=CPU)
    assert len(choosing) == 2
    assert choosing[0] is not choosing[1]
    assert heard == [(), ("torch", "float32")]


def test_a_backend_is_chosen_on_images_from_all_over(
    tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [save(tmp_path / "images" / f"{number}.png", smooth(40, 48)) for number in range(7)]
    paths[2].write_bytes(b"<html>")
    predicting, shown = Predicting(run, Manner(), CPU), list[str]()

    def choose(examples: Any) -> tuple[Backend, ...]:
        shown.extend(Path(source).stem for _, source in examples)
        return ("torch",)

    monkeypatch.setattr(predicting.predictor, "choose", choose)
    inputs = find_inputs(tmp_path / "images", silent)
    assert predicting.choose(inputs) == predicting.choose(inputs[:1]) == ("torch",)
    assert shown == ["0", "4", "1", "3", "5", "6"], "spread first; what cannot be read is passed over"


def test_strict_ends_at_one_that_fails(tmp_path: Path, run: Path, images: Path) -> None:
    with pytest.raises(DataError, match=r"broken\.png"):
        predict(run, images, tmp_path / "out", manner=Manner(strict=True, workers=Workers()), machine=CPU)


@pytest.mark.skipif(find_spec("distributed") is None, reason="the extra `cluster` is not installed")
def test_a_cluster_gives_the_bytes_of_one_process(tmp_path: Path, run: Path, images: Path) -> None:
    from tests.test_execution_cluster import SECONDS, dask, scheduler

    manner = FORMS["regions"]
    predict(run, images, tmp_path / "one", manner=Manner(**manner), machine=CPU)
    (tmp_path / "cluster").mkdir()
    with scheduler(tmp_path / "cluster") as (address, _):
        worker = ("worker", address, "--nthreads", "1", "--local-directory", str(tmp_path / "cluster"))
        with dask(tmp_path / "cluster", *worker), dask(tmp_path / "cluster", *worker):
            wait_for_workers(address, SECONDS)
            workers = Workers(cluster=address)
            predict(run, images, tmp_path / "many", manner=Manner(**manner, workers=workers), machine=CPU)
    assert content(tmp_path / "many") == content(tmp_path / "one")


def wait_for_workers(address: str, seconds: int) -> None:
    """Until both are there."""
    from distributed import Client

    with Client(address, set_as_default=False, timeout=seconds) as client:
        client.wait_for_workers(2, timeout=seconds)
