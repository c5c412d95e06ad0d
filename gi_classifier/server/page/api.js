// Asks the service: with the token where it wants one, in errors that a person can read.

import { isChinese, known, say } from "./words.js";

const byId = name => document.getElementById(name);
// In this tab alone; gone when it is closed.
let token = sessionStorage.getItem("token") || "";

export class Failure extends Error {}

// One dialogue, however many requests wait for it.
let asking = null;

function askForToken() {
  asking ||= new Promise(done => {
    const dialog = byId("asking");
    byId("token-wrong").hidden = !token;
    byId("token").value = "";
    dialog.showModal();
    dialog.addEventListener("close", () => {
      token = byId("token").value.trim();
      sessionStorage.setItem("token", token);
      asking = null;
      done(Boolean(token));
    }, { once: true });
  });
  return asking;
}

export async function ask(path, options = {}) {
  for (;;) {
    const headers = { ...options.headers };
    const sent = token;
    if (sent) headers.Authorization = `Bearer ${sent}`;
    let answer;
    try {
      answer = await fetch(path, { ...options, headers });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Failure(say("unreachable"));
    }
    if (answer.status === 401) {
      if (sent === token && !(await askForToken())) throw new Failure(say("tokenTitle"));
      continue;
    }
    if (answer.ok) return answer;
    let problem = { type: answer.status === 413 ? "too-large" : "", detail: `HTTP ${answer.status}` };
    try { problem = await answer.json(); } catch { /* no problem details: of a proxy, say */ }
    throw failureOf(problem);
  }
}

export function failureOf(problem) {
  const kind = String(problem.type || "").replace("urn:gi-classifier:", "");
  const places = (problem.errors || []).map(one => `${one.pointer}: ${one.detail}`);
  const said = known(kind) ? [say(kind), ...(isChinese() ? [] : [problem.detail])] : [problem.detail];
  return new Failure([...said, ...places].filter(Boolean).join("\n"));
}

export async function askJson(path, body) {
  const options = body === undefined ? {} : {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  return (await ask(path, options)).json();
}

// What is open when the page is closed needs nobody any more.
const open = new Set();
addEventListener("pagehide", () => {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  for (const id of open) fetch(`/v1/jobs/${id}`, { method: "DELETE", headers, keepalive: true });
});

// Uploads a file and waits for its job; `onProgress` is told how far it is, `signal` cancels it.
export async function work(kind, upload, onProgress, signal) {
  const answer = await ask(`/v1/${kind}?${new URLSearchParams(upload.query)}`, { method: "POST", body: upload.content, signal });
  let job = await answer.json();
  open.add(job.id);
  try {
    for (let pause = 60; job.state === "waiting" || job.state === "running"; pause = Math.min(pause * 1.5, 1000)) {
      onProgress(job);
      await new Promise(done => setTimeout(done, pause));
      if (signal.aborted) {
        await ask(`/v1/jobs/${job.id}`, { method: "DELETE" });
        throw new Failure(say("cancelled"));
      }
      job = await askJson(`/v1/jobs/${job.id}`);
    }
  } finally {
    open.delete(job.id);
  }
  if (job.state === "cancelled") throw new Failure(say("cancelled"));
  if (job.state === "failed") throw failureOf(job.problem);
  return job;
}

export async function fileOf(job, name) {
  return ask(`/v1/jobs/${job.id}/files/${name}`);
}

// Gives a file of a job to the person.
export async function download(job, name) {
  const content = await (await fileOf(job, name)).blob();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
