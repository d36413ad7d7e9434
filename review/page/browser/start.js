// Shows one section at a time, named in the URL's fragment: `#stack/12` is a resource, `#rules/PACK/RULE` a rule.

const SECTIONS = { overview, stack, access, request, rules, difference, ...(data.adoption && { adoption }) };

function here() {
  const [name, ...rest] = location.hash.slice(1).split("/");
  return name in SECTIONS ? [name, rest.join("/")] : ["overview", ""];
}

function show() {
  const [name, chosen] = here();
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${data.stack}: ${name}`;
  document.getElementById("content").replaceChildren(section(name, chosen));
}

function section(name, chosen) {
  return element("section", { id: `section-${name}` }, SECTIONS[name](chosen));
}

document.querySelector("nav").append(...Object.keys(SECTIONS).map((name) => element("a", { href: `#${name}` }, name[0].toUpperCase() + name.slice(1))));
document.getElementById("verdict").append(data.error ? badge("failed", "bad") : data.passed ? badge("passed", "good") : badge("stopped", "bad"));
addEventListener("hashchange", () => { if (location.hash !== "#content") show(); });
// In print, the sections follow each other.
addEventListener("beforeprint", () => document.getElementById("content").replaceChildren(...Object.keys(SECTIONS).map((name) => section(name, ""))));
addEventListener("afterprint", show);
show();
