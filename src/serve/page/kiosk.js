"use strict";
// A visitor's page: questions, answers with their sources, and an end that leaves nothing behind.
const WARNING = 15;
let idle = 180, heard = Date.now(), under = null, conversation = name(), served = null, alive = true, title = "";
function name() { return crypto.getRandomValues(new Uint32Array(4)).join("-"); }
function state(now) {
  $("state").dataset.state = now;
  $("state-text").textContent = word(now) + (served ? ` · ${word("serving", { who: served })}` : "");
}
function nameHouse() { if (title) $("title").textContent = document.title = title; }
const credentials = () => keys.session || keys.token;

function card(citation) {
  const title = citation.record || (citation.section || citation.document).split(" > ").pop();
  const place = citation.record ? citation.date : [citation.document.split("/").pop(), citation.page && word("page", { n: citation.page })].filter(Boolean).join(", ");
  return make("li", {}, make("button", { type: "button", class: "card", dir: "auto", onclick: () => passage(citation, title) },
    make("strong", {}, `[${citation.n}] ${title}`), place ? make("span", {}, place) : null,
    citation.quote ? make("q", {}, citation.quote) : null));
}
async function passage(citation, title) {
  $("passage-title").textContent = title;
  const text = $("passage-text");
  text.dir = "auto";
  text.textContent = citation.quote;
  $("passage").showModal();
  $("passage-title").focus();
  if (citation.chunk == null) return;
  try {
    const whole = (await fetched(`/api/passages/${citation.chunk}`, { token: credentials() })).text;
    text.replaceChildren();
    let rest = whole;
    for (const piece of citation.quote.split(" … ")) {
      const at = piece ? rest.indexOf(piece) : -1;
      if (at < 0) continue;
      text.append(rest.slice(0, at), make("mark", {}, piece));
      rest = rest.slice(at + piece.length);
    }
    text.append(rest);
  } catch { /* the quotation stands */ }
}
function rating(id) {
  const box = make("div", { class: "rate", role: "group", "aria-label": word("rate") });
  const thanks = make("span", { class: "note", role: "status" });
  const button = (rating, label) => make("button", {
    type: "button", "aria-pressed": "false", async onclick() {
      try {
        await ask(`/api/interactions/${id}/rating`, { method: "POST", token: credentials(), body: { rating } });
        for (const other of box.querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === this));
        thanks.textContent = word("thanks");
      } catch (failed) { thanks.textContent = failed.message; }
    },
  }, label);
  box.append(make("span", {}, word("rate")), button("up", word("good")), button("down", word("bad")), thanks);
  return box;
}
function show(turn, said) {
  const piece = make(said.kind === "quote" ? "q" : "span", said.kind === "free" ? { class: "free" } : {}, said.text);
  turn.answer.append(said.gap, piece);
  if (said.behind) turn.answer.append(" ", make("sup", {}, said.behind.trim()));
  for (const citation of said.citations) {
    const fresh = card(citation), old = turn.cards.get(citation.n);
    old ? old.replaceWith(fresh) : turn.list.append(fresh);
    turn.cards.set(citation.n, fresh);
  }
  turn.node.scrollIntoView({ block: "start" });
}
async function question(text) {
  if (under || !text.trim()) return;
  $("hello").hidden = true;
  const turn = { cards: new Map(), answer: make("p", { class: "answer", dir: "auto" }), list: make("ul", { class: "cards" }) };
  turn.node = make("article", { class: "turn" }, make("h2", { dir: "auto" }, text), turn.answer, turn.list);
  $("talk").append(turn.node);
  turn.node.scrollIntoView({ block: "start" });
  under = new AbortController();
  $("send").hidden = true; $("stop").hidden = false;
  $("question").value = "";
  state("thinking");
  try {
    const body = { question: text, stream: true, conversation, language };
    const response = await ask("/api/ask", { method: "POST", token: credentials(), body, signal: under.signal });
    for await (const [kind, data] of events(response)) {
      if (kind === "sentence") { state("answering"); show(turn, data); }
      else if (kind === "answer") finish(turn, data);
      else if (data.error) throw new Error(data.error.message);
    }
  } catch (failed) {
    const stopped = failed.name === "AbortError";
    const told = failed.status === 401 ? word("doorway") : failed instanceof TypeError ? word("lost") : failed.message;
    turn.node.append(make("p", { class: stopped ? "note" : "failed" }, stopped ? word("stopped") : told));
    if (failed.status === 401) door();
  } finally {
    under = null;
    $("send").hidden = false; $("stop").hidden = true;
    heard = Date.now();
    state(alive ? "ready" : "offline");
    if (!$("door").open && !$("idle").open) $("question").focus({ preventScroll: true });
  }
}
function finish(turn, answer) {
  if (answer.sentences.some((sentence) => sentence.kind === "free")) turn.node.append(make("p", { class: "note" }, word("free")));
  for (const note of answer.notes) turn.node.append(make("p", { class: "note" }, note));
  turn.node.append(rating(answer.interaction));
}
// Ends a visit: what was said goes from the screen and from the service's memory.
function wipe() {
  under?.abort();
  const old = conversation;
  conversation = name();
  if ($("talk").childElementCount) ask(`/api/conversations/${old}`, { method: "DELETE", token: credentials() }).catch(() => {});
  $("talk").replaceChildren();
  $("question").value = "";
  for (const dialog of [$("passage"), $("idle")]) if (dialog.open) dialog.close();
  if (keys.session) { keys.session = served = null; kept.set("session", null); }
  speak(preferred());
  nameHouse();
  $("language").value = language;
  $("hello").hidden = false;
  window.scrollTo(0, 0);
  state(alive ? "ready" : "offline");
  $("question").focus();
}
function watch() {
  const busy = under || (!$("talk").childElementCount && !$("question").value);
  if (busy || !idle) { heard = Date.now(); return; }
  const left = Math.ceil(idle - (Date.now() - heard) / 1000);
  if (left <= 0) return wipe();
  if (left <= Math.min(WARNING, idle / 2)) {
    $("idle-text").textContent = word("countdown", { n: left });
    if (!$("idle").open) { $("idle").showModal(); $("stay").focus(); }
  }
}
async function look() {
  try {
    const response = await fetch("/health", { cache: "no-store" });
    alive = true;
    if (!under) state(response.ok ? "ready" : "loading");
  } catch { alive = false; if (!under) state("offline"); }
}
function door() { if (!$("door").open) $("door").showModal(); }
async function settle() {
  if (!credentials()) return door();
  try {
    const settings = await fetched("/api/settings", { token: credentials() });
    idle = settings.idle_seconds; served = settings.subject;
    title = settings.title; house(settings.language); nameHouse();
    $("examples").replaceChildren(...settings.examples.map((text) =>
      make("li", {}, make("button", { type: "button", dir: "auto", onclick: () => question(text) }, text))));
  } catch (failed) {
    if (failed.status !== 401) return;
    for (const key of ["token", "session"]) { keys[key] = null; kept.set(key, null); }
    door();
  }
}
// The house's language, unless somebody chose one here.
function house(tag) {
  if (tag === "en" || chosen()) return;
  speak(tag); $("language").value = language;
}
for (const [tag, words] of Object.entries(WORDS)) $("language").append(make("option", { value: tag, lang: tag }, words.name));
speak(preferred());
$("language").value = language;
$("language").onchange = (event) => { kept.set("language", event.target.value); speak(event.target.value); nameHouse(); state($("state").dataset.state); };
$("contrast").onclick = (event) => {
  const on = document.documentElement.toggleAttribute("data-contrast");
  event.target.setAttribute("aria-pressed", String(on));
};
$("again").onclick = wipe;
$("stop").onclick = () => under?.abort();
$("stay").onclick = () => { heard = Date.now(); $("idle").close(); $("question").focus(); };
$("idle").addEventListener("cancel", () => { heard = Date.now(); });
$("ask").onsubmit = (event) => { event.preventDefault(); question($("question").value); };
$("door-form").onsubmit = () => { keys.token = $("token").value.trim(); kept.set("token", keys.token); $("token").value = ""; settle(); };
for (const button of document.querySelectorAll("[data-close]")) button.onclick = () => button.closest("dialog").close();
$("logo").onload = () => { $("logo").hidden = false; };
if ($("logo").complete && $("logo").naturalWidth) $("logo").hidden = false;
for (const sign of ["pointerdown", "keydown", "wheel", "touchstart"]) document.addEventListener(sign, () => { heard = Date.now(); if ($("idle").open) $("idle").close(); }, { passive: true });
state("loading");
look(); setInterval(look, 5000); setInterval(watch, 500);
settle().then(() => { if (!$("door").open) $("question").focus(); });
