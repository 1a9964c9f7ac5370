import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { client, unwrap } from "@/api/client";
import type { RunDetail } from "@/api/client";
import { checkpointsQuery } from "@/api/evaluation-queries";
import { datasetsQuery, keys } from "@/api/queries";
import { Dialog } from "@/components/Dialog";
import { ErrorState } from "@/components/States";
import { formatBytes } from "@/format";

import { evaluationWish } from "./evaluation-wish";
import type { Choice } from "./evaluation-wish";

const SPLITS = ["validation", "test", "train"] as const;

/** Evaluate a checkpoint as a job of its own; nothing while there is none. */
export function EvaluateRun({ run }: { run: RunDetail }) {
  const [isOpen, setIsOpen] = useState(false);
  const { data: checkpoints = [] } = useQuery({ ...checkpointsQuery(run.id, run.status === "running"), enabled: run.kind !== "evaluation" });
  if (checkpoints.length === 0) return null;
  return (
    <>
      <button type="button" className="button" onClick={() => setIsOpen(true)}>
        Evaluate
      </button>
      <Dialog title="Evaluate a checkpoint" isOpen={isOpen} onClose={() => setIsOpen(false)}>
        <EvaluateForm run={run} checkpoints={checkpoints} onClose={() => setIsOpen(false)} />
      </Dialog>
    </>
  );
}

interface FormProps {
  run: RunDetail;
  checkpoints: { rl_step: number; size_bytes: number }[];
  onClose: () => void;
}

function EvaluateForm({ run, checkpoints, onClose }: FormProps) {
  const cache = useQueryClient();
  const navigate = useNavigate();
  const { data: datasets = [] } = useQuery(datasetsQuery);
  const [choice, setChoice] = useState<Choice>({ run: run.id, step: "last", dataset: run.dataset, splits: ["validation", "test"] });
  const present = datasets.find(({ slug }) => slug === choice.dataset)?.splits.map(({ name }) => name) ?? [];
  const splits = choice.splits.filter((split) => present.length === 0 || present.includes(split));
  const evaluate = useMutation({
    mutationFn: () =>
      unwrap(client.POST("/api/v1/evaluations", { body: { config: evaluationWish(run.config, { ...choice, splits }), priority: run.priority } })),
    onSuccess: (made) => {
      onClose();
      void cache.invalidateQueries({ queryKey: keys.runs });
      void navigate({ to: "/runs/$runId/evaluations", params: { runId: made.id } });
    },
  });
  return (
    <form
      className="evaluate-form"
      onSubmit={(event) => {
        event.preventDefault();
        evaluate.mutate();
      }}
    >
      <p className="soft">It becomes a run of its own, decodes and judges as this run does, and every answer is kept.</p>
      <label>
        Checkpoint
        <select
          value={choice.step}
          onChange={(event) => {
            const { value } = event.target;
            setChoice({ ...choice, step: value === "best" || value === "last" ? value : Number(value) });
          }}
        >
          <option value="last">Last</option>
          <option value="best">Best by validation accuracy</option>
          {checkpoints.map(({ rl_step: step, size_bytes: size }) => (
            <option key={step} value={step}>
              Step {step} ({formatBytes(size)})
            </option>
          ))}
        </select>
      </label>
      <label>
        Data set
        <select value={choice.dataset} onChange={(event) => setChoice({ ...choice, dataset: event.target.value })}>
          {datasets.map(({ slug, title }) => (
            <option key={slug} value={slug}>
              {title}
            </option>
          ))}
        </select>
      </label>
      <fieldset className="row">
        <legend className="visually-hidden">Splits</legend>
        {SPLITS.filter((split) => present.includes(split)).map((split) => (
          <label key={split} className="row">
            <input
              type="checkbox"
              checked={splits.includes(split)}
              onChange={(event) =>
                setChoice({ ...choice, splits: event.target.checked ? [...splits, split] : splits.filter((other) => other !== split) })
              }
            />
            {split}
          </label>
        ))}
      </fieldset>
      {evaluate.isError ? <ErrorState what="The evaluation was not queued" error={evaluate.error} /> : null}
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onClose}>
          Close
        </button>
        <button type="submit" className="button primary" disabled={evaluate.isPending || splits.length === 0}>
          Evaluate
        </button>
      </div>
    </form>
  );
}
