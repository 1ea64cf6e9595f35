{
  const data = page.read("experiments");
  const label = page.labels(data?.labels ?? {});
  const BAR = 32; // pixels to either side of the mean
  const at = (id) => document.getElementById(id);

  const name = (row) => `${label("question", row.question)}, ${label("model", row.model)}, ${page.number(row.tokens)} tokens`;
  const signed = (points) => `${points > 0 ? "+" : ""}${points.toFixed(1)}`;

  /** A bar to the right for a larger drop than the mean's, to the left for a smaller one. */
  const bar = (points, largest) => {
    const length = largest ? (BAR * Math.abs(points)) / largest : 0;
    const made = page.svg("svg", { width: 2 * BAR, height: 12, "aria-hidden": "true" });
    const x = points < 0 ? BAR - length : BAR;
    made.append(page.svg("rect", { x, y: 2, width: length, height: 8, fill: "var(--accent)" }));
    made.append(page.svg("line", { x1: BAR, x2: BAR, y1: 0, y2: 12, stroke: "var(--quiet)" }));
    return made;
  };

  const choose = ({ method, model, question, tokens, level }) => {
    page.choose({ method, model, question, tokens, level, arm: "top" });
    location.hash = "answers";
  };

  const tableRow = (row, largest) => {
    const button = page.element("button", { type: "button", class: "plain", onclick: () => choose(row), text: "see them" });
    const accuracy = `${row.accuracy.toFixed(1)} (${row.accuracy_low.toFixed(1)} to ${row.accuracy_high.toFixed(1)})`;
    const cells = [[bar(row.departure, largest), ` ${signed(row.departure)}`], [row.accuracy_drop.toFixed(1)],
      [row.baseline.toFixed(1)], [accuracy], [page.number(row.companies)], [button]];
    return page.element("tr", {}, page.element("th", { scope: "row", text: name(row) }),
      ...cells.map((content) => page.element("td", {}, ...content)));
  };

  const show = () => {
    const form = at("experiments-filters").elements;
    const rows = data.rows.filter((row) => row.method === form.method.value && String(row.level) === form.level.value);
    at("experiments-table").tBodies[0].replaceChildren(...rows.map((row) => tableRow(row, Math.abs(rows[0].departure))));
    at("experiments-status").textContent = rows.length ? `${name(rows[0])} departs most: a drop of`
      + ` ${rows[0].accuracy_drop.toFixed(1)} points with ${rows[0].level} ${label("arm", "top")} heads ablated, where the mean of`
      + ` ${rows.length} experiment${rows.length > 1 ? "s" : ""} is ${rows[0].mean_drop.toFixed(1)}.` : "No such experiment.";
  };

  if (at("experiments-table")) {
    const methods = [...new Set(data.rows.map((row) => row.method))];
    const method = page.select("method", "method", methods.map((key) => [key, label("method", key)]), show);
    if (methods.length < 2) method.setAttribute("class", "hidden");
    const level = page.select("level", "heads ablated", data.levels.map((value) => [value, value]), show);
    at("experiments-filters").append(method, level);
    at("experiments-filters").elements.level.value = String(data.levels.at(-1));
    show();
  }
}
