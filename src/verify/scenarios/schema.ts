/** The JSON Schema of a scenario's expect.yaml, made of its reader's own lists of keys. */
import {
  choice,
  DRAFT,
  either,
  list,
  object,
  POSITIVE,
  type Schema,
  TEXT,
  TRUTH,
  told,
  WHOLE,
} from '../../model/yaml/schema-words.ts';
import { REASONS } from '../../reasons/codes.ts';
import { EDITS } from './edits/rows.ts';
import {
  ANNOUNCED_KEYS,
  FAULT_KEYS,
  REFUSAL_KEYS,
  SCENARIO_KEYS,
  SIMULATION_KEYS,
  TRACE_KEYS,
  VERDICTS,
} from './expectations.ts';

const WORD = either(TEXT, WHOLE);
const WORDS = either(TEXT, WHOLE, list(WORD));
const CODE = choice(Object.keys(REASONS));

const TRACE = object(
  TRACE_KEYS,
  {
    from: told(TEXT, 'As `hopwise trace` takes it.'),
    to: told(TEXT, 'The same, or dhcp, dhcp6, slaac, metadata, arp:ADDRESS.'),
    icmp: TRUTH,
    tcp: POSITIVE,
    udp: POSITIVE,
    source_port: POSITIVE,
    size: WHOLE,
    df: TRUTH,
    ipv6: TRUTH,
    flow: told(TEXT, 'Header fields, as ovs-appctl ofproto/trace takes them.'),
    is: choice(VERDICTS),
    because: told(CODE, 'Reason code of what stopped it.'),
    at: told(TEXT, 'The host that stopped it.'),
    component: told(TEXT, 'Part of what stopped it: br-int table 25.'),
    direction: choice(['request', 'reply']),
    seen_from: told(TEXT, 'Source address as the receiver sees it.'),
    seen_to: TEXT,
    received_by: TEXT,
    answer_from: TEXT,
    gives: told(WORDS, 'What the answer gives: addresses, settings, MACs.'),
    assumes: either(CODE, list(CODE)),
    warns: either(CODE, list(CODE)),
    may_reach: WORDS,
    via: told(WORDS, 'Hosts, devices and ports on the way, in order.'),
    reply_via: WORDS,
    avoids: WORDS,
    sees: told(
      list({
        type: 'object',
        properties: {
          on: told(TEXT, 'HOST:INTERFACE'),
          role: choice(['request', 'answer', 'data', 'error', 'late-error', 'resolution']),
          direction: choice(['in', 'out']),
          never: TRUTH,
        },
        required: ['on'],
        additionalProperties: WORD,
      }),
      'What captures show; other keys are header fields, inner.FIELD of what a tunnel carries.',
    ),
  },
  ['from', 'to', 'is'],
);

const EDIT: Schema = {
  type: 'object',
  properties: Object.fromEntries(
    [...EDITS].map(([kind, { says, needs, may }]) => [
      kind,
      {
        type: 'object',
        description: says,
        properties: Object.fromEntries([...needs, ...may].map((key) => [key, WORDS])),
        required: needs,
        additionalProperties: false,
      },
    ]),
  ),
  additionalProperties: false,
};

export const SCENARIO_SCHEMA: Schema = {
  $schema: DRAFT,
  title: 'hopwise expect.yaml of a scenario, version 1',
  ...object(SCENARIO_KEYS, {
    refused: list(object(REFUSAL_KEYS, { at: POSITIVE, says: TEXT }, ['says'])),
    announces: list(
      object(ANNOUNCED_KEYS, { speaker: TEXT, to: TEXT, via: TEXT, never: TRUTH }, [
        'speaker',
        'to',
      ]),
    ),
    simulations: list(
      object(
        SIMULATION_KEYS,
        {
          edits: told(list(EDIT), 'What is otherwise from the beginning.'),
          events: told(list(TEXT), 'As `hopwise simulate` takes them.'),
          probes: list(TEXT),
          until: told(POSITIVE, 'Seconds.'),
          ways: POSITIVE,
          router: TEXT,
          masters: told(list(TEXT), 'Hosts that may be master at the end.'),
          at_once: WHOLE,
          because: told(CODE, 'Reason of the first lost probe; without it none may be lost.'),
          causes: told(list(CODE), 'All reasons of lost probes over all ways.'),
          loss: told(
            list({ type: 'number', minimum: 0 }),
            'Seconds of the longest loss in every way, from and to.',
          ),
          changes: told(
            list(TEXT),
            'What becomes of the instances in each way: `net1 master, net2 backup`.',
          ),
          says: told(list(TEXT), 'Parts of sentences in the timeline of some way.'),
          traces: told(list(TRACE), 'Over the hosts as the first way leaves them.'),
        },
        ['router', 'masters'],
      ),
    ),
    traces: list(TRACE),
    faults: list(
      object(FAULT_KEYS, { name: TEXT, edits: list(EDIT), traces: list(TRACE) }, [
        'name',
        'edits',
        'traces',
      ]),
    ),
  }),
};
