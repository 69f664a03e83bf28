/** The devices of some hops as names in the order the packet met them. */
import { type VxlanStep } from '../../dataplane/linuxbridge/vxlan.ts';
import { type BridgedStep } from '../../dataplane/linuxbridge/work.ts';
import {
  type BridgeStep,
  type FlowStep,
  type TunnelStep,
} from '../../dataplane/ovs/pipeline/steps.ts';
import { forTerminal, shortened } from '../../text/escape.ts';
import { type Hop, type Journey } from '../types.ts';
import { joined, wrapped } from './layout.ts';
import { type Page } from './style.ts';

/** The way of a journey, host by host, with what happened there below each host. */
export function journeyLines(journey: Journey, page: Page): readonly string[] {
  const lines: string[] = [];
  const margin = Math.max(10, ...journey.hops.map(({ host }) => forTerminal(host).length + 1));
  const last = journey.hops.at(-1);
  for (const [host, hops] of byHost(journey.hops)) {
    const names = devicesOf(hops).map((name) => forTerminal(shortened(name, 48)));
    if (hops.at(-1) === last && journey.end.kind === 'dropped') {
      names.push(`${CROSS} ${forTerminal(dropText(journey))}`);
    }
    const way = joined(names, ' ─ ', page.width - margin - 2);
    for (const [i, part] of way.entries()) {
      const label = i === 0 ? forTerminal(host) : '';
      lines.push(`  ${label.padEnd(margin)}${markedDrop(part, page)}`);
    }
    for (const note of hops.flatMap(({ notes }) => notes)) {
      for (const part of wrapped(forTerminal(note), page.width - margin - 4)) {
        lines.push(`  ${''.padEnd(margin)}  ${page.style('dim', part)}`);
      }
    }
  }
  return lines;
}

/** Where the way ends: the only such character of ours, as names are escaped and cut. */
const CROSS = '╳';

function markedDrop(line: string, page: Page): string {
  const at = line.lastIndexOf(`─ ${CROSS} `);
  const from = at < 0 && line.startsWith(`${CROSS} `) ? 0 : at;
  if (from < 0) return line;
  return (
    line.slice(0, from) + page.style('bad', line.slice(from).replace(`─ ${CROSS}`, `─${CROSS}`))
  );
}

/** Names every interface, bridge and device once, in the order the packet met them. */
export function devicesOf(hops: readonly Hop[]): readonly string[] {
  const names: string[] = [];
  const add = (name: string | null): void => {
    if (name !== null && names.at(-1) !== name) names.push(name);
  };
  for (const hop of hops) {
    if (hop.stage === 'guest') add(nameOf(hop));
    else {
      add(hop.input);
      if (hop.stage === 'switch') addBridges(hop, add);
      else addNamespace(hop, add);
      add(hop.output);
    }
  }
  return names;
}

function addBridges(hop: Hop, add: (name: string | null) => void): void {
  for (const { step } of hop.steps) {
    if (step.kind === 'bridge') add((step as BridgeStep).bridge);
    if (step.kind === 'flow') add((step as FlowStep).bridge);
    // A bridge that carries the tunnel's own address stands for the host's stack there.
    if (step.kind === 'tunnel') add((step as TunnelStep).port);
  }
}

function addNamespace(hop: Hop, add: (name: string | null) => void): void {
  let bridged = false;
  for (const { step } of hop.steps) {
    if (step.kind === 'bridged') {
      add((step as BridgedStep).bridge);
      bridged = true;
    }
    if (step.kind === 'vxlan') add((step as VxlanStep).device);
  }
  if (!bridged || hop.output === null) add(nameOf(hop));
}

/** A host's own namespace has no name that would tell more than the host's. */
function nameOf({ label, device, host }: Hop): string {
  if (label !== null) return label;
  return device === 'root' ? host : device;
}

function dropText({ end }: Journey): string {
  if (end.kind !== 'dropped') return '';
  const waiting = /neighbours of (\S+)$/.exec(end.where);
  if (waiting !== null) return `no answer from the neighbour on ${waiting[1]}`;
  const where = end.where.startsWith(`${end.device} `)
    ? end.where.slice(end.device.length + 1)
    : end.where;
  return `dropped in ${where}`;
}

/** Consecutive hops of one host stand together. */
function byHost(hops: readonly Hop[]): readonly (readonly [string, readonly Hop[]])[] {
  const groups: [string, Hop[]][] = [];
  for (const hop of hops) {
    const current = groups.at(-1);
    if (current !== undefined && current[0] === hop.host) current[1].push(hop);
    else groups.push([hop.host, [hop]]);
  }
  return groups;
}
