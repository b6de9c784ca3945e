"""Outcomes of studies, made by hand."""

from dataclasses import replace

from utome.statistics.intervals import Interval
from utome.studies.outcome import Cost, Difference, ImageScores, Run, Score, StudyOutcome
from utome.studies.question import About, Arm, DataFacts, Metric, Protocol, Published, Variant

MAIN = "pixels.mean_iou"


def small_outcome() -> StudyOutcome:
    """Two arms and Otsu's threshold, two variants, two seeds; one run of the arm `wide` failed."""
    return StudyOutcome(
        about=About(
            name="toy", title="A toy study", question="Is a wider network better?", paper="None: an example",
            scale="small", scale_about="40 epochs of 10 steps at width 4", differences=("There is no paper.",),
        ),
        data=DataFacts("/data/toy", "pairs", "0" * 64, 6, 6, "image", ("background", "cell"), citation="Made up (2026)"),
        metrics=(
            Metric(MAIN, "mean IoU", higher_is_better=True, over="pooled"),
            Metric("objects.merges@images", "merges an image", higher_is_better=False, over="images", bounds=None),
        ),
        main_metric=MAIN,
        protocols=(Protocol("held-out", "held-out images"),),
        arms=(
            Arm("plain", "U-Net", recipe="unet", settings=("model.width=4",), epochs=40),
            Arm("wide", "U-Net, wider & better", recipe="unet", settings=("model.width=8",), epochs=40),
            Arm("otsu", "Otsu's threshold", kind="otsu"),
        ),
        baseline="plain",
        variants=(Variant("best", "the best epoch"), Variant("views", "7 rotations averaged")),
        seeds=(0, 1),
        published=(Published("U-Net", MAIN, 0.7398, "73.98 %", "Someone (2021), table 2", arm="plain", variant="best"),),
        scores=(
            Score("held-out", "plain", "best", MAIN, 0.71, Interval(0.66, 0.75), {0: 0.70, 1: 0.72}, 6),
            Score("held-out", "wide", "best", MAIN, 0.74, Interval(0.69, 0.78), {0: 0.74}, 6),
            Score("held-out", "otsu", "best", MAIN, 0.52, None, {0: 0.52, 1: 0.52}, 6),
            Score("held-out", "plain", "best", "objects.merges@images", None, None, {0: None, 1: None}, 0),
        ),
        differences=(
            Difference(
                "held-out", "wide", "best", MAIN, "plain", "best", 0.03, Interval(-0.01, 0.07), 0.125, 0.125, 0.03125, 1, 6,
                "images", 5, 0, 1, 0.8, "not distinguishable",
                "'wide' is not distinguishable from 'plain' with this many images (6 images): difference +0.03.",
            ),
        ),
        runs=(
            _run("plain", 0),
            _run("plain", 1),
            _run("wide", 0),
            Run("held-out", "wide", 1, 0, "runs/wide/seed-1", "failed", reason="The loss became nan."),
            Run("held-out", "otsu", 0, 0, "runs/otsu/seed-0", "done", variants=("best",)),
            Run("held-out", "otsu", 1, 0, "runs/otsu/seed-1", "missing"),
        ),
        images=tuple(
            ImageScores(
                f"image-{number}", f"images/image-{number}.png", None, None, "held-out", arm, "best", 0.6 + number / 50, 2, None,
                seed=1, shown_value=0.55 + number / 50,
            )
            for number in range(6)
            for arm in ("plain", "wide", "otsu")
        ),
        command="utome study run toy.yaml --data toy --out out",
        versions={"utome": "0.1.0", "torch": "2.10.0"},
    )  # fmt: skip


def finished_outcome() -> StudyOutcome:
    """The same without the failed and the missing run."""
    outcome = small_outcome()
    return replace(outcome, runs=tuple(run for run in outcome.runs if run.state == "done"))


def _run(arm: str, seed: int) -> Run:
    cost = Cost(
        seconds=61.5, peak_memory_mb=512.0, parameters=7_700, macs=123_456_789, macs_side=256, epochs_run=40, epochs_planned=40,
        best_epoch=31 + seed, final_train_loss=0.21, final_val_loss=0.25, final_train_accuracy=0.93, final_val_accuracy=0.91,
        best_val_mean_iou=0.71, device="cpu",
    )  # fmt: skip
    images = {"train": 20, "val": 4, "test": 6}
    return Run(
        "held-out",
        arm,
        seed,
        0,
        f"runs/{arm}/seed-{seed}",
        "done",
        None,
        cost,
        images,
        ("best",),
        {"views": "left out"},
    )
