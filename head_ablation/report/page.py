"""The page as one file: no request leaves it, and no text of a model or document becomes markup or code.

Sections are templates with automatic escaping; what scripts read is JSON in a data block, and they write it as text.
The content security policy allows the page's own scripts and style, by their digests, and nothing else. The charts'
expressions are interpreted, so that the policy need not allow code made of text.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from head_ablation.report import SECTIONS
from head_ablation.report.finding import FILTERS
from head_ablation.report.section import Content
from head_ablation.report.sources import Sources

TEMPLATES = Path(__file__).parent / "templates"
UNSAFE = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}
NOTHING_ELSE = "default-src 'none'; base-uri 'none'; form-action 'none'"


def page(sources: Sources) -> str:
    """The page of a study."""
    contents = {section.name: section.content(sources) for section in SECTIONS}
    scripts = [*_libraries(contents.values()), _own_scripts()]
    style = _file("page.css")
    return (
        environment()
        .get_template("page.html")
        .render(
            study=sources.task.study,
            sections=[(section, contents[section.name]) for section in SECTIONS],
            data={name: Markup(data_block(content.data)) for name, content in contents.items() if content.data},
            scripts=[Markup(script) for script in scripts],
            style=Markup(style),
            policy=policy(scripts, style),
        )
    )


def environment() -> Environment:
    """Where templates are read: what they write is escaped, and a variable that is missing is an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= FILTERS
    return made


def data_block(content: Any) -> str:
    """JSON that stands in a script element: whatever its texts say, they end neither the element nor a line."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.translate(UNSAFE)


def policy(scripts: Iterable[str], style: str) -> str:
    """The content security policy that lets these scripts and this style in, and no request out."""
    allowed = " ".join(map(_digest, scripts))
    return f"{NOTHING_ELSE}; script-src {allowed}; style-src {_digest(style)}"


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _libraries(contents: Iterable[Content]) -> list[str]:
    """The charts' library, if a section has a chart."""
    if not any(isinstance(content.data, Mapping) and "chart" in content.data for content in contents):
        return []
    from head_ablation.report.charts import chart_library  # slow to import

    return [chart_library()]


def _own_scripts() -> str:
    """The page's script and those of the sections, in their order."""
    names = ["page", *(section.name for section in SECTIONS)]
    return "\n".join(_file(f"{name}.js") for name in names if (TEMPLATES / f"{name}.js").is_file())


def _file(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")
