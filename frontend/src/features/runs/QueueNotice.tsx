import type { RunDetail } from "@/api/client";
import { capitalize, formatCount } from "@/format";

import { describeNeed, describeStart } from "./device-need";
import { PriorityEditor } from "./PriorityEditor";

const HOW = "From the progress of the runs that hold the devices, and from how long such runs took";
const NOT_KNOWN = "A run ahead has not shown its pace yet, or no worker there could carry this one";

/** Where a queued run stands, what it waits for, when it may start, and what lets it start sooner. */
export function QueueNotice({ run }: { run: RunDetail }) {
  const { queue } = run;
  return (
    <section className="notice queue-notice" data-kind="waits" aria-label="Queue">
      <p data-testid="waits-for">
        <b>Waiting.</b>{" "}
        {capitalize(queue?.waits_for ?? run.waits_for ?? "no worker has taken the run yet")}
        {"."}
      </p>
      <dl className="facts">
        {queue === null ? null : (
          <>
            <div>
              <dt>Position</dt>
              <dd data-testid="position">
                {formatCount(queue.position)} of {formatCount(queue.num_queued)}
              </dd>
            </div>
            <div>
              <dt>Starts</dt>
              <dd data-testid="starts" title={queue.starts_in_s === null ? NOT_KNOWN : HOW}>
                {describeStart(queue.starts_in_s)}
              </dd>
            </div>
          </>
        )}
        <div>
          <dt>Asks for</dt>
          <dd data-testid="asks-for">{describeNeed(run.config)}</dd>
        </div>
        <div>
          <dt>Priority</dt>
          <dd>
            <PriorityEditor run={run} />
          </dd>
        </div>
      </dl>
    </section>
  );
}
