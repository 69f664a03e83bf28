/**
 * What the formulas of VRRP say of a story, whoever tells it: asked of times and priorities alone,
 * without the machine (RFC 3768 and RFC 5798, §6.1 and §6.4).
 */
import { type Recording, type RouterDefaults } from '../dataplane/vrrp/recorded/recordings.ts';
import { type LanRun } from './lan.ts';

/** A host is busy for so long with a takeover, and adverts and rivals are under way. */
const SLACK_US = 12_000;

interface Member extends Required<Pick<RouterDefaults, 'priority' | 'advert_int' | 'vrid'>> {
  readonly id: string;
  readonly ip: number;
  readonly version: 2 | 3;
  readonly nopreempt: boolean;
  readonly delays: boolean;
  /** What has to be the same for adverts to count. */
  readonly kind: string;
}

function membersOf(run: Recording): readonly Member[] {
  return run.routers.map((own) => {
    const is = { ...run.default, ...own };
    const version = is.version ?? 2;
    const vrid = is.vrid ?? 5;
    const vips = [...(is.vip ?? [`169.254.0.${vrid}/24`])].sort().join();
    const word = version === 2 ? (is.auth_pass ?? '').slice(0, 8) : '';
    const interval = version === 2 ? String(is.advert_int ?? 2) : '';
    return {
      id: is.id,
      ip: is.ip,
      priority: is.priority ?? 50,
      advert_int: is.advert_int ?? 2,
      vrid,
      version,
      nopreempt: is.nopreempt === true && is.state !== 'MASTER',
      delays: (is.extra ?? []).some((line) => line.includes('preempt_delay')),
      kind: [vrid, version, vips, word, interval].join(' '),
    };
  });
}

/** Seconds of skew: (256 - priority) / 256 of a second, or of the master's interval. */
function skew_s({ version, priority }: Member, interval_s: number): number {
  return ((256 - priority) / 256) * (version === 2 ? 1 : interval_s);
}

/** Sentences about what contradicts the formulas; none when nothing does. */
export function contradictions(run: Recording, { log, heard }: LanRun): readonly string[] {
  const members = membersOf(run);
  const of = new Map(members.map((one) => [one.id, one]));
  // Files that change on the way change what is the same; their stories are not judged.
  const changes = run.events.some((one) => one.ev === 'action' && one.action === 'reconf');
  if (changes) return [];
  // Who was stopped reads later what came in meanwhile.
  const frozen = run.events.some((one) => one.ev === 'action' && one.action === 'sigstop');
  const found: string[] = [];
  for (const own of members) {
    let since_us = 0;
    let role = '';
    for (const { router, state, at_us } of log) {
      if (router !== own.id || state === 'prio0') continue;
      const before = role;
      role = state;
      const valid = heard.filter(
        ({ by, from, at_us: at }) =>
          by === own.id && at <= at_us + SLACK_US && of.get(from)?.kind === own.kind,
      );
      if (state === 'MASTER' && own.priority < 255) {
        const late = waited(own, members, valid, since_us, at_us);
        if (late !== null) found.push(`${own.id} becomes master at ${at_us} us: ${late}`);
      } else if (state === 'BACKUP' && before === 'MASTER') {
        const better = valid.some(({ from, priority, at_us: at }) => {
          const ip = of.get(from)?.ip ?? 0;
          const outranks = priority > own.priority || (priority === own.priority && ip > own.ip);
          return outranks && at > (frozen ? since_us : at_us - 2 * SLACK_US);
        });
        if (!better) found.push(`${own.id} yields at ${at_us} us to nobody`);
      }
      since_us = at_us;
    }
  }
  return found;
}

/** Whether a backup waited as long as it has to, from what it last had to obey. */
function waited(
  own: Member,
  members: readonly Member[],
  valid: LanRun['heard'],
  since_us: number,
  at_us: number,
): string | null {
  const obeyed = valid.filter(
    ({ at_us: at, priority }) =>
      at > since_us &&
      at < at_us - SLACK_US &&
      (own.nopreempt || own.delays || priority === 0 || priority >= own.priority),
  );
  const last = obeyed.at(-1);
  const from_us = Math.max(since_us, last?.at_us ?? 0);
  const master = members.find(({ id }) => id === last?.from);
  const interval_s = own.version === 3 ? (master?.advert_int ?? own.advert_int) : own.advert_int;
  const goodbye = last?.priority === 0;
  const wait_us = ((goodbye ? 0 : 3 * interval_s) + skew_s(own, interval_s)) * 1e6;
  const short_us = wait_us - (at_us - from_us);
  // With a delay of preemption, adverts before its end are obeyed and those behind it are not.
  if (own.delays && short_us > SLACK_US) return null;
  return short_us > SLACK_US ? `${short_us} us too early` : null;
}
