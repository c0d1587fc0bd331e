// The three functions of the metadata proposal that @peculiar/x509's dependency container asks for: just enough, without a package.

type Key = string | symbol;
export interface MetadataReflect {
  getMetadata?: (key: Key, target: object) => unknown;
  getOwnMetadata?: (key: Key, target: object) => unknown;
  defineMetadata?: (key: Key, value: unknown, target: object) => void;
}

const reflect = Reflect as MetadataReflect;
if (reflect.getMetadata === undefined) {
  const held = new WeakMap<object, Map<Key, unknown>>();
  const own = (key: Key, target: object): unknown => held.get(target)?.get(key);
  const inherited = (key: Key, target: object | null): unknown => {
    for (let at = target; at !== null; at = Object.getPrototypeOf(at) as object | null) {
      if (held.get(at)?.has(key) === true) return own(key, at);
    }
    return undefined;
  };
  reflect.getOwnMetadata = own;
  reflect.getMetadata = inherited;
  reflect.defineMetadata = (key, value, target) => {
    if (!held.has(target)) held.set(target, new Map());
    held.get(target)?.set(key, value);
  };
}
