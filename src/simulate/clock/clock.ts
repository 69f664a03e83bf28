/** Virtual time: it jumps from event to event and never waits. Whole microseconds. */
import { type EventId, EventQueue, type Task } from './queue.ts';

/** Events at one moment, after which something must be going in a circle. */
const AT_ONE_MOMENT_MAX = 1_000_000;

/** Events went on without time going on. */
export class ClockStuck extends Error {}

export class Clock {
  private readonly queue = new EventQueue();
  private now = 0;
  private done = 0;

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
        throw new ClockStuck(`more than ${AT_ONE_MOMENT_MAX} events at ${moment} us`);
      }
      this.done++;
      this.queue.pop()?.();
    }
    this.now = Math.max(this.now, until_us);
  }
}
