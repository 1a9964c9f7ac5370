/** Numbers, durations and dates for people: the only place where they are written. */

const MINUS = "\u2212";

function withMinus(text: string): string {
  return text.startsWith("-") ? MINUS + text.slice(1) : text;
}

/** A value of unknown size with about four significant digits: 0.8312, 12.35, 5e-6. */
export function formatNumber(value: number, digits = 4): string {
  if (Number.isNaN(value)) return "not a number";
  if (!Number.isFinite(value)) return value > 0 ? "\u221e" : `${MINUS}\u221e`;
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-3) return withMinus(value.toExponential(Math.max(0, digits - 2)).replace(/\.?0+e/, "e"));
  if (size >= 1e6) return formatSi(value);
  if (Number.isInteger(value)) return formatCount(value);
  return withMinus(Number(value.toPrecision(digits)).toString());
}

/** A whole number with thin spaces between thousands: 12 345. */
export function formatCount(value: number): string {
  return withMinus(Math.round(value).toString()).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
}

/** A share of 1 as per cent: 0.621 -> 62.1 %. */
export function formatShare(share: number, digits = 1): string {
  if (!Number.isFinite(share)) return formatNumber(share);
  return `${withMinus((share * 100).toFixed(digits))}\u202f%`;
}

const SI = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
] as const;

/** A large number with its SI prefix: 1.2 M. */
export function formatSi(value: number, digits = 2): string {
  for (const [size, prefix] of SI) {
    if (Math.abs(value) >= size) return `${withMinus(trimZeros((value / size).toPrecision(digits + 1)))}\u202f${prefix}`;
  }
  return withMinus(trimZeros(value.toPrecision(digits + 1)));
}

function trimZeros(text: string): string {
  return text.includes(".") && !text.includes("e") ? text.replace(/\.?0+$/, "") : text;
}

/** A size in bytes: 4.6 MB. */
export function formatBytes(bytes: number): string {
  if (Math.abs(bytes) < 1000) return `${bytes}\u202fB`;
  const text = formatSi(bytes);
  return `${text}B`;
}

/** Memory of a device, in the unit in which runs ask for it: 79.6 GiB. */
export function formatGib(bytes: number): string {
  return `${trimZeros((bytes / 2 ** 30).toPrecision(3))}\u202fGiB`;
}

/** A time span by its two largest parts: 3 min 20 s, 2 h 5 min, 0.4 s. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "unknown";
  if (seconds < 0) return `${MINUS}${formatDuration(-seconds)}`;
  if (seconds < 1) return seconds === 0 ? "0 s" : `${Number(seconds.toPrecision(2))} s`;
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  const whole = Math.round(seconds);
  const parts: [number, string][] = [
    [Math.floor(whole / 86400), "d"],
    [Math.floor((whole % 86400) / 3600), "h"],
    [Math.floor((whole % 3600) / 60), "min"],
    [whole % 60, "s"],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, name]) => `${count} ${name}`)
    .join(" ");
}

/** A time span by its largest part, for estimates: 57 min, 2 h. */
export function formatRough(seconds: number): string {
  if (seconds < 90) return formatDuration(Math.max(1, Math.round(seconds)));
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 129_600 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}

/** A moment as its distance from now: 2 min ago. */
export function formatAge(iso: string, now: number): string {
  const seconds = (now - Date.parse(iso)) / 1000;
  if (seconds < 10) return "just now";
  const [count, name] =
    seconds < 60
      ? [seconds, "s"]
      : seconds < 3600
        ? [seconds / 60, "min"]
        : seconds < 86400
          ? [seconds / 3600, "h"]
          : [seconds / 86400, "d"];
  return `${Math.floor(count)} ${name} ago`;
}

/** A moment in full, in the reader's time zone: 2026-11-22 08:37:18. */
export function formatMoment(iso: string): string {
  const at = new Date(iso);
  const two = (value: number) => value.toString().padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** A metric's value in its unit, for a legend or a table. */
export function formatValue(value: number, unit: string): string {
  if (!Number.isFinite(value)) return formatNumber(value);
  switch (unit) {
    case "share":
      return formatShare(value);
    case "s":
      return formatDuration(value);
    case "bytes":
      return formatBytes(value);
    case "tokens":
    case "tokens/s":
      return formatNumber(value);
    default:
      return formatNumber(value);
  }
}

/** Decimals that write a distance between ticks without rounding it: 1 for 2.5, 2 for 0.05. */
function decimalsOf(distance: number): number {
  for (let decimals = 0; decimals < 8; decimals += 1) {
    const scaled = distance * 10 ** decimals;
    if (Math.abs(scaled - Math.round(scaled)) < 1e-6 * scaled) return decimals;
  }
  return distance > 0 ? 8 : 0;
}

/** Tick labels of a chart's axis: all with the same number of decimals, as few as tell them apart. */
export function formatTicks(ticks: number[], unit: string): string[] {
  const step = ticks.length > 1 ? Math.abs((ticks[1] ?? 0) - (ticks[0] ?? 0)) : 0;
  const scaled = unit === "share" ? step * 100 : step;
  const decimals = decimalsOf(scaled);
  return ticks.map((tick) => {
    if (unit === "share") return `${withMinus((tick * 100).toFixed(decimals))}%`;
    if (unit === "bytes") return formatBytes(tick);
    if (unit === "time") return formatDuration(tick);
    if (Math.abs(tick) >= 1e4) return formatSi(tick);
    if (decimals > 4) return tick === 0 ? "0" : withMinus(tick.toExponential(1).replace(".0e", "e"));
    return withMinus(tick.toFixed(decimals));
  });
}

/** The first letter as a capital. */
export function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `1 problem`, `2 problems`. */
export function formatPlural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** A share as per cent without the sign, for a column that names the unit: 0.621 -> 62.1. */
export function formatShareNumber(share: number): string {
  return withMinus((share * 100).toFixed(1));
}

/** A relative change with its sign: +12.3 %. */
export function formatGain(gain: number): string {
  const digits = Math.abs(gain) >= 1 ? 0 : 1;
  return `${gain > 0 ? "+" : ""}${formatShare(gain, digits)}`;
}

/** The ends of an interval: [60.2, 64.0]; an end that is not known is a dash. */
export function formatInterval(
  { low, high }: { low: number | null; high: number | null },
  write: (value: number) => string,
): string {
  const [from, to] = [low, high].map((end) => (end === null ? "\u2013" : write(end)));
  return `[${from ?? ""}, ${to ?? ""}]`;
}

/** A difference of shares in percentage points, with its sign: +4.1. */
export function formatPoints(difference: number): string {
  return `${difference > 0 ? "+" : ""}${formatShareNumber(difference)}`;
}
