// The page: takes records, waits for their answers, and shows them.

import { askJson, download, Failure, fileOf, work } from "./api.js";
import { setKeywords, showKeywords } from "./keywords.js";
import { counts, sayLabels, setRecords, showMore, showRecords } from "./records.js";
import { say, sayAll, switchLanguage } from "./words.js";

const byId = name => document.getElementById(name);
const TABLES = ["csv", "xlsx", "txt", "tsv", "jsonl"];
const PICTURES = [
  "pdf", "png", "jpg", "jpeg", "jpe", "jfif", "tif", "tiff", "bmp", "gif", "webp", "avif", "jp2", "j2k", "ppm", "pgm",
];
const EXAMPLE = `十二指肠球部见一溃疡，大小约0.6cm，覆白苔
乙状结肠见一息肉，大小约0.5cm，予钳除
右肺上叶见一磨玻璃结节，建议随访
患者腹泻，胃镜未见异常，肠镜示回盲部充血糜烂`;

let upload = null, job = null, keywordJob = null, stop = null, doing = "", labels = [];

function showProblem(text) {
  byId("message").textContent = text;
  byId("message").hidden = !text;
}

function showProgress(found) {
  const bar = byId("bar");
  byId("work").hidden = false;
  byId("doing").textContent = found?.total ? `${say(doing)} ${found.done} / ${found.total}` : say(doing);
  if (found?.total) {
    bar.max = found.total;
    bar.value = found.done;
  } else {
    bar.removeAttribute("value");
  }
}

// One piece of long work at a time, with its progress and its errors.
async function doWork(kind, word) {
  showProblem("");
  stop = new AbortController();
  doing = word;
  for (const button of document.querySelectorAll("#go, #keywords-go, #report-go")) button.disabled = true;
  showProgress(null);
  try {
    return await work(kind, upload, showProgress, stop.signal);
  } catch (error) {
    if (!(error instanceof Failure) && error.name !== "AbortError") throw error;
    showProblem(error instanceof Failure ? error.message : say("cancelled"));
    return null;
  } finally {
    stop = null;
    byId("work").hidden = true;
    for (const button of document.querySelectorAll("#go, #keywords-go, #report-go")) button.disabled = false;
  }
}

function pasted() {
  const text = byId("text").value, split = byId("split").value;
  const parts = split === "none" ? [text] : text.split(split === "line" ? /\r?\n/ : /\r?\n[ \t\u3000]*\r?\n/);
  const records = parts.map(part => part.trim()).filter(Boolean);
  return records.length ? { ...tableOf(records), kind: "predictions" } : null;
}

function tableOf(records) {
  const lines = records.map(record => JSON.stringify({ text: record }));
  return { content: new Blob([lines.join("\n")]), query: { format: "jsonl" } };
}

function chosen(file) {
  const ending = file.name.split(".").pop().toLowerCase();
  if (PICTURES.includes(ending)) return { content: file, kind: "pictures", query: {} };
  if (!TABLES.includes(ending)) throw new Failure(say("badFile") + file.name);
  const query = { format: ending, text_column: byId("column").value.trim() || "text" };
  return { content: file, kind: "predictions", query };
}

async function classify(event) {
  event?.preventDefault();
  const [file] = byId("file").files;
  try {
    upload = file ? chosen(file) : pasted();
  } catch (error) {
    showProblem(error.message);
    return;
  }
  if (!upload) {
    showProblem(say("nothing"));
    byId("text").focus();
    return;
  }
  byId("results").hidden = byId("keywords").hidden = true;
  const pictures = upload.kind === "pictures";
  const found = await doWork(upload.kind, pictures ? "recognising" : "reading");
  if (!found) return;
  job = found;
  const rows = await (await fileOf(job, "predictions.json")).json();
  setRecords(rows, labels, pictures ? await (await fileOf(job, "pages.json")).json() : []);
  // Keywords and a report are of the text that was read.
  if (pictures) upload = tableOf(rows.map(row => row.text).filter(Boolean));
  byId("notes").replaceChildren(...job.notes.map(note => {
    const item = document.createElement("li");
    item.textContent = note;
    return item;
  }));
  for (const button of document.querySelectorAll("[data-file]")) button.hidden = !job.files.includes(button.dataset.file);
  byId("results").hidden = false;
  sayResults();
  byId("results-title").focus();
}

async function countKeywords() {
  const found = await doWork("keywords", "counting");
  if (!found) return;
  keywordJob = found;
  setKeywords(await (await fileOf(found, "keywords.json")).json());
  byId("keywords").hidden = false;
  sayLabels(byId("keyword-label"));
  showKeywords();
  byId("keywords-title").focus();
}

async function writeReport() {
  const found = await doWork("report", "reporting");
  if (found) await download(found, "report.html");
}

function sayResults() {
  byId("summary").textContent = counts();
  sayLabels(byId("only"));
  showRecords();
}

function changeLanguage() {
  switchLanguage();
  sayAll();
  byId("language").textContent = say("other");
  if (!byId("results").hidden) sayResults();
  if (!byId("keywords").hidden) {
    sayLabels(byId("keyword-label"));
    showKeywords();
  }
}

// A failure that nothing else shows.
const shown = act => async (...given) => {
  try {
    await act(...given);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    showProblem(error.message);
  }
};

function listen() {
  byId("input").addEventListener("submit", shown(classify));
  byId("cancel").addEventListener("click", () => stop?.abort());
  byId("language").addEventListener("click", changeLanguage);
  byId("example").addEventListener("click", () => {
    byId("text").value = EXAMPLE;
    byId("split").value = "line";
    byId("file").value = "";
  });
  byId("text").addEventListener("input", () => { byId("file").value = ""; });
  byId("photo").addEventListener("click", () => byId("camera").click());
  byId("camera").addEventListener("change", () => take(byId("camera").files));
  byId("keywords-go").addEventListener("click", shown(countKeywords));
  byId("report-go").addEventListener("click", shown(writeReport));
  byId("more").addEventListener("click", showMore);
  for (const name of ["order", "only", "find"]) byId(name).addEventListener("input", showRecords);
  byId("keyword-label").addEventListener("input", showKeywords);
  for (const button of document.querySelectorAll("[data-file]")) {
    button.addEventListener("click", shown(() => download(job, button.dataset.file)));
  }
  for (const button of document.querySelectorAll("[data-keyword-file]")) {
    button.addEventListener("click", shown(() => download(keywordJob, button.dataset.keywordFile)));
  }
  const drop = byId("drop");
  addEventListener("dragover", event => {
    event.preventDefault();
    drop.classList.add("over");
  });
  addEventListener("dragleave", () => drop.classList.remove("over"));
  addEventListener("drop", event => {
    event.preventDefault();
    drop.classList.remove("over");
    take(event.dataTransfer.files);
  });
  addEventListener("paste", event => {
    const { files, types } = event.clipboardData;
    // An office program puts a picture of the text beside it; a folder's window puts the file's name, without HTML.
    const text = types.includes("text/plain") && types.includes("text/html");
    if (!files.length || text) return;
    event.preventDefault();
    take(files);
  });
}

// A file that was dropped, pasted or photographed stands where a chosen one would.
function take(files) {
  if (!files.length) return;
  showProblem(files.length > 1 ? say("oneFile") : "");
  if (files.length > 1) return;
  byId("file").files = files;
  byId("go").focus();
}

async function begin() {
  sayAll();
  byId("language").textContent = say("other");
  listen();
  const model = await askJson("/v1/model");
  labels = model.labels;
  byId("about").textContent = `${model.library} · ${model.digest.slice(0, 12)}`;
}

shown(begin)();
