/** What stands behind a reason, for somebody who has to find it on a live host. */
export interface Advice {
  /** Typical causes, the most frequent first. */
  readonly causes: readonly string[];
  /** Commands (read-only) and places that show it. Words in capitals are to be filled in. */
  readonly confirm: readonly string[];
}
