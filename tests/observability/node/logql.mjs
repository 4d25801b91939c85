// Reads LogQL queries as a JSON list and prints, for each, where Grafana's own grammar of the language finds an error.
import { createRequire } from "node:module";

const { parser } = createRequire(process.argv[2] + "/")("@grafana/lezer-logql");
const errors = (query) => {
  const found = [];
  parser.parse(query).iterate({ enter: (node) => { if (node.type.isError) found.push(node.from); } });
  return found;
};
console.log(JSON.stringify(JSON.parse(process.argv[3]).map(errors)));
