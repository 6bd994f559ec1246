// Holds dashboards against the types of @grafana/schema with the TypeScript compiler, and prints what does not fit.
//
// plan: { dashboards: [{ file, json }] }
import ts from "typescript";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const plan = JSON.parse(readFileSync(0, "utf8"));
const here = dirname(fileURLToPath(import.meta.url));
// JSON writes the text of an enumeration's member where a program writes the member; otherwise the types hold as they are.
const head = `
import type { AnnotationQuery, Dashboard } from "@grafana/schema";
type Written<T> = T extends string ? \`\${T}\` : T extends (infer I)[] ? Written<I>[] : T extends object ? { [K in keyof T]: Written<T[K]> } : T;
// What Grafana's Prometheus source adds to an annotation of its own.
type Annotation = Omit<Written<AnnotationQuery>, "target"> & { target: { expr: string; refId: string; step: string }; titleFormat: string; textFormat: string; tagKeys: string; useValueForTime: boolean };
type Whole = Omit<Written<Dashboard>, "annotations"> & { annotations: { list: Annotation[] } };
`;
const sources = new Map(plan.dashboards.map(({ file, json }) => [join(here, `${file}.ts`), `${head}export const dashboard: Whole = ${JSON.stringify(json, null, 1)};\n`]));
const options = { strict: true, noEmit: true, skipLibCheck: true, module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, target: ts.ScriptTarget.ES2022, types: [] };
const host = ts.createCompilerHost(options);
const { readFile, fileExists, getSourceFile } = host;
host.readFile = (name) => sources.get(name) ?? readFile.call(host, name);
host.fileExists = (name) => sources.has(name) || fileExists.call(host, name);
host.getSourceFile = (name, ...rest) => (sources.has(name) ? ts.createSourceFile(name, sources.get(name), options.target, true) : getSourceFile.call(host, name, ...rest));
const program = ts.createProgram([...sources.keys()], options, host);
const troubles = ts.getPreEmitDiagnostics(program).map((found) => {
  const at = found.file && found.start !== undefined ? `${found.file.fileName.replace(here, "")}:${found.file.getLineAndCharacterOfPosition(found.start).line + 1}: ` : "";
  return at + ts.flattenDiagnosticMessageText(found.messageText, " ");
});
console.log(JSON.stringify({ files: sources.size, troubles }));
