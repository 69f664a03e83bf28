/**
 * keepalived.conf of an amphora as Octavia's driver writes it: adverts go by unicast to the other
 * amphora, since tenants' networks need not carry multicast
 * (octavia/amphorae/drivers/keepalived/jinja).
 */
import { type CloudAddress } from '../../model/neutron.ts';
import { writeIp } from '../../text/address-text.ts';

export interface AmphoraKeepalived {
  readonly name: string;
  readonly device: string;
  readonly master: boolean;
  readonly source: CloudAddress;
  readonly peers: readonly CloudAddress[];
  readonly virtual: CloudAddress;
  readonly gateway: CloudAddress | null;
  /** The table and the rule of packets that have the virtual address as source. */
  readonly table: number;
  readonly rulePriority: number;
}

/** `ROLE_MASTER_PRIORITY`, `ROLE_BACKUP_PRIORITY` of octavia/common/constants.py. */
const PRIORITY = { master: 100, backup: 90 } as const;
/** Every amphora network has the same id: the unicast peers tell the pairs apart. */
const VIRTUAL_ROUTER_ID = 1;

export function amphoraKeepalivedText(plan: AmphoraKeepalived): string {
  const { master, virtual, gateway, device, table } = plan;
  const whole = virtual.version === 4 ? 32 : 128;
  const address = writeIp(virtual);
  const routes =
    gateway === null ? [] : [`default via ${writeIp(gateway)} dev ${device} onlink table ${table}`];
  return [
    'vrrp_script check_script {',
    '  script /var/lib/octavia/vrrp/check_script.sh',
    '  interval 5',
    '  fall 2',
    '  rise 2',
    '}',
    `vrrp_instance ${plan.name} {`,
    `  state ${master ? 'MASTER' : 'BACKUP'}`,
    `  interface ${device}`,
    `  virtual_router_id ${VIRTUAL_ROUTER_ID}`,
    `  priority ${master ? PRIORITY.master : PRIORITY.backup}`,
    '  nopreempt',
    '  accept',
    '  garp_master_refresh 5',
    '  garp_master_refresh_repeat 2',
    '  advert_int 1',
    `  unicast_src_ip ${writeIp(plan.source)}`,
    ...block('unicast_peer', plan.peers.map(writeIp)),
    ...block('virtual_ipaddress', [`${address}/${whole} dev ${device}`]),
    ...block('virtual_routes', routes),
    ...block('virtual_rules', [
      `from ${address}/${whole} table ${table} priority ${plan.rulePriority}`,
    ]),
    ...block('track_script', ['check_script']),
    '}',
    '',
  ].join('\n');
}

function block(name: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  return [`  ${name} {`, ...lines.map((line) => `    ${line}`), '  }'];
}
