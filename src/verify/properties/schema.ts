/** The JSON Schema of a file of properties, made of its reader's own lists of keys. */
import {
  choice,
  DRAFT,
  either,
  list,
  named,
  object,
  type Schema,
  TEXT,
  TRUTH,
  told,
  WHOLE,
} from '../../model/yaml/schema-words.ts';
import { CHANGE_KINDS } from './changes.ts';
import { APART_KEYS, PROJECTS } from './kinds/apart.ts';
import { BEFORE_KEYS, CHANGE_KEYS, EXPECT_KEYS, PATTERN_KEYS } from './kinds/change.ts';
import { COUNTS, FAILURE_KEYS } from './kinds/failures.ts';
import { INVARIANT_KEYS, LEAST_MTU } from './kinds/invariant.ts';
import { REACH_KEYS } from './kinds/reach.ts';
import { FILE_KEYS } from './read.ts';
import { CLAIMS, INVARIANTS, MODALITIES, OTHERWISE, STATES } from './types.ts';
import { PACKET_KEYS } from './words.ts';

const NAME = told(TEXT, 'What reports call it; keeps names it.');
const NAMES = either(TEXT, { ...list(TEXT), minItems: 1 });
const ENDS = told(
  NAMES,
  'An end as hopwise trace takes it, group:NAME, project:, network:, security-group:, on:HOST, or *.',
);
const PLACES = told(NAMES, 'Hosts, namespaces, bridges, ports, host:NAME, router:NAME.');
const PORT: Schema = { type: 'integer', minimum: 0, maximum: 65_535 };
const PORT_LIST = '^(all|any| *[0-9]{1,5}(-[0-9]{1,5})? *(, *[0-9]{1,5}(-[0-9]{1,5})? *)*)$';
const PORTS = told(
  either(PORT, TRUTH, { type: 'string', pattern: PORT_LIST }),
  'Destination ports: 22, 80-90, "22,443", all.',
);
const PACKETS = { icmp: told(TRUTH, 'Echo requests.'), tcp: PORTS, udp: PORTS } as const;
const SIX = told(TRUTH, 'Over IPv6 where both ends have addresses of both versions.');
const COUNT: Schema = { ...WHOLE, minimum: 0 };
const PATTERN = object(PATTERN_KEYS, { from: ENDS, to: ENDS, ...PACKETS, ipv6: SIX }, [
  'from',
  'to',
]);

const REACH = object(
  ['name', ...REACH_KEYS],
  {
    name: NAME,
    from: ENDS,
    to: ENDS,
    arrives: told(choice(CLAIMS), 'Which of the packets asked about arrive.'),
    ...PACKETS,
    ipv6: SIX,
    answered: told(TRUTH, 'The same as state: reply.'),
    state: told(choice(STATES), 'First packets, those on answered connections, or answers.'),
    modality: told(choice(MODALITIES), 'Whatever is chosen on the way, or for some choice.'),
    via: PLACES,
    avoid: PLACES,
    nobody_else: told(TRUTH, 'Of all other servers no packet arrives at to.'),
  },
  ['from', 'to', 'arrives'],
);

const APART = object(
  ['name', ...APART_KEYS],
  {
    name: NAME,
    apart: either(choice([PROJECTS]), { ...list(TEXT), minItems: 2 }),
    except: told(object(PACKET_KEYS, PACKETS), 'Packets that may pass.'),
    ipv6: SIX,
  },
  ['apart'],
);

const INVARIANT = object(
  ['name', ...INVARIANT_KEYS],
  {
    name: NAME,
    invariant: choice(INVARIANTS),
    among: told(NAMES, 'Ends, or hosts for the invariants of rules and connections.'),
    except: told(NAMES, 'Reason codes, kinds of frames or rules that are no violation.'),
    at_least: told({ ...WHOLE, minimum: LEAST_MTU }, 'Bytes of an IP packet, for mtu.'),
    ipv6: SIX,
  },
  ['invariant'],
);

const FAILURES = object(
  ['name', ...FAILURE_KEYS],
  {
    name: NAME,
    keeps: told(NAMES, 'Names of properties of this file.'),
    under_failures: told(
      object(COUNTS, { hosts: COUNT, links: COUNT, routers: COUNT }),
      'How many are broken at once.',
    ),
  },
  ['keeps', 'under_failures'],
);

const CHANGE = object(
  ['name', ...CHANGE_KEYS],
  {
    name: NAME,
    change: object(
      BEFORE_KEYS,
      { before: told(TEXT, 'A snapshot, api:SNAPSHOT or a cloud.yaml, relative to this file.') },
      ['before'],
    ),
    expect: object(EXPECT_KEYS, {
      added: told(list(PATTERN), 'Packets that arrive now and did not before.'),
      removed: told(list(PATTERN), 'Packets that arrived before and do no more.'),
      changed: told(list(PATTERN), 'Packets of which something else becomes.'),
    }),
    otherwise: told(choice(OTHERWISE), 'Whether further changes are a violation.'),
    among: ENDS,
    frames: told(TRUTH, 'Compare every frame that servers can send as well, forged ones too.'),
  },
  ['change'],
);

export const PROPERTIES_SCHEMA: Schema = {
  $schema: DRAFT,
  title: 'hopwise file of properties, version 1',
  ...object(
    FILE_KEYS,
    {
      version: { const: 1 },
      groups: told(named(NAMES), 'Lists of ends by name.'),
      properties: {
        ...list(either(REACH, APART, INVARIANT, FAILURES, CHANGE)),
        minItems: 1,
      },
      coverage: told(
        either(
          { type: 'number', minimum: 0, maximum: 100 },
          { type: 'string', pattern: '^(>=\\s*)?[0-9]{1,3}(\\.[0-9]+)?\\s*%?$' },
        ),
        'Least mean share of the rules’ matches that the properties exercise.',
      ),
      changes: told({ ...list(choice(CHANGE_KINDS)), minItems: 1 }, 'What --property draws.'),
    },
    ['properties'],
  ),
};
