"use strict";
// The parts that sections are made of. Texts from the plan only become text nodes, never markup.

const data = JSON.parse(document.getElementById("data").textContent);

/** Return an element. Functions among the attributes are event listeners; null, false and undefined are left out. */
function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** Return a text with the spans in backticks as code. */
function prose(text) {
  return text.split("`").map((part, index) => (index % 2 ? element("code", null, part) : part));
}

function badge(text, kind) {
  return element("span", { class: `badge ${kind || ""}` }, text);
}

function count(number, what) {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

/** Return `FILE:LINE`, as a link to the repository if that is known. */
function line(text) {
  if (!text) return null;
  const [file, number] = text.split(":");
  if (!data.lines || file.startsWith("..")) return element("code", null, text);
  const path = file.split("/").map(encodeURIComponent).join("/");
  return element("a", { href: `${data.lines}${path}#L${number}`, rel: "noreferrer" }, element("code", null, text));
}

const numbers = new Map(data.resources.map((resource, index) => [resource.urn, index]));

/** Return the name and type of a resource, as a link if it is part of the plan. */
function resourceLink(urn) {
  if (!urn) return "the stack";
  const index = numbers.get(urn);
  const type = urn.split("::")[2].split("$").pop();
  const text = [element("code", null, urn.split("::").slice(3).join("::")), " ", index === undefined ? type : data.resources[index].type];
  return index === undefined ? element("span", null, text) : element("a", { href: `#stack/${index}` }, text);
}

function ruleLink(id) {
  return element("a", { href: `#rules/${id}` }, element("code", null, id));
}

/** Return a labelled field that calls `changed` with its value. */
function field(label, control, changed) {
  control.addEventListener(control.tagName === "SELECT" ? "change" : "input", () => changed(control.value));
  return element("label", null, label, control);
}

function choice(options, attributes) {
  return element("select", attributes, options.map(([value, text]) => element("option", { value }, text)));
}

function table(heading, rows) {
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": heading.join(", ") },
    element("table", null,
      element("thead", null, element("tr", null, heading.map((text) => element("th", { scope: "col" }, text)))),
      element("tbody", null, rows.map((row) => element("tr", null, row.map((cell) => element("td", null, cell)))))));
}

function violation(said) {
  return element("div", { class: "entry" },
    element("p", null, badge(said.level, said.level === "advisory" ? "warn" : "bad"), ruleLink(said.rule), resourceLink(said.urn),
      said.severity && element("span", { class: "note" }, said.severity)),
    element("p", { class: "message" }, prose(said.message)),
    said.lines.length > 0 && element("p", { class: "note" }, "at ", said.lines.flatMap((text, index) => [index ? ", from " : "", line(text)])));
}
