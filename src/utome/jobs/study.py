"""`utome study run`: arms beside a baseline on the same images, run by run, and what can be told from them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from utome.data.survey import Survey
from utome.errors import InterruptedRunError
from utome.events import Listener, Noted, silent
from utome.execution import Workers, fanned
from utome.files import new_folder, sha256_bytes, write_json
from utome.jobs.reading import read_data
from utome.jobs.scoring import grouped
from utome.jobs.study_runs import Order, perform
from utome.jobs.study_standing import show_study
from utome.report.study import write_study_report
from utome.report.study_panels import pictures_of
from utome.studies.file import StudyFile
from utome.studies.folder import FAILED, StudyFolder
from utome.studies.gathering import metrics_of
from utome.studies.outcome import StudyOutcome
from utome.studies.plan import Asked, Length, PlannedRun, chosen_arms, config_of, fixed_of, planned, refuse_own_paths
from utome.studies.question import DataFacts

# A folder with this file says itself that its images were made by a program.
GENERATED = "GENERATED.txt"
USUAL_SCALE = "small"


@dataclass(frozen=True)
class StudyRequest:
    """What is asked of a study: its scale (`small`, if it has that), arms with commas between them, seeds, settings; and where to run."""

    scale: str | None = None
    arms: str | None = None
    seeds: int | None = None
    assignments: tuple[str, ...] = ()
    workers: Workers = field(default_factory=Workers)


def run_study(
    study: StudyFile, text: str, data: Path, out: Path, request: StudyRequest, *, listen: Listener = silent
) -> StudyOutcome:
    """Do what is missing of the study in `out`, new or begun, and return all that it then knows.

    A run that fails is written down with its reason, and the rest goes on. `ConfigError` where the file, the scale or the settings are
    not those that the study began with, `DataError` where the images are not; nothing is then changed. Interrupted at any time, the
    same call goes on, to the same numbers.
    """
    asked = _asked(study, request)
    found, facts = read_images(study, data, asked, listen)
    asked = replace(asked, parted=_parted(study, found, listen))
    _warn_of_equal_arms(study, asked, listen)
    metrics_of(study, facts)
    folder = StudyFolder(out)
    with folder.alone():
        _begin(folder, study, text, (asked, facts), listen)
        arms = chosen_arms(study, request.arms)
        runs = planned(study, arms, request.seeds or study.seeds, parted=asked.parted)
        missing = [run for run in runs if folder.read_scores(run) is None]
        listen(Noted(f"Study folder: {out}"))
        _carry_out([Order(out.absolute(), data.absolute(), run) for run in missing], request.workers, folder, listen)
        outcome = show_study(out)
        write_study_report(outcome, out, pictures_of(outcome, out, found))
    return outcome


def read_images(study: StudyFile, data: Path, asked: Asked, listen: Listener) -> tuple[Survey, DataFacts]:
    """The images, and what the study knows of them; `DataError` where they cannot be read."""
    settings = config_of(study, asked, PlannedRun(0, next(iter(study.protocols)), 0, study.baseline)).data
    found = read_data(data, settings, listen)
    facts = grouped(found.facts, settings.group)
    samples = [fact.sample for fact in facts]
    groups = {sample.group or f"image {sample.name}" for sample in samples}
    # Also what an image is for and whom it belongs to: moved from test to train it is another study.
    content = sorted(
        (fact.content, fact.truth, fact.sample.part or "", fact.sample.group or "", fact.sample.name) for fact in facts
    )
    return found, DataFacts(
        root=str(data),
        layout=found.listing.layout,
        sha256=sha256_bytes(repr((content, found.classes)).encode()),
        images=len(facts),
        groups=len(groups),
        unit="group" if any(sample.group is not None for sample in samples) else "image",
        classes=found.classes.names,
        told_apart=all(sample.truth in {"objects", "instances", "coco"} for sample in samples),
        all_known=not found.classes.ignored and all(sample.field is None for sample in samples),
        citation=study.data.citation,
        generated=(data / GENERATED).is_file(),
    )


def _parted(study: StudyFile, found: Survey, listen: Listener) -> bool:
    """Whether the folders say what is for validation or test."""
    parted = any(fact.sample.part in {"val", "test"} for fact in found.facts)
    if parted and any(entry.folds or entry.set for entry in study.protocols.values()):
        listen(
            Noted("The folders say themselves what is for test, so the study draws no parts and no folds of its own.")
        )
    return parted


def _asked(study: StudyFile, request: StudyRequest) -> Asked:
    """What is asked, checked: every arm's config is whole."""
    refuse_own_paths(study, request.assignments)
    usual = USUAL_SCALE if USUAL_SCALE in study.scales else next(iter(study.scales))
    scale = request.scale or usual
    study.scale(scale)
    arms, seeds = chosen_arms(study, request.arms), request.seeds or study.seeds
    asked = Asked(scale, request.assignments, arms, seeds, request.workers.threads)
    for run in planned(study, study.arms, 1):
        config_of(study, asked, run)
    return asked


