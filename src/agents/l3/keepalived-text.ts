/** keepalived.conf as the L3 agent writes it for an HA router (neutron/agent/linux/keepalived.py). */
import { type HaAuthentication } from '../../model/cloud.ts';
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
  readonly authentication: HaAuthentication | null;
  /** The script that asks the gateways, how often, and whether there is a gateway to ask. */
  readonly healthCheck: {
    readonly script: string;
    readonly interval_s: number;
    readonly used: boolean;
  } | null;
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
    ...checkLines(plan),
    `vrrp_instance VR_${plan.virtualRouterId} {`,
    '    state BACKUP',
    `    interface ${plan.device}`,
    `    virtual_router_id ${plan.virtualRouterId}`,
    `    priority ${plan.priority}`,
    '    garp_master_delay 60',
    '    nopreempt',
    `    advert_int ${plan.advertInterval_s}`,
    ...authenticationLines(plan),
    ...block('track_interface', [plan.device]),
    ...block('virtual_ipaddress', [primary]),
    ...block('virtual_ipaddress_excluded', addresses),
    ...block('virtual_routes', routes),
    ...(plan.healthCheck?.used === true ? block('track_script', [checkName(plan)]) : []),
    '}',
  ].join('\n');
}

/** `KeepalivedTrackScript`; without a gateway nothing is asked, and nobody is tracked. */
function checkLines(plan: KeepalivedPlan): readonly string[] {
  if (plan.healthCheck === null) return [];
  const { script, interval_s } = plan.healthCheck;
  return [
    '',
    `vrrp_script ${checkName(plan)} {`,
    `    script "${script}"`,
    `    interval ${interval_s}`,
    '    fall 2',
    '    rise 2',
    '}',
    '',
  ];
}

function checkName({ virtualRouterId }: KeepalivedPlan): string {
  return `ha_health_check_${virtualRouterId}`;
}

function authenticationLines({ authentication }: KeepalivedPlan): readonly string[] {
  if (authentication === null) return [];
  const { type, password } = authentication;
  return block('authentication', [`auth_type ${type}`, `auth_pass ${password}`]);
}

function block(name: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  return [`    ${name} {`, ...lines.map((line) => `        ${line}`), '    }'];
}

function addressLine({ address, length, device }: VirtualAddress): string {
  const scope = address.version === 6 && address.value >> 118n === 0x3fan ? ' scope link' : '';
  return `${writeIp(address)}/${length} dev ${device}${scope}`;
}
