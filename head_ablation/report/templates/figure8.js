{
  const data = page.read("figure8");
  const label = page.labels(data?.labels ?? {});
  const views = [];

  const title = (panel) => [label("question", panel.question), label("model", panel.model)].join(", ");

  const basis = (panel) => {
    const lengths = panel.tokens.map(page.number).join(", ");
    return `n = ${panel.companies} companies, prompts of ${lengths} tokens`;
  };

  const said = (panel, point) => {
    const ablated = point.level ? `${point.level} ${label("arm", point.arm)} heads ablated` : "without ablation";
    return `${title(panel)}, ${label("method", point.method)}, ${ablated}: accuracy ${point.accuracy} %`
      + ` (95 % interval ${point.low} to ${point.high})`;
  };

  const choose = (panel, point) => {
    const experiment = { model: panel.model, question: panel.question, method: point.method, tokens: point.tokens };
    page.choose(point.level ? { ...experiment, arm: point.arm, level: point.level } : experiment);
    for (const [owner, view] of views) view.signal("chosen", owner === panel ? point.key : "").run();
    const status = document.getElementById("figure8-status");
    const there = document.getElementById("answers-table");
    status.replaceChildren(`${said(panel, point)}. `);
    if (there) status.append(page.element("a", { href: "#answers", text: "See the answers behind it" }));
  };

  /** An empty panel; all stand on the page, so that each has its width, before the first is drawn. */
  const place = (panel) => {
    const holder = page.element("div", { class: "chart" });
    const caption = page.element("figcaption", {}, page.element("strong", { text: title(panel) }), basis(panel));
    document.getElementById("figure8-panels").append(page.element("figure", {}, caption, holder));
    return holder;
  };

  /** A point with the names that its tooltip shows. */
  const named = (point) => ({ ...point, method_name: label("method", point.method), arm_name: label("arm", point.arm) });

  const draw = async (panel, holder) => {
    const rows = { rows: panel.rows.map(named), lines: panel.lines };
    views.push([panel, await page.chart(holder, data.chart, rows, (datum) => datum.key && choose(panel, datum))]);
  };

  // The marks of the charts, 8 pixels wide, around (15, 7).
  const SHAPES = {
    circle: "M19 7a4 4 0 1 1-8 0a4 4 0 1 1 8 0Z", square: "M11.5 3.5h7v7h-7Z", diamond: "M15 2.2l3.6 4.8l-3.6 4.8l-3.6-4.8Z",
    "triangle-up": "M15 2.5l4.4 8h-8.8Z", "triangle-down": "M15 11.5l4.4-8h-8.8Z",
    cross: "M13.6 3h2.8v2.6h2.6v2.8h-2.6v2.6h-2.8v-2.6h-2.6v-2.8h2.6Z",
  };

  const legend = (entry) => {
    const line = { x1: 0, x2: 30, y1: 7, y2: 7, stroke: entry.colour, "stroke-width": 2 };
    const dash = entry.dash[1] ? { "stroke-dasharray": entry.dash.join(" ") } : {};
    const mark = { d: SHAPES[entry.shape ?? "circle"], stroke: entry.colour, "stroke-width": 1.5 };
    const fill = { fill: entry.dash[1] ? "var(--paper)" : entry.colour };
    const picture = page.svg("svg", { width: 30, height: 14, "aria-hidden": "true" });
    picture.append(page.svg("line", { ...line, ...dash }));
    picture.append(page.svg("path", { ...mark, ...fill }));
    return page.element("li", {}, picture, entry.text);
  };

  const row = (panel, point) => {
    const onclick = () => choose(panel, point);
    const button = page.element("button", { type: "button", class: "plain", onclick, text: "choose" });
    const cells = [
      title(panel), label("method", point.method), point.tokens ?? "all", label("arm", point.arm), point.level,
      `${point.accuracy} (${point.low} to ${point.high})`, point.companies, point.experiments, point.draws,
    ];
    return page.element("tr", {}, ...cells.map((text) => page.element("td", { text })), page.element("td", {}, button));
  };

  const table = () => {
    const names = ["panel", "method", "tokens", "arm", "heads ablated", "accuracy (%), 95 % interval", "companies",
      "experiments", "draws", ""];
    const head = page.element("tr", {}, ...names.map((text) => page.element("th", { scope: "col", text })));
    const body = data.panels.flatMap((panel) => panel.rows.map((point) => row(panel, point)));
    const made = page.element("table", { class: "numbers" });
    made.append(page.element("thead", {}, head), page.element("tbody", {}, ...body));
    document.querySelector("#figure8-numbers > div").replaceChildren(made);
  };

  const start = async () => {
    document.getElementById("figure8-legend").append(...data.legend.map(legend));
    document.getElementById("figure8-numbers").addEventListener("toggle", table, { once: true });
    const holders = data.panels.map(place);
    for (const [i, panel] of data.panels.entries()) await draw(panel, holders[i]);
    document.documentElement.dataset.figure8 = "drawn";
  };

  if (data) start();
}
