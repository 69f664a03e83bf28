/** The demonstration, in which every name and comment that people choose is hostile. */
import { join } from 'node:path';
import { openFolder } from '../../src/snapshot/collect/folder.ts';
import { type Folder } from '../../src/snapshot/read/folder.ts';
import { ROOT } from '../sources.ts';

export const HOSTILE = '\u001b[2J\u009b1m\r\n::error::\u202e\u2066\u200b\u{e0041}<b>"$(id)`';

/** @param hostile what is appended to the names, one after the other. */
export function hostileDemo(hostile: readonly string[] = [HOSTILE]): Folder {
  const demo = openFolder(join(ROOT, 'demo/ovs-vxlan-ovsfw'));
  return {
    list: () => demo.list(),
    read: (path) => {
      const bytes = demo.read(path);
      if (bytes === undefined) return undefined;
      const text = new TextDecoder().decode(bytes);
      if (path.startsWith('api/')) return new TextEncoder().encode(renamed(text, hostile));
      if (!path.includes('tables-save')) return bytes;
      const comments = text.replaceAll(/--comment "[^"]*"/g, '--comment "x \u001b[2J \u202e y"');
      return new TextEncoder().encode(comments);
    },
  };
}

function renamed(text: string, hostile: readonly string[]): string {
  let next = 0;
  return JSON.stringify(
    JSON.parse(text, (key, value: unknown) => {
      const chosen = /^(name|description|device_id)$/.test(key) && typeof value === 'string';
      return chosen && !/^[0-9a-f-]{36}$/.test(value)
        ? value + hostile[next++ % hostile.length]
        : value;
    }),
  );
}
