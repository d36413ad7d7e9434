const LETTERS = { List: "L", Read: "R", Contents: "C", Write: "W", Tagging: "T", "Permissions management": "P", "": "?" };
const LEVELS = Object.keys(LETTERS);
const STRENGTH = ["List", "Read", "Tagging", "Contents", "Write", "", "Permissions management"];
const COLUMNS = 60;
const ROWS = 200;

function levelClass(level) {
  return level === "" ? "Unknown" : level.split(" ")[0];
}

function shownResource(arn) {
  if (arn === "*") return "everything";
  const parts = arn.split(":");
  return parts.length > 5 ? parts.slice(5).join(":") : arn;
}

function serviceOf(grant) {
  const actions = Object.values(grant.levels)[0];
  return actions[0].split(":")[0];
}

/** Actual and expected readers, and a matrix of who is allowed to do what. */
function access(who) {
  const state = { who: who ? decodeURIComponent(who) : "", what: "", level: "all" };
  const place = element("div");
  const why = element("div", { "aria-live": "polite", id: "why" });
  const people = element("input", { type: "search", id: "filter-who", value: state.who });
  const show = (change) => { Object.assign(state, change); why.replaceChildren(); place.replaceChildren(...matrix(state, why)); };
  show({});
  return [
    element("h2", null, "Access"),
    element("p", { class: "lead" }, "Computed from the plan's policies: identity policies within their boundaries, trust policies and resource policies."),
    data.access.undecided.length > 0 && [element("h3", null, "Not decided"), element("ul", null, data.access.undecided.map((text) => element("li", null, prose(text))))],
    element("h3", null, "Who reads each secret and parameter"),
    readers(),
    element("h3", null, "Who is allowed to do what"),
    element("div", { class: "tools" },
      field("Who", people, (text) => show({ who: text })),
      field("Resource or action", element("input", { type: "search", id: "filter-what" }), (text) => show({ what: text })),
      field("Level", choice([["all", "every level"], ...LEVELS.map((level) => [level, level || "unknown"])], { id: "filter-level" }), (level) => show({ level }))),
    element("p", { class: "legend" }, LEVELS.map((level) => element("span", null, element("b", { class: levelClass(level) }, LETTERS[level]), " ", level === "Contents" ? "reads contents" : level.toLowerCase() || "unknown")),
      element("span", null, "dashed: under a condition")),
    why, place,
    element("h3", null, "Who can assume a role, and who has access by resource policies"),
    letIn(),
  ];
}

function readers() {
  const rows = data.access.readers.map((one) => {
    const expected = one.expected;
    const extra = expected && one.readers.filter((name) => !expected.includes(name));
    const missing = expected && expected.filter((name) => !one.readers.includes(name));
    const verdict = !expected ? badge("no list") : extra.length ? badge(`not on the list: ${extra.join(", ")}`, "bad")
      : missing.length ? badge(`can't: ${missing.join(", ")}`, "warn") : badge("as listed", "good");
    return [[element("code", null, one.name), !one.made && element("span", { class: "note" }, " created elsewhere")],
      one.readers.length ? one.readers.map((name) => element("div", { class: "mono" }, name)) : "nobody", verdict];
  });
  return rows.length ? table(["secret or parameter", "read by", "compared with the list of readers"], rows) : element("p", { class: "empty" }, "This stack creates and names no secrets or parameters.");
}

/** Return who has access by trust policies and resource policies. */
function letIn() {
  const grants = data.access.grants.filter((grant) => grant.place);
  if (!grants.length) return element("p", { class: "empty" }, "No trust policy or resource policy of this stack gives anybody access.");
  return table(["role or resource", "principal", "actions", "conditions"], grants.map((grant) => [
    [element("code", null, grant.place), " ", line(grant.line)], element("code", null, grant.principal),
    element("code", null, Object.values(grant.levels).flat().join(", ")), grant.conditions.map((text) => element("div", { class: "mono" }, text))]));
}

