"""One run of a study: trained, or gone on with, and scored. A task that any worker can carry out from the study's folder alone."""

import shutil
import traceback
from dataclasses import dataclass
from pathlib import Path

from utome.errors import InterruptedRunError, UtomeError
from utome.events import Listener, silent
from utome.files import new_folder, write_json
from utome.jobs.resume import resume
from utome.jobs.study.scoring import score_network, score_reference
from utome.jobs.train import train
from utome.studies.folder import FAILED, SCORES, StudyFolder, read_json
from utome.studies.plan import PlannedRun, config_of, fixed_of
from utome.training.checkpoints import Checkpoints
from utome.training.runfolder import RunFolder


@dataclass(frozen=True)
class Order:
    """What is to be done: a run of the study in `folder`, on the images in `data`."""

    folder: Path
    data: Path
    run: PlannedRun


def perform(order: Order, listen: Listener = silent) -> None:
    """Train what is not trained, and score it. Why it failed is written down, and raised."""
    folder = StudyFolder(order.folder)
    place = folder.scores(order.run)
    new_folder(place)
    (place / FAILED).unlink(missing_ok=True)  # so that a reason is that of the last time
    try:
        if order.run.kind == "network":
            _train(folder, order, listen)
            content = score_network(folder, order.run, order.data, listen)
        else:
            content = score_reference(folder, order.run, order.data, listen)
        write_json(place / SCORES, content)
        # Many trainings lie in a study: each keeps the one state that another way of scoring may ask for.
        Checkpoints(RunFolder(folder.run(order.run)).checkpoints, {}).trim()
    except (KeyboardInterrupt, InterruptedRunError):
        raise
    except Exception as error:
        write_json(place / FAILED, {"reason": _reason(error), "traceback": traceback.format_exc()})
        raise


def _train(folder: StudyFolder, order: Order, listen: Listener) -> None:
    """The training of a run, from where it stands; nothing where it is done."""
    place = folder.run(order.run)
    if (place / "config.yaml").is_file():
        if (read_json(place / "status.json") or {}).get("status") != "done":
            resume(order.data, place, listen=listen)
        return
    if place.exists():  # it was stopped before it had a config, so nothing of it is worth keeping
        shutil.rmtree(place)
    study, asked = folder.study, folder.asked()
    fixed = fixed_of(study, asked, order.run.arm)
    train(order.data, config_of(study, asked, order.run), place, fixed=fixed, listen=listen)


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, UtomeError) else f"a defect of utome: {type(error).__name__}: {error}"
