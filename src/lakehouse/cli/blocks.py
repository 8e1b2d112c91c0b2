"""A table as wide as a terminal at most: what does not fit beside the rest goes below, in a block of its own."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click

WIDEST = 80
_GAP = "  "


@dataclass(frozen=True)
class TextColumn:
    """Cells of text below a heading; numbers stand to the right."""

    heading: str
    cells: tuple[str, ...]
    is_numeric: bool = False

    @property
    def width(self) -> int:
        return max(map(len, (self.heading, *self.cells)))

    def placed(self, text: str) -> str:
        return text.rjust(self.width) if self.is_numeric else text.ljust(self.width)


def wrapped(begin: str, words: str) -> str:
    """Words after ``begin``, their further lines below where they begin; a word that is too long stays whole."""
    return textwrap.fill(
        words,
        WIDEST,
        initial_indent=begin,
        subsequent_indent=" " * len(begin),
        break_on_hyphens=False,
        break_long_words=False,
    )


def write_blocks(first: TextColumn, groups: Sequence[Sequence[TextColumn]]) -> None:
    """Write columns side by side, in blocks that begin with an empty line and the first column.

    A group of columns stays together if it fits.
    """
    for columns in _blocks(first, groups):
        block = (first, *columns)
        headings = (column.placed(column.heading) for column in block)
        click.echo()
        click.secho(f" {_GAP.join(headings)}".rstrip(), bold=True)
        click.echo(f" {'─' * (_width(block) - 1)}")
        for cells in zip(*(column.cells for column in block), strict=True):
            placed = (column.placed(cell) for column, cell in zip(block, cells, strict=True))
            click.echo(f" {_GAP.join(placed)}".rstrip())


def _blocks(first: TextColumn, groups: Sequence[Sequence[TextColumn]]) -> Iterator[list[TextColumn]]:
    block: list[TextColumn] = []
    for group in groups:
        parts = [list(group)] if _width((first, *group)) <= WIDEST else [[column] for column in group]
        for part in parts:
            if block and _width((first, *block, *part)) > WIDEST:
                yield block
                block = []
            block += part
    if block:
        yield block


def _width(columns: Sequence[TextColumn]) -> int:
    return 1 + sum(column.width for column in columns) + len(_GAP) * (len(columns) - 1)
