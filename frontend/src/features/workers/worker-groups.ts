/** Workers as machines, and what stands out about them. */
import type { Worker } from "@/api/worker-queries";
import { formatPlural } from "@/format";

export interface Machine {
  /** Name of the machine; empty while its workers have not announced themselves. */
  host: string;
  workers: Worker[];
}

/** Machines by name, those that are there first. */
export function groupByHost(workers: readonly Worker[]): Machine[] {
  const hosts = [...new Set(workers.map(({ host }) => host))];
  const machines = hosts.map((host) => ({ host, workers: workers.filter((worker) => worker.host === host) }));
  const isGone = (machine: Machine) => Number(machine.workers.every(({ state }) => state === "absent"));
  return machines.toSorted((a, b) => isGone(a) - isGone(b) || a.host.localeCompare(b.host));
}

/** All workers in a line: `3 workers, 1 busy; 5 of 8 GPUs and 1 of 2 CPU slots free`. What is absent or drained offers nothing. */
export function summarize(workers: readonly Worker[]): string {
  const there = workers.filter(({ state }) => state !== "absent");
  const taking = there.filter(({ is_draining }) => !is_draining);
  const gpus = gpusOf(taking);
  const slots = taking.reduce((sum, worker) => sum + worker.slots, 0);
  const used = taking.reduce((sum, worker) => sum + worker.slots_used, 0);
  const numFree = gpus.filter(({ held_by }) => held_by === null).length;
  const free = [
    gpus.length === 0 ? "" : `${numFree} of ${formatPlural(gpus.length, "GPU")}`,
    slots === 0 ? "" : `${Math.max(0, slots - used)} of ${formatPlural(slots, "CPU slot")}`,
  ].filter(Boolean);
  const absent = workers.length - there.length;
  return [
    `${formatPlural(there.length, "worker")} there${absent === 0 ? "" : `, ${absent} absent`}`,
    free.length === 0 ? "nothing is taken now" : `${free.join(" and ")} free`,
  ].join("; ");
}

function gpusOf(workers: readonly Worker[]): Worker["devices"] {
  return workers.flatMap((worker) => worker.devices.filter(({ kind }) => kind === "cuda"));
}

/** The worker's version of Maye where it is not the server's; null when it is, or is not known. */
export function differingVersion(worker: Worker, server: string | undefined): string | null {
  const own = worker.versions.maye;
  return own === undefined || server === undefined || own === server ? null : own;
}
