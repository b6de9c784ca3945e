"""`utome inspect`: what lies in a folder, how it will be read, what is doubtful, and what training on it will cost."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from utome.config.overrides import override
from utome.config.settings import Config
from utome.data.problems import problems
from utome.data.splitting import Split, split
from utome.data.survey import Survey
from utome.errors import ConfigError, DataError
from utome.events import Listener, silent
from utome.files import write_text
from utome.jobs.advising import Advice, advised
from utome.jobs.costing import Cost, measure_cost
from utome.jobs.preparing import build
from utome.jobs.reading import read_data, rule, split_seed
from utome.recipes.library import load_recipe
from utome.report.inspection import inspection_html


@dataclass(frozen=True)
class Inspection:
    """What was found; the settings that suit it; its parts; doubts; what was chosen of the settings, with reasons; and how many
    groups of images stay together, none where every image stands alone.

    Where no parts can be drawn to train on, `refusal` says why, and there is neither advice nor cost.
    """

    data: Path
    config: Config
    survey: Survey
    parts: Split | None
    problems: tuple[str, ...]
    advice: tuple[Advice, ...]
    cost: Cost | None
    groups: int | None = None
    refusal: DataError | None = None

    @property
    def sizes(self) -> list[tuple[str, int]]:
        """Image sizes, height x width, and how many images have each; the commonest first."""
        return Counter(f"{fact.height}x{fact.width}" for fact in self.survey.facts).most_common()

    @property
    def said_parts(self) -> dict[str, int]:
        """How many images the folders give to each part; `unassigned` where they do not say."""
        return dict(Counter(fact.sample.part or "unassigned" for fact in self.survey.facts))

    @property
    def settings(self) -> str:
        """The recipe and its most telling settings, in words."""
        training, model = self.config.training, self.config.model
        width = f" of width {model.width}" if hasattr(model, "width") else ""
        return (
            f"{self.config.recipe}: {model.architecture}{width}, tiles of {training.tile} pixels, {training.batch} a step, at most "
            f"{training.epochs} epochs"
        )

    @property
    def shares(self) -> list[tuple[str, float]]:
        """Each class and its share of all pixels of which something is known."""
        pixels = self.survey.class_pixels(self.survey.facts)
        return [(name, count / sum(pixels)) for name, count in zip(self.survey.classes.names, pixels, strict=True)]

    def as_json(self) -> dict[str, Any]:
        """The document of `utome inspect --json`."""
        facts, classes = self.survey.facts, self.survey.classes
        return {
            "layout": self.survey.listing.layout,
            "images": len(facts),
            "parts": self.said_parts,
            "groups": self.groups,
            "sizes": dict(self.sizes),
            "channels": self.survey.channels,
            "types": sorted({fact.dtype for fact in facts}),
            "classes": [
                {"name": name, "values": values, "share": share}
                for (name, share), values in zip(self.shares, classes.values, strict=True)
            ],
            "ignored": list(classes.ignored),
            "notes": list(self.survey.notes),
            "problems": list(self.problems),
            "recipe": self.config.recipe,
            "settings": self.settings,
            "chosen": [asdict(each) for each in self.advice],
            "refused": None if self.refusal is None else str(self.refusal),
            "cost": None if self.cost is None else asdict(self.cost),
        }


def inspect(data: Path, assignments: Sequence[str] = (), *, cost: bool = True, listen: Listener = silent) -> Inspection:
    """Look at every image and mask below `data` with the default recipe's settings, changed by `path=value` assignments.

    `DataError` names what cannot be used. With `cost`, a few training steps are timed.
    """
    config = override(load_recipe("auto").settings, assignments)
    found, by = read_data(data, config.data, listen), rule(config.data)
    try:
        parts = split(found.facts, by, seed=split_seed(config.data, config.seed))
    except DataError as error:
        return Inspection(data, config, found, None, (), (), None, refusal=error)
    suited, advice = advised(found, config, {each.partition("=")[0].strip() for each in assignments})
    price = measure_cost(build(found, parts, suited, silent)) if cost else None
    doubts = tuple(problems(found, parts, by))
    groups = len({by.groups.of(fact.sample) for fact in found.facts} - {None}) or None
    return Inspection(data, suited, found, parts, doubts, advice, price, groups)


def write_page(found: Inspection, path: Path) -> None:
    """Write the page of an inspection, one file that needs nothing else."""
    if path.suffix.lower() not in {".html", ".htm"}:
        raise ConfigError(f"'{path}' is no name for a page. Let it end in .html.")
    survey = found.survey
    facts = {
        "layout": survey.listing.layout,
        "images": str(len(survey.facts)),
        "parts": ", ".join(f"{count} {part}" for part, count in found.said_parts.items()),
        "sizes": ", ".join(f"{count} of {size}" for size, count in found.sizes[:8]),
        "channels": f"{survey.channels}, {', '.join(sorted({fact.dtype for fact in survey.facts}))}",
        **{f"class {name}": f"{share:.1%} of the pixels" for name, share in found.shares},
    }
    if found.parts is not None:
        chosen = (f"{each.path}={each.value}, since {each.reason}" for each in found.advice)
        facts["suggested"] = "; ".join([found.settings, *chosen])
    if found.cost is not None:
        memory = "" if found.cost.memory_mb is None else f" and {found.cost.memory_mb / 1000:.1f} GB"
        facts["training here"] = f"about {found.cost.seconds / 60:.0f} minutes{memory} on {found.cost.device}"
    write_text(path, inspection_html(found.data.resolve().name, survey, facts, found.problems))
