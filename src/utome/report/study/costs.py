"""What the trainings of a study cost, and which of them are not there, with the reason."""

from utome.events import duration
from utome.report.study.facts import arm_title, honest_first, networks, under, variant_title
from utome.report.study.numbers import NOTHING
from utome.report.study.table import Table
from utome.studies.outcome import Cost, Run, StudyOutcome
from utome.studies.question import Arm, Protocol

STATES = {
    "missing": "not begun",
    "running": "unfinished",
    "interrupted": "interrupted",
    "trained": "trained, not scored",
}


def cost_table(outcome: StudyOutcome) -> Table:
    """A row an arm that was trained, of each division: the median over its runs."""
    costs = [
        (arm, protocol, cost)
        for protocol in honest_first(outcome)
        for arm in networks(outcome)
        if (cost := outcome.cost(arm.name, protocol.name)) is not None
    ]
    rows = tuple(_cost_cells(outcome, arm, protocol, cost) for arm, protocol, cost in costs)
    sides = sorted({cost.macs_side for *_, cost in costs if cost.macs_side is not None})
    head = (
        "Arm",
        "Time",
        "Parameters",
        "Multiply-accumulates",
        "Memory",
        "Epochs",
        "Best epoch",
        "Final loss",
        "Final accuracy",
    )
    notes = [
        "Of one training: the median over an arm's runs. Losses and accuracies are training / validation at the last epoch."
    ]
    if sides:
        notes.append(
            f"Multiply-accumulates are of one image of {' or '.join(f'{side} x {side}' for side in sides)} pixels."
        )
    devices = sorted({cost.device for *_, cost in costs if cost.device})
    if devices:
        notes.append(f"Trained on {' and '.join(devices)}; times are of that machine and whatever else ran on it.")
    return Table("cost", "Cost", head, rows, tuple(notes) if rows else ())


def trouble_table(outcome: StudyOutcome) -> Table:
    """Runs that failed, each with its reason, and after them those that are not done."""
    rows = [_run_cells(outcome, run, run.reason or "no reason is known") for run in outcome.failed]
    failed = len(rows)
    rows += [_run_cells(outcome, run, run.reason or "") for run in outcome.missing]
    head = ("Arm", "Division", "Seed", "Fold", "State", "Reason")
    texts = frozenset({0, 1, 4, 5})
    return Table("trouble", "Failed and missing runs", head, tuple(rows), (), texts, frozenset(range(failed)))


def left_out(outcome: StudyOutcome) -> list[str]:
    """A sentence for each way to predict that was not scored of an arm, with the reason."""
    said: dict[str, None] = {}
    for run in outcome.runs:
        for variant, reason in run.left_out.items():
            said[f"{arm_title(outcome, run.arm)}, {variant_title(outcome, variant)}: {reason.rstrip('.')}."] = None
    return list(said)


def _cost_cells(outcome: StudyOutcome, arm: Arm, protocol: Protocol, cost: Cost) -> tuple[str, ...]:
    own = (arm.name, protocol.name)
    runs = [run for run in outcome.runs if (run.arm, run.protocol) == own and run.cost.epochs_run]
    early = sum(run.cost.stopped_early for run in runs)
    stopped = f"\nstopped early in {early} of {len(runs)}" if early else ""
    return (
        f"{arm.title}\n{len(runs)} run{'' if len(runs) == 1 else 's'}{under(outcome, protocol)}",
        NOTHING if cost.seconds is None else duration(cost.seconds),
        NOTHING if cost.parameters is None else f"{cost.parameters:,}",
        NOTHING if cost.macs is None else f"{cost.macs / 1e9:.3g} G",
        NOTHING if cost.peak_memory_mb is None else f"{cost.peak_memory_mb / 1000:.2g} GB",
        f"{cost.epochs_run} of {cost.epochs_planned}{stopped}",
        NOTHING if cost.best_epoch is None else str(cost.best_epoch),
        _pair(cost.final_train_loss, cost.final_val_loss),
        _pair(cost.final_train_accuracy, cost.final_val_accuracy),
    )


def _pair(train: float | None, val: float | None) -> str:
    if train is None and val is None:
        return NOTHING
    return " / ".join(NOTHING if each is None else f"{each:#.3g}" for each in (train, val))


def _run_cells(outcome: StudyOutcome, run: Run, reason: str) -> tuple[str, ...]:
    return (*_names(outcome, run), STATES.get(run.state, run.state), reason)


def _names(outcome: StudyOutcome, run: Run) -> tuple[str, str, str, str]:
    protocol = next((each.title for each in outcome.protocols if each.name == run.protocol), run.protocol)
    return arm_title(outcome, run.arm), protocol, str(run.seed), str(run.fold)
