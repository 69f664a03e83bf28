/** In which order hosts of a phase are changed: one alone, then a tenth, then the others. */
export function batchesOf<T>(hosts: readonly T[]): readonly (readonly T[])[] {
  const [canary, ...others] = hosts;
  if (canary === undefined) return [];
  const tenth = Math.max(1, Math.ceil(hosts.length / 10));
  return [[canary], others.slice(0, tenth), others.slice(tenth)].filter((one) => one.length > 0);
}
