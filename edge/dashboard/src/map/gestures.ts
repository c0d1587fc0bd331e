// Hands on the map: drag, wheel, pinch and keys. Any of them takes the view over from automatic fitting.
import type { Viewport } from './viewport.ts';

export interface GestureEvents {
  /** The person moved the view. */
  readonly onMove: () => void;
  /** The person asks for the whole area again. */
  readonly onFit: () => void;
}

const WHEEL_ZOOM = 0.0016;
const KEY_ZOOM = 1.3;
const KEY_PAN_PX = 64;

export function attachGestures(canvas: HTMLCanvasElement, viewport: Viewport, { onMove, onFit }: GestureEvents): void {
  const pointers = new Map<number, { x: number; y: number }>();
  const place = (event: MouseEvent): { x: number; y: number } => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, place(event));
    canvas.classList.add('dragging');
  });
  canvas.addEventListener('pointermove', (event) => {
    const before = pointers.get(event.pointerId);
    if (before === undefined) return;
    const now = place(event);
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other === undefined) viewport.panBy(now.x - before.x, now.y - before.y);
    else {
      const spread = Math.hypot(now.x - other.x, now.y - other.y) / Math.max(Math.hypot(before.x - other.x, before.y - other.y), 1);
      viewport.zoomAt((now.x + other.x) / 2, (now.y + other.y) / 2, spread);
      viewport.panBy((now.x - before.x) / 2, (now.y - before.y) / 2);
    }
    pointers.set(event.pointerId, now);
    onMove();
  });
  for (const type of ['pointerup', 'pointercancel'] as const) {
    canvas.addEventListener(type, (event) => {
      pointers.delete(event.pointerId);
      if (pointers.size === 0) canvas.classList.remove('dragging');
    });
  }
  canvas.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault();
      const { x, y } = place(event);
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      viewport.zoomAt(x, y, Math.exp(-event.deltaY * lines * WHEEL_ZOOM * (event.ctrlKey ? 5 : 1)));
      onMove();
    },
    { passive: false },
  );
  canvas.addEventListener('dblclick', onFit);
  canvas.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const zoom = (factor: number): void => viewport.zoomAt(viewport.width / 2, viewport.height / 2, factor);
    const actions: Readonly<Record<string, () => void>> = {
      ArrowLeft: () => viewport.panBy(KEY_PAN_PX, 0),
      ArrowRight: () => viewport.panBy(-KEY_PAN_PX, 0),
      ArrowUp: () => viewport.panBy(0, KEY_PAN_PX),
      ArrowDown: () => viewport.panBy(0, -KEY_PAN_PX),
      '+': () => zoom(KEY_ZOOM),
      '=': () => zoom(KEY_ZOOM),
      '-': () => zoom(1 / KEY_ZOOM),
    };
    if (event.key === '0') onFit();
    else if (Object.hasOwn(actions, event.key)) {
      actions[event.key]?.();
      onMove();
    } else return;
    event.preventDefault();
  });
}
