/** Names, descriptions and comments of tenants in everything that why and locate write. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openFolder } from '../../src/snapshot/collect/folder.ts';
import { cloudOfNetwork } from '../../src/snapshot/read/cloud.ts';
import { type Folder } from '../../src/snapshot/read/folder.ts';
import { openSnapshot } from '../../src/snapshot/read/open.ts';
import { jsonText } from '../../src/text/escape.ts';
import { captureOf } from '../../src/trace/capture.ts';
import { PLAIN_PAGE } from '../../src/trace/render/style.ts';
import { prepareTracing } from '../../src/trace/tracer.ts';
import { type Question } from '../../src/trace/types.ts';
import { locate } from '../../src/why/locate/locate.ts';
import { whyJson } from '../../src/why/render/json.ts';
import { locatedJson, locatedLines } from '../../src/why/render/located.ts';
import { whyLines } from '../../src/why/render/text.ts';
import { explainWhy } from '../../src/why/why.ts';
import { ROOT } from '../sources.ts';
import { resolvedQuestion } from '../trace/asked.ts';
import { tcp } from '../trace/faults/expect-blame.ts';

const DANGEROUS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

/** Text that would do something in one of the places where names are shown. */
const HOSTILE = [
  '\u001b[2J\u009b1m',
  '\r\n::error::boom',
  '\u202e\u2066\u200b\u{e0041}',
  '"; rm -rf / #',
  "' $(id) `id` \\",
  '<img src=x onerror=alert(1)>',
  '=HYPERLINK("x")|%0A',
] as const;

/** The demonstration, in which every name that people choose ends with some text. */
function renamed(text: string): Folder {
  const demo = openFolder(join(ROOT, 'demo/ovs-vxlan-ovsfw'));
  return {
    list: () => demo.list(),
    read: (path) => {
      const bytes = demo.read(path);
      if (bytes === undefined || !path.startsWith('api/')) return bytes;
      const all = JSON.parse(new TextDecoder().decode(bytes), (key, value: unknown) => {
        const chosen = /^(name|description|device_id)$/.test(key) && typeof value === 'string';
        return chosen && !/^[0-9a-f-]{36}$/.test(value) ? value + text : value;
      });
      return new TextEncoder().encode(JSON.stringify(all));
    },
  };
}

describe.each(HOSTILE)('names that end with %j', (text) => {
  const network = openSnapshot(renamed(text));
  const cloud = cloudOfNetwork(network);
  const ask = (port: number): Question =>
    resolvedQuestion(network, 'a185382d', '292c913e', tcp(port));

  it('steer neither text nor JSON nor a command of why', () => {
    const explained = explainWhy(network, ask(23), {
      cloud,
      allBlockers: true,
      fixes: true,
      effectPairs: 1,
    });
    if (explained.kind === 'impossible') throw new Error(explained.why);
    const { why } = explained;
    const context = { snapshot: `x${text}`, withReply: true, everything: true };
    const lines = whyLines(why, context, PLAIN_PAGE);
    for (const line of lines) expect(line).not.toMatch(DANGEROUS);
    const json = jsonText(whyJson(why, text, '1')).replaceAll('\n', '');
    expect(json).not.toMatch(DANGEROUS);
    const commands = why.blockers.flatMap(({ fixes }) =>
      fixes.flatMap(({ change }) => change.commands),
    );
    expect(commands.length).toBeGreaterThan(0);
    // Words of a shell: nothing is left that it would expand, split or redirect.
    for (const command of commands) expect(command).toMatch(/^[A-Za-z0-9 ./:=,_-]+$/);
  });

  it('steer nothing of what locate writes', () => {
    const traced = prepareTracing(network).trace(ask(5000));
    if (traced.kind === 'impossible') throw new Error(traced.why);
    const files = [{ name: `t${text}.pcapng`, bytes: captureOf(traced.trace), place: null }];
    const located = locate(network, files);
    expect(located.packets.length).toBeGreaterThan(0);
    for (const line of locatedLines(located, true, PLAIN_PAGE)) expect(line).not.toMatch(DANGEROUS);
    expect(jsonText(locatedJson(located)).replaceAll('\n', '')).not.toMatch(DANGEROUS);
  });
});
