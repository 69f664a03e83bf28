/**
 * keepalived reads its file again (SIGHUP): with one statement changed, or with another file. What a
 * reload does to an instance is the machine's business; instances may come and go with the file.
 */
import { addressKey } from '../../dataplane/vrrp/machine/holdings.ts';
import { parseKeepalived } from '../../dataplane/vrrp/text/keepalived.ts';
import { type Keepalived, type VrrpInstance } from '../../dataplane/vrrp/types.ts';
import {
  interfaceOf,
  isIpv6,
  type PlacedInstance,
  settingsOf,
  sourceOf,
} from '../vrrp/instances.ts';
import { withInstance } from './processes.ts';
import { type EventRow, type Play, type Understood, wrong } from './types.ts';

export const RELOAD_EVENTS: readonly EventRow[] = [
  {
    begins: ['reload'],
    usage: 'reload ROUTER@HOST with FILE | [add|remove] STATEMENT…',
    read: readReload,
  },
];

/** Statements whose values stand in a block. */
const BLOCKS = new Set([
  ...['virtual_ipaddress', 'virtual_ipaddress_excluded', 'virtual_routes', 'virtual_rules'],
  ...['track_interface', 'track_script', 'unicast_peer'],
]);

/** Lists that a statement may be added to or removed from. */
const LISTS = ['addresses', 'excludedAddresses'] as const;

function readReload(words: readonly string[], play: Play): Understood {
  const [id = '', how = '', ...rest] = words;
  if (how === 'with') return readFile(id, rest, play);
  const changes = how === 'add' || how === 'remove';
  const statement = changes ? rest : [how, ...rest];
  const parsed = parseStatement(statement);
  if (typeof parsed === 'string') return wrong(parsed);
  if (changes && LISTS.every((list) => parsed[list].length === 0)) {
    return wrong(`virtual_ipaddress or virtual_ipaddress_excluded can be ${how}ed`);
  }
  return withInstance([id], play, (now, one) => {
    const before = instanceNow(now, one);
    const after = changes ? listed(before, parsed, how) : stated(before, parsed);
    reload(now, one, one.config, after);
  });
}

/** The statement as the file would have it, read by the very reader of the file. */
function parseStatement(words: readonly string[]): VrrpInstance | string {
  const [name = '', ...values] = words;
  if (name === '') return 'a statement of keepalived.conf is wanted';
  const text = BLOCKS.has(name) ? `${name} {\n${values.join(' ')}\n}` : words.join(' ');
  const { value, problems } = parseKeepalived(`vrrp_instance X {\n${text}\n}\n`, 'event');
  // What else an instance needs, its file has already.
  const problem = problems.find(({ line }) => line > 1);
  if (problem !== undefined) {
    const meant = problem.didYouMean === undefined ? '' : `; did you mean ${problem.didYouMean}?`;
    return `${problem.text === '' ? name : problem.text}: ${problem.message}${meant}`;
  }
  const [instance] = value.instances;
  return instance ?? `${name} is no statement of an instance`;
}

/** What the instances' files say at the moment: earlier reloads have changed it. */
const changedInstances = new WeakMap<Play, Map<string, VrrpInstance>>();

function instanceNow(play: Play, { id, instance }: PlacedInstance): VrrpInstance {
  return changedInstances.get(play)?.get(id) ?? instance;
}

function stated(before: VrrpInstance, said: VrrpInstance): VrrpInstance {
  const told = Object.entries(said).filter(([key, value]) => {
    if (key === 'name' || key === 'origin') return false;
    return Array.isArray(value) ? value.length > 0 : value !== null;
  });
  const after = { ...before, ...Object.fromEntries(told) };
  for (const list of LISTS) if (said[list].length > 0) after[list] = placed(before, said, list);
  return after;
}

/** An address without a device is where the others of its list are, or on the instance's own. */
function placed(
  before: VrrpInstance,
  said: VrrpInstance,
  list: (typeof LISTS)[number],
): VrrpInstance['addresses'] {
  const device = before[list][0]?.device ?? before.interface;
  return said[list].map((one) => ({ ...one, device: one.device ?? device }));
}

function listed(before: VrrpInstance, said: VrrpInstance, how: string): VrrpInstance {
  const after = { ...before };
  for (const list of LISTS) {
    const wanted = placed(before, said, list);
    const keys = new Set(wanted.map(addressKey));
    const kept = before[list].filter((one) => !keys.has(addressKey(one)));
    after[list] = how === 'add' ? [...kept, ...wanted] : kept;
  }
  return after;
}

function reload(play: Play, one: PlacedInstance, config: Keepalived, after: VrrpInstance): void {
  const { vrrp } = play;
  const known = changedInstances.get(play) ?? new Map<string, VrrpInstance>();
  changedInstances.set(play, known.set(one.id, after));
  const before = vrrp.routers.settingsOf(one.id);
  vrrp.tellNotFollowed({ ...one, config, instance: after });
  vrrp.routers.reload(one.id, settingsOf(config, after, before.source));
  // The others of the process read the file again too.
  for (const other of vrrp.placed.values()) {
    const same = other.host === one.host && other.namespace === one.namespace;
    if (other === one || !same || other.path !== one.path) continue;
    vrrp.routers.reload(other.id, vrrp.routers.settingsOf(other.id));
  }
}

function readFile(id: string, [path = '', ...more]: readonly string[], play: Play): Understood {
  if (path === '' || more.length > 0) return wrong('one FILE is wanted');
  const text = play.readFile(path);
  if (text === null) return wrong(`there is no file ${path}`);
  const { value, problems } = parseKeepalived(text, path);
  const [problem] = problems;
  if (problem !== undefined) {
    const { file, line, column, message } = problem;
    return wrong(`${file}:${line}:${column}: ${message}`);
  }
  return withInstance([id], play, (now, one) => exchange(now, one, value));
}

/** clear_diff_vrrp(): instances that are gone say goodbye, new ones begin, others go on. */
function exchange(play: Play, one: PlacedInstance, config: Keepalived): void {
  const { vrrp, stage } = play;
  const siblings = [...vrrp.placed.values()].filter(
    ({ host, namespace, path }) =>
      host === one.host && namespace === one.namespace && path === one.path,
  );
  const wanted = new Map(config.instances.map((instance) => [instance.name, instance]));
  for (const sibling of siblings) {
    const instance = wanted.get(sibling.instance.name);
    wanted.delete(sibling.instance.name);
    if (instance === undefined) {
      vrrp.routers.stop(sibling.id);
      continue;
    }
    const { source } = vrrp.routers.settingsOf(sibling.id);
    vrrp.tellNotFollowed({ ...sibling, config, instance });
    vrrp.routers.reload(sibling.id, settingsOf(config, instance, source));
    if (vrrp.routers.stateOf(sibling.id).role === 'stopped') vrrp.routers.start(sibling.id);
  }
  const state = stage.network.namespace(one.host, one.namespace);
  if (state === undefined) return;
  for (const instance of wanted.values()) {
    const device = interfaceOf(state, instance.interface ?? '');
    const source = device === undefined ? null : sourceOf(device, isIpv6(instance));
    if (source === null) continue;
    const settings = settingsOf(config, instance, source);
    const id = `${one.id}:${instance.name}`;
    vrrp.adopt({ ...one, id, settings, config, instance, scripts: config.scripts });
  }
}
