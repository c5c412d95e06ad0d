// The list of records: sorted, filtered, each with its heatmap when it is asked for.

import { askJson, Failure } from "./api.js";
import { labelName, say } from "./words.js";

const byId = name => document.getElementById(name);
const LONGEST = 5000, AT_ONCE = 50;
const opened = new Map();
const pages = new Map();
let rows = [], labels = [], shown = AT_ONCE;

export function make(tag, className = "", text = "") {
  const found = document.createElement(tag);
  if (className) found.className = className;
  if (text) found.textContent = text;
  return found;
}

const unanswered = row => (row.withheld ? "withheld" : "unread");
const shares = row => labels.map((_, i) => row[`probability_${i}`]);

// How near the two likeliest labels are; what was not read is the most doubtful of all.
function margin(row) {
  if (row.label === null) return -1;
  const [first, second] = shares(row).sort((a, b) => b - a);
  return first - (second || 0);
}

const ORDERS = {
  doubt: (a, b) => margin(a) - margin(b),
  sure: (a, b) => margin(b) - margin(a),
  file: () => 0,
  label: (a, b) => (a.label ?? -1) - (b.label ?? -1),
};

// `scans` holds what decided on the page of each row that was read from one.
export function setRecords(found, names, scans) {
  rows = found;
  labels = names;
  pages.clear();
  scans.forEach((scan, i) => scan && pages.set(rows[i], scan));
  shown = AT_ONCE;
  opened.clear();
  byId("find").value = "";
  byId("only").value = "";
}

export function sayLabels(select) {
  const before = select.value;
  const unread = rows.some(row => row.label === null) && select.id === "only" ? [["none", say("unread")]] : [];
  select.replaceChildren(...[["", say("all")], ...labels.map((name, i) => [String(i), labelName(name)]), ...unread]
    .map(([value, name]) => new Option(name, value)));
  select.value = before;
  if (select.selectedIndex < 0) select.value = "";
}

export function counts() {
  const found = labels.map((name, i) => `${labelName(name)} ${rows.filter(row => row.label === i).length}`);
  for (const word of ["withheld", "unread"]) {
    const count = rows.filter(row => row.label === null && unanswered(row) === word).length;
    if (count) found.push(`${say(word)} ${count}`);
  }
  return found.join(" · ");
}

export function showRecords() {
  const only = byId("only").value, find = byId("find").value.trim().toLowerCase();
  const wanted = only === "none" ? null : Number(only);
  const found = rows
    .filter(row => (only === "" || row.label === wanted) && row.text.toLowerCase().includes(find))
    .sort(ORDERS[byId("order").value]);
  byId("records").replaceChildren(...found.slice(0, shown).map(card));
  byId("more").hidden = found.length <= shown;
}

export function showMore() {
  const before = byId("records").children.length;
  shown += 200;
  showRecords();
  byId("records").children[before]?.querySelector("button")?.focus();
}

function card(row) {
  const item = make("li"), top = make("div", "top");
  const name = row.label === null ? say(unanswered(row)) : labelName(labels[row.label]);
  top.append(make("span", `label l${(row.label ?? 0) % 3}`, name));
  if (row.label === null) {
    top.append(make("span", "rest", row.withheld || row.error));
  } else {
    const others = shares(row).map((share, i) => [labelName(labels[i]), share])
      .filter((_, i) => i !== row.label).sort((a, b) => b[1] - a[1])
      .map(([other, share]) => `${other} ${share.toFixed(3)}`);
    top.append(make("span", "number", row.probability.toFixed(3)), make("span", "rest number", others.join(" · ")));
  }
  const place = row.page ? say("page").replace("#", row.page) : say("line").replace("#", row.line);
  top.append(make("span", "place", place));
  const text = make("div", "record cut", row.text);
  text.lang = "zh";
  item.append(top, text);
  if (row.label !== null || pages.has(row)) item.append(explaining(row, text));
  return item;
}

