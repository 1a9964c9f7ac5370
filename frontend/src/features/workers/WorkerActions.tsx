import { useMutation, useQueryClient } from "@tanstack/react-query";

import { client, unwrap } from "@/api/client";
import { keys } from "@/api/queries";
import type { Worker } from "@/api/worker-queries";
import { ConfirmButton } from "@/components/ConfirmButton";
import { ErrorState } from "@/components/States";
import { formatPlural } from "@/format";

/** Drain a worker, let it take work again, or forget one that is gone. */
export function WorkerActions({ worker }: { worker: Worker }) {
  const cache = useQueryClient();
  const params = { params: { path: { name: worker.name } } };
  const put = (changed: Worker) => {
    cache.setQueryData<Worker[]>(keys.workers, (old) => old?.map((one) => (one.name === changed.name ? changed : one)));
  };
  if (worker.state === "absent") {
    const forget = async () => {
      await unwrap(client.DELETE("/api/v1/workers/{name}", params));
      cache.setQueryData<Worker[]>(keys.workers, (old) => old?.filter(({ name }) => name !== worker.name));
    };
    return (
      <ConfirmButton
        isSmall
        label="Forget"
        title={`Forget worker ${worker.name}?`}
        confirm="Forget it"
        keep="Leave it in the list"
        failed="The worker could not be forgotten"
        onConfirm={forget}
      >
        <p>It leaves this list. Runs and their results stay. When it is started again, it comes back by itself.</p>
      </ConfirmButton>
    );
  }
  if (worker.is_draining) return <TakeAgain worker={worker} onDone={put} />;
  return (
    <ConfirmButton
      isSmall
      label="Drain"
      title={`Drain worker ${worker.name}?`}
      confirm="Drain it"
      keep="Leave it as it is"
      failed="The worker could not be drained"
      onConfirm={async () => put(await unwrap(client.POST("/api/v1/workers/{name}/drain", params)))}
    >
      <p>
        It takes nothing new.{" "}
        {worker.runs.length === 0
          ? "It carries nothing, so its machine can be serviced at once."
          : `It finishes what it has (${formatPlural(worker.runs.length, "run")}); its machine can be serviced once its state is drained.`}{" "}
        Nothing is lost, and it can take work again at any time. This also holds when it is started anew.
      </p>
    </ConfirmButton>
  );
}

/** Nothing is lost by it, so it asks nothing. */
function TakeAgain({ worker, onDone }: { worker: Worker; onDone: (worker: Worker) => void }) {
  const again = useMutation({
    mutationFn: () => unwrap(client.POST("/api/v1/workers/{name}/undrain", { params: { path: { name: worker.name } } })),
    onSuccess: onDone,
  });
  return (
    <>
      <button type="button" className="button small" onClick={() => again.mutate()} disabled={again.isPending}>
        Take work again
      </button>
      {again.isError ? <ErrorState what="The worker takes no work yet" error={again.error} /> : null}
    </>
  );
}
