// Follows a request as review/way.py and review/listener.py do, and explains each step. A test compares the answers of
// both implementations.

const CALLBACK = "/oauth2/idpresponse";
const DEFAULT_COOKIE = "AWSELBAuthSessionCookie";

/** Return whether a text matches one of some patterns, in which `*` matches any characters and `?` one. */
function matchesOne(patterns, text, ignoreCase) {
  return patterns.some((pattern) => {
    const expression = [...pattern].map((letter) => ({ "*": ".*", "?": "." })[letter] || letter.replace(/[\\^$.|+()[\]{}/]/, "\\$&")).join("");
    return new RegExp(`^(?:${expression})$`, ignoreCase ? "isu" : "su").test(text);
  });
}

/** Return whether a rule's condition is met, and what it requires. */
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

/** Return the answer of a rule's actions, and add what each does to the steps. */
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
        steps.push(`The cookie ${cookie} has a valid session.`);
        continue;
      }
      const unauthenticated = settings.onUnauthenticatedRequest || "authenticate";
      if (unauthenticated === "allow") {
        steps.push("Nobody is signed in, but the rule allows that.");
        continue;
      }
      steps.push(`There is no valid session in the cookie ${cookie}.`);
      return unauthenticated === "deny" ? { kind: "status", what: "401" } : { kind: "sign-in", what: settings.authorizationEndpoint };
    }
    if (action.type === "forward") return { kind: "target", what: action.targetGroupArn };
    if (action.type === "fixed-response") return { kind: "status", what: String(action.fixedResponse.statusCode) };
    throw new Error(`the simulation doesn't know the action ${action.type}`);
  }
  throw new Error("the actions lead nowhere");
}

/** Return the load balancer's answer. */
function balancer(way, sent, steps) {
  for (const rule of way.rules) {
    const conditions = rule.conditions.map((condition) => met(condition, sent));
    const lacking = conditions.find(([holds]) => !holds);
    if (!lacking) {
      steps.push(`Listener rule ${rule.priority} matches: ${conditions.map(([, what]) => what).join(", ")}.`);
      return act(rule.actions, sent, steps);
    }
    steps.push(`Listener rule ${rule.priority} doesn't match: it requires ${lacking[1]}.`);
  }
  steps.push("No rule matches, so the listener's default action answers.");
  return act(way.defaultActions, sent, steps);
}

/** Return the answer to a request ({start, method, host, path, headers, sessions}) and the steps that lead to it. */
function follow(way, sent) {
  const steps = [];
  const answered = (kind, what, step) => { steps.push(step); return { answer: { kind, what }, steps }; };
  const host = sent.host.split(":")[0].toLowerCase();
  const lower = (headers) => Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  let headers = lower(sent.headers);
  if (sent.start === "cloudflare") {
    const record = way.records.find((one) => one.name.toLowerCase() === host);
    if (!record) return answered("nowhere", "record", `The plan has no record ${host}.`);
    if (!record.proxied) return answered("closed", way.admits.join(", "), `${host} is the load balancer itself, whose security group only admits ${way.admits.join(", ")}.`);
    steps.push(`Record ${record.name}: Cloudflare accepts the request and forwards it.`);
  }
  if (sent.start !== "balancer") {
    const distribution = way.distributions.find((one) => one.hosts.includes(host));
    if (!distribution) return answered("nowhere", "distribution", `No distribution has the host ${host}.`);
    if (sent.start === "cloudfront" && distribution.guarded) return answered("blocked", "", `The web ACL of the distribution ${distribution.name} only admits Cloudflare's addresses.`);
    if (!distribution.methods.includes(sent.method)) return answered("status", "403", `The distribution ${distribution.name} doesn't allow the method ${sent.method}.`);
    headers = { ...headers, ...lower(distribution.adds) };
    steps.push(`Distribution ${distribution.name} adds ${Object.keys(distribution.adds).join(", ") || "no header"}.`);
  }
  const answer = balancer(way, { ...sent, headers }, steps);
  return { answer, steps };
}
