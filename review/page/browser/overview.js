/** Verdict, what changes, what is destroyed or replaced, violations, and waivers. */
function overview() {
  const operations = data.difference ? data.difference.changes : data.resources;
  const counts = new Map();
  for (const { operation } of operations) counts.set(operation, (counts.get(operation) || 0) + 1);
  const mandatory = data.violations.filter((said) => said.level !== "advisory").length;
  const verdict = data.error ? "The program failed, so there is no verdict."
    : mandatory ? `${count(mandatory, "violation")} ${mandatory === 1 ? "stops" : "stop"} this change.` : "No violation stops this change.";
  const objections = [
    element("h3", null, "Violations"),
    data.violations.length === 0 ? element("p", { class: "empty" }, "None.") : data.violations.map(violation),
  ];
  return [
    element("h2", null, "Overview"),
    element("p", { class: "lead" }, verdict, data.against && ` Compared with ${data.against}.`),
    data.error && element("pre", { class: "message" }, data.error),
    element("ul", { class: "facts" },
      [...counts].map(([operation, number]) => element("li", null, element("strong", null, String(number)), data.difference ? element("a", { href: "#difference" }, `to ${operation}`) : `to ${operation}`)),
      data.difference && !counts.size && element("li", null, element("strong", null, "0"), "changes"),
      element("li", null, element("strong", null, String(data.resources.length)), "resources"),
      element("li", null, element("strong", null, String(data.violations.length)), data.violations.length === 1 ? "violation" : "violations"),
      element("li", null, element("strong", null, String(data.rulesInForce)), "rules"),
      element("li", null, element("strong", null, String(data.waivers.length)), data.waivers.length === 1 ? "waiver" : "waivers")),
    // Violations that stop the change come first; advisory ones come after the consequences.
    mandatory > 0 && objections,
    data.difference && data.difference.access.length > 0 && [
      element("h3", null, "Changed access"),
      element("ul", null, data.difference.access.map((sentence) => element("li", null, prose(sentence)))),
    ],
    element("h3", null, "Destroyed, replaced or impossible"),
    data.consequences.length === 0 ? element("p", { class: "empty" }, "Nothing is destroyed or replaced, and no change is known to be impossible.")
      : data.consequences.map((one) => element("div", { class: "entry" },
        element("p", null, badge(one.kind, one.kind === "replaced" ? "warn" : "bad"), resourceLink(one.urn), line(one.line)),
        element("p", { class: "message" }, prose(one.text)))),
    mandatory === 0 && objections,
    element("h3", null, "Waivers"),
    data.waivers.length === 0 ? element("p", { class: "empty" }, "No rule is waived for any resource.")
      : table(["rule", "resource", "owner", "last day"], data.waivers.map((one) => [element("code", null, one.rule), element("code", null, one.resource), one.owner, one.expires])),
  ];
}
