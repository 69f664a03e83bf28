/** keepalived.conf as the L3 agent writes it for an HA router (neutron/agent/linux/keepalived.py). */
import { type CloudAddress } from '../../model/neutron.ts';
import { writeIp } from '../../text/address-text.ts';

export interface VirtualAddress {
  readonly address: CloudAddress;
  readonly length: number;
  readonly device: string;
}

export interface KeepalivedPlan {
  /** 1 to 255, unique among the routers of a tenant's HA network. */
  readonly virtualRouterId: number;
  readonly device: string;
  readonly advertInterval_s: number;
  readonly priority: number;
  readonly addresses: readonly VirtualAddress[];
  /** `no_track`, without which keepalived falls back when an address is taken away (since Stein). */
  readonly untracked: boolean;
  readonly routes: readonly {
    readonly to: string;
    /** null is on-link. */
    readonly via: CloudAddress | null;
    readonly device: string | null;
  }[];
}

export function keepalivedText(plan: KeepalivedPlan): string {
  const primary = `169.254.0.${plan.virtualRouterId}/24 dev ${plan.device}`;
  const end = plan.untracked ? ' no_track' : '';
  const addresses = plan.addresses.map((each) => `${addressLine(each)}${end}`).sort();
  const routes = plan.routes.map(({ to, via, device }) =>
    [
      to,
      ...(via === null ? [] : [`via ${writeIp(via)}`]),
      ...(device === null ? [] : [`dev ${device}`]),
      ...(via === null ? ['scope link'] : []),
      ...(plan.untracked ? ['no_track'] : []),
    ].join(' '),
  );
  return [
    'global_defs {',
    '    notification_email_from neutron@openstack.local',
    '    router_id neutron',
    '}',
    `vrrp_instance VR_${plan.virtualRouterId} {`,
    '    state BACKUP',
    `    interface ${plan.device}`,
    `    virtual_router_id ${plan.virtualRouterId}`,
    `    priority ${plan.priority}`,
    '    garp_master_delay 60',
    '    nopreempt',
    `    advert_int ${plan.advertInterval_s}`,
    ...block('track_interface', [plan.device]),
    ...block('virtual_ipaddress', [primary]),
    ...block('virtual_ipaddress_excluded', addresses),
    ...block('virtual_routes', routes),
    '}',
  ].join('\n');
}

function block(name: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  return [`    ${name} {`, ...lines.map((line) => `        ${line}`), '    }'];
}

function addressLine({ address, length, device }: VirtualAddress): string {
  const scope = address.version === 6 && address.value >> 118n === 0x3fan ? ' scope link' : '';
  return `${writeIp(address)}/${length} dev ${device}${scope}`;
}
