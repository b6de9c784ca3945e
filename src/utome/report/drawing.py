"""A drawing of a network, as SVG, from its anatomy alone: a box a map, an arrow for each map that another one reads."""

from math import log2
from xml.sax.saxutils import escape

from utome.models.anatomy import Anatomy, Map

COLUMN, ROW, BOX = 104, 88, 30
LEFT, TOP, BELOW = 70, 64, 84
DOWN, UP, SKIP, INK = "#0072b2", "#d55e00", "#6b7280", "#111827"
COLOURS = {"down": DOWN, "up": UP, "skip": SKIP}
Place = tuple[float, float]


def draw(network: Anatomy) -> str:
    """The drawing: fine maps above coarse ones, in the order in which they are made from left to right.

    A box holds the channels, and is wider the more there are. A full line is the way down and up, a dashed one a skip; a
    dot marks the maps that logits are made of.
    """
    sheet = _Sheet(network)
    boxes = [sheet.box(each) for each in sheet.maps]
    ways = [way for each in sheet.maps for way in sheet.ways(each)]
    width = max(x for x, _ in sheet.places.values()) + LEFT
    height = max(y for _, y in sheet.places.values()) + BELOW
    lines = [
        _opening(width, height),
        f"<title>{escape(_numbers(network))}</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        *(_tip(kind) for kind in COLOURS),
        *ways,
        *boxes,
        _text(LEFT / 2, height - 26, _numbers(network), size=12, anchor="start"),
        _text(LEFT / 2, height - 10, _legend(network), size=10.5, anchor="start"),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


class _Sheet:
    """Where every map stands."""

    def __init__(self, network: Anatomy) -> None:
        self.maps = [*network.encoder, *network.decoder]
        self._ways_down = {each.name for each in network.encoder}
        self._answers = set(network.answers)
        columns = {"image": -1}
        for each in self.maps:
            columns[each.name] = 1 + max(columns[name] for name in each.reads)
        rows = {each.name: round(log2(each.stride)) for each in self.maps}
        top = min(rows.values())
        self._half = {each.name: 8 + 3.2 * log2(each.shape[0]) for each in self.maps}
        self.places = {name: (LEFT + COLUMN * columns[name], TOP + ROW * (row - top)) for name, row in rows.items()}

    def box(self, each: Map) -> str:
        """A map: its channels, its size, and a dot where it answers."""
        x, y = self.places[each.name]
        half, (channels, height, width) = self._half[each.name], each.shape
        parts = [
            _rectangle(x - half, y - BOX / 2, 2 * half),
            _text(x, y + 4, str(channels), size=12),
            _text(x, y + BOX / 2 + 14, f"{height} x {width}", size=10.5),
        ]
        if each.name in self._ways_down and each.how:
            parts.append(_text(x, y + BOX / 2 + 27, each.how, size=10.5))
        if each.name in self._answers:
            parts.append(f'<circle cx="{x + half:.1f}" cy="{y - BOX / 2:.1f}" r="4.5" fill="{INK}"/>')
        return "".join(parts)

    def ways(self, target: Map) -> list[str]:
        """An arrow from each map that is read: the first is the way on, the others are skips."""
        first, *others = target.reads
        return [self._way_on(first, target.name), *(self._skip(name, target.name) for name in others)]

    def _way_on(self, name: str, target: str) -> str:
        x, y = self.places[target]
        if name not in self.places:  # the image
            return _arrow(f"M {x - self._half[target] - 34:.1f} {y:.1f} H {x - self._half[target] - 4:.1f}", "down")
        from_x, from_y = self.places[name]
        start = from_x + self._half[name]
        if target in self._ways_down:
            return _arrow(f"M {start:.1f} {from_y + 6:.1f} H {x:.1f} V {y - BOX / 2 - 4:.1f}", "down")
        return _arrow(f"M {start:.1f} {from_y - 6:.1f} H {x:.1f} V {y + BOX / 2 + 20:.1f}", "up")

    def _skip(self, name: str, target: str) -> str:
        (from_x, from_y), (x, y) = self.places[name], self.places[target]
        start, end, far = from_x + self._half[name], x - self._half[target] - 4, x + self._half[target] + 4
        if from_y < y:  # from a finer map
            return _curve((start, from_y), (x - 40, from_y + 20), (x - 60, y), (end, y))
        if from_y > y:  # from a coarser one
            return _curve((start, from_y), (x + 84, from_y), (x + 84, y + 4), (far, y + 4))
        if not any(row == y and from_x < column < x for column, row in self.places.values()):
            return _curve((start, y), (start, y), (end, y), (end, y))
        top, lift = y - BOX / 2, y - BOX / 2 - 10 - 6 * (x - from_x) / COLUMN
        return _curve((from_x, top), (from_x + 14, lift), (x - 24, lift), (x - 8, top - 3))


def _legend(network: Anatomy) -> str:
    hows = sorted({each.how for each in network.decoder} - {""})
    skips = f"dashed: skips ({', '.join(hows)}); " if hows else ""
    answering = "dots: the map that" if len(network.answers) == 1 else "dots: the maps that"
    return f"{skips}{answering} logits are made of"


def _numbers(network: Anatomy) -> str:
    height, width = network.input_size
    return (
        f"{network.in_channels} -> {network.out_channels} channels, {network.parameters:,} parameters, "
        f"{network.multiply_accumulates / 1e9:.1f} GMAC at {height} x {width}"
    )


def _opening(width: float, height: float) -> str:
    size = f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="system-ui, sans-serif">'


def _rectangle(x: float, y: float, width: float) -> str:
    size = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{BOX}"'
    return f'<rect {size} rx="3" fill="#eef1f5" stroke="{INK}"/>'


def _text(x: float, y: float, text: str, *, size: float, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{INK}" text-anchor="{anchor}">{escape(text)}</text>'


def _curve(start: Place, leave: Place, arrive: Place, end: Place) -> str:
    """A skip from `start` to `end`, which leaves towards one point and arrives from another."""
    corners = " ".join(f"{x:.1f} {y:.1f}" for x, y in (leave, arrive, end))
    return _arrow(f"M {start[0]:.1f} {start[1]:.1f} C {corners}", "skip")


def _arrow(path: str, kind: str) -> str:
    dashes = ' stroke-dasharray="5 4"' if kind == "skip" else ""
    colour = COLOURS[kind]
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.5"{dashes} marker-end="url(#{kind})"/>'


def _tip(kind: str) -> str:
    return (
        f'<marker id="{kind}" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
        f'<path d="M 0 0 L 8 4 L 0 8 z" fill="{COLOURS[kind]}"/></marker>'
    )
