// Answers requests as the page does: reads [way, request] pairs as JSON from stdin, writes the answers to stdout.
import { readFileSync } from "node:fs";
import { runInThisContext } from "node:vm";

runInThisContext(readFileSync(process.argv[2], "utf8"));
const { ways, requests } = JSON.parse(readFileSync(0, "utf8"));
const answers = requests.map(([way, request]) => globalThis.follow(ways[way], request).answer);
process.stdout.write(JSON.stringify(answers));