def _warn_of_equal_arms(study: StudyFile, asked: Asked, listen: Listener) -> None:
    """Say which arms are one training, as a scale or --set that lies over their own settings can make them."""
    same: dict[str, str] = {}
    protocol = next(iter(study.protocols))
    for arm in study.arms:
        config = config_of(study, asked, PlannedRun(0, protocol, 0, arm))
        other = same.setdefault(repr(config.as_dict()), arm)
        if other != arm:
            listen(
                Noted(
                    f"WARNING: '{arm}' has all settings of '{other}', so they are one training, compared with itself. What scale and --set "
                    "say lies over the arms' own settings."
                )
            )


def _begin(folder: StudyFolder, study: StudyFile, text: str, now: tuple[Asked, DataFacts], listen: Listener) -> None:
    """Write down what is asked of a new study; of a begun one, that there are more arms or seeds, if there are."""
    asked, facts = now
    if not folder.begun:
        lengths = _lengths(study, asked, Path(facts.root), listen)
        folder.begin(text, study, replace(asked, lengths=lengths), facts)
        return
    folder.refuse_changes(text, asked)
    folder.refuse_other_data(facts)
    then = folder.asked()
    arms = tuple(arm for arm in study.arms if arm in {*then.arms, *asked.arms})
    more = replace(then, arms=arms, seeds=max(then.seeds, asked.seeds))
    if more != then:
        folder.write_asked(study, more, folder.data())


def _lengths(study: StudyFile, asked: Asked, data: Path, listen: Listener) -> dict[str, Length]:
    """How long the trainings of each arm are, where the scale gives minutes."""
    minutes = study.scale(asked.scale).minutes
    if minutes is None:
        return {}
    from utome.jobs.train import plan

    found = {}
    for arm in study.arms:
        listen(Noted(f"Measuring how much of '{arm}' fits into {minutes:g} minutes."))
        config = config_of(study, asked, PlannedRun(0, next(iter(study.protocols)), 0, arm))
        training = plan(
            data, config, fixed=fixed_of(study, asked, arm), minutes=minutes, listen=silent
        ).task.config.training
        found[arm] = Length(training.epochs, training.steps_per_epoch or 1)
    return found


def _carry_out(orders: list[Order], workers: Workers, folder: StudyFolder, listen: Listener) -> None:
    """Every order, where the workers are; each end is said."""
    here = workers.processes == 1 and workers.cluster is None
    task: Callable[[Order], None] = partial(perform, listen=listen) if here else perform
    with fanned(task, workers) as fan:
        for order in orders:
            fan.add(order)
        for number, done in enumerate(fan, start=1):
            place = folder.place(done.item.run)
            if isinstance(done.error, InterruptedRunError):
                raise done.error
            failed = folder.scores(done.item.run) / FAILED
            if done.error is not None and not failed.exists():  # its worker was killed, or never began
                new_folder(failed.parent)
                write_json(failed, {"reason": str(done.error), "traceback": ""})
            ending = "done" if done.error is None else f"FAILED: {done.error}"
            listen(Noted(f"{number}/{len(orders)} {place}: {ending}"))
