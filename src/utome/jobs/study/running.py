"""`utome study run`: arms beside a baseline on the same images, run by run, and what can be told from them."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from utome.errors import InterruptedRunError
from utome.events import Listener, Noted, silent
from utome.execution import Workers, fanned
from utome.files import new_folder, write_json
from utome.jobs.advising import BY_TIME
from utome.jobs.study.asking import StudyRequest, checked, each_once, with_images
from utome.jobs.study.runs import Order, perform
from utome.jobs.study.standing import show_study
from utome.report.study.panels import pictures_of
from utome.report.study.writing import write_study_report
from utome.studies.file import StudyFile
from utome.studies.folder import FAILED, SCORES, StudyFolder
from utome.studies.outcome import StudyOutcome
from utome.studies.plan import Asked, Length, PlannedRun, chosen_arms, config_of, fixed_of, planned
from utome.studies.question import DataFacts


def run_study(
    study: StudyFile, text: str, data: Path, out: Path, request: StudyRequest, *, listen: Listener = silent
) -> StudyOutcome:
    """Do what is missing of the study in `out`, new or begun, and return all that it then knows.

    A run that fails is written down with its reason, and the rest goes on. `ConfigError` where the scale, --set or the file make
    trainings others than those that were begun, `DataError` where the images are not those; nothing is then changed. What of
    the file needs no training may change: runs that were scored by other variants or metrics are scored anew. Interrupted at any time,
    the same call goes on, to the same numbers.
    """
    listen, folder = each_once(listen), StudyFolder(out)
    folder.refuse_others()
    asked, found, facts = with_images(study, data, checked(study, request), listen)
    with folder.alone():
        _begin(folder, study, text, (asked, facts), listen)
        arms = chosen_arms(study, request.arms)
        runs = planned(study, arms, request.seeds or study.seeds, parted=asked.parted)
        missing = [run for run in runs if folder.read_scores(run) is None]
        listen(Noted(f"Study folder: {out}"))
        if again := sum((folder.scores(run) / SCORES).is_file() for run in missing):
            listen(Noted(f"{again} of {len(runs)} runs are scored anew, since variants or metrics are others now."))
        _carry_out([Order(out.absolute(), data.absolute(), run) for run in missing], request.workers, folder, listen)
        outcome = show_study(out)
        write_study_report(outcome, out, pictures_of(outcome, out, found))
    return outcome


def _begin(folder: StudyFolder, study: StudyFile, text: str, now: tuple[Asked, DataFacts], listen: Listener) -> None:
    """Write down what is asked of a new study; of a begun one, what is new of it: more arms or seeds, another way to score.

    An arm of which nothing is trained may be another now, or gone.
    """
    asked, facts = now
    if folder.begun:
        changed = folder.changed(study, asked)
        folder.refuse_other_data(facts)
        then = folder.asked()
        # Before the new file is written: what lies there of them must not be taken for a training by it.
        folder.forget(changed)
        lengths = {arm: length for arm, length in then.lengths.items() if arm not in changed}
        arms = tuple(arm for arm in study.arms if arm in {*then.arms, *asked.arms})
        asked = replace(then, arms=arms, seeds=max(then.seeds, asked.seeds), lengths=lengths)
    measured = _lengths(study, asked, Path(facts.root), listen)
    folder.write(text, study, replace(asked, lengths={**measured, **asked.lengths}), facts)


def _lengths(study: StudyFile, asked: Asked, data: Path, listen: Listener) -> dict[str, Length]:
    """How long the trainings of each arm are that was not measured yet, where the scale gives minutes."""
    minutes = study.scale(asked.scale).minutes
    if minutes is None:
        return {}
    from utome.jobs.train import plan

    found = {}
    for arm in [arm for arm in study.arms if arm not in asked.lengths]:
        listen(Noted(f"Measuring how much of '{arm}' fits into {minutes:g} minutes."))
        config = config_of(study, asked, PlannedRun(0, next(iter(study.protocols)), 0, arm))
        # Minutes choose the length alone: an arm is the same network however long it trains.
        fixed = {*fixed_of(study, asked, arm), *BY_TIME}
        training = plan(data, config, fixed=fixed, minutes=minutes, listen=silent).task.config.training
        found[arm] = Length(training.epochs, training.steps_per_epoch or 1)
    return found


def _carry_out(orders: list[Order], workers: Workers, folder: StudyFolder, listen: Listener) -> None:
    """Every order, where the workers are; each end is said."""
    here = workers.processes == 1 and workers.cluster is None
    task: Callable[[Order], None] = partial(perform, listen=listen) if here else perform
    try:
        _each(orders, task, workers, folder, listen)
    except InterruptedRunError as error:  # a run speaks of its own command
        raise type(error)(
            "The study was told to end; all that was done is saved. Give the same command again to go on."
        ) from error


def _each(
    orders: list[Order], task: Callable[[Order], None], workers: Workers, folder: StudyFolder, listen: Listener
) -> None:
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
