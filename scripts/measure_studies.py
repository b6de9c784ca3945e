"""What the shipped studies cost at a scale: processor seconds of a few steps and of a prediction of each arm, and what follows.

    python scripts/measure_studies.py DATA_FOLDERS --scale small

Processor time of one thread is measured, so that a busy machine gives the same figures. Nothing is written.
"""

import argparse
import contextlib
import sys
import time
from itertools import pairwise
from pathlib import Path
from statistics import median

from utome.events import Event, Progressed, silent
from utome.jobs.preparing import Prepared, prepare
from utome.prediction.tiled import predict_tiled
from utome.studies.file import StudyFile
from utome.studies.library import load_study
from utome.studies.plan import Asked, config_of, fixed_of, planned
from utome.training.loop import Fleeting, fit
from utome.training.progress import begin

# Where the images of each study lie, below the folder of all.
FOLDERS = {
    "frem-drosophila": "drosophila_vnc", "frem-mouse": "generated-mouse", "fullattention-em": "isbi2012",
    "fullattention-cracks": "cfd", "effunet-nuclei": "dsb2018", "effunet-vessels": "chase_db1", "unet2015-em": "isbi2012",
    "unet2015-cells": "generated-cells",
}  # fmt: skip
STEPS = 3


class _Enough(Exception):  # noqa: N818 - it is no error
    """The steps that were wanted are done."""


def main() -> None:
    """Measure each study whose images are there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder that holds the data sets")
    parser.add_argument("--scale", default="small")
    parser.add_argument("--only", default="", help="studies, with commas")
    arguments = parser.parse_args()
    sys.stdout.write(
        "| study | arm | trainings | s a step | s a prediction | s a training | hours in all |\n|---|---|---|---|---|---|---|\n"
    )
    for name, folder in FOLDERS.items():
        wanted = not arguments.only or name in arguments.only.split(",")
        if wanted and (arguments.data / folder).is_dir():
            _measure(load_study(name)[0], arguments.data / folder, arguments.scale)


def _measure(study: StudyFile, data: Path, scale: str) -> None:
    asked = Asked(scale, arms=tuple(study.arms), seeds=study.seeds, threads=1)
    runs = [run for run in planned(study, study.arms, study.seeds) if run.kind == "network"]
    for arm in study.arms:
        own = [run for run in runs if run.arm == arm]
        config = config_of(study, asked, own[0])
        prepared = prepare(data, config, silent, fixed=fixed_of(study, asked, arm))
        step, prediction = _steps(prepared), _prediction(prepared)
        training = prepared.task.config.training
        views = sum(
            7 if "rotations" in str(each.set) else 1 for each in study.variants.values() if each.arms in {None, (arm,)}
        )
        # The report of a run predicts its test images, too.
        predictions = training.epochs * len(prepared.split.val) + (views + 1) * len(prepared.split.test)
        seconds = training.epochs * len(prepared.task.batches) * step + predictions * prediction
        cells = (
            study.name,
            arm,
            len(own),
            f"{step:.3f}",
            f"{prediction:.2f}",
            f"{seconds:.0f}",
            f"{seconds * len(own) / 3600:.2f}",
        )
        sys.stdout.write(f"| {' | '.join(map(str, cells))} |\n")
        sys.stdout.flush()


def _steps(prepared: Prepared) -> float:
    times = [time.process_time()]

    def listen(event: Event) -> None:
        if isinstance(event, Progressed):
            times.append(time.process_time())
            if len(times) > STEPS:
                raise _Enough

    with contextlib.suppress(_Enough):
        fit(prepared.task, begin(prepared.task), Fleeting(), listen=listen)
    taken = [after - before for before, after in pairwise(times)]
    return median(taken[1:] or taken)


def _prediction(prepared: Prepared) -> float:
    task, pieces = prepared.task, prepared.task.config.prediction
    task.network.eval()
    started = time.process_time()
    predict_tiled(
        task.network, task.validation[0].image, task.device, tile=pieces.piece, halo=pieces.halo, blend=pieces.blend
    )
    return time.process_time() - started


if __name__ == "__main__":
    main()