function selected(state) {
  const who = state.who.toLowerCase();
  const what = state.what.toLowerCase();
  return data.access.grants.filter((grant) => !grant.place && grant.who.toLowerCase().includes(who)
    && (state.level === "all" || state.level in grant.levels)
    && (grant.resource.toLowerCase().includes(what) || Object.values(grant.levels).some((actions) => actions.some((action) => action.toLowerCase().includes(what)))));
}

function matrix(state, why) {
  const grants = selected(state);
  if (!grants.length) return [element("p", { class: "empty" }, "Nobody is allowed to do that.")];
  const everybody = [...new Set(grants.map((grant) => grant.who))];
  const people = everybody.slice(0, COLUMNS);
  const cells = new Map();
  const services = new Map();
  for (const grant of grants) {
    const service = serviceOf(grant);
    if (!services.has(service)) services.set(service, new Set());
    services.get(service).add(grant.resource);
    const key = JSON.stringify([service, grant.resource, grant.who]);
    if (!cells.has(key)) cells.set(key, []);
    cells.get(key).push(grant);
  }
  let left = ROWS;
  const rows = [...services].sort(([one], [other]) => (one < other ? -1 : 1)).flatMap(([service, resources]) => {
    const listed = [...resources].sort().slice(0, Math.max(left, 0));
    const names = listed.map(shownResource);
    left -= listed.length;
    return listed.length === 0 ? [] : [
      element("tr", null, element("th", { class: "service", scope: "rowgroup", colspan: people.length + 1 }, service)),
      // Resources that differ only by region or account are named in full.
      ...listed.map((resource, index) => element("tr", null, element("th", { scope: "row" }, names.indexOf(names[index]) === names.lastIndexOf(names[index]) ? names[index] : resource),
        people.map((name) => element("td", null, cell(name, resource, cells.get(JSON.stringify([service, resource, name])), why))))),
    ];
  });
  const cut = everybody.length > COLUMNS || left < 0;
  return [
    cut && element("p", { class: "note" }, `${people.length} of ${everybody.length} columns and at most ${ROWS} rows are shown; use the filters to see others.`),
    element("div", { class: "scroll matrix", tabindex: "0", role: "region", "aria-label": "Who is allowed to do what" }, element("table", null,
      element("thead", null, element("tr", null, element("td"), people.map((name) => element("th", { scope: "col" }, element("span", null, name))))),
      element("tbody", null, rows))),
  ].filter(Boolean);
}

function cell(who, resource, grants, why) {
  if (!grants) return null;
  const levels = LEVELS.filter((level) => grants.some((grant) => level in grant.levels));
  const strongest = levels.reduce((one, other) => (STRENGTH.indexOf(other) > STRENGTH.indexOf(one) ? other : one));
  const conditions = [...new Set(grants.flatMap((grant) => grant.conditions))];
  const always = grants.some((grant) => grant.conditions.length === 0);
  const words = `${who}: ${levels.map((level) => level.toLowerCase() || "unknown").join(", ")} on ${shownResource(resource)}${always ? "" : ", under a condition"}`;
  const button = element("button", {
    type: "button", class: `${levelClass(strongest)} ${always ? "" : "if"}`, title: conditions.length ? `${words}\n${conditions.join("\n")}` : words,
    "aria-label": words, "aria-pressed": "false",
    click: () => {
      document.querySelectorAll(".matrix button[aria-pressed=true]").forEach((other) => other.setAttribute("aria-pressed", "false"));
      button.setAttribute("aria-pressed", "true");
      why.replaceChildren(...reasons(who, resource, grants));
    },
  }, levels.map((level) => LETTERS[level]).join(""));
  return button;
}

function reasons(who, resource, grants) {
  return [
    element("h4", null, "Why ", element("code", null, who), " is allowed to do that to ", element("code", null, shownResource(resource))),
    ...grants.map((grant) => element("div", { class: "entry" },
      element("p", null, prose(grant.statement), grant.urn && ["in ", resourceLink(grant.urn)], line(grant.line)),
      Object.entries(grant.levels).map(([level, actions]) => element("p", null, badge(level || "unknown"), " ", element("code", null, actions.join(", ")))),
      grant.conditions.length > 0 && element("p", { class: "note" }, "if ", grant.conditions.flatMap((text, index) => [index ? " and " : "", element("code", null, text)])))),
  ];
}
