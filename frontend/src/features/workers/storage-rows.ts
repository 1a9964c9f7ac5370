/** What takes space, largest first. */
import type { Storage } from "@/api/worker-queries";

export interface StorageRow {
  label: string;
  bytes: number;
  /** Of the largest, for a bar. */
  share: number;
}

const LABELS: Record<string, string> = {
  checkpoints: "Checkpoints",
  exports: "Exported weights",
  traces: "Traced steps",
  logs: "Logs",
  answers: "Answers of evaluations",
  datasets: "Data sets",
  models: "Models",
  database: "Database",
  other: "Other",
};

/** Kinds that take anything, largest first. */
export function storageRows(stored: Storage["stored_bytes"]): StorageRow[] {
  const rows = Object.entries(stored).filter(([, bytes]) => bytes > 0);
  const largest = Math.max(1, ...rows.map(([, bytes]) => bytes));
  return rows
    .map(([kind, bytes]) => ({ label: LABELS[kind] ?? kind, bytes, share: bytes / largest }))
    .toSorted((a, b) => b.bytes - a.bytes);
}
