/**
 * What will happen, soonest first; what happens at the same time, in the order it was put in.
 * A binary heap of slots over typed arrays: nothing is allocated per event but its task.
 */

/** A thing to do at a time. */
export type Task = () => void;

/** Names an event that still waits, so that it can be taken back. */
export type EventId = number;

const FIRST_CAPACITY = 1024;
const GONE = -1;

export class EventQueue {
  private times = new Float64Array(FIRST_CAPACITY);
  private order = new Float64Array(FIRST_CAPACITY);
  private heap = new Int32Array(FIRST_CAPACITY);
  /** Where a slot stands in the heap; GONE when it is free. */
  private place = new Int32Array(FIRST_CAPACITY).fill(GONE);
  private generation = new Uint32Array(FIRST_CAPACITY);
  private tasks: (Task | undefined)[] = [];
  private free: number[] = [];
  private used = 0;
  private size = 0;
  private count = 0;

  /** How many events wait. */
  get length(): number {
    return this.size;
  }

  /** When the next event is due; Infinity when none waits. Microseconds. */
  get next_us(): number {
    return this.size === 0 ? Number.POSITIVE_INFINITY : this.timeAt(0);
  }

  /** Puts an event in. */
  add(at_us: number, task: Task): EventId {
    const slot = this.free.pop() ?? this.grow();
    this.times[slot] = at_us;
    this.order[slot] = this.count++;
    this.tasks[slot] = task;
    const at = this.size++;
    this.heap[at] = slot;
    this.place[slot] = at;
    this.up(at);
    return slot + (this.generation[slot] ?? 0) * SLOTS_MAX;
  }

  /** Takes an event back; false when it has happened already. */
  remove(id: EventId): boolean {
    const slot = id % SLOTS_MAX;
    const at = this.place[slot] ?? GONE;
    if (at === GONE || this.generation[slot] !== Math.floor(id / SLOTS_MAX)) return false;
    this.take(at);
    return true;
  }

  /** Takes the next event out; undefined when none waits. */
  pop(): Task | undefined {
    if (this.size === 0) return undefined;
    const task = this.tasks[this.heap[0] ?? 0];
    this.take(0);
    return task;
  }

  private take(at: number): void {
    const slot = this.heap[at] ?? 0;
    const last = this.heap[--this.size] ?? 0;
    this.place[slot] = GONE;
    this.generation[slot] = ((this.generation[slot] ?? 0) + 1) % GENERATIONS;
    this.tasks[slot] = undefined;
    this.free.push(slot);
    if (slot === last) return;
    this.heap[at] = last;
    this.place[last] = at;
    this.up(at);
    this.down(this.place[last] ?? 0);
  }

  private up(from: number): void {
    let at = from;
    const slot = this.heap[at] ?? 0;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = this.heap[parent] ?? 0;
      if (!this.before(slot, above)) break;
      this.heap[at] = above;
      this.place[above] = at;
      at = parent;
    }
    this.heap[at] = slot;
    this.place[slot] = at;
  }

  private down(from: number): void {
    let at = from;
    const slot = this.heap[at] ?? 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.size) break;
      const right = this.heap[child + 1] ?? 0;
      if (child + 1 < this.size && this.before(right, this.heap[child] ?? 0)) child++;
      const below = this.heap[child] ?? 0;
      if (!this.before(below, slot)) break;
      this.heap[at] = below;
      this.place[below] = at;
      at = child;
    }
    this.heap[at] = slot;
    this.place[slot] = at;
  }

  private before(a: number, b: number): boolean {
    const difference = (this.times[a] ?? 0) - (this.times[b] ?? 0);
    return difference < 0 || (difference === 0 && (this.order[a] ?? 0) < (this.order[b] ?? 0));
  }

  private timeAt(at: number): number {
    return this.times[this.heap[at] ?? 0] ?? 0;
  }

  private grow(): number {
    const slot = this.used++;
    if (slot < this.times.length) return slot;
    const capacity = 2 * this.times.length;
    this.times = extended(this.times, new Float64Array(capacity));
    this.order = extended(this.order, new Float64Array(capacity));
    this.heap = extended(this.heap, new Int32Array(capacity));
    this.place = extended(this.place, new Int32Array(capacity).fill(GONE));
    this.generation = extended(this.generation, new Uint32Array(capacity));
    return slot;
  }
}

/** An id is a slot and its generation in one number below 2^53. */
const SLOTS_MAX = 2 ** 24;
const GENERATIONS = 2 ** 28;

function extended<A extends Float64Array | Int32Array | Uint32Array>(from: A, to: A): A {
  to.set(from);
  return to;
}
