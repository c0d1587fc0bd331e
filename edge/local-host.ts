/** How this machine reaches its own listener. */
export function localHost(listen: string): string {
  if (listen === '0.0.0.0') return '127.0.0.1';
  return listen === '::' ? '[::1]' : listen.includes(':') ? `[${listen}]` : listen;
}
