import { Link } from "@tanstack/react-router";

import { hasEnded } from "@/api/experiment-queries";
import type { ExperimentDetail } from "@/api/experiment-queries";
import { Age } from "@/components/Age";
import { ProgressBar } from "@/components/ProgressBar";
import { StatusBadge } from "@/components/StatusBadge";

import { CancelExperiment } from "./CancelExperiment";
import { DeleteExperiment } from "./DeleteExperiment";
import { countOf, stateOf } from "./experiment-state";

export function ExperimentHeader({ experiment }: { experiment: ExperimentDetail }) {
  const state = stateOf(experiment.runs_by_status);
  return (
    <header className="run-header">
      <div className="row">
        <Link to="/experiments" className="soft">
          Experiments
        </Link>
        <span className="soft" aria-hidden="true">
          /
        </span>
        <h1 className="run-name">{experiment.name}</h1>
        <StatusBadge status={state} />
        <span className="grow" />
        {hasEnded(experiment) ? null : <CancelExperiment experiment={experiment} />}
        <DeleteExperiment experiment={experiment} />
      </div>
      <dl className="facts">
        <div>
          <dt>Runs finished</dt>
          <dd>
            <ProgressBar
              label="Runs finished"
              step={countOf(experiment.runs_by_status, "succeeded")}
              total={experiment.num_runs}
              status={state}
            />
          </dd>
        </div>
        <Fact label="Settings" text={experiment.settings.join(", ")} />
        <Fact label="Seeds" text={experiment.seeds.join(", ")} />
        <Fact label="Models" text={experiment.models.join(", ")} isMono />
        <Fact label="Data sets" text={experiment.datasets.join(", ")} isMono />
        <div>
          <dt>Created</dt>
          <dd>
            <Age at={experiment.created_at} />
          </dd>
        </div>
      </dl>
    </header>
  );
}

function Fact({ label, text, isMono = false }: { label: string; text: string; isMono?: boolean }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd className={isMono ? "mono fact-list" : "fact-list"}>{text}</dd>
    </div>
  );
}
