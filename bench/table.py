"""The table: a figure of ours, what it is held against, and whether that is good enough."""

from __future__ import annotations

from dataclasses import dataclass

HEAD = "| what | ours | reference | ratio | bar | met |\n|---|---|---|---|---|---|"


@dataclass(frozen=True)
class Bar:
    """What a figure has to reach: a share of the reference, or a figure of its own."""

    limit: float
    least: bool = False
    """The limit is the least that will do, not the most."""
    unit: str = ""
    """Of our own figure; empty: the limit is a share of the reference."""

    def __str__(self) -> str:
        """As it stands in the table."""
        return f"{'≥' if self.least else '≤'} {self.limit:g} {self.unit or '×'}"

    def met(self, figure: float | None) -> bool:
        """Tell whether our figure, or its ratio, is good enough; an unknown one is not."""
        if figure is None:
            return False
        return figure >= self.limit if self.least else figure <= self.limit


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    what: str
    ours: float
    reference: float | None = None
    bar: Bar | None = None

    @property
    def ratio(self) -> float | None:
        """Ours as a share of the reference, None where there is none to divide by."""
        return self.ours / self.reference if self.reference else None

    def __str__(self) -> str:
        """The line in Markdown."""
        figures = (self.ours, self.reference, self.ratio)
        cells = [self.what, *("" if figure is None else f"{figure:.2f}" for figure in figures)]
        if self.bar is None:
            cells += ["", ""]
        else:
            met = self.bar.met(self.ours if self.bar.unit else self.ratio)
            cells += [str(self.bar), "yes" if met else "**no**"]
        return f"| {' | '.join(cells)} |"
