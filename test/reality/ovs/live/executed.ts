/** Which features the packets of a trace really met, from the emulation's diary. */
import { type PreparedSwitch } from '../../../../src/dataplane/ovs/pipeline/prepared.ts';
import { type OvsStep } from '../../../../src/dataplane/ovs/pipeline/steps.ts';
import { type Action } from '../../../../src/dataplane/ovs/types/flow.ts';

const RESERVED: Readonly<Record<number, string>> = {
  65528: 'IN_PORT',
  65529: 'TABLE',
  65530: 'NORMAL',
  65531: 'FLOOD',
  65532: 'ALL',
  65534: 'LOCAL',
};

const PLAIN_KINDS: Partial<Record<Action['kind'], string>> = {
  clone: 'clone',
  multipath: 'multipath',
  learn: 'learn',
  'check-pkt-larger': 'check_pkt_larger',
  'write-actions': 'write_actions',
  'clear-actions': 'clear_actions',
  'write-metadata': 'write_metadata',
  note: 'note',
  sample: 'sample',
  controller: 'controller',
  'set-queue': 'set_queue',
  'pop-queue': 'pop_queue',
  enqueue: 'enqueue',
  'debug-slow': 'debug_slow',
  'fin-timeout': 'fin_timeout',
  'debug-recirc': 'debug_recirc',
  exit: 'exit',
  'ct-clear': 'ct_clear',
  encap: 'encap',
  decap: 'decap',
  move: 'move',
  push: 'push',
  pop: 'pop',
  'dec-ttl': 'dec_ttl',
  'dec-mpls-ttl': 'dec_mpls_ttl',
  'output-field': 'output:reg',
  'push-mpls': 'push_mpls',
  'pop-mpls': 'pop_mpls',
  'push-vlan': 'push_vlan',
  'pop-vlan': 'pop_vlan',
  'set-vlan-vid': 'mod_vlan_vid',
  'set-vlan-pcp': 'mod_vlan_pcp',
  'delete-field': 'delete_field',
  'goto-table': 'goto_table',
  meter: 'meter',
};

/** Names of features, each once. */
export function executedFeatures(
  sw: PreparedSwitch,
  steps: readonly OvsStep[],
): ReadonlySet<string> {
  const found = new Set<string>();
  for (const step of steps) {
    switch (step.kind) {
      case 'flow-action':
        for (const name of namesOf(sw, step.bridge, step.action)) found.add(name);
        break;
      case 'flow':
        if (step.conjunction !== null) found.add('conjunction');
        break;
      case 'action-set':
        found.add('action set executed');
        break;
      case 'translation-error':
        found.add(`limit: ${step.text}`);
        break;
      case 'tunnel':
        found.add(`tunnel ${sw.ports.get(step.port)?.source.tunnel?.kind ?? ''}`);
        break;
      default:
    }
  }
  return found;
}

function namesOf(sw: PreparedSwitch, bridge: string, action: Action): readonly string[] {
  const plain = PLAIN_KINDS[action.kind];
  if (plain !== undefined) return [plain];
  switch (action.kind) {
    case 'output':
      return [
        ...(action.maxLength === null ? [] : ['output(max_len)']),
        RESERVED[action.port] ?? 'output',
      ];
    case 'group': {
      const group = sw.bridges.get(bridge)?.groups.get(action.group)?.source;
      if (group === undefined) return [];
      const method = group.type === 'select' ? ` ${group.selection.method || 'default'}` : '';
      const chained = group.buckets.some(({ actions }) =>
        actions.some((one) => one.kind === 'group'),
      );
      return [`group ${group.type}${method}`, ...(chained ? ['group chained'] : [])];
    }
    case 'bundle':
      return [`${action.bundle.to === null ? 'bundle' : 'bundle_load'} ${action.bundle.algorithm}`];
    case 'resubmit':
      return [action.ct ? 'resubmit(,ct)' : 'resubmit'];
    case 'ct':
      return [
        'ct',
        ...(action.ct.nat === null ? [] : ['ct(nat)']),
        ...(action.ct.exec.length === 0 ? [] : ['ct(exec)']),
      ];
    case 'set-field':
      return [
        action.field.name.startsWith('tun_')
          ? 'set tunnel field'
          : `set ${action.field.metadata ? 'register' : 'header'}`,
      ];
    default:
      return [action.kind];
  }
}
