// Writes protocol.ts, the TypeScript types of huizhen.v1 and /api/v1, from schema/*.json. Plain node:
//   node signaling/protocol/generate-types.mjs OUT.ts
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const out = process.argv[2];
if (!out) {
  console.error("usage: generate-types.mjs OUT.ts");
  process.exit(2);
}
const here = join(dirname(fileURLToPath(import.meta.url)), "schema");
const read = (file) => JSON.parse(readFileSync(join(here, `${file}.json`), "utf8")).$defs;
const pascal = (name) =>
  name.split(/[._-]/).map((part) => part[0].toUpperCase() + part.slice(1)).join("");

// Where a type of each file lands: pushes get a suffix (`chat` is also a word of its own), REST bodies a prefix.
const typeName = {
  types: pascal,
  requests: (name) => pascal(name === "error" ? "rpc_error" : name),
  pushes: (name) => `${pascal(name)}Push`,
  rest: (name) => `Rest${pascal(name)}`,
};

function refName(ref, file) {
  const match = /^(?:([a-z]+)\.json)?#\/\$defs\/(.+)$/.exec(ref);
  if (!match) throw new Error(`${file}: $ref ${ref}`);
  return typeName[match[1] ?? file](match[2]);
}

function objectType(schema, file, indent) {
  const entries = Object.entries(schema.properties ?? {});
  if (entries.length === 0) return "Record<string, never>";
  const required = new Set(schema.required ?? []);
  const inner = `${indent}  `;
  const lines = entries.map(([key, value]) => {
    const comment = value.description ? `${inner}/** ${value.description} */\n` : "";
    return `${comment}${inner}${key}${required.has(key) ? "" : "?"}: ${typeOf(value, file, inner)};`;
  });
  return `{\n${lines.join("\n")}\n${indent}}`;
}

function typeOf(schema, file, indent = "") {
  if (schema.$ref) return refName(schema.$ref, file);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.anyOf) return schema.anyOf.map((one) => typeOf(one, file, indent)).join(" | ");
  switch (schema.type) {
    case "object":
      return objectType(schema, file, indent);
    case "array": {
      const item = typeOf(schema.items, file, indent);
      return /[ |]/.test(item) && !item.startsWith("{") ? `(${item})[]` : `${item}[]`;
    }
    case "string":
      return "string";
    case "integer":
    case "number":
      return "number";
    case "boolean":
      return "boolean";
    case "null":
      return "null";
    default:
      throw new Error(`${file}: no type in ${JSON.stringify(schema)}`);
  }
}

function declare(name, schema, file) {
  const comment = schema.description ? `/** ${schema.description} */\n` : "";
  const type = typeOf(schema, file);
  const asInterface = schema.type === "object" && type.startsWith("{");
  return asInterface
    ? `${comment}export interface ${name} ${type}\n`
    : `${comment}export type ${name} = ${type};\n`;
}

const parts = ["// Made by signaling/protocol/generate-types.mjs from signaling/protocol/schema: do not edit.\n"];
const names = new Set();
for (const file of ["types", "requests", "pushes", "rest"]) {
  for (const [name, schema] of Object.entries(read(file))) {
    const ts = typeName[file](name);
    if (names.has(ts)) throw new Error(`${file}.json: ${name} would be declared twice as ${ts}`);
    names.add(ts);
    parts.push(declare(ts, schema, file));
  }
}
const methods = Object.keys(read("requests"))
  .filter((name) => name.endsWith(".params"))
  .map((name) => name.slice(0, -".params".length));
const requests = methods.map(
  (name) => `  ${JSON.stringify(name)}: { params: ${pascal(name)}Params; result: ${pascal(name)}Result };`,
);
parts.push(`/** Every request of the client, by method. */\nexport interface Requests {\n${requests.join("\n")}\n}\n`);
const pushes = Object.keys(read("pushes")).map((name) => `  ${JSON.stringify(name)}: ${typeName.pushes(name)};`);
parts.push(`/** Every notification of the gateway, by method. */\nexport interface Pushes {\n${pushes.join("\n")}\n}\n`);
parts.push("export type Method = keyof Requests;\nexport type PushMethod = keyof Pushes;\n");
const consent = JSON.parse(readFileSync(join(here, "..", "consent.json"), "utf8"));
parts.push(
  "/** The words that ask for consent to being recorded, by language, and which version of them these are. */\n" +
    `export const consentWording = ${JSON.stringify(consent, null, 2)} as const;\n`,
);
mkdirSync(dirname(out), { recursive: true });
const text = parts.join("\n");
if (!existsSync(out) || readFileSync(out, "utf8") !== text) writeFileSync(out, text); // its time is what builds go by
