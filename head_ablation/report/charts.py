"""The page's charts, as Vega-Lite specifications without data, and the JavaScript that draws them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import altair as alt

INK = "currentColor"  # of axes and words: follows the page from light to dark and onto paper
RING = "#d55e00"
ON_LINE = "datum.filled ? datum.colour : 'var(--paper)'"
Spec = dict[str, Any]


@cache
def chart_library() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script, which defines `vegaEmbed`. No network is needed."""
    import vl_convert

    return str(vl_convert.javascript_bundle())  # type: ignore[call-arg]  # whose stub forgets the default


def accuracy_chart(levels: Sequence[int]) -> Spec:
    """A panel of Figure 8. Its data sets are `rows`, with `method_name` and `arm_name` beside keys, and `lines`; its
    signal `chosen` is the key of a point.

    Args:
        levels: where the axis of ablated heads has ticks, besides 0.
    """
    chosen = alt.param(name="chosen", value="")
    layers = [*_level_lines(), *_experiment_curves(), *_mean_curves(levels)]
    chart = alt.layer(*layers).add_params(chosen).properties(width="container", height=230)
    return _finished(chart)


def _finished(chart: Any) -> Spec:
    labels = {"labelColor": INK, "titleColor": INK, "tickColor": INK, "domainColor": INK, "gridColor": INK}
    sizes = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "gridOpacity": 0.13}
    styled = chart.configure(background="transparent", font="inherit").configure_axis(**labels, **sizes)
    spec: Spec = styled.configure_view(stroke=None).configure_legend(labelColor=INK, titleColor=INK).to_dict()
    return spec


def _x(levels: Sequence[int]) -> Any:
    highest = max(levels)
    scale = alt.Scale(domain=[-0.02 * highest, 1.04 * highest], nice=False)
    return alt.X("x:Q", title="heads ablated", scale=scale, axis=alt.Axis(values=[0, *levels], grid=False, format="d"))


def _y(field: str = "accuracy") -> Any:
    ticks = alt.Axis(values=[0, 25, 50, 75, 100])
    return alt.Y(f"{field}:Q", title="accuracy (%)", scale=alt.Scale(domain=[0, 100]), axis=ticks)


def _level_lines() -> list[Any]:
    """Dotted: without ablation; dash and dot: always the most frequent answer."""
    base = alt.Chart(alt.NamedData("lines")).encode(y=_y("y"))
    marks = {"baseline": [1, 3], "floor": [7, 3, 1, 3]}
    return [
        base.transform_filter(f"datum.line == '{name}'").mark_rule(stroke=INK, strokeDash=dash, opacity=0.75)
        for name, dash in marks.items()
    ]


def _rows(condition: str) -> Any:
    return alt.Chart(alt.NamedData("rows")).transform_filter(condition)


def _experiment_curves() -> list[Any]:
    """A thin line and small marks for the top heads of each single experiment; controls would hide them."""
    base = _rows("datum.kind == 'one' && datum.arm == 'top'")
    base = base.encode(x="x:Q", y=_y(), color=alt.Color("colour:N", scale=None), detail="line:N")
    line = base.mark_line(strokeWidth=1, opacity=0.35)
    return [line, base.mark_point(size=22, filled=True, opacity=0.5, cursor="pointer").encode(tooltip=_tooltip(True))]


def _mean_curves(levels: Sequence[int]) -> list[Any]:
    """A line, its intervals and its marks for each method and arm, controls thinner than top heads."""
    base = _rows("datum.kind == 'mean'")
    base = base.encode(x=_x(levels), color=alt.Color("colour:N", scale=None), detail="line:N")
    dashes = alt.StrokeDash("dash:N", scale=None, legend=None)
    line = base.mark_line().encode(y=_y(), strokeDash=dashes, strokeWidth=_by_arm(2, 1.2))
    bars = base.mark_rule().encode(y=_y("low"), y2="high:Q", opacity=_by_arm(1, 0.6), strokeWidth=_by_arm(1.3, 1))
    ring = base.transform_filter("datum.key == chosen").mark_point(size=300, strokeWidth=2.5).encode(y=_y())
    return [line, bars, ring, _marks(base)]


def _by_arm(top: float, control: float) -> Any:
    return alt.condition("datum.arm == 'top'", alt.value(top), alt.value(control))


def _marks(base: Any) -> Any:
    """Filled for top heads, hollow for controls and for levels that the ranking does not decide."""
    marks = base.mark_point(strokeWidth=1.8, opacity=1, cursor="pointer").transform_calculate(fill=ON_LINE)
    return marks.encode(
        y=_y(),
        size=_by_arm(75, 45),
        shape=alt.Shape("shape:N", scale=None, legend=None),
        fill=alt.Fill("fill:N", scale=None),
        tooltip=_tooltip(False),
    )


def _tooltip(single: bool) -> list[Any]:
    """What a point says of itself; a single experiment also its prompt length."""
    words = {"method": "method_name:N", "heads": "arm_name:N", "heads ablated": "level:Q"}
    words |= {"tokens": "tokens:Q"} if single else {}
    words |= {"accuracy (%)": "accuracy:Q", "95 % from": "low:Q", "95 % to": "high:Q", "companies": "companies:Q"}
    words |= {} if single else {"experiments": "experiments:Q"}
    return [
        alt.Tooltip(field, title=title, format=",.4~r" if field.endswith(":Q") else alt.Undefined)
        for title, field in words.items()
    ]


def head_map() -> Spec:
    """A layer by head map; who draws it sets its height by the number of layers.

    Its data set is `heads`: layer, head, name, rank, score, shade (0 to 1), member (of the outlined set), ablated.
    """
    names = {"head": "name:N", "rank": "rank:N", "score": "score:N", "ablated at": "ablated:N"}
    base = alt.Chart(alt.NamedData("heads")).encode(
        x=alt.X("head:O", title="head", axis=alt.Axis(labelAngle=0, labelOverlap=True)),
        y=alt.Y("layer:O", title="layer", sort="descending", axis=alt.Axis(labelOverlap=True)),
        tooltip=[alt.Tooltip(field, title=title) for title, field in names.items()],
    )
    cells = base.mark_rect(cursor="pointer", fill="var(--none)")
    shades = alt.FillOpacity("shade:Q", scale=alt.Scale(type="sqrt", domain=[0, 1], range=[0, 1]), legend=None)
    scored = base.transform_filter("datum.shade > 0").mark_rect(cursor="pointer", fill="var(--accent)")
    scored = scored.encode(fillOpacity=shades)
    ring = base.transform_filter("datum.member").mark_rect(fill=None, stroke=RING, strokeWidth=2)
    chosen = base.transform_filter("datum.name == chosen").mark_rect(fill=None, stroke=INK, strokeWidth=3)
    chart = alt.layer(cells, scored, ring, chosen).add_params(alt.param(name="chosen", value=""))
    return _finished(chart.properties(width="container", height=400))
