/** The JSON Schema of the network between the hosts: `underlay.yaml`, and a part of cloud.yaml. */
import {
  choice,
  either,
  list,
  object,
  POSITIVE,
  PREFIX,
  type Schema,
  TEXT,
  TRUTH,
  told,
  WHOLE,
} from './schema-words.ts';
import {
  INTERFACE_KEYS,
  PORT_KEYS,
  ROUTER_KEYS,
  SEGMENT_KEYS,
  SWITCH_KEYS,
  UNDERLAY_KEYS,
} from './underlay.ts';

const SWITCH_PORT = object(
  PORT_KEYS,
  {
    name: TEXT,
    to: told(TEXT, 'HOST:NIC, SWITCH:PORT or ROUTER:INTERFACE.'),
    mode: choice(['access', 'trunk']),
    vlan: POSITIVE,
    native: POSITIVE,
    allowed: list(either(WHOLE, TEXT)),
    mtu: POSITIVE,
    enabled: TRUTH,
  },
  ['name'],
);

export const UNDERLAY_SCHEMA: Schema = object(UNDERLAY_KEYS, {
  switches: list(
    object(
      SWITCH_KEYS,
      {
        name: TEXT,
        config: told(TEXT, 'The switch’s configuration, a file beside underlay.yaml.'),
        mtu: POSITIVE,
        ports: list(SWITCH_PORT),
      },
      ['name'],
    ),
  ),
  routers: list(
    object(
      ROUTER_KEYS,
      {
        name: TEXT,
        interfaces: list(
          object(
            INTERFACE_KEYS,
            {
              name: TEXT,
              vlan: POSITIVE,
              mtu: POSITIVE,
              address: PREFIX,
              addresses: list(PREFIX),
            },
            ['name'],
          ),
        ),
      },
      ['name'],
    ),
  ),
  segments: list(object(SEGMENT_KEYS, { name: TEXT, nics: list(TEXT) }, ['name'])),
});
