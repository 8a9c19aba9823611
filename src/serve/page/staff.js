"use strict";
// The staff's page: what people asked, what was learned, who is served.
const call = (path, options = {}) => fetched(path, { ...options, token: keys.staff });
const post = (path, body) => call(path, { method: "POST", body });
const time = (text) => (text ? new Date(text).toLocaleString() : "");
const told = (node, failed) => { node.textContent = failed.message; node.className = "failed"; };

function entry(one) {
  const answer = [...one.messages].reverse().find((message) => message.role === "assistant");
  const asked = [...one.messages].reverse().find((message) => message.role === "user");
  const status = make("p", { class: "note", role: "status" }, one.rating ? `rated ${one.rating}` : "");
  const rate = (rating, label) => make("button", {
    type: "button", "aria-pressed": String(one.rating === rating), async onclick() {
      try {
        await post(`/api/interactions/${one.id}/rating`, { rating });
        for (const other of this.parentNode.querySelectorAll("[aria-pressed]")) other.setAttribute("aria-pressed", String(other === this));
        status.textContent = `rated ${rating}`;
      } catch (failed) { told(status, failed); }
    },
  }, label);
  const field = make("textarea", { id: `fix-${one.id}`, dir: "auto" }, one.correction || "");
  const fix = make("button", {
    type: "button", async onclick() {
      try {
        await post(`/api/interactions/${one.id}/correction`, { correction: field.value });
        status.textContent = "kept as what the answer should have been";
      } catch (failed) { told(status, failed); }
    },
  }, "Keep the correction");
  const about = [time(one.time), one.subject && `served: ${one.subject}`, one.found === false && "nothing found", one.adapter && `adapter ${one.adapter}`];
  return make("article", { class: "entry" }, make("h3", { dir: "auto" }, asked?.content || ""),
    make("p", { dir: "auto" }, answer?.content || ""), make("p", { class: "note" }, about.filter(Boolean).join(" · ")),
    make("div", { class: "rate" }, rate("up", "Good"), rate("down", "Not good")),
    make("label", { for: field.id }, "What the answer should have been"), field, fix, status);
}
// Bars for the arms that a cycle was judged by: nats a token, smaller is better.
function bars(arms) {
  const wide = 560, high = 36, most = Math.max(...arms.map(([, value]) => value), 1e-6);
  const of = (tag, attributes, text) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    if (text) node.textContent = text;
    return node;
  };
  const label = arms.map(([name, value]) => `${name} ${value.toFixed(2)}`).join(", ");
  const svg = of("svg", { viewBox: `0 0 ${wide} ${high * arms.length}`, width: "100%", role: "img", "aria-label": `Nats a token: ${label}` });
  arms.forEach(([name, value], at) => {
    svg.append(of("text", { x: 0, y: at * high + 22 }, name),
      of("rect", { class: "bar", x: 170, y: at * high + 6, width: Math.max(2, (value / most) * (wide - 240)), height: high - 12 }),
      of("text", { x: 178 + (value / most) * (wide - 240), y: at * high + 22 }, value.toFixed(2)));
  });
  return svg;
}
function arms(verdict) {
  for (const check of verdict?.checks || []) {
    const found = check.numbers?.arms || check.numbers;
    const names = ["base", "retrieval", "adapter", "both"].filter((name) => typeof (found?.[name]?.nll ?? found?.[name]) === "number");
    if (names.length > 1) return names.map((name) => [name, found[name].nll ?? found[name]]);
  }
  return null;
}
const table = (heads, rows) => make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": heads.join(", ") }, make("table", {},
  make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head)))),
  make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((cell) => make("td", {}, cell ?? "")))))));

