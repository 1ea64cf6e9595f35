"""A page of panels, laid out in inches: what stands around the panels is measured, so that no text meets another."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any, NamedTuple

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from head_ablation.figures.figure import Design
from head_ablation.figures.style import GREY, SMALL
from head_ablation.figures.text import width_of, wrapped

LINE = 1.25  # a line's height, in font sizes
GAP, RIGHT, EDGE = 1.3, 0.9, 0.4  # between panels, behind the last one, around the page; in font sizes
OVERHANG = 0.7  # of what stands above a panel, beyond its right end; less than GAP and RIGHT
NARROWEST = 9.0  # panel, in font sizes
TICKS, Y_TICKS = 1.9, 3.8  # room of the ticks and their labels, below and beside a panel; in font sizes

SPACING: dict[str, Any] = {  # of a legend, in font sizes
    "frameon": False,
    "borderpad": 0,
    "borderaxespad": 0,
    "handlelength": 2.3,
    "handletextpad": 0.5,
    "columnspacing": 1.1,
    "labelspacing": 0.35,
}


class Panel(NamedTuple):
    """What stands above a panel: its title, and in small print what it rests on."""

    title: str
    note: str


class Spot(NamedTuple):
    """A panel's place: inches from the left and from the top of the page."""

    left: float
    top: float
    width: float
    height: float


def columns_of(design: Design, number: int, group: int) -> int:
    """How many panels stand side by side, so that groups of `group` panels begin their own row."""
    room = (design.width_inches / design.em) - Y_TICKS - 2 * LINE - RIGHT
    most = max(1, int((room + GAP) / (NARROWEST + GAP)))
    size = min(group, number)
    return ceil(size / ceil(size / most))


def titled_once(design: Design, panels: Sequence[Panel], group: int) -> list[Panel]:
    """The panels of a grid, with titles above the first row alone, where a group fills exactly one row."""
    has_rows = columns_of(design, len(panels), group) == group
    return [Panel("", panel.note) if has_rows and place >= group else panel for place, panel in enumerate(panels)]


