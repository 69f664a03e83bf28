/** Times as people read them. */

/** `5.000 s`. */
export function seconds(us: number): string {
  return `${(us / 1e6).toFixed(3)} s`;
}
