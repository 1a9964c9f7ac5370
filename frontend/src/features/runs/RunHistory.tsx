import { useQuery } from "@tanstack/react-query";

import { eventsQuery } from "@/api/queries";
import { Age } from "@/components/Age";

/** Every change of the run's state and what the trainer wants noticed, oldest first; nothing until it is loaded. */
export function RunHistory({ runId }: { runId: string }) {
  const { data: events = [] } = useQuery(eventsQuery(runId));
  if (events.length === 0) return null;
  return (
    <details className="history" data-testid="history">
      <summary>History</summary>
      <ol>
        {events.map((event) => (
          <li key={event.sequence}>
            <Age at={event.at} /> <b>{event.to_status}</b> <span className="soft">by {event.actor}</span>
            {event.reason === null ? "" : `: ${event.reason}`}
          </li>
        ))}
      </ol>
    </details>
  );
}