function explaining(row, text) {
  const box = make("div"), button = make("button", "why", say("why"));
  button.type = "button";
  button.setAttribute("aria-expanded", "false");
  const inside = make("div");
  box.append(button, inside);
  const show = async () => {
    button.disabled = true;
    inside.replaceChildren();
    try {
      if (!opened.has(row)) opened.set(row, { found: await explained(row), unit: "word" });
      button.textContent = say("hide");
      button.setAttribute("aria-expanded", "true");
      heatmap(opened.get(row), text, inside);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const said = make("p", "error", error.message);
      said.setAttribute("role", "alert");
      inside.replaceChildren(said);
    } finally {
      button.disabled = false;
    }
  };
  button.addEventListener("click", () => {
    if (button.getAttribute("aria-expanded") === "false") {
      show();
      return;
    }
    opened.delete(row);
    button.setAttribute("aria-expanded", "false");
    button.textContent = say("why");
    inside.replaceChildren();
    text.className = "record cut";
    text.textContent = row.text;
  });
  if (opened.has(row)) show();
  return box;
}

async function explained(row) {
  if (pages.has(row)) return pages.get(row);
  if ([...row.text].length > LONGEST) throw new Failure(say("tooLong"));
  const asked = { texts: [row.text], label: row.label, units: ["word", "clause"] };
  return (await askJson("/v1/explain", asked)).results[0];
}

function heatmap(state, text, inside) {
  const parts = state.found.parts[state.unit];
  const limit = Math.max(1e-9, ...parts.map(part => Math.abs(part.score || 0)));
  text.className = "record";
  text.replaceChildren(...parts.map(part => {
    if (part.score === null) return document.createTextNode(part.text);
    const cell = make("i", part.score > 0 ? "f" : "a", part.text);
    cell.style.setProperty("--s", (Math.abs(part.score) / limit).toFixed(2));
    cell.title = signed(part.score);
    return cell;
  }));
  inside.replaceChildren(units(state, text, inside), strongest(parts));
  if (state.found.picture) inside.append(scan(state.found, state.unit));
  if (!state.found.converged) inside.append(make("p", "error", say("unconverged")));
}

// The picture of a page under its colours.
function scan(found, unit) {
  const draw = (tag, attributes) => {
    const drawn = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) drawn.setAttribute(name, value);
    return drawn;
  };
  const patches = found.patches[unit];
  const limit = Math.max(1e-9, ...patches.map(patch => Math.abs(patch.score)));
  const over = draw("svg", { viewBox: `0 0 ${found.width} ${found.height}`, "aria-hidden": "true" });
  for (const patch of patches) {
    const kind = patch.score > 0 ? "f" : "a", title = draw("title", {});
    title.textContent = `${patch.text} ${signed(patch.score)}`;
    const shape = draw("polygon", { class: kind, points: patch.box.join(" ") });
    shape.append(title);
    const [, , right, left] = patch.box;
    const line = draw("line", { class: kind, x1: left[0], y1: left[1], x2: right[0], y2: right[1] });
    for (const one of [shape, line]) one.style.setProperty("--s", (Math.abs(patch.score) / limit).toFixed(2));
    over.append(shape, line);
  }
  const box = make("div", "scan"), picture = make("img");
  picture.src = found.picture;
  picture.alt = say("scan");
  box.append(picture, over);
  return box;
}

const signed = score => (score > 0 ? "+" : "−") + Math.abs(score).toFixed(2);

// The same in words, for whoever sees no colours.
function strongest(parts) {
  // What is shown as 0.00 says nothing.
  const scored = parts.filter(part => Math.abs(part.score) >= 0.005 && /[\p{L}\p{N}]/u.test(part.text));
  const said = make("p", "note");
  for (const [sign, word, colour] of [[1, "speaksFor", "f"], [-1, "speaksAgainst", "a"]]) {
    const found = scored.filter(part => part.score * sign > 0)
      .sort((a, b) => sign * (b.score - a.score)).slice(0, 4)
      .map(part => `${part.text.replace(/^[\p{P}\s]+|[\p{P}\s]+$/gu, "")} ${signed(part.score)}`);
    if (found.length) said.append(make("span", `swatch ${colour}`, say(word)), ` ${found.join(", ")}  `);
  }
  return said;
}

function units(state, text, inside) {
  const group = make("div", "units");
  group.setAttribute("role", "radiogroup");
  group.setAttribute("aria-label", say("unit"));
  const name = `unit-${Math.random().toString(36).slice(2)}`;
  for (const unit of ["word", "clause"]) {
    const label = make("label"), choice = make("input");
    choice.type = "radio";
    choice.name = name;
    choice.checked = state.unit === unit;
    choice.addEventListener("change", () => {
      state.unit = unit;
      heatmap(state, text, inside);
      inside.querySelectorAll("input")[unit === "word" ? 0 : 1].focus();
    });
    label.append(choice, say(unit));
    group.append(label);
  }
  return group;
}
