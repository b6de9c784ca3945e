"""What a study file accepts in a place where something else stands, in a few words."""

from collections.abc import Mapping
from typing import Any

# What is accepted, by the kind of a problem, where pydantic says it in Python's words.
ACCEPTED = {
    "string_pattern_mismatch": "a name of small letters, digits, and `.`, `_`, `-` behind the first",
    "string_type": "text, in quotes where YAML takes it for something else",
    "tuple_type": "a list, as in [a, b]",
    "too_short": "at least 1 entry",
    **dict.fromkeys(("model_type", "mapping_type", "dict_type"), "names with their values"),
}
# What an entry looks like, for whoever wrote something else.
EXAMPLES = {
    "arms": ", as in {recipe: unet, set: {model.width: 64}}",
    "variants": ", as in {checkpoint: last}",
    "protocols": ", as in {folds: 5}",
    "scales": ", as in {set: {training.epochs: 50}}",
    "published": ", as in {row: U-Net, metric: pixels.mean_iou, percent: 77.5, source: Table 2}",
}


def accepted(problem: Mapping[str, Any]) -> str:
    """What would be right where pydantic found a problem; its own words where those are plain."""
    place = problem["loc"]
    plain = ACCEPTED.get(problem["type"])
    if plain is not None:
        return plain + (EXAMPLES.get(str(place[0]), "") if len(place) == 2 else "")
    return str(problem["msg"]).removeprefix("Input should be ").removeprefix("Value error, ")
