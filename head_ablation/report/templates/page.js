"use strict";
// What the sections share. Texts of data become text nodes, never markup.
const page = {};

/** The data of a section, or null if it has none. */
page.read = (name) => {
  const block = document.getElementById(`data-${name}`);
  return block && JSON.parse(block.textContent);
};

/** A new element. `attributes` may hold `text` and handlers such as `onclick`; children are nodes or texts. */
page.element = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") made.textContent = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
};

/** As `page.element`, for SVG. */
page.svg = (tag, attributes = {}, ...children) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
};

/** Gives the name to show of a key of a kind such as "model": its label, or the key's words. A number stays. */
page.labels = (labels) => (kind, key) => {
  const own = labels[kind] ?? {};
  return Object.hasOwn(own, key) ? own[key] : String(key).replaceAll("_", " ");
};

page.number = (value) => value.toLocaleString("en");

/** "top 5", or "random 5, draw 2"; draws are counted from 0. `label` is made by `page.labels`. */
page.condition = (label, arm, level, draw) => {
  const drawn = draw === null || arm === "top" ? "" : `, draw ${draw}`;
  return `${label("arm", arm)} ${level}${drawn}`;
};

/** A labelled select; `options` are pairs of value and text. */
page.select = (name, title, options, onchange) => {
  const choices = options.map(([value, text]) => page.element("option", { value, text }));
  const select = page.element("select", { name, onchange }, ...choices);
  return page.element("label", {}, title, select);
};

const CHART_OPTIONS = {
  mode: "vega-lite",
  ast: true, // expressions are interpreted: the policy of this page allows no code made of text
  renderer: "svg",
  actions: false,
  defaultStyle: false,
  tooltip: { disableDefaultStyle: true },
};

/** Draws a chart; `onchoose` gets the datum of a mark that is clicked. Gives the Vega view. */
page.chart = async (holder, spec, datasets, onchoose) => {
  const made = await vegaEmbed(holder, { ...spec, datasets }, CHART_OPTIONS);
  made.view.addEventListener("click", (_, item) => item && item.datum && onchoose(item.datum));
  return made.view;
};

/** Shows the answers behind a choice such as {question: "inc_year", arm: "top", level: 5}; answers.js listens. */
page.choose = (choice) => document.dispatchEvent(new CustomEvent("choose", { detail: choice }));
