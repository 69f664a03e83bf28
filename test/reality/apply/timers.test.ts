/**
 * Who carries the timer of a host: a transient unit where systemd runs, a job of at(1) where its
 * daemon does, else a session of its own; and each goes back by itself. Stand-ins take the places of
 * systemd-run and at, and note how they were asked.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { armScript, statusScript, stepScript } from '../../../src/apply/execute/host-scripts.ts';
import { type Step } from '../../../src/apply/types.ts';
import { type Fixture, startFixture, unavailable, until } from './fixture.ts';

const why = unavailable();
if (why !== null) console.log(`timers are not armed here: ${why}`);

let fixture: Fixture | null = null;
afterEach(() => {
  fixture?.stop();
  fixture = null;
});

const ADDRESS = '192.0.2.77/32';
const line = (verb: string) =>
  ({
    kind: 'ip',
    namespace: 'root',
    lines: [`addr ${verb} ${ADDRESS} dev lo`],
    force: false,
  }) as const;
const STEP: Step = {
  id: 'one 1',
  host: 'one',
  phase: 'connect',
  wave: 0,
  title: 'an address',
  forward: [line('add')],
  inverse: [line('del')],
  changes: [],
  regions: [],
  partial: null,
};

const SYSTEMD = `mkdir -p /run/systemd/system /run/stubs
cat >/run/stubs/systemd-run <<'END'
#!/bin/sh
echo "$*" >>/run/asked
while [ $# -gt 0 ]; do case $1 in --*) shift ;; *) break ;; esac; done
setsid "$@" </dev/null >/dev/null 2>&1 &
END
chmod +x /run/stubs/systemd-run`;

const AT = `mkdir -p /run/stubs; echo 1 >/run/atd.pid
cat >/run/stubs/at <<'END'
#!/bin/sh
echo "$*" >>/run/asked
job=$(cat)
setsid sh -c "$job" </dev/null >/dev/null 2>&1 &
END
chmod +x /run/stubs/at`;

/** Units that are refused, as by a systemd that does not answer: the next in line takes over. */
const BROKEN = `mkdir -p /run/systemd/system /run/stubs
printf '#!/bin/sh\\necho "$*" >>/run/asked; exit 1\\n' >/run/stubs/systemd-run
chmod +x /run/stubs/systemd-run`;

describe.skipIf(why !== null)('the timer of a host', () => {
  it.each([
    ['systemd-run', SYSTEMD, 'systemd-run', /^--quiet --unit=hopwise-ttimer-0001 sh \S+timer\.sh$/],
    ['at', AT, 'at', /^now$/],
    ['nobody else', 'rm -f /run/asked', 'setsid', null],
    ['a systemd that refuses', BROKEN, 'setsid', /^--quiet --unit=/],
  ])(
    'is carried by %s, runs before the first step, and goes back',
    async (_name, prepare, how, asked) => {
      fixture = await startFixture([{ name: 'one', ovs: false }]);
      const { run } = fixture;
      const path = 'PATH=/run/stubs:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
      const sh = (script: string): string => run('one', 'env', path, 'sh', '-c', script).trim();
      sh(prepare);
      expect(sh(armScript('ttimer-0001', [STEP], 6))).toBe(how);
      if (asked !== null) expect(sh('cat /run/asked')).toMatch(asked);
      sh(stepScript('ttimer-0001', STEP, 3));
      expect(sh('ip -4 -o addr show dev lo')).toContain('192.0.2.77');
      expect(sh(statusScript('ttimer-0001'))).toMatch(/^open armed [0-3]/);
      const gone = (): boolean => !sh('ip -4 -o addr show dev lo').includes('192.0.2.77');
      await until(gone, 'the host has not gone back');
      // Who carries the timer ends a moment behind its last undone step.
      const ended = (): boolean => /^rolled-back no/.test(sh(statusScript('ttimer-0001')));
      await until(ended, 'the timer has not ended as rolled back');
    },
  );
});
