// Several ways to measure a battery, the best first.
import type { PowerIo } from '../../shared/ports/power-io.ts';

/** Gives what the first of them says that is connected; the last one's answer where none is. Its stamps never go back. */
export function firstConnected(sources: readonly [PowerIo, ...PowerIo[]]): PowerIo {
  return {
    update: () => {
      let inputs = sources[0].update();
      for (const source of sources.slice(1)) {
        if (inputs.connected) break;
        inputs = source.update();
      }
      return inputs;
    },
  };
}
