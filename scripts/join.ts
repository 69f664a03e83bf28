/**
 * Joins the built files of the command line into `dist/joined.cjs`, each as a function that runs
 * when it is first required, and what a trace does not load into `dist/joined-rest.cjs`. Beside both
 * V8's code cache is kept, of what some questions about the demonstration ran.
 * Run by `npm run build` after the compiler; the library's own files stay as they are.
 */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, posix, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Script } from 'node:vm';
import ts from 'typescript';
import { preferShortRuns } from '../src/cli/short-runs.ts';

const dist = resolve(import.meta.dirname, '../dist');
const ENTRY = 'cli/main.js';
/** Joined as well: every command loads it, and of Node.js it wants much that no command uses. */
const JOINED_PACKAGES: readonly string[] = ['commander'];
/** As compilers and people write it; dynamic imports stand inside of functions. */
const STATIC_IMPORT = /^const (\w+) = require\(["']([^"']+)["']\);$/gm;

/** Questions of traces: between servers, by a router with NAT, and refused. */
const QUESTIONS: readonly (readonly string[])[] = [
  ['trace', 'a1', 'a2', '-v'],
  ['trace', 'a1', '198.51.100.10', '--tcp', '80'],
  ['trace', 'a1', 'a2', '--tcp', '23'],
];
/** The same where other devices carry packets; what compiles a cloud belongs to the rest. */
const OF_CLOUDS: readonly (readonly string[])[] = [
  ['trace', 'over-a', 'over-b', '--cloud', cloudOf('lb-vxlan-l2pop')],
  ['trace', 'r1', 'r2', '--tcp', '80', '--cloud', cloudOf('vlan-hybrid')],
  ['trace', 'r1', 'external:1.1.1.1', '--cloud', cloudOf('vlan-hybrid')],
  ['trace', 'client', '192.168.200.12', '--tcp', '80', '--cloud', cloudOf('lbaas-roundrobin')],
  ['trace', 'green', 'external:8.8.8.8', '--cloud', cloudOf('dvr-fip-out')],
];
const COMPILING = /^(agents|model|apply|simulate|verify|why)\//;
/** Questions that run much of the rest. */
const FURTHER: readonly (readonly string[])[] = [
  ['why', 'a1', 'b1'],
  ['prove', 'a1', 'a2', '--tcp', '80'],
];

function cloudOf(scenario: string): string {
  return join(dist, '../scenarios', scenario, 'cloud.yaml');
}

/** Where a built file or one of a package stands. */
function pathOf(file: string): string {
  const [name = ''] = file.split('/');
  return JOINED_PACKAGES.includes(name) ? join(dist, '../node_modules', file) : join(dist, file);
}

/** The name under which `file` finds what it requires. */
function targetOf(file: string, name: string): string {
  if (JOINED_PACKAGES.includes(name)) return `${name}/index.js`;
  if (!name.startsWith('.')) return name;
  const path = posix.join(posix.dirname(file), name);
  return path.endsWith('.js') ? path : `${path}.js`;
}

