import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useRef } from "react";

import { runsQuery } from "@/api/queries";
import { EmptyState, ErrorState, Loading } from "@/components/States";
import { useShortcuts } from "@/components/use-shortcuts";
import { capitalize, formatPlural } from "@/format";

import { OpenArchive } from "./OpenArchive";
import { filterRuns, STATUSES } from "./runs-search";
import type { RunsSearch } from "./runs-search";
import { RunTable } from "./RunTable";
import "./runs.css";

const route = getRouteApi("/shell/runs");

export function RunsPage() {
  const search = route.useSearch();
  const query = useInfiniteQuery(runsQuery);
  const all = query.data?.pages.flatMap((page) => page.runs) ?? [];
  const runs = filterRuns(all, search);
  return (
    <div className="page">
      <div className="page-head">
        <h1>Runs</h1>
        <RunsFilter search={search} />
        <span className="soft" role="status" data-testid="run-count">
          {query.data ? formatPlural(runs.length, "run") : null}
        </span>
        <span className="grow" />
        <OpenArchive />
        <Link to="/runs/new" className="button primary">
          New run
        </Link>
      </div>
      {query.isError && !query.data ? (
        <ErrorState what="The runs could not be loaded" error={query.error} onRetry={() => void query.refetch()} />
      ) : query.isPending ? (
        <Loading label="Loading runs" rows={8} height={32} />
      ) : all.length === 0 ? (
        <EmptyState title="No runs yet">
          <p>A run trains a vision-language model by reinforcement learning. It shows up here with its progress.</p>
          <Link to="/runs/new" className="button primary">
            New run
          </Link>
        </EmptyState>
      ) : runs.length === 0 ? (
        <EmptyState title="No run matches the filter">
          <Link to="/runs" className="button">
            Show all runs
          </Link>
        </EmptyState>
      ) : (
        <RunTable runs={runs} />
      )}
      {query.hasNextPage ? (
        <button
          type="button"
          className="button older"
          onClick={() => void query.fetchNextPage()}
          disabled={query.isFetchingNextPage}
        >
          Show older runs
        </button>
      ) : null}
    </div>
  );
}

function RunsFilter({ search }: { search: RunsSearch }) {
  const navigate = route.useNavigate();
  const input = useRef<HTMLInputElement>(null);
  useShortcuts({ "/": () => input.current?.focus() });
  const set = (change: RunsSearch) => void navigate({ search: { ...search, ...change }, replace: true });
  return (
    <>
      <input
        ref={input}
        type="search"
        aria-label="Filter runs"
        placeholder="Filter: name, model, data set"
        className="runs-search"
        value={search.q ?? ""}
        onChange={(event) => set({ q: event.target.value || undefined })}
        onKeyDown={(event) => {
          if (event.key === "Escape" || event.key === "Enter") event.currentTarget.blur();
        }}
      />
      <select
        aria-label="State"
        value={search.state ?? ""}
        onChange={(event) => set({ state: STATUSES.find((status) => status === event.target.value) })}
      >
        <option value="">All states</option>
        {STATUSES.map((status) => (
          <option key={status} value={status}>
            {capitalize(status)}
          </option>
        ))}
      </select>
    </>
  );
}
