import { useMutation, useQueryClient } from "@tanstack/react-query";

import { client, unwrap } from "@/api/client";
import type { Schemas } from "@/api/client";
import { keys } from "@/api/queries";

/** Rename a run or change its priority; what is shown of it and of the queue follows. */
export function useChangeRun(runId: string, onDone: () => void) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas["RunChange"]) =>
      unwrap(client.PATCH("/api/v1/runs/{run_id}", { params: { path: { run_id: runId } }, body })),
    onSuccess: (run) => {
      cache.setQueryData(keys.run(runId), run);
      for (const queryKey of [keys.runs, keys.queue, keys.events(runId)]) void cache.invalidateQueries({ queryKey });
      onDone();
    },
  });
}
