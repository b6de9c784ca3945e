"""`utome recipes NAME --preview DATA`: what the network will see of a folder when it is trained by a recipe."""

from pathlib import Path

import torch

from utome.augmentation.tiles import TileAugmentation
from utome.config.sections import AugmentationSettings
from utome.config.settings import Config
from utome.errors import ConfigError
from utome.events import Listener, silent
from utome.files import write_text
from utome.jobs.preparing import prepare
from utome.report.preview import Sight, preview_html

IMAGES, VERSIONS = 4, 3
UNCHANGED = AugmentationSettings(flips=False, quarter_turns=False)


def preview(data: Path, config: Config, out: Path, *, fixed: frozenset[str] | None, listen: Listener = silent) -> int:
    """Write a page of a few training images: each as it is and in the first epochs' versions, with labels and weights.

    Nothing is trained. Returns how many images are shown.
    """
    if out.suffix.lower() not in {".html", ".htm"}:
        raise ConfigError(f"'{out}' is no name for a page. Let it end in .html.")
    task = prepare(data, config, listen, fixed=fixed).task
    batches, cpu = task.batches, torch.device("cpu")
    changed, unchanged = TileAugmentation(task.config.augmentation, cpu), TileAugmentation(UNCHANGED, cpu)
    sights = []
    count = min(IMAGES, len(batches.dataset))
    for number in sorted({place * len(batches.dataset) // count for place in range(count)}):
        tiles = [(epoch, number, 0) for epoch in range(1, VERSIONS + 1)]
        name = batches.dataset.facts[number].sample.name
        sights.append(Sight(name, batches.batch(tiles[:1], unchanged), batches.batch(tiles, changed)))
    write_text(out, preview_html(task.config.recipe, data.resolve().name, sights))
    return len(sights)
