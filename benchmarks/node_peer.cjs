// W1 in json-rules-engine: one small engine for each (device, sensor), its best practice. Prints firings and seconds.
"use strict";

const { readFileSync } = require("node:fs");
const { Engine } = require("json-rules-engine");

const { rules, steps, first } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const index = new Map();
const newest = new Map();

function add(device, sensor, rule) {
  const key = `${device}/${sensor}`;
  if (!index.has(key)) index.set(key, new Engine());
  const all = [
    { fact: rule.first, operator: "greaterThan", value: rule.over },
    { fact: rule.second, operator: "lessThan", value: rule.under },
  ];
  index.get(key).addRule({ conditions: { all }, event: { type: rule.id } });
}

for (const rule of rules) {
  add(rule.device, rule.first, rule);
  add(rule.device, rule.second, rule);
  newest.set(rule.device, { ...first });
}

async function main() {
  let fired = 0;
  const start = process.hrtime.bigint();
  for (const [device, sensor, value] of steps) {
    const facts = newest.get(device);
    facts[sensor] = value;
    const engine = index.get(`${device}/${sensor}`);
    if (engine !== undefined) fired += (await engine.run(facts)).events.length;
  }
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  console.log(JSON.stringify({ fired, seconds }));
}

main();
