/** Every rule with its state and its violations in this stack. */
function rules(chosen) {
  const state = { text: "", kind: "all" };
  const list = element("div", { id: "rule-list" });
  const kinds = {
    all: () => true,
    violated: (rule) => data.violations.some((said) => said.rule === rule.id),
    waived: (rule) => rule.waivers.length > 0,
    relaxed: (rule) => rule.state !== "enforced",
  };
  const show = (change) => {
    Object.assign(state, change);
    const wanted = state.text.toLowerCase();
    const found = data.rules.filter((rule) => kinds[state.kind](rule) && `${rule.id} ${rule.title} ${rule.remedy}`.toLowerCase().includes(wanted));
    list.replaceChildren(element("p", { class: "note" }, count(found.length, "rule")), ...found.map((rule) => described_rule(rule, rule.id === chosen)));
  };
  show({});
  if (chosen) requestAnimationFrame(() => list.querySelector("details[open]")?.scrollIntoView({ block: "center" }));
  return [
    element("h2", null, "Rules"),
    element("div", { class: "tools" },
      field("Find a rule", element("input", { type: "search", id: "find-rule" }), (text) => show({ text })),
      field("Which", choice([["all", "every rule"], ["violated", "violated here"], ["waived", "waived"], ["relaxed", "advisory or off"]], { id: "which-rules" }), (kind) => show({ kind }))),
    list,
  ];
}

function described_rule(rule, open) {
  const said = data.violations.filter((one) => one.rule === rule.id);
  return element("details", { open },
    element("summary", null, element("code", null, rule.id), badge(rule.severity), rule.state !== "enforced" && badge(rule.state, "warn"),
      said.length > 0 && badge(count(said.length, "violation"), "bad"), rule.waivers.length > 0 && badge("waived", "warn"), element("span", null, prose(rule.title))),
    element("div", null,
      element("p", null, "To fix: ", prose(rule.remedy)),
      element("p", null, element("a", { href: rule.source, rel: "noreferrer" }, "Source of the rule")),
      rule.waivers.map((one) => element("p", null, badge("waived", "warn"), ` for ${one.resource} until ${one.expires}, by ${one.owner}`)),
      said.map(violation),
      rule.example && [
        element("h4", null, `Example of what it stops: ${rule.example.what}`, " ", element("code", null, rule.example.file)),
        rule.example.good && element("pre", { class: "new", tabindex: "0" }, rule.example.good),
        element("pre", { class: "old", tabindex: "0" }, rule.example.bad),
      ]));
}
