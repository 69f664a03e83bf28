/** Certificates that no packet arrives: written, checked by the checker alone, and damaged. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Network } from '../../../src/dataplane/network.ts';
import { openFolder } from '../../../src/snapshot/collect/folder.ts';
import { openSnapshot } from '../../../src/snapshot/read/open.ts';
import { askedQuestion } from '../../../src/trace/ask.ts';
import { certify } from '../../../src/verify/certificate/build.ts';
import { checkCertificate } from '../../../src/verify/certificate/check.ts';
import { type Certificate } from '../../../src/verify/certificate/types.ts';
import { prepareProofs } from '../../../src/verify/proof/prove.ts';
import { ALL_WANTED, EVERY_PORT } from '../../../src/verify/proof/wanted.ts';
import { importsOf, ROOT, sourcesBelow } from '../../sources.ts';
import { networkOfSeed } from '../proof/networks.ts';

const DEMO = openSnapshot(openFolder(join(ROOT, 'demo/ovs-vxlan-ovsfw')));

function certified(network: Network, from: string, to: string, wanted = ALL_WANTED) {
  const asked = askedQuestion(network, { from, to });
  if (asked.kind === 'wrong') throw new Error(asked.message);
  const question = { from: asked.value.from, to: asked.value.to, wanted };
  return certify(prepareProofs(network), question);
}

function certificateOf(network: Network, from: string, to: string, wanted = ALL_WANTED) {
  const made = certified(network, from, to, wanted);
  if (made.kind === 'none') throw new Error(made.why);
  return made.certificate;
}

/** As it is in a file, and open to changes. */
type Open<T> = T extends object ? { -readonly [K in keyof T]: Open<T[K]> } : T;

function opened(certificate: Certificate): Open<Certificate> {
  return JSON.parse(JSON.stringify(certificate)) as Open<Certificate>;
}

/** What the groups of a1 do not let in; by way of flows that look at protocols and ports. */
const WHOLE = certificateOf(DEMO, 'a2', 'a1', {
  icmp: false,
  tcp: [{ from: 1n, to: 79n }],
  udp: EVERY_PORT,
  others: true,
});

describe('the certificate that no packet arrives', () => {
  it('is accepted, and begins with every packet asked about', () => {
    expect(checkCertificate(WHOLE)).toEqual([]);
    expect(WHOLE.locations.length).toBeGreaterThan(10);
    const rules = WHOLE.locations.filter(({ rule }) => rule !== null);
    expect(rules.length).toBeGreaterThan(5);
    expect(WHOLE.locations.some(({ parts }) => parts.length > 1)).toBe(true);
    // Every UDP port, and protocols that are neither ICMP nor TCP.
    const protocols = WHOLE.asked.map((box) => box['ip_proto[0..7]']);
    expect(protocols).toContainEqual([17, 17]);
    expect(protocols).toContainEqual([18, 57]);
  });

  it('survives a file', () => {
    expect(checkCertificate(opened(WHOLE))).toEqual([]);
  });

  it('is not written where some packet arrives', () => {
    const made = certified(DEMO, 'a2', 'a1');
    expect(made.kind).toBe('none');
    expect(made.proof?.verdict).toBe('REACHABLE');
  });

  it('is accepted for servers of a random cloud', () => {
    const network = networkOfSeed(1);
    const names = network.endpoints.flatMap(({ role, name }) => (role === 'vm' ? [name] : []));
    const verdicts: unknown[] = [];
    for (const to of names.slice(1, 5)) {
      const made = certified(network, names[0] ?? '', to, {
        icmp: false,
        tcp: [{ from: 1n, to: 9n }],
        udp: null,
        others: true,
      });
      if (made.kind === 'none') continue;
      verdicts.push(to);
      expect(checkCertificate(made.certificate)).toEqual([]);
    }
    expect(verdicts.length).toBeGreaterThan(0);
  });
});

