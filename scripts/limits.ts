/** Writes docs/limits.md from every `Simplification:` comment of the sources. Run by `npm run docs`. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');

interface Limit {
  readonly path: string;
  readonly line: number;
  readonly sentence: string;
}

function limitsOf(path: string): readonly Limit[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  const found: Limit[] = [];
  for (let i = 0; i < lines.length; i++) {
    const start = /(?:\/\/|\*)\s*Simplification:\s*(.*?)(?:\s*\*\/)?$/.exec(lines[i] ?? '');
    if (start === null) continue;
    const line = i + 1;
    const parts = [start[1] ?? ''];
    while (/^\s*(\/\/|\*)\s+[^@\s]/.test(lines[i + 1] ?? '') && !/[.!]$/.test(parts.at(-1) ?? '')) {
      i++;
      parts.push((lines[i] ?? '').replace(/^\s*(\/\/|\*)\s+/, '').replace(/\s*\*\/$/, ''));
    }
    found.push({ path: relative(root, path), line, sentence: parts.join(' ').trim() });
  }
  return found;
}

const files = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
  .map((entry) => join(entry.parentPath, entry.name))
  .sort();
const limits = files.flatMap(limitsOf);
const rooms = new Map<string, Limit[]>();
for (const limit of limits) {
  const room = limit.path
    .split('/')
    .slice(1, limit.path.startsWith('src/dataplane') ? 3 : 2)
    .join('/');
  rooms.set(room, [...(rooms.get(room) ?? []), limit]);
}
const introduction = readFileSync(join(root, 'docs/limits.introduction.md'), 'utf8');
let text = introduction;
for (const [room, list] of [...rooms].sort(([a], [b]) => a.localeCompare(b))) {
  text += `\n## ${room}\n\n`;
  for (const { path, sentence } of list) text += `- ${sentence} (\`${path}\`)\n`;
}
writeFileSync(join(root, 'docs/limits.md'), text);
console.log(`${limits.length} simplifications in docs/limits.md`);
