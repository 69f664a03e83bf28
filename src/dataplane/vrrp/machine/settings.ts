/** Everything that the machine of one VRRP instance has to know, with nothing left open. */
import { type IpAddress } from '../../routing/types.ts';
import { type EffectiveInstance, effectiveInstance } from '../effective.ts';
import {
  type Keepalived,
  type SyncGroup,
  type Tracked,
  type VirtualAddress,
  type VirtualRoute,
  type VirtualRule,
  type VrrpInstance,
  type Weight,
} from '../types.ts';
import { DIALECTS, type Dialect } from './dialect.ts';

export interface InstanceSettings extends EffectiveInstance {
  readonly name: string;
  readonly virtualRouterId: number;
  readonly interface: string;
  /** Source address of its adverts. */
  readonly source: IpAddress;
  /** The first eight characters, which are all that is compared; null without authentication. */
  readonly password: string | null;
  readonly skipCheckAdvertAddress: boolean;
  /** Adverts go to each of these; to the multicast group when there is none. */
  readonly unicastPeers: readonly IpAddress[];
  /** Carried in adverts. */
  readonly addresses: readonly VirtualAddress[];
  readonly excludedAddresses: readonly VirtualAddress[];
  readonly routes: readonly VirtualRoute[];
  readonly rules: readonly VirtualRule[];
  readonly watches: readonly Watch[];
  /** The sync group it moves with; null when it moves alone. */
  readonly group: string | null;
  readonly dialect: Dialect;
}

/** What an instance watches. */
export interface Watch {
  readonly kind: 'interface' | 'script';
  readonly name: string;
  /** What its state adds to the priority: when well if positive, when failed if negative. */
  readonly weight: number;
  /** The other way round: it takes away what it would add; without a weight, well is failed. */
  readonly reverse: boolean;
}

/** A watch of weight 0 puts the instance into FAULT when it fails. */
export function isFatal({ weight }: Watch): boolean {
  return weight === 0;
}

/** Characters of a password that version 2 has room for (RFC 2338 §5.3.6). */
const PASSWORD_LENGTH = 8;

/**
 * The settings of an instance of a configuration.
 * @param source The address of its interface that adverts are sent from.
 */
export function instanceSettings(
  config: Keepalived,
  instance: VrrpInstance,
  source: IpAddress,
  dialect: Dialect = DIALECTS['keepalived-2.2.7'],
): InstanceSettings {
  const { authentication } = instance;
  const effective = effectiveInstance(instance, config.globals);
  // Written out: a literal with a spread has a hidden class of its own for every object, and
  // looking into the settings of thousands of instances is then slow.
  return {
    version: effective.version,
    initialState: effective.initialState,
    priority: effective.priority,
    preempt: effective.preempt,
    preemptDelay_us: effective.preemptDelay_us,
    advertInterval_us: effective.advertInterval_us,
    downTimerAdverts: effective.downTimerAdverts,
    garpMasterDelay_us: effective.garpMasterDelay_us,
    garpMasterRepeat: effective.garpMasterRepeat,
    garpMasterRefresh_us: effective.garpMasterRefresh_us,
    garpMasterRefreshRepeat: effective.garpMasterRefreshRepeat,
    garpLowerPriorityDelay_us: effective.garpLowerPriorityDelay_us,
    garpLowerPriorityRepeat: effective.garpLowerPriorityRepeat,
    lowerPriorityNoAdvert: effective.lowerPriorityNoAdvert,
    higherPrioritySendAdvert: effective.higherPrioritySendAdvert,
    accept: effective.accept,
    strict: effective.strict,
    name: instance.name,
    virtualRouterId: instance.virtualRouterId ?? 0,
    interface: instance.interface ?? config.globals.defaultInterface ?? '',
    source: instance.unicastSource ?? instance.multicastSource ?? source,
    password: authentication === null ? null : authentication.password.slice(0, PASSWORD_LENGTH),
    skipCheckAdvertAddress:
      instance.skipCheckAdvertAddress ?? config.globals.skipCheckAdvertAddress ?? false,
    unicastPeers: instance.unicastPeers,
    addresses: instance.addresses,
    excludedAddresses: instance.excludedAddresses,
    routes: instance.routes,
    rules: instance.rules,
    watches: watchesOf(config, instance),
    group: groupOf(config, instance.name)?.name ?? null,
    dialect,
  };
}

/** A group of one is none, and an instance belongs to the first group that names it. */
function groupOf({ syncGroups, instances }: Keepalived, name: string): SyncGroup | null {
  const found = syncGroups.find(({ members }) => members.includes(name));
  const there = found?.members.filter((one) => instances.some((other) => other.name === one));
  return found === undefined || (there?.length ?? 0) < 2 ? null : found;
}

/**
 * What it and its group name, and its own interface unless that is switched off (track_primary).
 * What is tracked with a weight does not count within a group, whose members would get different
 * priorities, unless sync_group_tracking_weight asks for it.
 */
function watchesOf(config: Keepalived, instance: VrrpInstance): readonly Watch[] {
  const group = groupOf(config, instance.name);
  const tracked = <T>(own: readonly T[], ofGroup: readonly T[] | undefined): readonly T[] => [
    ...own,
    ...(ofGroup ?? []),
  ];
  const named = [
    ...tracked(instance.trackInterfaces, group?.trackInterfaces).map((one) =>
      watch('interface', one),
    ),
    ...tracked(instance.trackScripts, group?.trackScripts).map((one) => {
      const weight = config.scripts.find(({ name }) => name === one.name)?.weight ?? null;
      return watch('script', one, weight ?? { value: 0, reverse: false });
    }),
  ];
  const weighs =
    group === null || group.others.some(({ words }) => words[0] === 'sync_group_tracking_weight');
  const counting = named.filter((one) => weighs || isFatal(one));
  const interfaces = counting.filter(({ kind }) => kind === 'interface');
  const own = instance.interface ?? config.globals.defaultInterface;
  const stated = interfaces.some(({ name }) => name === own);
  const implied: readonly Watch[] =
    own === null || stated || instance.dontTrackPrimary === true
      ? []
      : [{ kind: 'interface', name: own, weight: 0, reverse: false }];
  return [...implied, ...counting];
}

/** The instance's own weight replaces that of the script as a whole. */
function watch(
  kind: Watch['kind'],
  { name, weight, reverse }: Tracked,
  usual: Weight = { value: 0, reverse: false },
): Watch {
  if (weight !== null) return { kind, name, weight, reverse };
  return { kind, name, weight: usual.value, reverse: reverse || usual.reverse };
}
