/** Which charts a run has: from the keys that it logged and the catalogue. */
import type { Metric } from "@/api/client";
import { capitalize } from "@/format";

export interface ChartSeries {
  key: string;
  label: string;
  /** The label beside the one before it, of which it is the control. */
  shortLabel: string;
  /** Slot of the palette, from 0. */
  color: number;
  isDashed: boolean;
}

export interface ChartSpec {
  /** The metric's key; for a metric with labels its name and split. */
  key: string;
  title: string;
  metric: Metric;
  series: ChartSeries[];
}

export interface ChartGroup {
  name: string;
  title: string;
  charts: ChartSpec[];
}

const PINNED = [
  "training/accuracy",
  "evaluation/accuracy",
  "training/epoch_accuracy",
  "response/num_tokens",
  "reward/outcome",
  "reward/accuracy",
  "reward/language",
  "reward/format",
  "policy/kl",
  "policy/entropy",
  "policy/grad_norm",
];
const GROUPS = ["training", "response", "reward", "policy", "evaluation", "health"];
const SPLITS = ["validation", "test", "train"];

/** Name and labels of `group/name{a=1,b=2}`. */
export function parseKey(key: string): { name: string; labels: Record<string, string> } {
  const brace = key.indexOf("{");
  if (brace < 0) return { name: key, labels: {} };
  const pairs = key.slice(brace + 1, -1).split(",").filter(Boolean);
  const labels = Object.fromEntries(pairs.map((pair) => [pair.split("=")[0] ?? "", pair.split("=")[1] ?? ""]));
  return { name: key.slice(0, brace), labels };
}

function seriesLabel(labels: Record<string, string>): string {
  const decoding = labels.k === undefined ? "" : `pass@${labels.k}, T=${labels.temperature ?? "?"}`;
  const rest = Object.entries(labels)
    .filter(([name]) => !["k", "temperature", "split", "pictures"].includes(name))
    .map(([name, value]) => `${name}=${value}`);
  const control = labels.pictures === "permuted" ? ["permuted pictures"] : [];
  return [decoding, ...rest, ...control].filter(Boolean).join(", ");
}

function splitTitle(title: string, split: string): string {
  if (title.startsWith("Evaluation ")) return `${capitalize(split)} ${title.slice("Evaluation ".length)}`;
  if (title.endsWith(" in evaluation")) return `${title.slice(0, -"evaluation".length)}${split}`;
  return `${title}, ${split}`;
}

function bySetting(a: Record<string, string>, b: Record<string, string>): number {
  return (
    Number(b.k ?? 0) - Number(a.k ?? 0) ||
    Number(b.temperature ?? 0) - Number(a.temperature ?? 0) ||
    Number(a.pictures === "permuted") - Number(b.pictures === "permuted")
  );
}

function chartsOfMetric(metric: Metric, keys: string[]): ChartSpec[] {
  if (metric.labels.length === 0) {
    const series = [{ key: metric.name, label: metric.title, shortLabel: metric.title, color: 0, isDashed: false }];
    return keys.length === 0 ? [] : [{ key: metric.name, title: metric.title, metric, series }];
  }
  const parsed = keys.map((key) => ({ key, labels: parseKey(key).labels }));
  const splits = [...new Set(parsed.map(({ labels }) => labels.split ?? ""))];
  splits.sort((a, b) => SPLITS.indexOf(a) - SPLITS.indexOf(b));
  return splits.map((split) => {
    const members = parsed.filter(({ labels }) => (labels.split ?? "") === split);
    members.sort((a, b) => bySetting(a.labels, b.labels));
    const settings = [...new Set(members.map(({ labels }) => `${labels.k ?? ""} ${labels.temperature ?? ""}`))];
    return {
      key: `${metric.name}{split=${split}}`,
      title: splitTitle(metric.title, split),
      metric,
      series: members.map(({ key, labels }) => ({
        key,
        label: seriesLabel(labels),
        shortLabel: labels.pictures === "permuted" ? "permuted" : seriesLabel(labels),
        color: settings.indexOf(`${labels.k ?? ""} ${labels.temperature ?? ""}`),
        isDashed: labels.pictures === "permuted",
      })),
    };
  });
}

/** Charts of a run by group, the pinned ones first; none appears twice. */
export function buildChartGroups(catalogue: Metric[], keys: string[]): ChartGroup[] {
  const charts = catalogue.flatMap((metric) =>
    chartsOfMetric(
      metric,
      keys.filter((key) => parseKey(key).name === metric.name),
    ),
  );
  const pinned = PINNED.flatMap((name) => charts.filter((chart) => chart.metric.name === name));
  const rest = charts.filter((chart) => !PINNED.includes(chart.metric.name));
  const names = [...new Set([...GROUPS, ...rest.map((chart) => groupOf(chart.metric))])];
  const groups = names.map((name) => ({
    name,
    title: capitalize(name),
    charts: rest.filter((chart) => groupOf(chart.metric) === name),
  }));
  return [{ name: "pinned", title: "Pinned", charts: pinned }, ...groups].filter((group) => group.charts.length > 0);
}

function groupOf(metric: Metric): string {
  return metric.name.split("/")[0] ?? "";
}
