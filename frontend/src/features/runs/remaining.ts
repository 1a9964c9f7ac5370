import type { Point } from "@/api/live";

const STEPS_LOOKED_AT = 20;

/** Seconds until the last step at the pace of the newest ones; null when there is no pace yet. */
export function estimateRemaining(points: readonly Point[], total: number | null): number | null {
  const last = points.at(-1);
  const first = points.at(-1 - STEPS_LOOKED_AT) ?? points[0];
  if (total === null || last === undefined || first === undefined || last.rl_step <= first.rl_step) return null;
  const perStep = (last.seconds - first.seconds) / (last.rl_step - first.rl_step);
  return perStep > 0 ? Math.max(0, total - last.rl_step) * perStep : null;
}