class Page:
    """A figure with its panels; `close` adds what stands below them.

    Attributes:
        figure: outside pyplot, so without global state.
        axes: one for each panel, in their order.
    """

    def __init__(
        self, design: Design, panels: Sequence[Panel], group: int, x_label: str, y_label: str, shape: float = 0.75
    ):
        self.design = design
        self.figure = Figure(figsize=(design.width_inches, design.width_inches))
        self._columns = columns_of(design, len(panels), group)
        self._places = [divmod(place, group) for place in range(len(panels))]
        rows_of_group = ceil(min(group, len(panels)) / self._columns)
        self._cells = [
            (number * rows_of_group + place // self._columns, place % self._columns) for number, place in self._places
        ]
        self._label_y(y_label, shape)
        self._spots, self._height = self._lay_out(panels)
        self.axes = [self.figure.add_axes((0, 0, 1, 1)) for _ in panels]
        lines = self._note_lines(panels)
        for ax, panel, (row, column) in zip(self.axes, panels, self._cells, strict=True):
            self._write_head(ax, panel, lines[row])
            ax.tick_params(labelleft=column == 0, labelbottom=self._is_lowest(row, column))
            if self._is_lowest(row, column):
                ax.set_xlabel(x_label)
        for ax in self.axes[1:]:
            ax.sharex(self.axes[0])
            ax.sharey(self.axes[0])

    @property
    def panel_points(self) -> float:
        """A panel's width in points."""
        return 72 * self._panel_width

    def close(self, handles: Sequence[Artist], caption: str) -> Figure:
        """Adds legend and caption below the panels."""
        em, width = self.design.em, self.design.width_inches
        lines = wrapped(caption, width - 2 * EDGE * em, SMALL * self.design.font_size)
        caption_height = LINE * SMALL * em * len(lines) + EDGE * em
        legend = self._add_legend(handles) if self.design.legend else None
        legend_height = legend.get_window_extent().height / self.figure.dpi + 0.6 * em if legend else 0
        height = self._height + legend_height + caption_height + EDGE * em
        self.figure.set_size_inches(width, height)
        for ax, spot in zip(self.axes, self._spots, strict=True):
            low = height - spot.top - spot.height
            ax.set_position((spot.left / width, low / height, spot.width / width, spot.height / height))
        middle = 1 - (self._spots[0].top + self._spots[-1].top + self._spots[-1].height) / 2 / height
        self.figure.text(
            EDGE * em / width, middle, "\n".join(self._y_lines), rotation=90, va="center", ha="left", linespacing=LINE
        )
        self.figure.text(
            EDGE * em / width,
            EDGE * em / height,
            "\n".join(lines),
            fontsize=SMALL * self.design.font_size,
            color=GREY,
            va="bottom",
            linespacing=LINE,
        )
        if legend:
            legend.set_bbox_to_anchor((EDGE * em / width, (caption_height + EDGE * em) / height))
        return self.figure

    def _label_y(self, y_label: str, shape: float) -> None:
        """The panels' size, and the lines of the label beside them."""
        em = self.design.em
        self._y_lines = [y_label]
        for _ in range(2):  # the label's lines take room from the panels, whose height decides the lines
            left = EDGE + LINE * len(self._y_lines) + Y_TICKS
            pitch = (self.design.width_inches - (left + RIGHT - GAP) * em) / self._columns
            self._left, self._panel_width = left * em, pitch - GAP * em
            self._panel_height = min(max(shape * self._panel_width, 12 * shape * em), 17 * em)
            rows = 1 + max(row for row, _ in self._cells)
            self._y_lines = wrapped(y_label, rows * self._panel_height, self.design.font_size)

    def _lay_out(self, panels: Sequence[Panel]) -> tuple[list[Spot], float]:
        """Where each panel stands, and how high all of them are."""
        em, top, tops = self.design.em, EDGE * self.design.em, {}
        for row in range(max(row for row, _ in self._cells) + 1):
            here = [number for number, cell in enumerate(self._cells) if cell[0] == row]
            top += self._head_height([panels[number] for number in here])
            tops[row] = top
            lowest = any(self._is_lowest(*self._cells[number]) for number in here)
            top += self._panel_height + em * (TICKS + LINE if lowest else 0.5)
        pitch = self._panel_width + GAP * em
        spots = [
            Spot(self._left + column * pitch, tops[row], self._panel_width, self._panel_height)
            for row, column in self._cells
        ]
        return spots, top + 0.4 * em

    def _is_lowest(self, row: int, column: int) -> bool:
        return all(other <= row for other, beside in self._cells if beside == column)

    def _head(self, panel: Panel) -> tuple[list[str], list[str]]:
        size, room = self.design.font_size, self._panel_width + OVERHANG * self.design.em
        return wrapped(panel.title, room, size), wrapped(panel.note, room, SMALL * size)

    def _head_height(self, row: Sequence[Panel]) -> float:
        """Of the longest title above the longest note of a row."""
        titles, notes = zip(*map(self._head, row), strict=True)
        return self.design.em * (LINE * max(map(len, titles)) + LINE * SMALL * max(map(len, notes)) + 1.0)

    def _note_lines(self, panels: Sequence[Panel]) -> dict[int, int]:
        """Row -> the lines of its longest note, above which the row's titles stand."""
        lines: dict[int, int] = {}
        for panel, (row, _) in zip(panels, self._cells, strict=True):
            lines[row] = max(lines.get(row, 0), len(self._head(panel)[1]))
        return lines

    def _write_head(self, ax: Axes, panel: Panel, lines: int) -> None:
        title, note = self._head(panel)
        size = self.design.font_size
        pad = 0.5 * size
        above: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "baseline"}
        if note:
            low = pad + LINE * SMALL * size * (lines - len(note))
            ax.annotate("\n".join(note), (0, 1), (0, low), **above, fontsize=SMALL * size, color=GREY, linespacing=LINE)
        pad += LINE * SMALL * size * lines + 0.25 * size  # below the title's baseline
        ax.set_title("\n".join(title), loc="left", pad=pad, linespacing=LINE)

    def _add_legend(self, handles: Sequence[Artist]) -> Any:
        """A legend that reads line by line, in as many columns as fit."""
        em, size = self.design.em, self.design.font_size
        room, mark = self.design.width_inches - 2 * EDGE * em, 3.9 * em  # of the line, its distance, the next column
        names = ["\n".join(wrapped(str(handle.get_label()), room - mark, size)) for handle in handles]
        widths = [mark + max(width_of(line, size) for line in name.split("\n")) for name in names]
        columns = next(count for count in range(len(names), 0, -1) if count == 1 or _total(widths, count) <= room)
        by_column = [place for column in range(columns) for place in range(column, len(names), columns)]
        return self.figure.legend(
            handles=[handles[place] for place in by_column],
            labels=[names[place] for place in by_column],
            loc="lower left",
            ncols=columns,
            **SPACING,
        )


def _total(widths: Sequence[float], columns: int) -> float:
    return sum(max(widths[column::columns]) for column in range(columns))
