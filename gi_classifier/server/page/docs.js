// Shows the service's own description, openapi.json: each operation with its fields and answers.

import { make } from "./records.js";

const answer = await fetch("/openapi.json");
const api = await answer.json();

function resolved(schema) {
  const name = schema?.$ref?.split("/").pop();
  return name ? api.components.schemas[name] : schema || {};
}

function kindOf(schema) {
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(kindOf).join(" | ");
  if (schema.enum) return schema.enum.map(one => JSON.stringify(one)).join(" | ");
  if ("const" in schema) return JSON.stringify(schema.const);
  const bounds = ["minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"]
    .filter(name => name in schema).map(name => `${name} ${schema[name]}`);
  const kind = schema.type === "array" ? `array of ${kindOf(schema.items || {})}` : schema.type || "any";
  return [kind, ...bounds].join(", ");
}

function fields(schema) {
  const list = make("ul");
  for (const [name, one] of Object.entries(schema.properties || {})) {
    const item = make("li");
    const needed = (schema.required || []).includes(name) ? ", required" : "";
    item.append(make("code", "", name), ` (${kindOf(one)}${needed}) ${one.description || ""}`);
    list.append(item);
  }
  return list;
}

function code(value) {
  const block = make("pre");
  block.tabIndex = 0;
  block.append(make("code", "", JSON.stringify(value, null, 2)));
  return block;
}

function operation(method, path, found) {
  const box = make("section", "operation");
  const title = make("h2");
  title.append(make("code", "", `${method.toUpperCase()} ${path}`));
  box.append(title, make("p", "", found.description || found.summary || ""));
  for (const one of found.parameters || []) {
    const line = make("p");
    line.append(make("code", "", one.name), ` (${one.in}, ${kindOf(one.schema)}${one.required ? ", required" : ""}) ${one.description || ""}`);
    box.append(line);
  }
  for (const [media, body] of Object.entries(found.requestBody?.content || {})) {
    const schema = resolved(body.schema);
    box.append(make("h3", "", `Body: ${media}`), fields(schema));
    for (const example of schema.examples || []) box.append(code(example));
  }
  box.append(make("h3", "", "Answers"));
  const list = make("ul");
  for (const [status, one] of Object.entries(found.responses)) list.append(make("li", "", `${status}: ${one.description}`));
  box.append(list);
  const [good] = Object.entries(found.responses).filter(([status]) => status.startsWith("2"));
  const schema = resolved(good?.[1].content?.["application/json"]?.schema);
  if (schema.properties) box.append(fields(schema));
  for (const example of schema.examples || []) box.append(code(example));
  return box;
}

for (const [path, methods] of Object.entries(api.paths)) {
  for (const [method, found] of Object.entries(methods)) {
    document.getElementById("operations").append(operation(method, path, found));
  }
}
