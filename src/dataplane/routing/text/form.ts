/** Every `ip` and `bridge` output exists as text and as JSON; the first character tells which. */
export function isJson(text: string): boolean {
  const first = /\S/.exec(text)?.[0];
  return first === '[' || first === '{';
}
