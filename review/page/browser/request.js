const ANSWERS = {
  status: (what) => [`refused with ${what}`, "good"],
  "sign-in": () => ["has to sign in", "good"],
  callback: () => ["callback of the sign-in", "good"],
  blocked: () => ["blocked by the web ACL", "good"],
  closed: (what) => [`blocked: the network only admits ${what}`, "good"],
  nowhere: (what) => [`no answer: there is no such ${what}`, "good"],
  target: (what) => [`reaches ${what}`, "warn"],
};

/** The values of `start` in the page's data -> where a request arrives. */
const STARTS = {
  cloudflare: "at Cloudflare, as usual",
  cloudfront: "at the distribution, bypassing Cloudflare",
  balancer: "at the load balancer, bypassing both",
};

function outcome({ kind, what }) {
  return badge(...ANSWERS[kind](what));
}

/** Return why requests can't be answered: the Pulumi CLI masks a list that contains a secret as a whole. */
function hiddenParts() {
  return [`This plan doesn't show what answers a request, because it hides ${data.hidden.length === 1 ? "a list that contains a secret" : "lists that contain secrets"}: `,
    prose(data.hidden.join(", ")), ". A page without ", element("code", null, "--plan"), " shows it."];
}

/** A form for a request, the steps that lead to its answer, and example requests. */
function request() {
  if (!data.way.rules) return [element("h2", null, "Request"), element("p", { class: "empty" }, data.hidden.length ? hiddenParts() : "The plan has no listener that would answer a request.")];
  const hosts = data.way.distributions.flatMap((one) => one.hosts);
  const controls = {
    start: choice(Object.entries(STARTS), { id: "start" }),
    method: choice(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"].map((one) => [one, one]), { id: "method" }),
    host: element("input", { id: "host", list: "hosts", value: hosts[0] || "", spellcheck: "false" }),
    path: element("input", { id: "path", value: "/", spellcheck: "false" }),
    headers: element("textarea", { id: "headers", rows: "3", spellcheck: "false", placeholder: "Name: value" }),
    sessions: element("input", { id: "sessions", spellcheck: "false", placeholder: "rc-portal" }),
  };
  const told = element("div", { "aria-live": "polite", id: "told" });
  const show = () => told.replaceChildren(...answered(sentBy(controls)));
  const load = (attack) => {
    for (const name of ["start", "method", "host", "path"]) controls[name].value = attack[name];
    controls.headers.value = Object.entries(attack.headers).map(([name, value]) => `${name}: ${value}`).join("\n");
    controls.sessions.value = attack.sessions.join(" ");
    show();
    controls.host.focus();
  };
  show();
  return [
    element("h2", null, "Request"),
    element("p", { class: "lead" }, "What answers a request, according to the plan's records, distributions and listener rules. In a header, ", element("code", null, "[secret]"), " stands for the right secret, which isn't on this page."),
    element("div", { class: "columns" },
      element("form", { submit: (event) => event.preventDefault() },
        element("div", { class: "tools" },
          field("Arrives", controls.start, show), field("Method", controls.method, show), field("Host", controls.host, show), field("Path", controls.path, show),
          field("Headers, one per line", controls.headers, show), field("Cookies with a valid session", controls.sessions, show)),
        element("datalist", { id: "hosts" }, hosts.map((host) => element("option", { value: host })))),
      told),
    element("h3", null, "Example requests"),
    table(["request", "arrives", "answer", ""], data.attacks.map((attack) => [attack.what, STARTS[attack.start], outcome(attack.answer),
      element("button", { type: "button", "aria-label": `Show: ${attack.what}`, click: () => load(attack) }, "show")])),
  ];
}

function sentBy(controls) {
  const lines = controls.headers.value.split("\n").filter((text) => text.includes(":"));
  return {
    start: controls.start.value,
    method: controls.method.value,
    host: controls.host.value.trim(),
    path: controls.path.value,
    headers: Object.fromEntries(lines.map((text) => [text.slice(0, text.indexOf(":")).trim(), text.slice(text.indexOf(":") + 1).trim()])),
    sessions: controls.sessions.value.split(/[\s,;]+/).filter(Boolean),
  };
}

function answered(sent) {
  try {
    const { answer, steps } = follow(data.way, sent);
    return [element("ol", { class: "steps" }, steps.map((text) => element("li", null, text)), element("li", { class: "answer" }, outcome(answer)))];
  } catch (error) {
    return [element("p", { class: "empty" }, `The answer isn't known: ${error.message}.`)];
  }
}
