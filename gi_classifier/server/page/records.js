// The list of records: sorted, filtered, each with its heatmap when it is asked for.

import { askJson, Failure } from "./api.js";
import { labelName, say } from "./words.js";

const byId = name => document.getElementById(name);
const LONGEST = 5000, AT_ONCE = 50;
const opened = new Map();
let rows = [], labels = [], shown = AT_ONCE;

export function make(tag, className = "", text = "") {
  const found = document.createElement(tag);
  if (className) found.className = className;
  if (text) found.textContent = text;
  return found;
}

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

export function setRecords(found, names) {
  rows = found;
  labels = names;
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
  const unread = rows.filter(row => row.label === null).length;
  return [...found, ...(unread ? [`${say("unread")} ${unread}`] : [])].join(" · ");
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
  const name = row.label === null ? say("unread") : labelName(labels[row.label]);
  top.append(make("span", `label l${(row.label ?? 0) % 3}`, name));
  if (row.label === null) {
    top.append(make("span", "rest", row.error));
  } else {
    const others = shares(row).map((share, i) => [labelName(labels[i]), share])
      .filter((_, i) => i !== row.label).sort((a, b) => b[1] - a[1])
      .map(([other, share]) => `${other} ${share.toFixed(3)}`);
    top.append(make("span", "number", row.probability.toFixed(3)), make("span", "rest number", others.join(" · ")));
  }
  top.append(make("span", "place", say("line").replace("#", row.line)));
  const text = make("div", "record cut", row.text);
  text.lang = "zh";
  item.append(top, text);
  if (row.label !== null) item.append(explaining(row, text));
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
  if (!state.found.converged) inside.append(make("p", "error", say("unconverged")));
}

const signed = score => (score > 0 ? "+" : "−") + Math.abs(score).toFixed(2);

// The same in words, for whoever sees no colours.
function strongest(parts) {
  const scored = parts.filter(part => part.score && /[\p{L}\p{N}]/u.test(part.text));
  const said = make("p", "note");
  for (const [sign, word, colour] of [[1, "speaksFor", "f"], [-1, "speaksAgainst", "a"]]) {
    const found = scored.filter(part => part.score * sign > 0)
      .sort((a, b) => sign * (b.score - a.score)).slice(0, 4)
      .map(part => `${part.text.trim()} ${signed(part.score)}`);
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
