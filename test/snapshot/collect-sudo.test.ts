/** Hosts that are read through sudo, with a stand-in that allows what one line of sudoers would. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Gathered, gather, openConnections } from '../../src/snapshot/collect/gather.ts';
import { helperProgram } from '../../src/snapshot/collect/host-script.ts';
import { readInventory } from '../../src/snapshot/collect/inventory.ts';

let folder = '';
let path = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hopwise-sudo-'));
  path = process.env['PATH'] ?? '';
  const program = (name: string, text: string): void => {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), 0o755);
  };
  program('helper', helperProgram());
  program(
    'sudo',
    `#!/bin/sh
printf '%s\\n' "$*" >>${folder}/asked
[ "$*" = "-n ${folder}/helper" ] || { echo 'sudo: a password is required' >&2; exit 1; }
exec ${folder}/helper
`,
  );
  process.env['PATH'] = `${folder}:${path}`;
});
afterEach(() => {
  process.env['PATH'] = path;
  rmSync(folder, { recursive: true });
});

async function gathered(sudo: string): Promise<Gathered> {
  const text = `hosts: [{name: here, local: true, sudo: ${sudo}}]`;
  const inventory = readInventory('inventory.yaml', text).value!;
  const connections = openConnections(inventory);
  try {
    return await gather(inventory.hosts, connections, { parallel: 1, timeout_ms: 60_000 });
  } finally {
    await connections.close();
  }
}

describe('a host on which sudo may run one helper', () => {
  it('is read by it, and nothing else is asked of sudo', async () => {
    const { files, results } = await gathered(join(folder, 'helper'));
    expect(results.map(({ host, error }) => [host, error])).toEqual([['here', null]]);
    expect([...files.keys()].some((name) => name.startsWith('hosts/here/ns/root/'))).toBe(true);
    expect(readFileSync(join(folder, 'asked'), 'utf8')).toBe(`-n ${folder}/helper\n`);
  });

  it('is not read by a shell that sudoers does not list', async () => {
    const { results } = await gathered('true');
    expect(results[0]?.error).toMatch(/password is required/);
  });

  it('is named by a whole path without blanks', () => {
    for (const sudo of ['helper', "'/usr/bin/env sh'", '/usr/../bin/sh', "'/bin/sh;id'"]) {
      const text = `hosts: [{name: here, local: true, sudo: ${sudo}}]`;
      const { value, problems } = readInventory('inventory.yaml', text);
      expect([sudo, value, problems[0]?.message]).toEqual([
        sudo,
        null,
        '`sudo` is true, or the whole path of the helper that sudoers lists',
      ]);
    }
  });
});
