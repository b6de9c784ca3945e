"""What is doubtful about usable data is said, with what mends it; what is not is not."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.builders import look, noise, pair, pair_folder, save, save_pairs, square
from utome.data.problems import problems
from utome.data.samples import Sample
from utome.data.splitting import Rule, split
from utome.data.survey import Survey


def said(found: Survey, rule: Rule | None = None) -> str:
    rule = rule or Rule()
    return "\n".join(problems(found, split(found.facts, rule, seed=0), rule))


def with_groups(found: Survey, group: dict[str, str]) -> Survey:
    def named(sample: Sample) -> Sample:
        return replace(sample, group=group[sample.name])

    return replace(found, facts=tuple(replace(fact, sample=named(fact.sample)) for fact in found.facts))


def test_enough_different_images_with_objects_raise_no_doubt(tmp_path: Path) -> None:
    assert said(look(pair_folder(tmp_path, 24))) == ""


def test_few_images_are_better_tested_in_folds(tmp_path: Path) -> None:
    sentence = said(look(pair_folder(tmp_path, 7)))
    assert "There are 7 different images" in sentence
    assert "--set data.folds=5 --set data.fold=0" in sentence


def test_few_images_that_the_folders_have_parted_are_left_as_they_are(tmp_path: Path) -> None:
    for part, seeds in (("train", range(5)), ("test", range(5, 8))):
        save_pairs(tmp_path / part, {f"{seed}": pair(seed) for seed in seeds})
    assert "different images" not in said(look(tmp_path))


def test_a_constant_image_is_named(tmp_path: Path) -> None:
    pairs = {f"{seed}": pair(seed) for seed in range(24)}
    pairs["dark"] = (np.full((24, 20), 9, dtype=np.uint8), square(24, 20))
    assert "'dark' holds one value alone. Take it out" in said(look(save_pairs(tmp_path, pairs)))


def test_empty_masks_are_named_and_counted(tmp_path: Path) -> None:
    pairs = {f"{seed:02}": pair(seed) for seed in range(24)}
    for name in ("03", "05", "07", "09"):
        pairs[name] = (pairs[name][0], np.zeros((24, 20), dtype=np.uint8))
    assert "The masks of '03', '05', '07' and 1 more are all background." in said(look(save_pairs(tmp_path, pairs)))


def test_a_class_that_a_part_never_sees_is_named(tmp_path: Path) -> None:
    for part, values in (("train", (0, 1, 2)), ("val", (0, 1))):
        for seed in range(3):
            mask = np.resize(np.asarray(values, dtype=np.uint8), (12, 12))
            save(tmp_path / part / "images" / f"{part}{seed}.png", noise(12, 12, seed=seed + 10 * len(part)))
            save(tmp_path / part / "masks" / f"{part}{seed}.png", mask)
    sentence = said(look(tmp_path))
    assert "No validation image holds 'class 2'." in sentence
    assert "No training image" not in sentence


def test_the_same_pixels_twice_are_named(tmp_path: Path) -> None:
    pairs = {f"{seed}": pair(seed) for seed in range(24)}
    pairs["again"] = pair(5)
    assert "'5', 'again' have the same pixels" in said(look(save_pairs(tmp_path, pairs)))


def test_near_copies_are_named_and_where_they_would_leak(tmp_path: Path) -> None:
    pairs = {f"{seed}": pair(seed, 64, 64) for seed in range(24)}
    for seed in range(6):
        image, mask = pairs[f"{seed}"]
        pairs[f"copy-{seed}"] = ((image * 0.9).astype(np.uint8), mask)
    found = look(save_pairs(tmp_path, pairs))
    sentence = said(found, Rule((0.3, 0.3)))
    assert "'0' and 'copy-0' look like copies of one image." in sentence
    assert "3 more pairs look like copies of one image." in sentence
    assert "They are in different parts, so the score will be too good." in sentence


def test_a_group_that_the_folders_have_torn_apart_is_named(tmp_path: Path) -> None:
    for part, seeds in (("train", range(5)), ("test", range(5, 8))):
        save_pairs(tmp_path / part, {f"{seed}": pair(seed) for seed in seeds})
    found = with_groups(look(tmp_path), {f"{seed}": "road" if seed in {2, 6} else f"own-{seed}" for seed in range(8)})
    assert "Images of 'road' are in more than one part" in said(found)


def test_folds_are_advised_for_the_groups_that_there_are_and_not_twice(tmp_path: Path) -> None:
    found = with_groups(look(pair_folder(tmp_path, 8)), {f"image-{seed}": f"child-{seed % 4}" for seed in range(8)})
    assert "Train on each of 4 folds in turn: --set data.folds=4" in said(found)
    assert "folds" not in said(found, Rule(folds=4))


def test_too_few_groups_for_folds_are_not_advised_any(tmp_path: Path) -> None:
    found = with_groups(look(pair_folder(tmp_path, 8)), {f"image-{seed}": f"0{seed % 2}" for seed in range(8)})
    assert "Add images, or score on others by `utome evaluate`." in said(found)
    assert "Images of '00', '01' are in more than one part" in said(found)
