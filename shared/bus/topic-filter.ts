// Matching of MQTT topics against filters (MQTT 3.1.1, section 4.7): `+` is one level, a final `#` any number.

/** Whether `topic` matches `filter`. Wildcards in the first level do not match topics that begin with `$` [MQTT-4.7.2-1]. */
export function topicMatches(filter: string, topic: string): boolean {
  if (filter === topic) return true;
  if (topic.startsWith('$') && (filter.startsWith('+') || filter.startsWith('#'))) return false;
  const wanted = filter.split('/');
  const levels = topic.split('/');
  for (const [index, want] of wanted.entries()) {
    if (want === '#') return true;
    const level = levels[index];
    if (level === undefined || (want !== '+' && want !== level)) return false;
  }
  return wanted.length === levels.length;
}

/** Whether every topic that matches `inner` also matches `outer`: what an access rule for filters needs. */
export function filterCovers(outer: string, inner: string): boolean {
  const wide = outer.split('/');
  const narrow = inner.split('/');
  for (const [index, level] of wide.entries()) {
    if (level === '#') return true;
    const given = narrow[index];
    if (given === undefined || given === '#' || (level !== '+' && level !== given)) return false;
  }
  return wide.length === narrow.length;
}

/** Whether a filter is well formed: wildcards stand alone in their level, `#` only at the end, no empty filter, no NUL. */
export function isValidFilter(filter: string): boolean {
  if (filter.length === 0 || filter.length > 1024 || filter.includes('\u0000')) return false;
  const levels = filter.split('/');
  return levels.every((level, index) => (level === '#' ? index === levels.length - 1 : level === '+' || !/[+#]/.test(level)));
}
