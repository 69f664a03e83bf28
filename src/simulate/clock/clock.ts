/** Virtual time: it jumps from event to event and never waits. Whole microseconds. */
import { type EventId, EventQueue, type Task } from './queue.ts';

/** Events at one moment, after which something must be going in a circle. */
const AT_ONE_MOMENT_MAX = 1_000_000;

/** Events that one simulation may have: some minutes of work. */
const EVENTS_MAX = 50_000_000;

/** Events went on without time going on, or without end. */
export class ClockStuck extends Error {}

export class Clock {
  private readonly queue = new EventQueue();
  private now = 0;
  private done = 0;
  private readonly most: number;

  constructor(most = EVENTS_MAX) {
    this.most = most;
  }

  /** Microseconds since the simulation began. */
  get now_us(): number {
    return this.now;
  }

  /** Events that have happened. */
  get happened(): number {
    return this.done;
  }

  /** Does something at a time; what is past happens next. */
  at(at_us: number, task: Task): EventId {
    return this.queue.add(Math.max(this.now, at_us), task);
  }

  after(delay_us: number, task: Task): EventId {
    return this.at(this.now + delay_us, task);
  }

  /** Puts off what still waits: as cancelling it and doing the same at another time. */
  move(id: EventId, at_us: number): boolean {
    return this.queue.move(id, Math.max(this.now, at_us));
  }

  cancel(id: EventId): void {
    this.queue.remove(id);
  }

  /** Lets time go on to a moment, and everything happen that is due until then. */
  run(until_us: number): void {
    let moment = this.now;
    let here = 0;
    while (this.queue.next_us <= until_us) {
      this.now = this.queue.next_us;
      here = this.now === moment ? here + 1 : 0;
      moment = this.now;
      if (here > AT_ONE_MOMENT_MAX) {
        throw new ClockStuck(
          `more than ${AT_ONE_MOMENT_MAX} things happen at ${moment / 1e6} s: something goes in a circle`,
        );
      }
      if (this.done >= this.most) {
        throw new ClockStuck(
          `more than ${this.most} things happen until ${moment / 1e6} s: simulate a shorter time`,
        );
      }
      this.done++;
      this.queue.pop()?.();
    }
    this.now = Math.max(this.now, until_us);
  }
}