const views = {
  async asked() {
    const { interactions } = await call("/api/interactions?limit=50");
    return [make("h2", {}, "What people asked"), ...(interactions.length ? interactions.map(entry) : [make("p", {}, "Nobody has asked anything yet.")])];
  },
  async learned() {
    const [now, { adapters }] = await Promise.all([call("/api/learning"), call("/api/adapters")]);
    const status = make("p", { role: "status" });
    const back = make("button", {
      type: "button", async onclick() {
        try { const done = await post("/api/adapters/rollback", {}); status.textContent = `now serving: ${done.serving || "the model as it came"}`; }
        catch (failed) { told(status, failed); }
      },
    }, "Go back to what served before");
    const nodes = [make("h2", {}, "What was learned"),
      make("p", {}, `The next cycle would learn from ${now.examples} examples and judge by ${now.held_out}. Learning hours: ${now.night.hours || "any"}.`)];
    if (now.alarm) nodes.push(make("p", { class: "failed" }, now.alarm));
    const refused = Object.entries(now.refused);
    if (refused.length) nodes.push(make("h3", {}, "Left out"), table(["Why", "How many"], refused.map(([why, many]) => [why, String(many)])));
    if (now.last) {
      nodes.push(make("h3", {}, `Last judged: ${now.last.adapter} (${now.last.state}), ${time(now.last.time)}`));
      const drawn = arms(now.last.verdict);
      if (drawn) nodes.push(bars(drawn), make("p", { class: "note" }, "Nats a token of the reference answers; shorter is better."));
      nodes.push(table(["Check", "Holds", "Found"], (now.last.verdict?.checks || []).map((check) => [check.check, check.passed ? "yes" : "no", check.detail])));
    } else nodes.push(make("p", {}, "No cycle has been judged yet."));
    nodes.push(make("h3", {}, "Adapters"), adapters.length
      ? table(["Adapter", "State", "Since", "Why it ended"], adapters.map((one) => [one.id, one.state, time(one.promoted || one.created), one.reason]))
      : make("p", {}, "There are none: the model answers as it came."), back, status);
    return nodes;
  },
  async serve() {
    const status = make("p", { role: "status" });
    const who = make("input", { id: "who", type: "text" });
    const minutes = make("input", { id: "minutes", type: "number", value: "10", min: "1", max: "1440" });
    const form = make("form", {
      class: "entry", async onsubmit(event) {
        event.preventDefault();
        try {
          const { session } = await post("/api/sessions", { subject: who.value, seconds: 60 * Number(minutes.value) });
          status.replaceChildren(make("a", { class: "button primary", href: `/#session=${encodeURIComponent(session)}` }, `Open the page for ${who.value}`));
        } catch (failed) { told(status, failed); }
      },
    }, make("label", { for: "who" }, "Whom to serve"), who, make("label", { for: "minutes" }, "For how many minutes"), minutes,
    make("button", { type: "submit" }, "Begin"), status);
    return [make("h2", {}, "Serve somebody"), make("p", {}, "The page that opens knows who is served, and forgets it when the visit ends."), form];
  },
};
async function view(name) {
  for (const button of document.querySelectorAll("[data-view]")) button.setAttribute("aria-pressed", String(button.dataset.view === name));
  try { $("view").replaceChildren(...(await views[name]())); }
  catch (failed) { $("view").replaceChildren(make("p", { class: "failed", role: "alert" }, failed.message)); }
}
async function open() {
  if (!keys.staff) return;
  try {
    const settings = await call("/api/settings");
    if (!settings.staff) throw new Error("that is not the staff token");
    $("door").hidden = true; $("inside").hidden = false;
    $("state").dataset.state = "ready"; $("state-text").textContent = `Ready · ${settings.model}`;
    kept.set("staff", keys.staff);
    view("asked");
  } catch (failed) { keys.staff = null; kept.set("staff", null); $("refused").textContent = failed.message; }
}
for (const button of document.querySelectorAll("[data-view]")) button.onclick = () => view(button.dataset.view);
$("door").onsubmit = (event) => { event.preventDefault(); keys.staff = $("token").value.trim(); open(); };
$("leave").onclick = () => { kept.set("staff", null); location.reload(); };
$("state").dataset.state = "ready"; $("state-text").textContent = "Closed";
open();
