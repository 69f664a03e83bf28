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
  /** When what stands at a place of the heap is due; beside each other, as they are compared. */
  private times = new Float64Array(FIRST_CAPACITY);
  /** Slots by their places in the heap. */
  private heap = new Int32Array(FIRST_CAPACITY);
  /** By slot: what is due at the same time happens in this order. */
  private order = new Float64Array(FIRST_CAPACITY);
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
    return this.size === 0 ? Number.POSITIVE_INFINITY : (this.times[0] ?? 0);
  }

  /** Puts an event in. */
  add(at_us: number, task: Task): EventId {
    const slot = this.free.pop() ?? this.grow();
    this.order[slot] = this.count++;
    this.tasks[slot] = task;
    this.up(this.size++, slot, at_us);
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

  /** Puts off what still waits, as if it were taken back and put in anew; false when it is gone. */
  move(id: EventId, at_us: number): boolean {
    const slot = id % SLOTS_MAX;
    const at = this.place[slot] ?? GONE;
    if (at === GONE || this.generation[slot] !== Math.floor(id / SLOTS_MAX)) return false;
    this.order[slot] = this.count++;
    if (at_us < (this.times[at] ?? 0)) this.up(at, slot, at_us);
    else this.down(at, slot, at_us);
    return true;
  }

  private take(at: number): void {
    const slot = this.heap[at] ?? 0;
    const last = this.heap[--this.size] ?? 0;
    const time = this.times[this.size] ?? 0;
    this.place[slot] = GONE;
    this.generation[slot] = ((this.generation[slot] ?? 0) + 1) % GENERATIONS;
    this.tasks[slot] = undefined;
    this.free.push(slot);
    if (slot === last) return;
    if (this.up(at, last, time) === at) this.down(at, last, time);
  }

  /** Brings a slot to its place at or above one; that place. */
  private up(from: number, slot: number, time: number): number {
    const { times, heap } = this;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = times[parent] ?? 0;
      if (time > above || (time === above && !this.isEarlier(slot, heap[parent] ?? 0))) break;
      this.put(at, heap[parent] ?? 0, above);
      at = parent;
    }
    this.put(at, slot, time);
    return at;
  }

  /** Brings a slot to its place at or below one. */
  private down(from: number, slot: number, time: number): void {
    const { times, heap, size } = this;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      let below = times[child] ?? 0;
      const right = child + 1;
      if (right < size) {
        const other = times[right] ?? 0;
        if (
          other < below ||
          (other === below && this.isEarlier(heap[right] ?? 0, heap[child] ?? 0))
        ) {
          child = right;
          below = other;
        }
      }
      if (below > time || (below === time && !this.isEarlier(heap[child] ?? 0, slot))) break;
      this.put(at, heap[child] ?? 0, below);
      at = child;
    }
    this.put(at, slot, time);
  }

  private put(at: number, slot: number, time: number): void {
    this.heap[at] = slot;
    this.times[at] = time;
    this.place[slot] = at;
  }

  /** Of two that are due at the same time. */
  private isEarlier(a: number, b: number): boolean {
    return (this.order[a] ?? 0) < (this.order[b] ?? 0);
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
