// Names on both sides of the component boundary: camelCase in TypeScript, kebab-case in WIT, `interface#function` in core modules.

/** `findBlobs` → `find-blobs`, `RGBImage2` → `rgb-image2`. The result is a WIT identifier without escaping. */
export function toKebab(name: string): string {
  return name
    .replaceAll(/[_$]+/g, '-')
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replaceAll(/([A-Z])([A-Z][a-z])/g, '$1-$2')
    .replaceAll(/-+(\d)/g, '$1')
    .replaceAll(/^-+|-+$/g, '')
    .toLowerCase();
}

/** The WIT package of host interfaces; a module's own is `module:<name>`. */
export const HOST_PACKAGE = 'outrider:host';

/** Core module name under which the functions of a host interface are imported. */
export function hostImportModule(interfaceName: string): string {
  return `${HOST_PACKAGE}/${toKebab(interfaceName)}`;
}

/** Interface of a module's elastic functions, e.g. `module:map-server/api`. */
export function apiInterface(moduleName: string): string {
  return `module:${moduleName}/api`;
}

/** Interface of the generated `save`/`load` of a module's state. */
export function stateInterface(moduleName: string): string {
  return `module:${moduleName}/state`;
}

/** Host interfaces that every module may use: pure mathematics, number formatting, and the way in which an error is thrown. */
export const INTRINSIC_INTERFACES: readonly string[] = ['math', 'fault'];
