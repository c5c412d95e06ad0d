// The keyword table of an upload: sorted by a press on a heading, filtered by label.

import { make } from "./records.js";
import { labelName, say } from "./words.js";

const byId = name => document.getElementById(name);
const COLUMNS = [
  ["keyword", "keyword", null],
  ["label", "label", null],
  ["frequency", "frequency", value => value],
  ["documents", "documents", value => value],
  ["total", "total", value => value.toFixed(2)],
  ["share", "share", value => `${(100 * value).toFixed(1)}%`],
  ["distinctiveness", "distinctiveness", value => (value === null ? "–" : value.toFixed(2))],
  ["example", "exampleHead", null],
];
const MOST = 500;
let rows = [], sorted = { column: "total", down: true };

export function setKeywords(found) {
  rows = found;
  sorted = { column: "total", down: true };
}

export function showKeywords() {
  byId("keyword-heads").replaceChildren(...COLUMNS.map(head));
  const only = byId("keyword-label").value;
  const sign = sorted.down ? -1 : 1, column = sorted.column;
  const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b, "zh") : a - b);
  const found = rows.filter(row => only === "" || row.label === Number(only)).sort((a, b) => {
    if (a[column] === null || b[column] === null) return (a[column] === null) - (b[column] === null);
    return sign * compare(a[column], b[column]);
  });
  byId("keyword-rows").replaceChildren(...found.slice(0, MOST).map(row => {
    const line = make("tr");
    for (const [name, , format] of COLUMNS) {
      const value = name === "label" ? labelName(row.name) : format ? format(row[name]) : row[name];
      const cell = make("td", format ? "number" : "", String(value));
      if (name === "keyword" || name === "example") cell.lang = "zh";
      line.append(cell);
    }
    return line;
  }));
}

function head([name, word, format]) {
  const cell = make("th", format ? "number" : ""), button = make("button", "", say(word));
  cell.scope = "col";
  button.type = "button";
  if (sorted.column === name) cell.setAttribute("aria-sort", sorted.down ? "descending" : "ascending");
  button.addEventListener("click", () => {
    sorted = { column: name, down: sorted.column === name ? !sorted.down : Boolean(format) };
    showKeywords();
    byId("keyword-heads").children[COLUMNS.findIndex(one => one[0] === name)].firstChild.focus();
  });
  cell.append(button);
  return cell;
}
