"""The page of `utome inspect`: what is there, what is doubtful, and pictures of images with their masks."""

import html
from collections.abc import Mapping, Sequence

import numpy as np

from utome.data.classes import IGNORED
from utome.data.survey import Facts, Survey
from utome.data.truth import read_pixels, read_truth
from utome.prediction.pictures import Colour, displayed, overlay
from utome.report.panels import address
from utome.report.style import STYLE

PICTURES = 8
# Nothing is known there: shown in violet, which no class has.
UNKNOWN_TINT = np.array((148, 60, 200), dtype=np.float32)


def inspection_html(title: str, found: Survey, facts: Mapping[str, str], problems: Sequence[str]) -> str:
    """The page as text; `facts` are figures by what they are called."""
    rows = "".join(
        f"<tr><th>{html.escape(name)}</th><td class=text>{html.escape(value)}</td></tr>"
        for name, value in facts.items()
    )
    doubts = "".join(f"<p class=warning>{html.escape(problem)}</p>" for problem in problems)
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in found.notes)
    name = html.escape(title)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width, initial-scale=1"><title>{name} · utome inspect</title><style>{STYLE}</style></head>'
        f"<body><main><header><h1>{name}</h1><p>As utome reads it</p></header>"
        f"<section><h2>Problems</h2>{doubts or '<p>None found.</p>'}</section>"
        f"<section><h2>What is here</h2><div class=wide><table><tbody>{rows}</tbody></table></div><ul>{notes}</ul></section>"
        f"<section><h2>Images with their masks</h2>{_pictures(found)}</section></main></body></html>\n"
    )


def picture(fact: Facts, found: Survey) -> Colour:
    """The image with its classes tinted, and in violet what nothing is known of."""
    pixels = read_pixels(fact.sample)
    labels = found.classes.labels(read_truth(fact.sample), source=fact.sample.truth_source)
    unknown = labels == IGNORED
    shown = overlay(pixels, np.where(unknown, 0, labels).astype(np.uint8))
    shown[unknown] = (0.5 * shown[unknown] + 0.5 * UNKNOWN_TINT).astype(np.uint8)
    return shown


def _pictures(found: Survey) -> str:
    """A few samples, evenly from first to last by name: image and overlay."""
    count = min(PICTURES, len(found.facts))
    chosen = [found.facts[number * len(found.facts) // count] for number in range(count)]
    figures = []
    for fact in chosen:
        name = html.escape(fact.sample.name)
        plain, tinted = address(displayed(read_pixels(fact.sample))), address(picture(fact, found))
        figures.append(f'<figure><img src="{plain}" alt="image {name}"><figcaption>{name}</figcaption></figure>')
        figures.append(
            f'<figure><img src="{tinted}" alt="mask of {name}"><figcaption>with its mask</figcaption></figure>'
        )
    return f"<div class=panels>{''.join(figures)}</div>"
