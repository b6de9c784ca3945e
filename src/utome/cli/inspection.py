"""Showing `utome inspect`."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from utome.cli.listening import shown
from utome.cli.saying import say, say_json, tell
from utome.cli.tables import class_lines
from utome.jobs.costing import Cost
from utome.jobs.inspect import Inspection, write_page
from utome.jobs.inspect import inspect as job

# So many sizes are told, the commonest first.
MOST_SIZES = 5


@dataclass(frozen=True)
class InspectOptions:
    """The options of `utome inspect`."""

    assignments: tuple[str, ...]
    out: Path | None
    cost: bool


def inspect(data: Path, options: InspectOptions, *, json: bool) -> None:
    """Show what lies in a folder, what is doubtful, and what to do next."""
    with shown() as listen:
        found = job(data, options.assignments, cost=options.cost, listen=listen)
    if options.out is not None and found.refusal is None:
        write_page(found, options.out)
        tell(f"Page: {options.out}")
    if json:
        say_json(found.as_json())
    else:
        _show(found, options.assignments)
    if found.refusal is not None:
        raise found.refusal


def _show(found: Inspection, assignments: Sequence[str]) -> None:
    data = found.data
    say(f"{data}: {len(found.survey.facts)} pairs of image and mask, layout `{found.survey.listing.layout}`")
    for line in _lines(found):
        say(f"  {line}")
    if found.refusal is None:
        # A folder whose name begins with a dash would be taken for an option.
        given = [word for each in assignments for word in ("--set", each)]
        say(
            f"Next: {shlex.join(['utome', 'train', *given, *(['--'] if str(data).startswith('-') else []), str(data)])}"
        )


def _lines(found: Inspection) -> list[str]:
    facts = found.survey.facts
    parts = ", ".join(f"{count} {part}" for part, count in found.said_parts.items())
    depths = ", ".join(sorted({fact.dtype for fact in facts}))
    lines = [
        f"parts     {parts}",
        f"sizes     {_sizes(found.sizes)} (height x width)",
        f"channels  {'grey' if found.survey.channels == 1 else 'colour'}, {depths}",
        *class_lines(found.shares),
        *(f"note      {note}" for note in found.survey.notes),
        *(f"PROBLEM   {problem}" for problem in found.problems),
        f"recipe    {found.settings}",
        *(f"chosen    {each.path}={each.value}, since {each.reason}" for each in found.advice),
    ]
    if found.groups:
        lines.insert(1, f"groups    {found.groups}, each kept in one part where there are enough of them")
    if found.cost is not None:
        lines.append(f"cost      {_cost(found.cost)}")
    return lines


def _sizes(sizes: Sequence[tuple[str, int]]) -> str:
    others = sum(count for _, count in sizes[MOST_SIZES:])
    shown = [f"{count} of {size}" for size, count in sizes[:MOST_SIZES]]
    return ", ".join([*shown, f"{others} of other sizes"] if others else shown)


def _cost(cost: Cost) -> str:
    memory = "" if cost.memory_mb is None else f" and {cost.memory_mb / 1000:.1f} GB"
    return (
        f"about {_duration(cost.seconds)}{memory} for {cost.epochs} epochs of {cost.steps} steps on this machine "
        f"({cost.device}, {cost.step_seconds:.2f} s a step)"
    )


def _duration(seconds: float) -> str:
    """Seconds in the unit that people would say.

    >>> _duration(40), _duration(600), _duration(9000)
    ('40 s', '10 minutes', '2.5 hours')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
