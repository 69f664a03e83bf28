/**
 * Joins the built files of the command line into `dist/joined.cjs`, each as a function that runs
 * when it is first required, and keeps V8's code cache of them after a trace of the demonstration.
 * Run by `npm run build` after the compiler; the library's own files stay as they are.
 */
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { join, posix, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Script } from 'node:vm';
import ts from 'typescript';

const dist = resolve(import.meta.dirname, '../dist');
const ENTRY = 'cli/main.js';
/** As the compiler writes it; dynamic imports stand inside of functions. */
const STATIC_IMPORT = /^const (\w+) = require\("([^"]+)"\);$/gm;

/** A built file as the body of a function of `exports`, `require` and `url`. */
function bodyOf(file: string): string {
  const { outputText } = ts.transpileModule(readFileSync(join(dist, file), 'utf8'), {
    compilerOptions: {
      module: ts.ModuleKind.CommonJS,
      target: ts.ScriptTarget.ES2023,
      esModuleInterop: true,
      removeComments: true,
    },
  });
  let body = outputText
    .replace(/^#!.*/, '')
    .replaceAll('import.meta.url', `new URL(${JSON.stringify(`../${file}`)}, url).href`)
    .replace(/require\("(\.[^"]+)"\)/g, (_, name: string) => {
      return `require(${JSON.stringify(posix.join(posix.dirname(file), name))})`;
    });
  // Files and packages are loaded where they are first used: no question needs all of them.
  for (const [line, variable = '', name = ''] of body.matchAll(STATIC_IMPORT)) {
    if (isBuiltin(name)) continue;
    const used = new RegExp(`(?<![\\w$])${variable}\\.`, 'g');
    const load = `(${variable} ??= require(${JSON.stringify(name)})).`;
    body = body.replace(line, `let ${variable};`).replace(used, () => load);
  }
  return body;
}

const bodies = new Map<string, string>();
const open = [ENTRY];
for (let file = open.pop(); file !== undefined; file = open.pop()) {
  if (bodies.has(file)) continue;
  const body = bodyOf(file);
  bodies.set(file, body);
  for (const [, name = ''] of body.matchAll(/require\("([^"]+\.js)"\)/g)) open.push(name);
}

const files = [...bodies].map(
  ([file, body]) => `${JSON.stringify(file)}: function (exports, require, url) {\n${body}\n}`,
);
const source = `(function (outside, url) {
'use strict';
const made = new Map();
function require(name) {
  const file = files[name];
  if (file === undefined) return outside(name);
  let exports = made.get(name);
  if (exports === undefined) {
    exports = {};
    made.set(name, exports);
    file(exports, require, url);
  }
  return exports;
}
const files = {
${files.join(',\n')}
};
return require(${JSON.stringify(ENTRY)});
})`;
// One byte a character is read and compiled fastest.
const latin = source.replace(/[^\0-\x7f]/g, (character) => {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
});
const filename = join(dist, 'joined.cjs');
rmSync(`${filename}.cache`, { force: true });
writeFileSync(filename, latin);
copyFileSync(join(dist, 'cli/start.js'), join(dist, ENTRY));

/** Questions whose functions the cache keeps: between servers, by a router with NAT, and refused. */
const QUESTIONS: readonly (readonly string[])[] = [
  ['trace', 'a1', 'a2', '-v'],
  ['trace', 'a1', '198.51.100.10', '--tcp', '80'],
  ['trace', 'a1', 'a2', '--tcp', '23'],
];
const script = new Script(latin, { filename });
const start: unknown = script.runInThisContext();
if (typeof start !== 'function') throw new Error(`${filename} does not make a function`);
const entry = join(dist, ENTRY);
const { write } = process.stdout;
process.stdout.write = () => true;
for (const question of QUESTIONS) {
  process.argv = ['node', 'hopwise', ...question];
  const { done }: { done: Promise<void> } = start(createRequire(entry), pathToFileURL(entry).href);
  await done;
}
process.exitCode = 0;
process.stdout.write = write;
writeFileSync(`${filename}.cache`, script.createCachedData());