/** A file as the body of a function of `exports`, `require` and `url`. */
function bodyOf(file: string): string {
  const { outputText } = ts.transpileModule(readFileSync(pathOf(file), 'utf8'), {
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
    .replace(/require\(["']([^"']+)["']\)/g, (_, name: string) => {
      return `require(${JSON.stringify(targetOf(file, name))})`;
    });
  // Everything is loaded where it is first used: no question needs all files, and few need
  // all of Node.js.
  for (const [line, variable = '', name = ''] of body.matchAll(STATIC_IMPORT)) {
    const member = new RegExp(`(?<![\\w$])${variable}\\.`, 'g');
    const all = body.match(new RegExp(`(?<![\\w$])${variable}(?![\\w$])`, 'g')) ?? [];
    // Whoever uses the whole of it loads it at once.
    if (all.length !== (body.match(member)?.length ?? 0) + 1) continue;
    const load = `(${variable} ??= require(${JSON.stringify(name)})).`;
    body = body.replace(line, () => `let ${variable};`).replace(member, () => load);
  }
  return body;
}

/** Every file that the program can load, with its body. */
function reachable(): ReadonlyMap<string, string> {
  const bodies = new Map<string, string>();
  const open = [ENTRY];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (bodies.has(file)) continue;
    const body = bodyOf(file);
    bodies.set(file, body);
    for (const [, name = ''] of body.matchAll(/require\("([^"]+\.js)"\)/g)) open.push(name);
  }
  return bodies;
}

type Bodies = readonly (readonly [file: string, body: string])[];

/** The source of an object of the files' functions. */
function tableOf(bodies: Bodies): string {
  const rows = bodies.map(
    ([file, body]) => `${JSON.stringify(file)}: function (exports, require, url) {\n${body}\n}`,
  );
  return `{\n${rows.join(',\n')}\n}`;
}

/** The source of the program's start; `more` gives the functions that are not in it. */
function programOf(bodies: Bodies): string {
  return `(function (outside, url, more) {
'use strict';
const made = new Map();
function require(name) {
  let exports = made.get(name);
  if (exports !== undefined) return exports;
  const file = files[name] ?? (name.endsWith('.js') ? more(name) : undefined);
  if (file === undefined) return outside(name);
  exports = {};
  made.set(name, exports);
  file(exports, require, url);
  return exports;
}
const files = ${tableOf(bodies)};
return require(${JSON.stringify(ENTRY)});
})`;
}

interface Joined {
  readonly source: string;
  readonly script: Script;
  /** What it evaluates to. */
  readonly value: unknown;
}

/** A script of one byte a character, which is read and compiled fastest. */
function scriptOf(filename: string, source: string): Joined {
  const latin = source.replace(/[^\0-\x7f]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  const script = new Script(latin, { filename });
  return { source: latin, script, value: script.runInThisContext() };
}

/** Writes a script and, beside it, the code of its functions that have run. */
function keep(filename: string, { source, script }: Joined): void {
  writeFileSync(filename, source);
  writeFileSync(`${filename}.cache`, script.createCachedData());
}

type Start = (outside: unknown, url: string, more: unknown) => { done: Promise<void> };

/** Asks the program, which prints nothing. */
async function ask(start: Start, more: unknown, questions: typeof QUESTIONS): Promise<void> {
  const entry = join(dist, ENTRY);
  const { write } = process.stdout;
  process.stdout.write = () => true;
  for (const question of questions) {
    process.argv = ['node', 'hopwise', ...question];
    await start(createRequire(entry), pathToFileURL(entry).href, more).done;
  }
  process.stdout.write = write;
  process.exitCode = 0;
}

// Each start of the program listens to it.
process.stdout.setMaxListeners(0);
const bodies = [...reachable()];
copyFileSync(join(dist, 'cli/start.js'), join(dist, ENTRY));

// Once with nothing in it, to learn which files a trace loads.
const everything = scriptOf('all', `(${tableOf(bodies)})`).value as Readonly<
  Record<string, unknown>
>;
const loaded = new Set<string>();
const learn = (name: string): unknown => {
  loaded.add(name);
  return everything[name];
};
const nothing = scriptOf('none', programOf([])).value as Start;
await ask(nothing, learn, QUESTIONS);
const own = new Set(loaded);
await ask(nothing, learn, OF_CLOUDS);
for (const file of loaded) if (COMPILING.test(file) && !own.has(file)) loaded.delete(file);

const filename = join(dist, 'joined.cjs');
const program = scriptOf(filename, programOf(bodies.filter(([file]) => loaded.has(file))));
const restname = join(dist, 'joined-rest.cjs');
const rest = scriptOf(restname, `(${tableOf(bodies.filter(([file]) => !loaded.has(file)))})`);
const further = rest.value as Readonly<Record<string, unknown>>;
const start = program.value as Start;
const more = (name: string): unknown => further[name];
await ask(start, more, [...QUESTIONS, ...OF_CLOUDS]);
keep(filename, program);
// The program has turned to short runs when it loads the second file.
preferShortRuns();
await ask(start, more, FURTHER);
keep(restname, rest);
