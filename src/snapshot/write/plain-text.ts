/** A value as text, to see whether two of them tell the same. */

export function plainText(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) => {
    if (typeof one === 'bigint') return `${one}`;
    return one instanceof Map ? [...one] : one;
  });
}
