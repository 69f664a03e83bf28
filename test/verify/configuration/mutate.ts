/** One drawn line of a captured deployment's dumps, changed as a kind of change says. */
import { captured } from '../../captured.ts';
import { type Kind } from './mutation-edits.ts';

export interface Mutated {
  /** The line, or the row of JSON, as it was. */
  readonly line: string;
  readonly host: string;
  readonly files: ReadonlyMap<string, string>;
}

/** A file's lines, or its rows when it is an array of JSON, and how to join them again. */
function cut(text: string): {
  readonly parts: string[];
  readonly join: (parts: string[]) => string;
} {
  if (!text.startsWith('[{')) return { parts: text.split('\n'), join: (parts) => parts.join('\n') };
  const rows = (JSON.parse(text) as unknown[]).map((each) => JSON.stringify(each));
  return { parts: rows, join: (parts) => `[${parts.join(',')}]` };
}

/** @param draw gives a number below its limit; the first one chooses the line */
export function mutated(kind: Kind, draw: (limit: number) => number): Mutated {
  const { capture, folder = '.', files: which, where, edit } = kind;
  const { files } = captured(capture);
  const below = folder === '.' ? 'hosts/' : `${folder}/hosts/`;
  const places = [...files].flatMap(([path, text]) => {
    if (!path.startsWith(below) || !which.test(path)) return [];
    const { parts } = cut(text);
    return parts.flatMap((line, at) => (where.test(line) ? [{ path, at, line }] : []));
  });
  const place = places[draw(places.length)];
  if (place === undefined) throw new Error('nothing can be hit');
  const edited = new Map(files);
  const next = edit(place.line);
  if (next === place.line) throw new Error(`not changed: ${place.line}`);
  // What `ip link` and `ip addr` show of a device is the same thing.
  const twins = which.source.includes('ip-(addr|link)');
  const paths = twins
    ? ['ip-addr', 'ip-link'].map((file) => place.path.replace(/ip-(addr|link)/, file))
    : [place.path];
  const name = /"ifname":"([^"]+)"/.exec(place.line)?.[1];
  for (const path of paths) {
    const { parts, join } = cut(files.get(path) ?? '');
    const at = twins ? parts.findIndex((part) => part.includes(`"ifname":"${name}"`)) : place.at;
    const line = edit(parts[at] ?? '');
    // Programs of several processes stand in a list as often.
    const kept = line === null ? parts.filter((part) => part !== parts[at]) : parts.with(at, line);
    edited.set(path, join(kept));
  }
  const host = /hosts\/([^/]+)\//.exec(place.path)?.[1] ?? '';
  return { line: place.line, host, files: edited };
}
