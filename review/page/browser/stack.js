/** The diagram, the tree of components and resources, and everything known about the chosen one. */
function stack(chosen) {
  const drawing = element("div", { class: "drawing", tabindex: "0", role: "region", "aria-label": "Diagram" },
    document.getElementById("diagram").content.cloneNode(true));
  const panel = element("div", { class: "panel", "aria-live": "polite" });
  const tree = element("div", { class: "tree" });
  const buttons = [];
  const children = new Map();
  data.resources.forEach((resource, index) => {
    const parent = numbers.has(resource.parent) ? resource.parent : "";
    if (!children.has(parent)) children.set(parent, []);
    children.get(parent).push(index);
  });
  function branch(urn) {
    return element("ul", null, (children.get(urn) || []).map((index) => {
      const resource = data.resources[index];
      buttons[index] = element("button", { type: "button", click: () => { location.hash = `#stack/${index}`; } },
        resource.name, " ", element("small", null, resource.type));
      return element("li", null, buttons[index], children.has(resource.urn) && branch(resource.urn));
    }));
  }
  tree.append(branch(""));
  function filter(text) {
    const wanted = text.toLowerCase();
    const shown = (item) => {
      const inside = [...item.querySelectorAll(":scope > ul > li")].map(shown).some(Boolean);
      const matches = inside || item.firstChild.textContent.toLowerCase().includes(wanted);
      item.hidden = !matches;
      return matches;
    };
    tree.querySelectorAll(":scope > ul > li").forEach(shown);
  }
  const name = choose(Number(chosen || 0), drawing, buttons, panel);
  return [
    element("h2", null, "Stack"),
    element("p", { class: "lead" }, `${data.notDrawn ? "" : "Drawn from the plan. "}Choose a name${data.notDrawn ? "" : " in the diagram or in the tree"} to see its details and who has access to it.`),
    data.notDrawn ? element("p", { class: "empty" }, `There is no diagram: ${data.notDrawn}.`) : drawing,
    !data.notDrawn && data.hidden.length > 0 && element("p", { class: "note" }, "The diagram doesn't show the path of a request. ", hiddenParts()),
    element("div", { class: "tools" }, field("Find a resource", element("input", { type: "search", id: "find-resource" }), filter)),
    element("div", { class: "columns" }, tree, panel),
    name && chosen && (() => { requestAnimationFrame(() => buttons[Number(chosen)].scrollIntoView({ block: "nearest" })); return null; })(),
  ];
}

/** Show a resource: mark it in the tree and the diagram, and fill the panel. */
function choose(index, drawing, buttons, panel) {
  const resource = data.resources[index];
  if (!resource) return null;
  buttons[index].setAttribute("aria-current", "true");
  for (const link of drawing.querySelectorAll("a")) {
    if (link.getAttribute("href") === `#stack/${index}`) {
      link.setAttribute("aria-current", "true");
      const name = link.textContent;
      const lines = [...drawing.querySelectorAll("path.r title")].filter((title) => title.textContent.split(" reads ").includes(name));
      lines.forEach((title) => title.parentElement.classList.add("on"));
      drawing.classList.toggle("chosen", lines.length > 0);
    }
  }
  panel.append(...described(resource));
  return resource.name;
}

function described(resource) {
  const given = Object.values(resource.inputs);
  const grants = data.access.grants.filter((grant) => grant.urn === resource.urn || (resource.type === "aws:iam:Role" && grant.who === resource.inputs.name));
  const reading = data.access.readers.find((one) => one.made && given.includes(one.name));
  const said = data.violations.filter((one) => one.urn === resource.urn);
  return [
    element("h3", null, resource.name),
    element("p", null, element("code", null, resource.type), " ", badge(resource.operation), " ", resource.protected && badge("protected", "good")),
    resource.line && element("p", null, "registered at ", line(resource.line)),
    reading && element("p", null, "read by ", reading.readers.length ? reading.readers.flatMap((who, index) => [index ? ", " : "", element("code", null, who)]) : "nobody"),
    grants.length > 0 && element("p", null, element("a", { href: `#access/${encodeURIComponent(grants[0].who)}` }, `what ${grants[0].who} is allowed to do`)),
    said.length > 0 && [element("h4", null, "Violations"), said.map(violation)],
    element("h4", null, "Inputs"),
    element("pre", { tabindex: "0" }, inputs(resource.inputs)),
    element("h4", null, "URN"),
    element("code", null, resource.urn),
  ].flat(2).filter(Boolean);
}

/** Return inputs as text: JSON documents are expanded, and Pulumi's mark for an unknown value is replaced by words. */
function inputs(given) {
  const text = JSON.stringify(given, (key, value) => {
    if (typeof value === "string" && /^[{[]/.test(value)) {
      try { return JSON.parse(value); } catch { return value; }
    }
    return value;
  }, 2);
  return text.replaceAll("04da6b54-80e4-46f7-96ec-b56ff0331ba9", "(known when it is applied)");
}
