/**
 * Parts of an answer that are made when somebody first looks: most questions only want the
 * verdict. They are own and enumerable, so a copy by spread takes them along.
 */

/** Where an object keeps the makers of its parts. */
const MAKERS = Symbol('makers');

type Makers<T> = { readonly [K in keyof T]: () => T[K] };

/** Getters by the name of the part: all objects share them, and so have one shape. */
const getters = new Map<string, PropertyDescriptor>();

function getterOf(name: string): PropertyDescriptor {
  let found = getters.get(name);
  if (found === undefined) {
    found = {
      enumerable: true,
      configurable: true,
      get(this: { readonly [MAKERS]: Record<string, () => unknown> }) {
        return this[MAKERS][name]?.();
      },
    };
    getters.set(name, found);
  }
  return found;
}

/** The object with further properties, each made at most once and not before it is read. */
export function lazily<A extends object, T extends object>(plain: A, makers: Makers<T>): A & T {
  const kept: Record<string, () => unknown> = {};
  for (const [name, make] of Object.entries<() => unknown>(makers)) {
    let made: { readonly value: unknown } | null = null;
    kept[name] = () => {
      made ??= { value: make() };
      return made.value;
    };
    Object.defineProperty(plain, name, getterOf(name));
  }
  Object.defineProperty(plain, MAKERS, { value: kept });
  return plain as A & T;
}