/** Every kind of damage, at every location where it can be done; each must be seen. */
const DAMAGES: Readonly<Record<string, (c: Open<Certificate>, at: number) => boolean>> = {
  // Who begins one location later has a certificate still: at the source, with every packet.
  'a location is gone': (c, at) =>
    c.locations[at]!.what !== 'made' && c.locations.splice(at, 1).length > 0,
  'a location stands twice': (c, at) => {
    c.locations.push(c.locations[at]!);
    return true;
  },
  'a location has another number': (c, at) => {
    c.locations[at]!.id += 5000;
    return true;
  },
  'fewer packets come in': (c, at) => c.locations[at]!.in.splice(0, 1).length > 0,
  'more packets come in': (c, at) => {
    const { in: all } = c.locations[at]!;
    if (all.some((box) => Object.keys(box).length === 0)) return false;
    all.push({ 'ip_proto[0..7]': [1, 1] });
    return true;
  },
  'a box is narrower': (c, at) => {
    for (const box of c.locations[at]!.in) {
      const wide = Object.values(box).find(([low, high]) => low < high);
      if (wide === undefined) continue;
      wide[1]--;
      return true;
    }
    return false;
  },
  'a box stands the wrong way round': (c, at) => {
    for (const box of c.locations[at]!.parts[0]?.boxes ?? []) {
      const wide = Object.values(box).find(([low, high]) => low < high);
      if (wide === undefined) continue;
      wide.reverse();
      return true;
    }
    return false;
  },
  'a box names another variable': (c, at) => {
    const [box] = c.locations[at]!.in;
    if (box === undefined) return false;
    box['ip_dst[0..7]'] = [0, 1];
    return true;
  },
  'packets begin elsewhere': (c) => {
    c.locations[0]!.place = { host: 'elsewhere', device: 'root' };
    return true;
  },
  'a part is gone': (c, at) => c.locations[at]!.parts.splice(0, 1).length > 0,
  'a part stands twice': (c, at) => {
    const [part] = c.locations[at]!.parts;
    if (part === undefined) return false;
    c.locations[at]!.parts.push(part);
    return true;
  },
  'a part has lost a box': (c, at) =>
    (c.locations[at]!.parts[0]?.boxes.splice(0, 1) ?? []).length > 0,
  'a part goes nowhere': (c, at) => {
    const part = c.locations[at]!.parts.find(({ to }) => to.length > 0);
    if (part === undefined) return false;
    part.to = [];
    return true;
  },
  'a part goes elsewhere': (c, at) => {
    const part = c.locations[at]!.parts.find(({ to }) => to.length > 0);
    if (part === undefined) return false;
    part.to = [part.to[0]! + 100_000];
    return true;
  },
  'packets go back': (c, at) => {
    const part = c.locations[at]!.parts.find(({ to }) => to.length > 0);
    if (part === undefined) return false;
    part.to = [c.locations[at]!.id];
    return true;
  },
  'an end is gone': (c, at) => {
    const had = c.locations[at]!.end !== null;
    c.locations[at]!.end = null;
    return had;
  },
  'an end stands where packets go on': (c, at) => {
    const had = c.locations[at]!.end === null;
    c.locations[at]!.end = { kind: 'dropped', reason: 'IPT_RULE_DROP' };
    return had;
  },
  'a drop is a delivery at the destination': (c, at) => {
    const location = c.locations[at]!;
    if (location.end === null) return false;
    location.end = { kind: 'delivered', to: 'udp' };
    location.place = c.to;
    return true;
  },
  'packets reach a stack where nobody listens': (c, at) => {
    const location = c.locations[at]!;
    if (location.end === null) return false;
    location.end = { kind: 'dropped', reason: 'NOT_LISTENING' };
    location.place = c.to;
    return true;
  },
  'a rule is about another protocol': (c, at) => {
    const { rule, in: all } = c.locations[at]!;
    if (rule === null || all.length === 0 || rule.shows['ip_proto'] === undefined) return false;
    rule.text = 'table=72, priority=77,icmp,reg5=0x5 actions=drop';
    return true;
  },
  'a rule is about other ports': (c, at) => {
    const { rule, in: all } = c.locations[at]!;
    if (rule === null || all.length === 0 || rule.shows['tp_dst'] === undefined) return false;
    rule.text = '-A neutron-openvswi-i5 -p udp -m udp --dport 65000:65010 -j RETURN';
    return true;
  },
  'not every packet was asked about': (c) => c.asked.splice(0, 1).length > 0,
  'a packet more was asked about': (c) => {
    c.asked.push({ 'ip_proto[0..7]': [6, 6] });
    return true;
  },
  'a variable is gone': (c) => c.variables.splice(0, 1).length > 0,
  'a variable has fewer values': (c) => {
    c.variables[0]!.high = 3;
    return true;
  },
  'two variables have one name': (c) => {
    c.variables[1]!.name = c.variables[0]!.name;
    return true;
  },
};

/** Locations that are damaged in each way, one in three: neighbours are much alike. */
const MOST_DAMAGED = 8;

describe('the checker of certificates', () => {
  it.each(Object.entries(DAMAGES))('refuses one in which %s', (_, damage) => {
    let damaged = 0;
    for (let at = 1; at < WHOLE.locations.length; at += 3) {
      const copy = opened(WHOLE);
      if (!damage(copy, at)) continue;
      damaged++;
      expect(checkCertificate(copy), `location ${WHOLE.locations[at]!.id}`).not.toEqual([]);
      if (damaged === MOST_DAMAGED) break;
    }
    expect(damaged).toBeGreaterThan(0);
  });

  it('is short and stands alone', () => {
    const [file] = sourcesBelow('src/verify/certificate').filter(({ path }) =>
      path.endsWith('/check.ts'),
    );
    expect(importsOf(file!)).toEqual(['./types.ts']);
    const text = readFileSync(join(ROOT, file!.path), 'utf8');
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(150);
    expect(
      importsOf(
        sourcesBelow('src/verify/certificate').find(({ path }) => path.endsWith('types.ts'))!,
      ),
    ).toEqual([]);
  });
});
