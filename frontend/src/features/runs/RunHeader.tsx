import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import type { RunDetail } from "@/api/client";
import { seriesQuery } from "@/api/queries";
import { Age } from "@/components/Age";
import { AlarmList } from "@/components/Alarms";
import { ProgressBar } from "@/components/ProgressBar";
import { StatusBadge } from "@/components/StatusBadge";
import { useNow } from "@/components/use-now";
import { capitalize, formatDuration, formatRough, formatShare } from "@/format";

import { CancelRun } from "./CancelRun";
import { DeleteRun } from "./DeleteRun";
import { EvaluateRun } from "./EvaluateRun";
import { ExportRun } from "./ExportRun";
import { OriginNotice } from "./OriginNotice";
import { QueueNotice } from "./QueueNotice";
import { ResumeRun } from "./ResumeRun";
import { estimateRemaining } from "./remaining";
import { RunName } from "./RunName";

const ACTIVE = ["queued", "starting", "running"];
const RESUMABLE = ["failed", "cancelled"];
const ENDED = ["succeeded", "failed", "cancelled"];

export function RunHeader({ run }: { run: RunDetail }) {
  return (
    <header className="run-header">
      <div className="row">
        <Link to="/runs" className="soft">
          Runs
        </Link>
        <span className="soft" aria-hidden="true">
          /
        </span>
        <RunName run={run} />
        <StatusBadge status={run.status} />
        {run.origin === null ? null : <span className="tag">read-only</span>}
        <span className="grow" />
        <Actions run={run} />
      </div>
      {run.origin === null ? null : <OriginNotice origin={run.origin} />}
      <Notice run={run} />
      <AlarmList alarms={run.alarms} />
      <Warnings warnings={run.warnings} />
      <dl className="facts">
        <Fact label="Progress">
          <ProgressBar step={run.rl_step} total={run.total_rl_steps} status={run.status} />
        </Fact>
        <Timing run={run} />
        <Fact label="Training accuracy">
          {run.training_accuracy === null ? "\u2013" : formatShare(run.training_accuracy)}
        </Fact>
        <Fact label="Model">
          <span className="mono">{run.model}</span>
        </Fact>
        <Fact label="Data set">
          {run.origin === null ? (
            <Link to="/datasets/$slug" params={{ slug: run.dataset }} className="mono">
              {run.dataset}
            </Link>
          ) : (
            <span className="mono">{run.origin.dataset}</span>
          )}
        </Fact>
        <Fact label="Seed">{run.seed}</Fact>
        {run.preset === null ? null : <Fact label="Preset">{run.preset}</Fact>}
        {run.attempt > 1 ? <Fact label="Attempt">{run.attempt}</Fact> : null}
        <Fact label="Created">
          <Age at={run.created_at} />
        </Fact>
      </dl>
    </header>
  );
}

/** What can be done with it; one that was opened from an archive cannot be carried on. */
function Actions({ run }: { run: RunDetail }) {
  const isOwn = run.origin === null;
  return (
    <>
      {isOwn ? <EvaluateRun run={run} /> : null}
      {ENDED.includes(run.status) ? <ExportRun run={run} /> : null}
      {isOwn && ACTIVE.includes(run.status) ? <CancelRun run={run} /> : null}
      {isOwn && RESUMABLE.includes(run.status) ? <ResumeRun run={run} /> : null}
      {ENDED.includes(run.status) ? <DeleteRun run={run} /> : null}
    </>
  );
}

function Fact({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** What was found in its data, which a reader of its numbers must know. */
function Warnings({ warnings }: { warnings: string[] }) {
  return warnings.map((warning) => (
    <p key={warning} className="notice" data-testid="run-warning">
      {warning}
    </p>
  ));
}

/** What the run waits for, does now, or why it ended. */
function Notice({ run }: { run: RunDetail }) {
  if (run.status === "queued") return <QueueNotice run={run} />;
  if (run.status === "failed") {
    return (
      <p className="notice" data-kind="failed" data-testid="failure" role="alert">
        <b>Failed{run.error_code ? "" : "."}</b> {run.error_code ? <code>{run.error_code}</code> : null}{" "}
        {run.reason ?? "No reason was given; the log may say more."}{" "}
        <Link to="/runs/$runId/log" params={{ runId: run.id }}>
          Open the log
        </Link>
      </p>
    );
  }
  if (run.status === "cancelled" || run.status === "succeeded") {
    return run.reason ? <p className="notice">{run.reason}</p> : null;
  }
  return (
    <p className="notice" data-kind="phase" data-testid="phase">
      {run.phase === "" ? (run.status === "starting" ? "A worker took the run and starts the trainer." : "Training") : capitalize(run.phase)}
    </p>
  );
}

function Timing({ run }: { run: RunDetail }) {
  const now = useNow(1000);
  const isRunning = run.status === "running" || run.status === "starting";
  const steps = useQuery({ ...seriesQuery(run.id, "training/accuracy"), enabled: isRunning });
  if (run.started_at === null) return null;
  const end = run.finished_at === null ? now : Date.parse(run.finished_at);
  const remaining = isRunning ? estimateRemaining(steps.data?.points ?? [], run.total_rl_steps) : null;
  return (
    <>
      <Fact label={run.finished_at === null ? "Running for" : "Took"}>
        {formatDuration(Math.max(0, Math.round((end - Date.parse(run.started_at)) / 1000)))}
      </Fact>
      {remaining === null ? null : (
        <Fact label="Time left">
          <span title="From the time of the last 20 RL steps, evaluations included">about {formatRough(remaining)}</span>
        </Fact>
      )}
    </>
  );
}
