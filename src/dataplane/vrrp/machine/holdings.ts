/** What a master tells and holds, in the order keepalived takes it and gives it back (vrrp.c). */
import { type Prefix } from '../../routing/types.ts';
import { type VirtualAddress, type VirtualRoute, type VirtualRule } from '../types.ts';
import { advertOf } from './advert.ts';
import { type InstanceSettings } from './settings.ts';
import { type Effect } from './types.ts';

/** vrrp_state_become_master(): addresses, excluded addresses, routes, rules. */
export function takeHoldings(settings: InstanceSettings): readonly Effect[] {
  const { addresses, excludedAddresses, routes, rules } = settings;
  return [
    ...[...addresses, ...excludedAddresses].map(addAddress),
    ...routes.map((route): Effect => ({ kind: 'add-route', route })),
    ...rules.map((rule): Effect => ({ kind: 'add-rule', rule })),
  ];
}

/** vrrp_restore_interface(): rules, routes, addresses, excluded addresses. */
export function returnHoldings(settings: InstanceSettings): readonly Effect[] {
  const { addresses, excludedAddresses, routes, rules } = settings;
  return [
    ...rules.map((rule): Effect => ({ kind: 'remove-rule', rule })),
    ...routes.map((route): Effect => ({ kind: 'remove-route', route })),
    ...[...addresses, ...excludedAddresses].map(removeAddress),
  ];
}

/** What is removed when a process finds addresses that an earlier one has left. */
export function removeAddresses(settings: InstanceSettings): readonly Effect[] {
  return [...settings.addresses, ...settings.excludedAddresses].map(removeAddress);
}

/** The advert that is sent. */
export function saying(settings: InstanceSettings, priority: number): Effect {
  return { kind: 'advert', advert: advertOf(settings, priority) };
}

interface Said {
  readonly priority: number;
  readonly effects: readonly Effect[];
}

const lastSaid = new WeakMap<InstanceSettings, Said>();

/** An advert and nothing else; the same object as long as a router says the same. */
export function sayingOnly(settings: InstanceSettings, priority: number): readonly Effect[] {
  const last = lastSaid.get(settings);
  if (last !== undefined && last.priority === priority) return last.effects;
  const effects = [saying(settings, priority)];
  lastSaid.set(settings, { priority, effects });
  return effects;
}

/** Every address is told to the neighbours so many times. */
export function announceAll(settings: InstanceSettings, repeat: number): readonly Effect[] {
  if (repeat === 0) return [];
  return [...settings.addresses, ...settings.excludedAddresses].map(
    (address): Effect => ({
      kind: 'announce',
      address,
      repeat,
    }),
  );
}

/** What a reload of a master changes: what went, what came; and whether an address came. */
export function exchangeHoldings(
  before: InstanceSettings,
  after: InstanceSettings,
): { readonly effects: readonly Effect[]; readonly gained: boolean } {
  const oldAddresses = [...before.addresses, ...before.excludedAddresses];
  const newAddresses = [...after.addresses, ...after.excludedAddresses];
  const gained = missingFrom(newAddresses, oldAddresses, addressKey);
  const effects: Effect[] = [
    ...missingFrom(before.rules, after.rules, ruleKey).map(
      (rule): Effect => ({ kind: 'remove-rule', rule }),
    ),
    ...missingFrom(before.routes, after.routes, routeKey).map(
      (route): Effect => ({
        kind: 'remove-route',
        route,
      }),
    ),
    ...missingFrom(oldAddresses, newAddresses, addressKey).map(removeAddress),
    ...gained.map(addAddress),
    ...missingFrom(after.routes, before.routes, routeKey).map(
      (route): Effect => ({
        kind: 'add-route',
        route,
      }),
    ),
    ...missingFrom(after.rules, before.rules, ruleKey).map(
      (rule): Effect => ({ kind: 'add-rule', rule }),
    ),
  ];
  return { effects, gained: gained.length > 0 };
}

function addAddress(address: VirtualAddress): Effect {
  return { kind: 'add-address', address };
}

function removeAddress(address: VirtualAddress): Effect {
  return { kind: 'remove-address', address };
}

function missingFrom<T>(
  of: readonly T[],
  from: readonly T[],
  key: (one: T) => string,
): readonly T[] {
  const known = new Set(from.map(key));
  return of.filter((one) => !known.has(key(one)));
}

/** What makes two virtual addresses the same one. */
export function addressKey({ address, length, device }: VirtualAddress): string {
  return `${address.version} ${address.value}/${length} ${device}`;
}

function routeKey({ version, to, hops, table, metric, type }: VirtualRoute): string {
  const ways = hops.map(({ gateway, device }) => `${gateway?.value} ${device}`).join(' ');
  return `${type} ${version} ${prefixKey(to)} ${ways} ${table} ${metric}`;
}

function ruleKey({ attributes }: VirtualRule): string {
  return attributes.map(({ name, value }) => `${name} ${value}`).join(' ');
}

function prefixKey(prefix: Prefix | null): string {
  return prefix === null ? 'default' : `${prefix.address.value}/${prefix.length}`;
}
