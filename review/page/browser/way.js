// The way of a request: what review/way.py and review/listener.py say, told step by step. A test holds the answers of
// both against each other.

const CALLBACK = "/oauth2/idpresponse";
const DEFAULT_COOKIE = "AWSELBAuthSessionCookie";

/** Tell whether a text matches one of some patterns, in which `*` stands for any characters and `?` for one. */
function matchesOne(patterns, text, ignoreCase) {
  return patterns.some((pattern) => {
    const expression = [...pattern].map((letter) => ({ "*": ".*", "?": "." })[letter] || letter.replace(/[\\^$.|+()[\]{}/]/, "\\$&")).join("");
    return new RegExp(`^(?:${expression})$`, ignoreCase ? "isu" : "su").test(text);
  });
}

/** Return whether a condition of a rule is met, and what it asks for. */
function met(condition, sent) {
  if (condition.hostHeader) {
    const { values } = condition.hostHeader;
    return [matchesOne(values, sent.host.split(":")[0], true), `host ${values.join(" or ")}`];
  }
  if (condition.httpHeader) {
    const { httpHeaderName, values } = condition.httpHeader;
    const value = sent.headers[httpHeaderName.toLowerCase()];
    return [value !== undefined && matchesOne(values, value, true), `header ${httpHeaderName}`];
  }
  if (condition.pathPattern) {
    const { values } = condition.pathPattern;
    return [matchesOne(values, sent.path.split("?")[0], false), `path ${values.join(" or ")}`];
  }
  throw new Error(`the simulation doesn't know the condition ${Object.keys(condition)}`);
}

/** Return what a rule's actions answer, adding to the steps what each does. */
function act(actions, sent, steps) {
  const order = (action) => Number(action.order || 1);
  for (const action of [...actions].sort((one, other) => order(one) - order(other))) {
    if (action.type === "authenticate-oidc") {
      const settings = action.authenticateOidc;
      const cookie = settings.sessionCookieName || DEFAULT_COOKIE;
      if (sent.path.split("?")[0] === CALLBACK) {
        steps.push("The load balancer itself answers the identity provider's callback.");
        return { kind: "callback", what: "" };
      }
      if (sent.sessions.includes(cookie)) {
        steps.push(`The cookie ${cookie} holds a session that is valid.`);
        continue;
      }
      const unauthenticated = settings.onUnauthenticatedRequest || "authenticate";
      if (unauthenticated === "allow") {
        steps.push("Nobody is signed in, and the rule lets that pass.");
        continue;
      }
      steps.push(`There is no session in the cookie ${cookie}.`);
      return unauthenticated === "deny" ? { kind: "status", what: "401" } : { kind: "sign-in", what: settings.authorizationEndpoint };
    }
    if (action.type === "forward") return { kind: "target", what: action.targetGroupArn };
    if (action.type === "fixed-response") return { kind: "status", what: String(action.fixedResponse.statusCode) };
    throw new Error(`the simulation doesn't know the action ${action.type}`);
  }
  throw new Error("the actions lead nowhere");
}

/** Return what the load balancer answers. */
function balancer(way, sent, steps) {
  for (const rule of way.rules) {
    const conditions = rule.conditions.map((condition) => met(condition, sent));
    const lacking = conditions.find(([holds]) => !holds);
    if (!lacking) {
      steps.push(`Listener rule ${rule.priority} matches: ${conditions.map(([, what]) => what).join(", ")}.`);
      return act(rule.actions, sent, steps);
    }
    steps.push(`Listener rule ${rule.priority} doesn't match: it asks for ${lacking[1]}.`);
  }
  steps.push("No rule matches, so the listener's default action answers.");
  return act(way.defaultActions, sent, steps);
}

/** Return the answer to a request ({start, method, host, path, headers, sessions}) and the steps that led to it. */
function follow(way, sent) {
  const steps = [];
  const answered = (kind, what, step) => { steps.push(step); return { answer: { kind, what }, steps }; };
  const host = sent.host.split(":")[0].toLowerCase();
  const lower = (headers) => Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  let headers = lower(sent.headers);
  if (sent.start === "cloudflare") {
    const record = way.records.find((one) => one.name.toLowerCase() === host);
    if (!record) return answered("nowhere", "record", `The plan has no record ${host}.`);
    if (!record.proxied) return answered("closed", way.admits.join(", "), `${host} is the load balancer itself, and its security group admits ${way.admits.join(", ")} alone.`);
    steps.push(`Record ${record.name}: Cloudflare takes the request and passes it on.`);
  }
  if (sent.start !== "balancer") {
    const distribution = way.distributions.find((one) => one.hosts.includes(host));
    if (!distribution) return answered("nowhere", "distribution", `No distribution has the host ${host}.`);
    if (sent.start === "cloudfront" && distribution.guarded) return answered("blocked", "", `The web ACL of the distribution ${distribution.name} lets Cloudflare's addresses through alone.`);
    if (!distribution.methods.includes(sent.method)) return answered("status", "403", `The distribution ${distribution.name} doesn't take the method ${sent.method}.`);
    headers = { ...headers, ...lower(distribution.adds) };
    steps.push(`Distribution ${distribution.name} adds ${Object.keys(distribution.adds).join(", ") || "no header"}.`);
  }
  const answer = balancer(way, { ...sent, headers }, steps);
  return { answer, steps };
}
