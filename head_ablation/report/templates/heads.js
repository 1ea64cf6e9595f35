{
  const data = page.read("heads");
  const LAYER_HEIGHT = 13; // pixels
  const state = { map: null, view: null, everyHead: false };
  const label = page.labels(data?.labels ?? {});
  /** A head's name by its number in the model, layer by layer. */
  const name = (number, [, heads]) => `L${Math.floor(number / heads)}H${number % heads}`;
  const at = (id) => document.getElementById(id);

  const title = (map) => `${label("method", map.method)}, ${label("question", map.question)}, ${label("model", map.model)},`
    + ` ${page.number(map.tokens)} tokens`;

  /** Head -> the sets that ablate it. */
  const members = (map) => {
    const found = new Map();
    for (const set of map.sets) {
      for (const own of set.heads.map((head) => name(head, map.grid))) found.set(own, [...(found.get(own) ?? []), set]);
    }
    return found;
  };

  const levels = (sets) => [...new Set(sets.filter((set) => set.arm === "top").map((set) => set.level))].join(", ");
  const controls = (sets) => sets.filter((set) => set.arm !== "top")
    .map((set) => page.condition(label, set.arm, set.level, set.draw)).join("; ");

  const hasControls = (map) => map.sets.some((set) => set.arm !== "top");

  /** Head -> why a level's edge does not decide about it. */
  const ties = (map) => {
    const found = new Map();
    for (const cut of map.cuts) {
      const edge = map.scores[cut.level - 1];
      map.heads.forEach((head, i) => {
        if (cut.tied && map.scores[i] === edge) found.set(name(head, map.grid), `tied at level ${cut.level}`);
      });
    }
    return found;
  };

  const cells = (map, ring) => {
    const rank = new Map(map.heads.map((head, i) => [name(head, map.grid), i]));
    const ablated = members(map);
    const chosen = new Set(ring ? ring.heads : []);
    const highest = Math.max(...map.scores);
    const made = [];
    for (let number = 0; number < map.grid[0] * map.grid[1]; number += 1) {
      const own = name(number, map.grid);
      const place = rank.get(own);
      const score = place === undefined ? 0 : map.scores[place];
      made.push({ layer: Math.floor(number / map.grid[1]), head: number % map.grid[1], name: own,
        rank: place === undefined ? "not listed" : place + 1, score: place === undefined ? "-" : score,
        shade: highest > 0 ? Math.max(0, score / highest) : 0, member: chosen.has(number),
        ablated: levels(ablated.get(own) ?? []) || "no top level" });
    }
    return made;
  };

  const about = (own) => {
    const { map } = state;
    const place = map.heads.findIndex((head) => name(head, map.grid) === own);
    const sets = members(map).get(own) ?? [];
    const rank = place < 0 ? "not in the ranking" : `rank ${place + 1} of ${map.heads.length}, score ${map.scores[place]}`;
    const tie = ties(map).get(own);
    const top = levels(sets);
    return [`${own}: ${rank}`, tie, top ? `ablated at top levels ${top}` : "in no top level",
      controls(sets) && `in ${controls(sets)}`].filter(Boolean).join("; ");
  };

  const choose = (own) => {
    at("heads-status").textContent = about(own);
    state.view.signal("chosen", own).run();
    for (const row of at("heads-table").tBodies[0].rows) {
      row.setAttribute("class", row.dataset.head === own ? "chosen" : "");
    }
  };

  const row = (map, i, ablated, tied) => {
    const own = name(map.heads[i], map.grid);
    const sets = ablated.get(own) ?? [];
    const button = page.element("button", { type: "button", class: "plain", text: own, onclick: () => choose(own) });
    const score = `${map.scores[i]}${tied.has(own) ? ` (${tied.get(own)})` : ""}`;
    const cell = (text) => page.element("td", { text });
    return page.element("tr", { "data-head": own }, page.element("th", { scope: "row", text: i + 1 }),
      page.element("td", {}, button), cell(score), cell(levels(sets) || "-"),
      ...(hasControls(map) ? [cell(controls(sets) || "-")] : []));
  };

  const table = () => {
    const { map, everyHead } = state;
    const highest = Math.max(...map.sets.map((set) => set.level), 10);
    const number = everyHead ? map.heads.length : Math.min(highest, map.heads.length);
    const [ablated, tied] = [members(map), ties(map)];
    const rows = Array.from({ length: number }, (_, i) => row(map, i, ablated, tied));
    at("heads-table").caption.textContent = `First ${number} of ${map.heads.length} ranked heads: ${title(map)}`;
    at("heads-table").tBodies[0].replaceChildren(...rows);
    at("heads-controls").hidden = !hasControls(map);
    at("heads-all").hidden = number === map.heads.length;
  };

  const rings = (map) => [["", "none"], ...map.sets.map((set, i) => [i, page.condition(label, set.arm, set.level, set.draw)])];

  /** The shades of some scores; the chart's are square roots, too, since a few heads score far above all others. */
  const shade = (share) => page.element("li", {}, page.svg("svg", { width: 26, height: 14, "aria-hidden": "true" },
    page.svg("rect", { width: 26, height: 14, fill: "var(--none)" }),
    page.svg("rect", { width: 26, height: 14, fill: "var(--accent)", "fill-opacity": Math.sqrt(share) })),
    `${page.number(100 * share)} %`);

  const outline = () => page.element("li", {}, page.svg("svg", { width: 26, height: 14, "aria-hidden": "true" },
    page.svg("rect", { x: 1, y: 1, width: 24, height: 12, fill: "none", stroke: "#d55e00", "stroke-width": 2 })),
    "outlined heads");

  /** What the scores on both sides of a top level's edge are. */
  const edge = (map, ring) => {
    if (!ring || ring.arm !== "top") return "";
    const [last, next] = [map.scores[ring.level - 1], map.scores[ring.level]];
    const behind = next === undefined ? "no head is ranked behind it" : `that of rank ${ring.level + 1} has ${next}`;
    return ` Outlined are the heads of ranks 1 to ${ring.level}: the last has score ${last}, ${behind}.`;
  };

  const show = async () => {
    const form = at("heads-filters");
    const { map } = state;
    const ring = map.sets[form.elements.ring.value];
    const datasets = { heads: cells(map, ring) };
    const chart = { ...data.chart, height: LAYER_HEIGHT * map.grid[0] };
    const drawn = await page.chart(at("heads-map"), chart, datasets, (datum) => datum.name && choose(datum.name));
    state.view = drawn;
    const behind = map.prompts === null ? "an unknown number of" : page.number(map.prompts);
    const grid = map.known ? "" : " The grid is that of the ranked heads; the model's own is not known here.";
    const undecided = map.cuts.map((cut) => ` ${cut.words}.`).join("");
    at("heads-about").textContent = `The ranking rests on ${behind} prompts.${edge(map, ring)}${undecided}${grid}`;
    table();
    document.documentElement.dataset.heads = "drawn";
  };

  const pick = () => {
    const form = at("heads-filters");
    state.map = data.maps[form.elements.map.value];
    state.everyHead = false;
    const top = state.map.sets.findIndex((set) => set.arm === "top");
    const select = form.elements.ring;
    select.replaceChildren(...rings(state.map).map(([value, text]) => page.element("option", { value, text })));
    select.value = top < 0 ? "" : String(top);
    at("heads-status").textContent = "";
    show();
  };

  if (data) {
    const maps = data.maps.map((map, i) => [i, title(map)]);
    at("heads-filters").append(page.select("map", "ranking", maps, pick), page.select("ring", "outlined heads", [], show));
    at("heads-all").addEventListener("click", () => { state.everyHead = true; table(); });
    const shades = [0, 0.01, 0.1, 0.5, 1].map(shade);
    at("heads-legend").append(page.element("li", { text: "score, as a share of the highest:" }), ...shades, outline());
    pick();
  }
}
