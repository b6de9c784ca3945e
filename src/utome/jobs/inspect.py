"""`utome inspect`: what lies in a folder, and how it will be read."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from utome.data.layouts.finding import find_samples
from utome.data.survey import Survey, survey
from utome.events import Listener, silent


@dataclass(frozen=True)
class Inspection:
    """What was found."""

    survey: Survey

    @property
    def sizes(self) -> list[tuple[str, int]]:
        """Image sizes, height x width, and how many images have each; the commonest first."""
        return Counter(f"{fact.height}x{fact.width}" for fact in self.survey.facts).most_common()

    @property
    def parts(self) -> dict[str, int]:
        """How many images the folders give to each part; `unassigned` where they do not say."""
        return dict(Counter(fact.sample.part or "unassigned" for fact in self.survey.facts))

    @property
    def shares(self) -> list[tuple[str, float]]:
        """Each class and its share of all pixels of which something is known."""
        table = self.survey.classes
        pixels = [0] * table.count
        for fact in self.survey.facts:
            for value, count in fact.values.items():
                number = table.number(value)
                if number is not None:
                    pixels[number] += count
        return [(name, count / sum(pixels)) for name, count in zip(table.names, pixels, strict=True)]

    def as_json(self) -> dict[str, Any]:
        """The document of `utome inspect --json`."""
        facts = self.survey.facts
        return {
            "layout": self.survey.listing.layout,
            "images": len(facts),
            "parts": self.parts,
            "sizes": dict(self.sizes),
            "channels": self.survey.channels,
            "types": sorted({fact.dtype for fact in facts}),
            "classes": [{"name": name, "share": share} for name, share in self.shares],
            "notes": list(self.survey.notes),
        }


def inspect(data: Path, *, listen: Listener = silent) -> Inspection:
    """Look at every image and mask below `data`; `DataError` for the first that cannot be used."""
    return Inspection(survey(find_samples(data), listen=listen))
