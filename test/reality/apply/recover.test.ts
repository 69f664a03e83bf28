/** What becomes of hosts when the way to them is cut, or when the controller dies: old or new. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { brokenAudit } from '../../../src/apply/execute/audit.ts';
import { hopwise } from '../../cli/call.ts';
import { ROOT } from '../../sources.ts';
import { learning } from './clouds.ts';
import { type Fixture, startFixture, unavailable, until } from './fixture.ts';
import { type Lab, startLab } from './lab.ts';

const why = unavailable();
if (why !== null) console.log(`recovery is not tested here: ${why}`);

let fixture: Fixture | null = null;
let lab: Lab | null = null;
afterEach(() => {
  fixture?.stop();
  lab?.stop();
  fixture = null;
  lab = null;
});

/** Rules that a plan would add to a host that so far has none. */
const lock = (rule: string): string =>
  `*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:neutron-lock - [0:0]\n-A INPUT -j neutron-lock\n-A neutron-lock ${rule}\nCOMMIT\n`;

/** Plans rules for the only host; a refused plan is run by force. */
async function locked(of: Fixture, rule: string, timer: string) {
  const apply = (...words: readonly string[]) => hopwise(['apply', ...words, '-i', of.inventory]);
  const wanted = join(of.folder, 'wanted');
  rmSync(wanted, { recursive: true, force: true });
  await hopwise(['collect', of.inventory, '-o', wanted]);
  const file = join(wanted, 'hosts/one/ns/root/iptables-save.txt');
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, lock(rule));
  const plan = join(of.folder, 'plan.json');
  const planned = await apply('plan', wanted, '-o', plan);
  const state = ['--state', join(of.folder, 'state')];
  const refused = await apply('run', plan, ...state, '--settle', '1');
  const forced = await apply('run', plan, ...state, '--settle', '1', '--force', '--timer', timer);
  return { planned, refused, forced, rules: of.run('one', 'iptables-save') };
}

describe.skipIf(why !== null)('a plan that would lock its operator out', () => {
  it('is refused; when it is forced, the host goes back by itself', async () => {
    fixture = await startFixture([{ name: 'one', ovs: false }]);
    // Everything to the ssh server is dropped, also what stands already.
    const { planned, refused, forced, rules } = await locked(
      fixture,
      '-p tcp -m tcp --dport 22 -j DROP',
      '6',
    );
    expect(planned.code).toBe(3);
    expect(planned.out).toContain('no new ssh connection');
    expect(refused.code).toBe(3);
    expect(forced.code).toBe(4);
    expect(rules).not.toContain('neutron-lock');
    const again = await hopwise([
      'collect',
      fixture.inventory,
      '-o',
      join(fixture.folder, 'again'),
    ]);
    expect(again.code).toBe(0);
  }, 600_000);

  it('is undone when only new connections are cut, as confirming needs a new one', async () => {
    fixture = await startFixture([{ name: 'one', ovs: false }]);
    const rule = '-p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -j DROP';
    const { planned, forced, rules } = await locked(fixture, rule, '60');
    expect(planned.code).toBe(3);
    expect(forced.code).toBe(4);
    expect(forced.out).toContain('lets no new connection in');
    expect(rules).not.toContain('neutron-lock');
    const audit = readFileSync(join(fixture.folder, 'state/audit.jsonl'), 'utf8');
    expect(brokenAudit(audit)).toBeNull();
    expect(brokenAudit(audit.replace('rollback', 'nothing'))).not.toBeNull();
  }, 600_000);
});

/** Takes a minute where the machine is busy. */
const short = process.env['HOPWISE_APPLY_LONG'] === undefined;

describe.skipIf(why !== null || short)('a controller that is killed', () => {
  it('leaves hosts that go back by themselves, and the next run begins anew', async () => {
    lab = await startLab(learning(101));
    const { fixture: of } = lab;
    const plan = join(of.folder, 'plan.json');
    const cloud = lab.cloud('first', learning(101));
    const planned = await lab.apply('plan', cloud, '-o', plan);
    expect(planned.code).toBe(2);
    const state = join(of.folder, 'state');
    const words = [
      'apply',
      'run',
      plan,
      '-i',
      of.inventory,
      '--state',
      state,
      '--settle',
      '1',
      '--timer',
      '8',
    ];
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', join(ROOT, 'src/cli/main.ts'), ...words],
      { cwd: ROOT, stdio: 'ignore' },
    );
    const journal = (): string => {
      const top = join(state, 'transactions');
      const [name] = existsSync(top) ? readdirSync(top) : [];
      const file = join(top, name ?? '', 'journal.jsonl');
      return existsSync(file) ? readFileSync(file, 'utf8') : '';
    };
    await until(() => journal().split('"done"').length > 3, 'the run did not begin', 90_000);
    child.kill('SIGKILL');
    const outcome = (host: string): string =>
      of.run(host, 'sh', '-c', 'cat /var/lib/hopwise/txn/*/outcome 2>/dev/null || true').trim();
    await until(
      () => ['h1', 'h2'].every((host) => outcome(host) === 'rolled-back'),
      'no way back',
      40_000,
    );
    const again = await lab.apply('plan', cloud, '-o', plan);
    expect(again.code).toBe(2);
    const counts = (text: string): readonly string[] => text.match(/^h\d: .*$/gm) ?? [];
    expect(counts(again.out)).toEqual(counts(planned.out));
    expect((await lab.apply('resume')).out).toContain('rolled back');
    expect((await lab.apply('run', plan)).code).toBe(0);
  }, 600_000);
});
