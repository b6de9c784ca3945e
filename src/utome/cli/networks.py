"""Showing `utome models`."""

from dataclasses import dataclass
from pathlib import Path

from utome.cli.saying import say, say_json
from utome.errors import ConfigError
from utome.jobs.models import describe_model, draw_model
from utome.jobs.models import models as all_models
from utome.models.anatomy import Anatomy, Map


@dataclass(frozen=True)
class Sight:
    """What a network is looked at with: changed settings, image channels (none: the paper's), classes, image side."""

    assignments: tuple[str, ...]
    channels: int | None
    classes: int
    size: int


def models(name: str | None, sight: Sight, *, drawing: Path | None, json: bool) -> None:
    """Show every network in a line each, or one level by level; its drawing, too, where a file for it is named."""
    if name is None:
        if sight.assignments or drawing is not None:
            raise ConfigError(
                "--set and --draw are for one network. Name it, as in `utome models unet --set model.width=64`."
            )
        found = all_models(in_channels=sight.channels, classes=sight.classes, size=sight.size)
        if json:
            say_json({recipe: each.as_json() for recipe, each in found.items()})
            return
        say(f"{'recipe':26} {'parameters':>12} {'GMAC':>8}  input -> output")
        for recipe, each in found.items():
            say(f"{recipe:26} {each.parameters:12,} {each.multiply_accumulates / 1e9:8.1f}  {_side(each)}")
        return
    one = describe_model(name, sight.assignments, in_channels=sight.channels, classes=sight.classes, size=sight.size)
    if drawing is not None:
        draw_model(one, drawing)
    if json:
        say_json(one.as_json())
        return
    for line in _lines(one):
        say(line)


def _lines(one: Anatomy) -> list[str]:
    size = max(len(each.name) for each in (*one.encoder, *one.decoder))
    return [
        f"{one.architecture}: {one.paper}",
        f"  channels         {one.in_channels} in, {one.out_channels} out",
        f"  parameters       {one.parameters:,}",
        f"  multiply-accum.  {one.multiply_accumulates:,} for {_side(one)}",
        *(f"  {each.name:{size}}  {_shape(each.shape):>20}  {_reading(each)}" for each in (*one.encoder, *one.decoder)),
        f"  answers from     {', '.join(one.answers)}",
        f"  receptive field  {_field(one)}",
        f"  stride           {one.stride}",
        f"  takes            {one.sizes}",
    ]


def _field(one: Anatomy) -> str:
    whole = "global (the network averages over the whole image)"
    return whole if one.receptive_field == "global" else f"{one.receptive_field} pixels"


def _reading(each: Map) -> str:
    how = f" ({each.how})" if each.how else ""
    return f"from {', '.join(each.reads)}{how}"


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _side(one: Anatomy) -> str:
    return f"{one.input_size[0]}x{one.input_size[1]} -> {one.output_size[0]}x{one.output_size[1]}"
