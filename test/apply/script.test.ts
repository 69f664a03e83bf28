/** Names that somebody chose become words and lines of scripts only where they can do no harm. */
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scriptOf } from '../../src/apply/script.ts';
import { quoted, UnsafeName } from '../../src/apply/script-words.ts';
import { type Action } from '../../src/apply/types.ts';
import { readInventory } from '../../src/snapshot/collect/inventory.ts';
import { redacted } from '../../src/snapshot/collect/redact.ts';

const HOSTILE = [
  'a;touch /tmp/x',
  '$(id)',
  '`id`',
  '-rf',
  'a b',
  'a\nb',
  '\u001b[31m',
  '../../etc',
  "a'b",
  'sixteen-chars-16',
  '',
];

describe('a script for a host', () => {
  it('gives a shell exactly the word that was quoted', () => {
    const text = fc.string({ unit: 'binary' }).filter((word) => !word.includes('\0'));
    const words = [...HOSTILE, ...fc.sample(text, { numRuns: 300, seed: 7 })];
    const input = words.map((word) => `printf '%s\\0' ${quoted(word)}\n`).join('');
    const out = execFileSync('sh', ['-s'], { input });
    const said = Buffer.from(words.map((word) => `${word}\0`).join(''));
    expect(out.equals(said)).toBe(true);
  });

  it('refuses names of devices, namespaces and bridges that are more than names', () => {
    for (const name of HOSTILE) {
      const actions: readonly Action[] = [
        { kind: 'flows', bridge: name, lines: ['add table=0 actions=drop'] },
        { kind: 'move', device: name, from: 'root', to: 'qrouter-1' },
      ];
      for (const action of actions) expect(() => scriptOf([action]), name).toThrow(UnsafeName);
      if (name === 'sixteen-chars-16') continue;
      expect(() => scriptOf([{ kind: 'netns', name, make: true }]), name).toThrow(UnsafeName);
    }
  });

  it('refuses lines that could end a here-document or a line', () => {
    for (const line of ['HOPWISE_END', 'add a\nid', 'add \u001b[0m', 'add \r']) {
      const action: Action = { kind: 'flows', bridge: 'br-int', lines: [line] };
      expect(() => scriptOf([action]), JSON.stringify(line)).toThrow(UnsafeName);
    }
  });

  it('keeps words of the database as one word each', () => {
    const commands = [['set', 'port', 'x', 'external_ids:"a"="$(id); b"']];
    expect(scriptOf([{ kind: 'ovsdb', commands }])).toContain(`'external_ids:"a"="$(id); b"'`);
  });
});

describe('an inventory', () => {
  it('refuses names that would be options or more than one word', () => {
    for (const word of ['-oProxyCommand=id', 'root@a b', 'a;id', '$(id)']) {
      const text = `hosts:\n  - {name: one, ssh: ${JSON.stringify(word)}}\n`;
      const { value, problems } = readInventory('inventory.yaml', text);
      expect(value, word).toBeNull();
      expect(problems[0]).toMatchObject({ file: 'inventory.yaml', line: 2 });
    }
  });

  it('names the key that was meant', () => {
    const { problems } = readInventory('i', 'hosts:\n  - {name: a, ssh: b, identiti: c}\n');
    expect(problems[0]?.message).toContain('did you mean identity?');
  });
});

describe('what hosts tell', () => {
  it('is kept without passwords, secrets and keys', () => {
    const text = [
      '    auth_pass s3cret',
      'metadata_proxy_shared_secret = s3cret',
      'transport_url = rabbit://u:s3cret@host',
      '-----BEGIN RSA PRIVATE KEY-----\ns3cret\n-----END RSA PRIVATE KEY-----',
    ].join('\n');
    expect(redacted(text)).not.toContain('s3cret');
    expect(redacted('interface ha-1\nvirtual_router_id 1')).toBe(
      'interface ha-1\nvirtual_router_id 1',
    );
  });
});
