/** What taking over running resources would do: what blocks it, then a row for each resource. */
function adoption() {
  const { project, stack, clean, verdicts, rows, violations } = data.adoption;
  const stopping = rows.filter((row) => row.stops);
  const mandatory = violations.filter((said) => said.level === "mandatory");
  const place = element("div", { id: "adopted" });
  const show = (verdict) => {
    const found = rows.filter((row) => !verdict || row.verdict === verdict);
    place.replaceChildren(element("p", { class: "note" }, count(found.length, "resource")), ...found.map(adoptedRow));
  };
  show("");
  return [
    element("h2", null, "Adoption"),
    element("p", { class: "lead" }, `${project}/${stack}. `, clean ? "Nothing blocks it." : `${stopping.length + mandatory.length} to resolve before anything is taken over.`),
    element("ul", { class: "facts" }, verdicts.map((one) => element("li", null, element("strong", null, String(one.count)), one.verdict))),
    !clean && element("h3", null, "What blocks it"),
    alike(stopping).map((same) => element("div", { class: "entry stop" },
      element("p", null, badge(same[0].verdict, "bad"), same.map((row) => element("span", null, adopted(row)))),
      element("p", { class: "message" }, prose(same[0].cause)),
      element("h4", null, same.length > 1 ? "Ways out (named for the first resource; the same ones work for the others)" : "Ways out"),
      ways(same[0]))),
    mandatory.map(violation),
    element("h3", null, "Every resource"),
    element("div", { class: "tools" },
      field("Verdict", choice([["", "every verdict"], ...verdicts.map((one) => [one.verdict, `${one.verdict} (${one.count})`])], { id: "which-verdict" }), show)),
    place,
  ];
}

function adoptedRow(row) {
  const kind = row.stops ? "bad" : row.verdict === "same" ? "good" : "warn";
  return element("div", { class: "entry" },
    element("p", null, badge(row.verdict, kind), adopted(row), row.address && element("span", { class: "note" }, "in Terraform ", element("code", null, row.address))),
    row.cause && element("p", { class: "message" }, prose(row.cause)),
    !row.stops && row.waysOut.length > 0 && ways(row),
    row.changes.length > 0 && changedProperties(row),
    row.secrets.length > 0 && element("p", { class: "secret" }, "Secrets that may change; their values aren't shown: ", paths(row.secrets)),
    row.filledIn.length > 0 && element("p", { class: "note" }, "Filled in by the provider: ", paths(row.filledIn)));
}

/** Return a resource's changed properties; more than three are folded, under the names of the top-level properties. */
function changedProperties(row) {
  const shown = table(["property", "running", "planned"], row.changes.map((change) => [element("code", null, change.path),
    element("code", { class: "old" }, change.before), element("code", { class: "new" }, change.after)]));
  if (row.changes.length <= 3) return shown;
  const outermost = [...new Set(row.changes.map((change) => change.path.split(/[.[]/)[0]))];
  return element("details", null, element("summary", null, count(row.changes.length, "change"), element("span", null, "in ", paths(outermost))), shown);
}

function paths(names) {
  return names.flatMap((name, index) => [index ? ", " : "", element("code", null, name)]);
}

function ways(row) {
  return element("ul", null, row.waysOut.map((way) => element("li", null, prose(way))));
}

/** Return rows grouped by verdict, type and cause. */
function alike(rows) {
  const groups = new Map();
  for (const row of rows) {
    const key = JSON.stringify([row.verdict, row.resource.split("$").pop().split("::")[0], row.cause]);
    groups.set(key, [...(groups.get(key) || []), row]);
  }
  return [...groups.values()];
}

/** Return a row's resource: one of the program, or the address of one that only Terraform has. */
function adopted(row) {
  return row.resource.startsWith("urn:pulumi:") ? resourceLink(row.resource) : element("code", null, row.resource);
}
