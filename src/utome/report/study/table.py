"""A table as plain text, and how it is written in HTML, Markdown and LaTeX. A second line of a cell is its small print."""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "_": r"\_", "%": r"\%",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": "$<$", ">": "$>$", "|": "$|$", "−": "$-$", "–": "--", "×": r"$\times$",
    "±": r"$\pm$", "µ": r"$\mu$", "μ": r"$\mu$", "²": "$^2$", "³": "$^3$", "·": r"$\cdot$", "λ": r"$\lambda$", "σ": r"$\sigma$",
    "≤": r"$\le$", "≥": r"$\ge$", '"': "''", "…": r"\ldots{}", "▲": "$^{+}$", "▼": "$^{-}$",
    "≈": r"$\approx$", "[": "{[}", "*": "{*}", "\n": " ", "\r": " ",
}  # fmt: skip
# Text of more letters than this is broken into lines.
LATEX_TEXT = 22
MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|~$])")


@dataclass(frozen=True)
class Table:
    """Rows of cells under a head; the first `texts` columns are text, the others numbers. `name` is its label in LaTeX.

    `marked` are the rows that the table is about or that went wrong; `notes` stand below.
    """

    name: str
    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    texts: frozenset[int] = frozenset({0})
    marked: frozenset[int] = frozenset()

    def without_empty_columns(self) -> "Table":
        """The same without columns in which no row says anything."""
        kept = [
            column for column in range(len(self.head)) if column == 0 or any(_says(row[column]) for row in self.rows)
        ]
        return replace(
            self,
            head=tuple(self.head[column] for column in kept),
            rows=tuple(tuple(row[column] for column in kept) for row in self.rows),
            texts=frozenset(place for place, column in enumerate(kept) if column in self.texts),
        )


def html_table(table: Table) -> str:
    """The table as HTML, without its title."""
    head = "".join(_tag("th", cell, number in table.texts) for number, cell in enumerate(table.head))
    rows = "".join(_html_row(table, number, row) for number, row in enumerate(table.rows))
    notes = "".join(f"<p class=small>{html.escape(note)}</p>" for note in table.notes)
    return (
        f"<div class=wide><table class=study><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{notes}"
    )


def markdown_table(table: Table) -> str:
    """The table as Markdown, without its title."""
    rule = ["---" if number in table.texts else "---:" for number in range(len(table.head))]
    lines = [_line(table.head), f"| {' | '.join(rule)} |", *(_line(row) for row in table.rows)]
    notes = "".join(f"\n{markdown_text(note)}\n" for note in table.notes)
    return "\n".join(lines) + "\n" + notes


def latex_table(table: Table, caption: str) -> str:
    """The table as a float for the packages array, booktabs and adjustbox, which makes it no wider than the page."""
    columns = "".join(_latex_column(table, number) for number in range(len(table.head)))
    notes = "".join(f"\\par\\smallskip\\raggedright\\footnotesize {latex_text(note)}\n" for note in table.notes)
    rows = "\\addlinespace\n".join(map(_latex_row, table.rows))
    return (
        f"\\begin{{table}}\n\\centering\n\\caption{{{latex_text(caption)}}}\n\\label{{tab:{table.name}}}\n"
        f"\\begin{{adjustbox}}{{max width=\\textwidth}}\n\\begin{{tabular}}{{{columns}}}\n\\toprule\n{_latex_row(table.head)}\\midrule\n"
        f"{rows}\\bottomrule\n\\end{{tabular}}\n\\end{{adjustbox}}\n"
        f"{notes}\\end{{table}}\n"
    )


def latex_text(text: str) -> str:
    r"""The text as LaTeX typesets it.

    >>> latex_text("a_b% <5")
    'a\\_b\\% $<$5'
    """
    return "".join(LATEX.get(sign, sign) for sign in text)


def markdown_text(text: str) -> str:
    r"""The text as Markdown shows it.

    >>> markdown_text("a_b|c")
    'a\\_b\\|c'
    """
    return MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def _html_row(table: Table, number: int, row: Sequence[str]) -> str:
    mark = " class=marked" if number in table.marked else ""
    cells = "".join(_tag("th" if column == 0 else "td", cell, column in table.texts) for column, cell in enumerate(row))
    return f"<tr{mark}>{cells}</tr>"


def _tag(name: str, cell: str, is_text: bool) -> str:
    first, *small = map(html.escape, _lines(cell))
    kind = " class=text" if is_text else " class=number"
    below = "".join(f"<small>{line}</small>" for line in small)
    return f"<{name}{kind}>{first}{below}</{name}>"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join('<br>'.join(map(markdown_text, _lines(cell))) for cell in cells)} |"


def _latex_column(table: Table, number: int) -> str:
    if number not in table.texts:
        return "r"
    longest = max(len(line) for row in table.rows for line in _lines(row[number]))
    return r">{\raggedright\arraybackslash}p{10em}" if longest > LATEX_TEXT else "l"


def _latex_row(cells: Sequence[str]) -> str:
    """Lines below each other: LaTeX knows none within a cell."""
    found = []
    for place, line in enumerate(zip_longest(*map(_lines, cells), fillvalue="")):
        size = "\\footnotesize " if place else ""
        found.append(" & ".join(f"{size}{latex_text(text)}" if text else "" for text in line))
    return "".join(f"{line} \\\\\n" for line in found)


def _lines(cell: str) -> list[str]:
    """The cell's number or name, and the small print below it."""
    first, *small = cell.split("\n")
    return [first, *(line for line in small if line)]


def _says(cell: str) -> bool:
    return cell.strip() not in {"", "–"}
