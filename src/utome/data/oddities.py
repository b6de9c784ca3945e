"""What is odd about files and was put right: said once for all that share it."""

from collections.abc import Mapping

from utome.data.formats import OF_FILES, OF_MASKS, Quirk


def oddities(quirks: Mapping[str, frozenset[Quirk]]) -> tuple[str, ...]:
    """A sentence for each oddity; `quirks` are those of each sample, by name."""
    sentences = []
    for quirk in Quirk:
        names = [name for name, own in quirks.items() if quirk in own]
        if names:
            files = "mask" if quirk in OF_MASKS else "file" if quirk in OF_FILES else "image"
            count = f"All {len(names)}" if len(names) == len(quirks) > 1 else str(len(names))
            many = f"{files}s (as '{names[0]}')" if len(names) > 1 else f"{files} ('{names[0]}')"
            sentences.append(f"{count} {many}: {quirk.value}.")
    return tuple(sentences)
