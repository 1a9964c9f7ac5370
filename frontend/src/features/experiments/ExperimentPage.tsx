import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, Outlet } from "@tanstack/react-router";

import { ApiError } from "@/api/client";
import { experimentQuery } from "@/api/experiment-queries";
import { EmptyState, ErrorState, Loading } from "@/components/States";

import { ExperimentHeader } from "./ExperimentHeader";
import "./experiments.css";

const route = getRouteApi("/shell/experiments/$experimentId");

const TABS = [
  { to: "/experiments/$experimentId", label: "Report" },
  { to: "/experiments/$experimentId/runs", label: "Runs" },
  { to: "/experiments/$experimentId/settings", label: "Settings" },
] as const;

/** An experiment: header, and one of its tabs below. */
export function ExperimentPage() {
  const { experimentId } = route.useParams();
  const query = useQuery(experimentQuery(experimentId));
  if (query.data === undefined) {
    return (
      <div className="page">
        {!query.isError ? (
          <Loading label="Loading the experiment" rows={4} height={28} />
        ) : query.error instanceof ApiError && [404, 422].includes(query.error.status) ? (
          <EmptyState title="There is no such experiment">
            <p>It may have been deleted, or the address is cut.</p>
            <Link to="/experiments" className="button">
              All experiments
            </Link>
          </EmptyState>
        ) : (
          <ErrorState what="The experiment could not be loaded" error={query.error} onRetry={() => void query.refetch()} />
        )}
      </div>
    );
  }
  return (
    <div className="page experiment-page">
      <ExperimentHeader experiment={query.data} />
      <nav className="tabs" aria-label="Experiment">
        {TABS.map((tab) => (
          <Link key={tab.to} to={tab.to} params={{ experimentId }} activeOptions={{ exact: true, includeSearch: false }} className="tab">
            {tab.label}
          </Link>
        ))}
      </nav>
      <Outlet />
    </div>
  );
}
