/** Conditions on what the kernel knows beside the packet, for the rules of mixtures. */
import { type Rng } from '../../ovs/live/rng.ts';

/** Where a rule stands. */
export interface Place {
  readonly version: 4 | 6;
  readonly table: string;
  readonly base: string;
}

/** One condition per way of asking; `not` is `! ` or nothing. */
export function knowledgeTests(
  rng: Rng,
  { version, table, base }: Place,
  not: () => string,
): readonly (() => string)[] {
  const comesIn = base === 'PREROUTING' || base === 'INPUT' || base === 'FORWARD';
  const goesOut = base === 'POSTROUTING' || base === 'OUTPUT' || base === 'FORWARD';
  // Of moments only what is so at any time, so that records stay true.
  const moments = ['--datestart 2001-02-03', '--datestop 2002-02-03', '--timestart 00:00'];
  const found: (() => string)[] = [() => `-m time ${rng.pick(moments)}`];
  const group = (): string => rng.pick(['0x0', '0x1', '0x0/0xf']);
  if (comesIn) found.push(() => `-m devgroup ${not()}--src-group ${group()}`);
  if (goesOut) found.push(() => `-m devgroup ${not()}--dst-group ${group()}`);
  if (comesIn && version === 6) found.push(() => '-m eui64');
  if (table === 'raw') return found;
  const direction = (): string => rng.pick(['original', 'reply', 'both']);
  const amounts = (): string =>
    rng.pick(['--connbytes-mode packets', '--connbytes-mode bytes', '--connbytes-mode avgpkt']);
  const range = (): string => rng.pick(['2:', '0:100', '100:2000', '1:3', '0:0']);
  const carried = (): string =>
    `-m connbytes ${not()}--connbytes ${range()} ${amounts()} --connbytes-dir ${direction()}`;
  const set = (): string => (rng.chance(0.4) ? ' --set' : '');
  const label = (): string => `-m connlabel ${not()}--label "${rng.int(0, 3)}"${set()}`;
  const node = (): string =>
    `--cluster-total-nodes 3 --cluster-hash-seed 0x${rng.pick(['deadbeef', '1'])}`;
  found.push(
    carried,
    carried,
    label,
    label,
    () => `-m cluster ${not()}--cluster-local-node ${rng.int(1, 3)} ${node()}`,
    () => `-m cluster ${not()}--cluster-local-nodemask 0x${rng.int(1, 6)} ${node()}`,
  );
  return found;
}
