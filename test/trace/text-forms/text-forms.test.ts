/** The same deployments as hosts without JSON show them: every question has the same answer. */
import { describe, expect, it } from 'vitest';
import { type Network } from '../../../src/dataplane/network.ts';
import { openSnapshot } from '../../../src/snapshot/read/open.ts';
import { type PacketQuestion, type Trace } from '../../../src/trace/types.ts';
import { type Captured, captured, folderOf } from '../../captured.ts';
import { askOf } from '../asked.ts';
import { type Texts } from '../faults/edits.ts';
import {
  brctlText,
  fdbText,
  interfacesText,
  neighboursText,
  portsText,
  routesText,
  rulesText,
} from './text-of-json.ts';

type Rows = Record<string, unknown>[];

/** Writers by the name of the output; `older` hosts have brctl and arp instead of newer tools. */
function writers(older: boolean): ReadonlyMap<string, (rows: Rows) => string> {
  return new Map<string, (rows: Rows) => string>([
    ['ip-link', interfacesText],
    ['ip-addr', interfacesText],
    ['ip-route-v4', routesText],
    ['ip-route-v6', routesText],
    ['ip-rule-v4', rulesText],
    ['ip-rule-v6', rulesText],
    ['ip-neigh-v4', (rows) => neighboursText(rows, older ? 'arp' : 'ip')],
    ['ip-neigh-v6', (rows) => neighboursText(rows, 'ip')],
    ['bridge-fdb', fdbText],
    ['bridge-link', older ? brctlText : portsText],
  ]);
}

function inText(capture: Captured, phase: string, older: boolean): Network {
  const whole = folderOf(capture.files, capture.phaseFolder(phase) ?? '.');
  const forms = writers(older);
  const texts: Texts = new Map();
  let written = 0;
  for (const path of whole.list()) {
    const content = new TextDecoder().decode(whole.read(path));
    const [, folder = '', name = ''] = /^(hosts\/.*\/ns\/.*\/)([^/]+)\.json$/.exec(path) ?? [];
    const write = forms.get(name);
    if (write === undefined) {
      texts.set(path, content);
      continue;
    }
    const kept = older && name === 'bridge-link' ? 'brctl-show' : name;
    texts.set(`${folder}${kept}.txt`, write(JSON.parse(content === '' ? '[]' : content) as Rows));
    written++;
  }
  expect(written).toBeGreaterThan(50);
  return openSnapshot(folderOf(texts, '.'));
}

type Asked = readonly [from: string, to: string, packet?: Partial<PacketQuestion>];

const tcp = (port: number): Partial<PacketQuestion> => {
  return { protocol: 'tcp', destinationPort: port };
};
const CAPTURES: readonly (readonly [string, string, readonly Asked[]])[] = [
  [
    'linuxbridge-vxlan-flat',
    'matrix',
    [
      ['l2', '10.0.0.44'],
      ['l1', '10.0.1.45'],
      ['l1', 'external:198.51.100.10'],
      ['l1', '10.0.0.119', tcp(22)],
      ['l1', '10.0.0.119', tcp(81)],
      ['l1', 'external:198.51.100.10', { size: 1440, dontFragment: true }],
      ['external:203.0.113.1', '203.0.113.193'],
      ['f1', '10.20.0.83'],
    ],
  ],
  [
    'ovs-vlan-hybrid',
    'matrix',
    [
      ['v2', '10.100.0.48'],
      ['v1', '10.101.0.178'],
      ['v1', '10.100.0.142', tcp(22)],
      ['v1', 'external:198.51.100.10'],
      ['external:203.0.113.1', '203.0.113.119', tcp(22)],
    ],
  ],
  [
    'ovs-dvr',
    'north-south',
    [
      ['d1', 'external:198.51.100.10'],
      ['d2', 'external:198.51.100.10'],
      ['d1', '10.2.0.190'],
      ['external:203.0.113.1', '203.0.113.105', tcp(22)],
    ],
  ],
];

/** Everything that a person would see differ, but for the files that lines were read from. */
function told({
  verdict,
  receivedBy,
  observed,
  answerFrom,
  blockers,
  request,
  reply,
}: Trace): unknown {
  const ways = [request, reply].map((way) =>
    way?.hops.map(({ host, device, input, output }) => [host, device, input, output].join(' ')),
  );
  const blamed = blockers.map(({ code, host, component }) => [code, host, component]);
  return { verdict, receivedBy, observed, answerFrom, blamed, ways };
}

describe('a deployment read from text instead of JSON', () => {
  for (const [name, phase, questions] of CAPTURES) {
    it(`answers as before (${name})`, () => {
      const capture = captured(name);
      const [json, text] = [capture.network(phase), inText(capture, phase, false)];
      if (json === null) throw new Error(`${name} has no ${phase}`);
      const [asJson, asText] = [askOf(json), askOf(text)];
      for (const [from, to, packet] of questions) {
        const question = `${from} → ${to}`;
        expect([question, told(asText(from, to, packet))]).toEqual([
          question,
          told(asJson(from, to, packet)),
        ]);
      }
      expect(text.problems).toEqual(json.problems);
    });

    it.skipIf(name === 'ovs-dvr')(`answers as before with brctl and arp (${name})`, () => {
      const capture = captured(name);
      const [json, text] = [capture.network(phase), inText(capture, phase, true)];
      if (json === null) throw new Error(`${name} has no ${phase}`);
      const [asJson, asText] = [askOf(json), askOf(text)];
      for (const [from, to, packet] of questions) {
        const question = `${from} → ${to}`;
        expect([question, told(asText(from, to, packet))]).toEqual([
          question,
          told(asJson(from, to, packet)),
        ]);
      }
    });
  }
});
