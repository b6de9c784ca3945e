"""`report.html`: what was trained, how it went, how good it is, and how that looks. One file, nothing fetched."""

import html
from collections.abc import Sequence

import yaml

from utome.config.settings import leaves
from utome.evaluation.otsu import WithoutLearning
from utome.evaluation.table import Scores
from utome.events import EpochDone
from utome.files import write_text
from utome.prediction.predictor import Predictor
from utome.recipes.library import load_recipe
from utome.report.curves import curves_svg
from utome.report.panels import figures, legend_html, panels
from utome.report.style import STYLE
from utome.report.tables import class_table, figure, image_table, tiles
from utome.training.runfolder import RunFolder


def write_report(
    folder: RunFolder,
    history: Sequence[EpochDone],
    predictor: Predictor,
    scores: Scores,
    otsu: WithoutLearning | None = None,
) -> None:
    """Write the page of a run from its history, the scores of its best model, and those of a threshold on the same images."""
    write_text(folder.report, report_html(folder, history, predictor, scores, otsu))


def report_html(
    folder: RunFolder,
    history: Sequence[EpochDone],
    predictor: Predictor,
    scores: Scores,
    otsu: WithoutLearning | None = None,
) -> str:
    """The page as text."""
    name = html.escape(folder.path.resolve().name)
    best = [epoch for epoch in history if epoch.best][-1]
    sections = [
        f"<header><h1>{name}</h1><p>{_summary(predictor, history, best)}</p></header>",
        _headline(scores),
        (
            f"<section><h2>Training</h2><div class=curves>{_curves(history)}</div>"
            "<p class=small>Features are measured at the end of each epoch on the same validation images: at the bottom of the network and at its "
            "deepest skip, without the multiplication of an enhancement module.</p>"
            f"<p>The model kept is that of epoch {best.epoch} of {len(history)}, chosen on the validation images.</p></section>"
        ),
        class_table(scores, otsu),
        _panel_section(predictor, scores),
        image_table(scores),
        _settings(folder, predictor),
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{name} · utome</title><style>{STYLE}</style></head><body><main>{''.join(sections)}</main></body></html>\n"
    )


def _summary(predictor: Predictor, history: Sequence[EpochDone], best: EpochDone) -> str:
    card = predictor.card
    used = {part: sum(1 for seen in card.images.values() if seen == part) for part in ("train", "val")}
    minutes = sum(epoch.seconds for epoch in history) / 60
    return (
        f"Recipe <b>{html.escape(card.recipe)}</b> · {used['train']} images trained, {used['val']} chose the model · {len(history)} epochs, "
        f"{minutes:.1f} minutes · validation mean IoU {best.val_mean_iou:.3f}"
    )


def _headline(scores: Scores) -> str:
    """The figures that people look for first, and what they may conclude from them."""
    count = len(scores.images)
    if scores.of(["never"]):
        note = f"<p>Scored on {count} images that training never saw, at their own size.</p>"
    else:
        note = (
            f"<p class=warning>No images were kept from training, so these scores are from the {count} images that chose the model: "
            "new images will score lower.</p>"
        )
    note += "".join(f"<p class=warning>{html.escape(sentence)}</p>" for sentence in scores.never_predicted)
    return f"<section><h2>Scores</h2>{tiles(scores)}{note}</section>"


def _curves(history: Sequence[EpochDone]) -> str:
    return "".join(f"<figure>{svg}</figure>" for svg in curves_svg(history))


def _panel_section(predictor: Predictor, scores: Scores) -> str:
    rows = "".join(
        f"<h3>{html.escape(f'{panel.title}: {panel.score.name}')} <span>mean IoU {figure(panel.score.confusion.mean_iou)}</span></h3>"
        + figures(panel.pictures)
        for panel in panels(predictor, scores)
    )
    return f"<section><h2>Worst, median and best image</h2>{legend_html(scores.classes)}{rows}</section>"


def _settings(folder: RunFolder, predictor: Predictor) -> str:
    recipe = load_recipe(predictor.card.recipe)
    settings = leaves(yaml.safe_load(folder.config.read_text(encoding="utf-8")))
    published = leaves(recipe.config.as_dict())
    rows = "".join(
        f"<tr><th><code>{path}</code></th><td><code>{html.escape(str(value))}</code></td>"
        f"<td class=text>{html.escape(_reason(path, value, published, {**recipe.published, **recipe.reasons}))}</td></tr>"
        for path, value in settings.items()
    )
    return (
        f"<section><h2>Settings</h2><p>{html.escape(recipe.title)}. {html.escape(recipe.paper)}.</p><details><summary>All {len(settings)} settings and "
        f"where they come from</summary><div class=wide><table><thead><tr><th>Setting</th><td>Value</td><td class=text>Why</td></tr></thead>"
        f"<tbody>{rows}</tbody></table></div></details></section>"
    )


def _reason(path: str, value: object, published: dict[str, object], reasons: dict[str, str]) -> str:
    if path in published and published[path] != value:
        return f"changed for this run; the recipe has {published[path]}"
    return reasons.get(path, "")
