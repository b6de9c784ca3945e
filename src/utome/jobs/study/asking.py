"""What is asked of a study, checked before anything is written: its arms, its ways to predict, and its images."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from utome.data.survey import Survey
from utome.errors import ConfigError
from utome.events import Event, Listener, Noted, silent
from utome.execution import Workers
from utome.files import sha256_bytes
from utome.jobs.reading import read_data, split_data
from utome.jobs.scoring import grouped
from utome.jobs.study.scoring import part_scored, unlabelled_files
from utome.jobs.study.variants import refuse_mistakes
from utome.studies.file import StudyFile
from utome.studies.gathering import metrics_of
from utome.studies.plan import Asked, PlannedRun, chosen_arms, config_of, equal_arms, refuse_own_paths
from utome.studies.question import DataFacts

# A folder with this file says itself that its images were made by a program.
GENERATED = "GENERATED.txt"
USUAL_SCALE = "small"


@dataclass(frozen=True)
class StudyRequest:
    """What is asked of a study: its scale (`small`, if it has that), arms with commas between them, seeds, settings; and where to run."""

    scale: str | None = None
    arms: str | None = None
    seeds: int | None = None
    assignments: tuple[str, ...] = ()
    workers: Workers = field(default_factory=Workers)


def checked(study: StudyFile, request: StudyRequest) -> Asked:
    """What is asked; `ConfigError` where a config of an arm is not whole, or a variant cannot be had of it."""
    refuse_own_paths(study, request.assignments)
    usual = USUAL_SCALE if USUAL_SCALE in study.scales else next(iter(study.scales))
    scale = request.scale or usual
    study.scale(scale)
    arms, seeds = chosen_arms(study, request.arms), request.seeds or study.seeds
    asked = Asked(scale, request.assignments, arms, seeds, request.workers.threads)
    for protocol in study.protocols:
        for arm in study.arms:
            _refuse_mistakes(study, asked, PlannedRun(0, protocol, 0, arm))
    return asked


def with_images(study: StudyFile, data: Path, asked: Asked, listen: Listener) -> tuple[Asked, Survey, DataFacts]:
    """The same for these images; `ConfigError` where the metrics do not suit them, `DataError` where they cannot be read."""
    found, facts = read_images(study, data, asked, listen)
    metrics_of(study, facts)
    if study.data.unlabelled is not None and not unlabelled_files(study, data):
        listen(
            Noted(
                f"WARNING: no file in '{data}' fits data.unlabelled, '{study.data.unlabelled}', so none is predicted."
            )
        )
    if "human" in study.references and all(fact.sample.second is None for fact in found.facts):
        listen(Noted("WARNING: no image has the masks of a second observer, so the runs of `human` will fail."))
    asked = replace(asked, parted=_parted(study, found, listen))
    _refuse_nothing_to_score(study, asked, found)
    for arm, other in equal_arms(study, asked).items():
        listen(
            Noted(
                f"WARNING: '{arm}' has all settings of '{other}', so they are one training, compared with itself. What scale and --set "
                "say lies over the arms' own settings."
            )
        )
    return asked, found, facts


def read_images(study: StudyFile, data: Path, asked: Asked, listen: Listener) -> tuple[Survey, DataFacts]:
    """The images, and what the study knows of them; `DataError` where they cannot be read."""
    settings = config_of(study, asked, PlannedRun(0, next(iter(study.protocols)), 0, study.baseline)).data
    found = read_data(data, settings, listen)
    facts = grouped(found.facts, settings.group)
    samples = [fact.sample for fact in facts]
    groups = {sample.group or f"image {sample.name}" for sample in samples}
    # Also what an image is for and whom it belongs to: moved from test to train it is another study.
    content = sorted(
        (fact.content, fact.truth, fact.sample.part or "", fact.sample.group or "", fact.sample.name) for fact in facts
    )
    return found, DataFacts(
        root=str(data),
        layout=found.listing.layout,
        sha256=sha256_bytes(repr((content, found.classes)).encode()),
        images=len(facts),
        groups=len(groups),
        unit="group" if any(sample.group is not None for sample in samples) else "image",
        classes=found.classes.names,
        told_apart=all(sample.truth in {"objects", "instances", "coco"} for sample in samples),
        all_known=not found.classes.ignored and all(sample.field is None for sample in samples),
        citation=study.data.citation,
        generated=(data / GENERATED).is_file(),
    )


def each_once(listen: Listener) -> Listener:
    """The same listener, to whom no sentence is said twice: every run of a study has the same to say of the same images."""
    said: set[Event] = set()

    def tell(event: Event) -> None:
        if isinstance(event, Noted):
            if event in said:
                return
            said.add(event)
        listen(event)

    return tell


def _refuse_mistakes(study: StudyFile, asked: Asked, run: PlannedRun) -> None:
    config = config_of(study, asked, run)
    for name, variant in study.variants.items():
        if variant.arms is None or run.arm in variant.arms:
            try:
                refuse_mistakes(variant, config)
            except ConfigError as error:
                raise ConfigError(f"In the variant '{name}' of the study '{study.name}': {error}") from None


def _refuse_nothing_to_score(study: StudyFile, asked: Asked, found: Survey) -> None:
    """`DataError` or `ConfigError` where these images cannot be divided as a protocol asks, or have nothing for it to score."""
    for name in study.protocols:
        config = config_of(study, asked, PlannedRun(0, name, 0, study.baseline))
        part_scored(study.protocols[name], found, split_data(found, config.data, seed=0, listen=silent))


def _parted(study: StudyFile, found: Survey, listen: Listener) -> bool:
    """Whether the folders say what is for validation or test."""
    parted = any(fact.sample.part in {"val", "test"} for fact in found.facts)
    if parted and any(entry.folds or entry.set for entry in study.protocols.values()):
        listen(
            Noted("The folders say themselves what is for test, so the study draws no parts and no folds of its own.")
        )
    return parted
