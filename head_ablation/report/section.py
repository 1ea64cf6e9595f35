"""What a section of the page is: a name, which is its template's and its script's too, and what it is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from head_ablation.common.registry import Entry
from head_ablation.report.sources import Sources


class Content(NamedTuple):
    """What a section shows.

    Attributes:
        shown: the variables of its template, `templates/{name}.html`.
        data: what its script, `templates/{name}.js`, reads on the page; None if there is nothing to do for it.
    """

    shown: Mapping[str, Any]
    data: Any = None


@dataclass(frozen=True, kw_only=True)
class Section(Entry):
    """A section.

    Attributes:
        title: its heading, and its name in the page's navigation.
        content: what it shows of a study. It is slow only when it is called.
    """

    title: str
    content: Callable[[Sources], Content]
