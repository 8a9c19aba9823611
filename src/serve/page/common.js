"use strict";
// What both pages share: words, the token, asking the service.
const $ = (id) => document.getElementById(id);
const kept = {
  get(key) { try { return sessionStorage.getItem(key); } catch { return null; } },
  set(key, value) { try { value ? sessionStorage.setItem(key, value) : sessionStorage.removeItem(key); } catch { /* then it lasts as long as the page */ } },
};
const given = new URLSearchParams(location.hash.slice(1));
const keys = {};
for (const name of ["token", "session", "staff"]) {
  if (given.get(name)) kept.set(name, given.get(name));
  keys[name] = given.get(name) || kept.get(name);
}
if (location.hash) history.replaceState(null, "", location.pathname + location.search);

let language = "en";
const word = (key, values = {}) =>
  (WORDS[language][key] ?? WORDS.en[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
function speak(chosen) {
  language = WORDS[chosen] ? chosen : "en";
  document.documentElement.lang = language;
  document.documentElement.dir = WORDS[language].dir || "ltr";
  for (const node of document.querySelectorAll("[data-word]")) node.textContent = word(node.dataset.word);
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", word(node.dataset.label));
  for (const node of document.querySelectorAll("[data-hint]")) node.placeholder = word(node.dataset.hint);
  document.title = word("title");
}
const chosen = () => new URLSearchParams(location.search).get("lang") || kept.get("language");
function preferred() {
  const wanted = [chosen(), ...navigator.languages];
  return wanted.map((tag) => (tag || "").split("-")[0]).find((tag) => WORDS[tag]) || "en";
}
function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}
class Refused extends Error {
  constructor(status, message) { super(message); this.status = status; }
}
async function ask(path, { method = "GET", body, signal, token } = {}) {
  const headers = {};
  if (token) headers.authorization = `Bearer ${token}`;
  if (keys.session && !keys.staff) headers["x-wayside-session"] = keys.session;
  if (body) headers["content-type"] = "application/json";
  const response = await fetch(path, { method, headers, signal, body: body && JSON.stringify(body), cache: "no-store" });
  if (response.ok) return response;
  const told = await response.json().catch(() => ({}));
  throw new Refused(response.status, told.error?.message || String(response.status));
}
const fetched = async (path, options) => (await ask(path, options)).json();
// Events of a stream, as pairs of a name and its data.
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let held = ""; ;) {
    const { done, value } = await reader.read();
    if (done) return;
    held += value;
    for (let end; (end = held.indexOf("\n\n")) >= 0; held = held.slice(end + 2)) {
      let name = "message", data = "";
      for (const line of held.slice(0, end).split("\n")) {
        if (line.startsWith("event: ")) name = line.slice(7);
        if (line.startsWith("data: ")) data += line.slice(6);
      }
      if (data) yield [name, JSON.parse(data)];
    }
  }
}
