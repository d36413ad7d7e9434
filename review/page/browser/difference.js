/** What differs from the base: access, violations, resources. */
function difference() {
  if (!data.difference) {
    return [element("h2", null, "Difference"), element("p", { class: "empty" }, "This page has no base to compare with. ", element("code", null, "make page BASE=main"), " compares with a branch, a tag or a commit.")];
  }
  const { changes, new: added, gone, access: sentences } = data.difference;
  return [
    element("h2", null, "Difference"),
    element("p", { class: "lead" }, `Compared with ${data.against}.`),
    element("h3", null, "Access"),
    sentences.length ? element("ul", null, sentences.map((text) => element("li", null, prose(text)))) : element("p", { class: "empty" }, "Nobody's access changes."),
    element("h3", null, "Violations"),
    added.length + gone.length === 0 && element("p", { class: "empty" }, "The same as before."),
    added.map(violation),
    gone.length > 0 && [element("h4", null, "Resolved"), gone.map(violation)],
    element("h3", null, count(changes.length, "changed resource")),
    changes.length === 0 && element("p", { class: "empty" }, "No resource differs."),
    changes.map((change) => element("div", { class: "entry" },
      element("p", null, badge(change.operation, change.operation === "create" ? "good" : change.operation === "update" ? "" : "bad"), resourceLink(change.urn), line(change.line)),
      change.properties.length > 0 && table(["property", "before", "after"], change.properties.map((item) => [element("code", null, item.path),
        element("code", { class: "old" }, item.before), element("code", { class: "new" }, item.after)])))),
  ];
}
