"""Draw every recipe's network into `docs/architectures/`, and renew the table of figures in `docs/architectures.md`.

    python scripts/draw_architectures.py

Drawings and figures come from the networks themselves; what is between the page's two markers is replaced.
"""

from pathlib import Path

from utome.files import new_folder, write_text
from utome.jobs.models import draw_model, models
from utome.models.anatomy import Anatomy

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "architectures.md"
DRAWINGS = DOCS / "architectures"
BEGIN, END = "<!-- figures: made by scripts/draw_architectures.py -->", "<!-- end of figures -->"
# 572 pixels is the size in the figure of the original U-Net; the others take the next that fits.
SIZE = 572


def main() -> None:
    networks = models(size=SIZE)
    new_folder(DRAWINGS)
    for recipe, network in networks.items():
        draw_model(network, DRAWINGS / f"{recipe}.svg")
    write_text(PAGE, with_table(PAGE.read_text(encoding="utf-8"), networks))


def with_table(page: str, networks: dict[str, Anatomy]) -> str:
    """The page with a new table of figures between its markers."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{table(networks)}\n\n{END}{after}"


def table(networks: dict[str, Anatomy]) -> str:
    """A row a recipe."""
    heads = ("recipe", "channels", "parameters", "GMAC", "input", "logits", "stride", "receptive field")
    rows = [
        heads,
        ("---", "---", "---:", "---:", "---", "---", "---:", "---:"),
        *map(_row, networks, networks.values()),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(recipe: str, network: Anatomy) -> tuple[str, ...]:
    return (
        f"[`{recipe}`](architectures/{recipe}.svg)",
        f"{network.in_channels} → {network.out_channels}",
        f"{network.parameters:,}",
        f"{network.multiply_accumulates / 1e9:.1f}",
        " x ".join(map(str, network.input_size)),
        " x ".join(map(str, network.output_size)),
        str(network.stride),
        str(network.receptive_field),
    )


if __name__ == "__main__":
    main()
