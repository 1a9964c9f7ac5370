/** What is typed about a data set that is added, and the requests that it makes. */
import type { Schemas } from "@/api/client";

export const SOURCES = ["upload", "folder", "hub"] as const;
export type Source = (typeof SOURCES)[number];
export const SPLITS = ["train", "validation", "test"] as const;
type Split = (typeof SPLITS)[number];
type Manifest = Schemas["DatasetManifest"];
type HubManifest = Schemas["HubManifest"];

export interface Draft {
  folder: string;
  repo: string;
  revision: string;
  /** Whether what is added brings no dataset.yaml, so that it is described here. */
  isDescribed: boolean;
  slug: string;
  title: string;
  kind: Manifest["kind"];
  licence: string;
  format: NonNullable<HubManifest["format"]>;
  /** On the hub: patterns of the files of each split. */
  files: Record<Split, string>;
  /** Of one parquet file. */
  split: Split;
  columns: string;
}

export const EMPTY: Draft = {
  folder: "",
  repo: "",
  revision: "main",
  isDescribed: true,
  slug: "",
  title: "",
  kind: "vision-dominant",
  licence: "",
  format: "parquet",
  files: { train: "data/train-*.parquet", validation: "", test: "" },
  split: "train",
  columns: "",
};

/** `question: problem, answer: gold` as pairs; what is no pair goes along, and the server says so. */
export function parseColumns(text: string): Record<string, string> {
  const parts = text.split(/[,\n]/).map((part) => part.trim()).filter((part) => part !== "");
  return Object.fromEntries(
    parts.map((part) => {
      const at = part.indexOf(":");
      return at < 0 ? [part, ""] : [part.slice(0, at).trim(), part.slice(at + 1).trim()];
    }),
  );
}

function about({ slug, title, kind, licence }: Draft) {
  return { slug: slug.trim(), title: title.trim(), kind, licence: licence.trim() };
}

/** What one parquet file is: its rows are one split. */
export function fileManifest(draft: Draft): Manifest {
  const splits = { [draft.split]: `${draft.split}.parquet` };
  return { ...about(draft), format: "parquet", splits, columns: parseColumns(draft.columns) };
}

/** What the files on the hub are; null where the repository says it itself. */
export function hubManifest(draft: Draft): HubManifest | null {
  if (!draft.isDescribed) return null;
  const files = SPLITS.map((split) => [split, draft.files[split].trim()] as const).filter(([, pattern]) => pattern !== "");
  const columns = draft.format === "parquet" ? parseColumns(draft.columns) : {};
  return { ...about(draft), format: draft.format, splits: Object.fromEntries(files), columns };
}

/** What a file is by its ending; null for one that cannot be a data set. */
export function uploadType(name: string): "application/zip" | "application/vnd.apache.parquet" | null {
  if (/\.zip$/i.test(name)) return "application/zip";
  return /\.parquet$/i.test(name) ? "application/vnd.apache.parquet" : null;
}
