// Which topics an MQTT filter takes in.

/** MQTT 3.1.1, section 4.7: `+` is one level, `#` the rest (its parent level included); wildcards never match a leading `$`. */
export function matchesFilter(filter: readonly string[], topic: readonly string[]): boolean {
  if (topic[0]?.startsWith('$') === true && (filter[0] === '+' || filter[0] === '#')) return false;
  for (const [index, level] of filter.entries()) {
    if (level === '#') return true;
    if (index >= topic.length || (level !== '+' && level !== topic[index])) return false;
  }
  return filter.length === topic.length;
}
