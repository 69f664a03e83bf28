/**
 * Who hears an advert: a packet that walks the network from its sender to all who listen. Adverts
 * come every second or two and fare alike as long as nothing on their way has changed, so the
 * answer of a walk is remembered until then.
 */
import { type Advert } from '../../dataplane/vrrp/machine/advert.ts';
import { field } from '../../packet/fields.ts';
import { readField } from '../../traffic/words.ts';
import { type Clock } from '../clock/clock.ts';
import { advertPacket } from '../network/frames.ts';
import { type Stage } from '../network/stage.ts';
import { type PlacedInstance } from './instances.ts';

/** A remembered walk is taken again at least this often, so that learned addresses stay fresh. */
const REMEMBERED_US = 60_000_000;

const INPUT = field('meta_iif');

interface RememberedWalk {
  readonly heard: readonly string[];
  readonly at_us: number;
  readonly epoch: number;
  /** Namespaces on the way with their versions. */
  readonly ways: readonly (readonly [string, string, number])[];
}

export class AdvertReach {
  private readonly placed: ReadonlyMap<string, PlacedInstance>;
  /** Instances by `HOST NAMESPACE`. */
  private readonly places: ReadonlyMap<string, readonly PlacedInstance[]>;
  private readonly clock: Clock;
  private readonly stage: Stage;
  private readonly remembered = new Map<string, RememberedWalk>();
  /** Grows with every event that may change the way of an advert. */
  private epoch = 0;

  constructor(
    placed: ReadonlyMap<string, PlacedInstance>,
    places: ReadonlyMap<string, readonly PlacedInstance[]>,
    clock: Clock,
    stage: Stage,
  ) {
    this.placed = placed;
    this.places = places;
    this.clock = clock;
    this.stage = stage;
  }

  /** Something happened after which adverts may go other ways. */
  networkChanged(): void {
    this.epoch++;
    this.stage.disturbances++;
  }

  /** The instances of the same virtual router that hear an advert sent now. */
  heardBy(one: PlacedInstance, advert: Advert): readonly string[] {
    const known = this.remembered.get(one.id);
    if (known !== undefined && this.isFresh(known)) return known.heard;
    const { cuts, heeding } = this.stage;
    const visited = new Set<string>([`${one.host} ${one.namespace}`]);
    cuts.visited = visited;
    heeding.sending = { kind: 'advert', virtualRouterId: one.settings.virtualRouterId };
    cuts.byChance = false;
    const { host, namespace, settings } = one;
    const peers = settings.unicastPeers.length === 0 ? [null] : settings.unicastPeers;
    const heard = new Set<string>();
    for (const peer of peers) {
      const packet = advertPacket(advert, peer);
      const endings = this.stage.sendPacket(host, namespace, settings.interface, packet);
      for (const { device, outcome, p } of endings) {
        if (outcome.kind !== 'delivered') continue;
        for (const listener of this.places.get(`${device.host} ${device.name}`) ?? []) {
          if (listener !== one && this.cameBy(listener, Number(readField(p.words, INPUT)))) {
            heard.add(listener.id);
          }
        }
      }
    }
    cuts.visited = null;
    heeding.sending = null;
    // Others of the segment that belong to other routers hear it too, and throw it away.
    const near = [...heard].filter((id) => this.concerns(one, id));
    if (!cuts.byChance) {
      const ways = [...visited].map((place): readonly [string, string, number] => {
        const [on = '', name = ''] = place.split(' ');
        return [on, name, this.stage.living.version(on, name)];
      });
      this.remembered.set(one.id, {
        heard: near,
        at_us: this.clock.now_us,
        epoch: this.epoch,
        ways,
      });
    }
    return near;
  }

  private concerns({ settings }: PlacedInstance, id: string): boolean {
    return this.placed.get(id)?.settings.virtualRouterId === settings.virtualRouterId;
  }

  private cameBy({ host, namespace, settings }: PlacedInstance, index: number): boolean {
    const state = this.stage.network.namespace(host, namespace)?.state;
    return state?.interfaces.find(({ name }) => name === settings.interface)?.index === index;
  }

  private isFresh({ at_us, epoch, ways }: RememberedWalk): boolean {
    if (epoch !== this.epoch || this.clock.now_us - at_us > REMEMBERED_US) return false;
    const { living } = this.stage;
    return ways.every(([host, name, version]) => living.version(host, name) === version);
  }
}
