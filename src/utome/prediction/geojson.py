"""Outlines of one image's objects as GeoJSON, as QuPath reads and writes them: a detection each, with its class and number."""

import json
from collections.abc import Sequence

from utome.prediction.outlines import Polygon, Ring
from utome.prediction.pictures import COLOURS


def geojson(outlines: Sequence[Sequence[Polygon]], classes: Sequence[int], names: Sequence[str]) -> str:
    """A feature for each object, in their order; `classes` has the class of each, and `names` the names of all classes."""
    features = [
        {
            "type": "Feature",
            "geometry": _geometry(polygons),
            "properties": {
                "objectType": "detection",
                "name": str(number),
                "classification": {"name": names[kind], "color": list(COLOURS[kind % len(COLOURS)])},
            },
        }
        for number, (polygons, kind) in enumerate(zip(outlines, classes, strict=True), start=1)
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False) + "\n"


def _geometry(polygons: Sequence[Polygon]) -> dict[str, object]:
    rings = [[_closed(ring) for ring in (each.shell, *each.holes)] for each in polygons]
    if len(rings) == 1:
        return {"type": "Polygon", "coordinates": rings[0]}
    return {"type": "MultiPolygon", "coordinates": rings}


def _closed(ring: Ring) -> list[list[int]]:
    return [list(corner) for corner in (*ring, ring[0])]
