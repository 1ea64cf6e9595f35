{
  const data = page.read("answers");
  const FIELDS = ["model", "question", "tokens", "method", "arm", "level", "draw"];
  const PAGE = 20; // rows
  const OUTCOMES = [["", "all"], ["flipped", "flipped, either way"]];
  const state = { filters: {}, found: [], first: 0 };
  const label = page.labels(data?.labels ?? {});

  /** Answer i with all that its numbers stand for. */
  const answer = (i) => {
    const prompt = data.prompts[data.prompt[i]];
    const [method, model, question, tokens] = data.experiments[prompt.experiment];
    const [arm, level, draw] = data.conditions[data.condition[i]];
    const text = data.texts[data.text[i]];
    return { i, prompt, method, model, question, tokens, arm, level, draw, text, change: data.change[i] };
  };

  const answers = () => {
    state.all ??= data.prompt.map((_, i) => answer(i));
    return state.all;
  };

  const values = (field) => [...new Set(answers().map((one) => one[field]))];

  /** An answer as it was given: line breaks shown, and that there is nothing where there is nothing. */
  const spoken = (text) => {
    const shown = text.trim().replaceAll("\n", " ⏎ ");
    return shown ? page.element("span", { class: "said", text: shown }) : page.element("em", { text: "nothing" });
  };

  const outcome = (change) => {
    const kind = ["lost", "gained"][change] ?? null;
    return page.element("span", { class: kind, text: data.changes[change] });
  };

  // --- filters ---

  const searched = (one, words) => {
    const texts = [one.prompt.filename, one.prompt.company, one.prompt.gold, one.text, data.texts[one.prompt.base]];
    return texts.join("\n").toLowerCase().includes(words);
  };

  const fits = (one, filters) => {
    if (filters.change === "flipped" && one.change > 1) return false;
    if (filters.change && filters.change !== "flipped" && one.change !== Number(filters.change)) return false;
    if (FIELDS.some((field) => filters[field] && String(one[field]) !== filters[field])) return false;
    return !filters.search || searched(one, filters.search.toLowerCase());
  };

  const summary = (found) => {
    const counts = data.changes.map((words, change) => [words, found.filter((one) => one.change === change).length]);
    const parts = counts.map(([words, number]) => `${page.number(number)} ${words}`);
    return `${page.number(found.length)} of ${page.number(data.prompt.length)} answers: ${parts.join(", ")}`;
  };

  const apply = () => {
    const form = document.getElementById("filters");
    state.filters = Object.fromEntries(new FormData(form));
    state.found = answers().filter((one) => fits(one, state.filters));
    state.first = 0;
    document.getElementById("answers-summary").textContent = summary(state.found);
    list();
  };

  const choose = (choice) => {
    for (const select of document.getElementById("filters").querySelectorAll("select, input")) {
      const wanted = choice[select.name];
      if (select.name !== "change") select.value = wanted === undefined ? "" : String(wanted);
    }
    apply();
  };

  const field = (name) => {
    const known = values(name);
    const shown = name === "draw" || name === "level" || name === "tokens" ? known.sort((a, b) => a - b) : known;
    const made = page.select(name, name, [["", "all"], ...shown.map((value) => [value, label(name, value)])], apply);
    made.hidden = known.length < 2;
    if (made.hidden) made.setAttribute("class", "hidden");
    return made;
  };

  const filters = () => {
    const form = document.getElementById("filters");
    const outcomes = [...OUTCOMES, ...data.changes.map((words, change) => [change, words])];
    const search = page.element("input", { type: "search", name: "search", oninput: apply });
    const flipped = page.element("button", { type: "button", id: "answers-flipped", text: "Only flipped",
      onclick: () => { form.elements.change.value = "flipped"; apply(); } });
    const reset = page.element("button", { type: "button", onclick: () => { form.reset(); apply(); }, text: "Reset" });
    form.append(...FIELDS.map(field), page.select("change", "outcome", outcomes, apply));
    form.append(page.element("label", {}, "text", search), flipped, reset);
    form.addEventListener("submit", (event) => event.preventDefault());
  };

  // --- one answer ---

  const folded = (characters, of) => (characters
    ? [page.element("em", { class: "fold", text: ` [${page.number(characters)} characters of ${of}] ` })] : []);

  /** The text before or behind the passage, its middle folded. */
  const around = (texts, characters) => {
    const [first, second] = texts.map((text) => data.parts[text]);
    return second === undefined ? [first] : [first, ...folded(characters, "filler"), second];
  };

  const passage = (prompt) => {
    const text = data.parts[prompt.passage[0]];
    const made = page.element("span", { class: "passage" });
    let end = 0;
    for (const [tag, first, last] of spans(prompt)) {
      if (first < end) continue;
      const part = page.element(tag, { class: tag === "mark" ? null : "other", text: text.slice(first, last) });
      made.append(text.slice(end, first), part);
      end = last;
    }
    made.append(text.slice(end));
    return made;
  };

  const promptText = (prompt) => {
    const [before, cut, lost, behind] = prompt.folded;
    const made = page.element("div", { class: "prompt", tabindex: 0, role: "region", "aria-label": "prompt" });
    made.append(...around(prompt.before, before), ...folded(cut, "the passage"), passage(prompt),
      ...folded(lost, "the passage"), ...around(prompt.behind, behind));
    return made;
  };

  const spans = (prompt) => {
    const others = (prompt.others ?? []).map((span) => ["span", ...span]);
    const gold = prompt.span ? [["mark", ...prompt.span]] : [];
    return [...gold, ...others].sort((a, b) => a[1] - b[1] || (a[0] === "mark" ? -1 : 1));
  };

  const said = (title, ...content) => page.element("div", {}, page.element("h4", { text: title }),
    page.element("p", {}, ...content));

  const comparison = (one) => {
    const { prompt } = one;
    const right = prompt.right ? "right" : "wrong";
    const now = one.change === 1 || one.change === 2 ? "right" : "wrong";
    const gold = [prompt.gold, ...(prompt.alternatives ?? [])].join(", or ");
    const question = data.wording[`${one.model}/${one.question}`] ?? label("question", one.question);
    return page.element("div", { class: "compare" }, said("question", question), said("gold answer", gold),
      said(`without ablation, ${right}`, spoken(data.texts[prompt.base])),
      said(`${page.condition(label, one.arm, one.level, one.draw)} heads ablated, ${now}`, spoken(one.text)));
  };

  /** The answers to one prompt, whichever method chose the heads, by method, arm and draw. */
  const siblings = (one) => {
    const same = (other) => other.prompt.filename === one.prompt.filename
      && ["model", "question", "tokens"].every((field) => other[field] === one[field]);
    return answers().filter(same);
  };

  const across = (one) => {
    const found = siblings(one);
    const levels = values("level").sort((a, b) => a - b);
    const rows = new Map();
    for (const other of found) {
      const key = JSON.stringify([other.method, other.arm, other.draw]);
      rows.set(key, { ...rows.get(key), [other.level]: other });
    }
    const head = ["", ...levels].map((text) => page.element("th", { scope: "col", text }));
    const body = [...rows].map(([key, cells]) => acrossRow(one, JSON.parse(key), cells, levels));
    const made = page.element("table", { class: "across" }, page.element("caption", { text: "This prompt by number of ablated heads" }));
    made.append(page.element("thead", {}, page.element("tr", {}, ...head)), page.element("tbody", {}, ...body));
    return page.element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "all levels" }, made);
  };

  const acrossRow = (one, [method, arm, draw], cells, levels) => {
    const name = [values("method").length > 1 ? label("method", method) : "", label("arm", arm),
      arm === "top" ? "" : `draw ${draw}`].filter(Boolean).join(", ");
    const shown = levels.map((level) => {
      const cell = cells[level];
      if (!cell) return page.element("td", { text: "not on this page" });
      const kind = cell.i === one.i ? "chosen" : null;
      return page.element("td", { class: kind }, spoken(cell.text), page.element("br"), outcome(cell.change));
    });
    return page.element("tr", {}, page.element("th", { scope: "row", text: name }), ...shown);
  };

  const detail = (one) => {
    const cell = page.element("td", { colspan: 7 }, comparison(one));
    if (one.prompt.passage !== undefined) {
      const marks = [one.prompt.span && "the answer marked", one.prompt.others && "other values of its kind underlined"];
      const title = ["The prompt as the model read it, its passage shaded", ...marks].filter(Boolean).join(", ");
      cell.append(page.element("h3", { text: title }), promptText(one.prompt));
    }
    cell.append(across(one));
    return page.element("tr", { class: "detail" }, cell);
  };

  const toggle = (one, row, button) => {
    const open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    if (open) row.nextElementSibling.remove();
    else row.after(detail(one));
  };

  // --- the table ---

  const experiment = (one) => ["model", "question", "tokens", "method"].filter((name) => values(name).length > 1)
    .map((name) => (name === "tokens" ? `${page.number(one.tokens)} tokens` : label(name, one[name]))).join(", ")
    || label("question", one.question);

  const row = (one) => {
    const made = page.element("tr");
    const button = page.element("button", { type: "button", class: "plain", "aria-expanded": "false",
      text: one.prompt.filename });
    button.addEventListener("click", () => toggle(one, made, button));
    const cells = { prompt: button, experiment: experiment(one), ablated: page.condition(label, one.arm, one.level, one.draw),
      gold: one.prompt.gold, "without ablation": spoken(data.texts[one.prompt.base]),
      "with ablation": spoken(one.text), outcome: outcome(one.change) };
    made.append(...Object.entries(cells).map(([name, content]) => page.element("td", { "data-name": name }, content)));
    return made;
  };

  const list = () => {
    const { found, first } = state;
    const last = Math.min(first + PAGE, found.length);
    document.querySelector("#answers-table > tbody").replaceChildren(...found.slice(first, last).map(row));
    document.getElementById("answers-place").textContent = found.length
      ? `${page.number(first + 1)} to ${page.number(last)} of ${page.number(found.length)}` : "no answer fits";
    document.getElementById("answers-previous").disabled = first === 0;
    document.getElementById("answers-next").disabled = last >= found.length;
  };

  const turn = (rows) => () => { state.first += rows; list(); };

  if (data) {
    filters();
    document.getElementById("answers-previous").addEventListener("click", turn(-PAGE));
    document.getElementById("answers-next").addEventListener("click", turn(PAGE));
    document.addEventListener("choose", (event) => choose(event.detail));
    apply();
  }
}
