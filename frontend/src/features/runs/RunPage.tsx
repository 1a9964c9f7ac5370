import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, Outlet } from "@tanstack/react-router";

import { ApiError } from "@/api/client";
import { runQuery } from "@/api/queries";
import { EmptyState, ErrorState, Loading } from "@/components/States";

import { RunHeader } from "./RunHeader";
import "./run-page.css";

const route = getRouteApi("/shell/runs/$runId");

const TABS = [
  { to: "/runs/$runId", label: "Charts" },
  { to: "/runs/$runId/responses", label: "Responses" },
  { to: "/runs/$runId/steps", label: "Steps" },
  { to: "/runs/$runId/evaluations", label: "Evaluations" },
  { to: "/runs/$runId/config", label: "Config" },
  { to: "/runs/$runId/log", label: "Log" },
] as const;

/** A run: header, and one of its tabs below. */
export function RunPage() {
  const { runId } = route.useParams();
  const query = useQuery(runQuery(runId));
  // It may be deleted while it is shown.
  const isGone = query.error instanceof ApiError && [404, 422].includes(query.error.status);
  if (query.data === undefined || isGone) {
    return (
      <div className="page">
        {!query.isError ? (
          <Loading label="Loading the run" rows={4} height={28} />
        ) : isGone ? (
          <EmptyState title="There is no such run">
            <p>It may have been deleted, or the address is cut.</p>
            <Link to="/runs" className="button">
              All runs
            </Link>
          </EmptyState>
        ) : (
          <ErrorState what="The run could not be loaded" error={query.error} onRetry={() => void query.refetch()} />
        )}
      </div>
    );
  }
  return (
    <div className="page run-page">
      <RunHeader run={query.data} />
      <nav className="tabs" aria-label="Run">
        {TABS.map((tab) => (
          <Link key={tab.to} to={tab.to} params={{ runId }} activeOptions={{ exact: true, includeSearch: false }} className="tab">
            {tab.label}
          </Link>
        ))}
      </nav>
      <Outlet />
    </div>
  );
}
