/** Every page of the dashboard in one list. What a page shows is in its address. */
import type { QueryClient } from "@tanstack/react-query";
import { createRootRouteWithContext, createRoute, createRouter, Outlet, redirect } from "@tanstack/react-router";

import { sessionQuery } from "./api/queries";
import { NotFound, PageError } from "./app/RouteStates";
import { Shell } from "./app/Shell";
import { NewExperimentPage } from "./features/config-form/NewExperimentPage";
import { NewRunPage } from "./features/config-form/NewRunPage";
import { AddDatasetPage } from "./features/datasets/AddDatasetPage";
import { DatasetPage } from "./features/datasets/DatasetPage";
import { DatasetsPage } from "./features/datasets/DatasetsPage";
import { ChartsTab } from "./features/metrics/ChartsTab";
import { parseChartsSearch } from "./features/metrics/charts-search";
import { parseEvaluationsSearch } from "./features/evaluations/evaluations-search";
import { EvaluationsTab } from "./features/evaluations/EvaluationsTab";
import { ExperimentPage } from "./features/experiments/ExperimentPage";
import { ExperimentsPage } from "./features/experiments/ExperimentsPage";
import { parseReportSearch } from "./features/experiments/experiments-search";
import { ReportTab } from "./features/experiments/ReportTab";
import { RunsTab } from "./features/experiments/RunsTab";
import { SettingsTab } from "./features/experiments/SettingsTab";
import { AddModelPage } from "./features/models/AddModelPage";
import { ModelsPage } from "./features/models/ModelsPage";
import { ResponsesTab } from "./features/responses/ResponsesTab";
import { parseResponsesSearch } from "./features/responses/responses-search";
import { ConfigTab } from "./features/runs/ConfigTab";
import { LogTab } from "./features/runs/LogTab";
import { RunPage } from "./features/runs/RunPage";
import { RunsPage } from "./features/runs/RunsPage";
import { parseLogSearch, parseRunsSearch } from "./features/runs/runs-search";
import { SignInPage } from "./features/session/SignInPage";
import { StepsTab } from "./features/steps/StepsTab";
import { parseStepsSearch } from "./features/steps/steps-search";
import { WorkersPage } from "./features/workers/WorkersPage";

type Raw = Record<string, unknown>;

/** A search parameter that is text; anything else is as if it were absent. */
function text<Name extends string>(raw: Raw, name: Name): Partial<Record<Name, string>> {
  const value = raw[name];
  return typeof value === "string" && value !== "" ? ({ [name]: value } as Record<Name, string>) : {};
}

const root = createRootRouteWithContext<{ queryClient: QueryClient }>()({ component: Outlet, notFoundComponent: NotFound });
const shell = createRoute({
  getParentRoute: () => root,
  id: "shell",
  component: Shell,
  beforeLoad: async ({ context, location }) => {
    const session = await context.queryClient.query({ ...sessionQuery, staleTime: Infinity }).catch(() => null);
    // Without an answer the page itself says what failed.
    if (session?.is_signed_in === false) throw redirect({ to: "/sign-in", search: { to: location.href } });
  },
});

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  component: SignInPage,
  validateSearch: (raw: Raw) => text(raw, "to"),
});
const home = createRoute({
  getParentRoute: () => shell,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/runs" });
  },
});
const runs = createRoute({
  getParentRoute: () => shell,
  path: "/runs",
  component: RunsPage,
  validateSearch: parseRunsSearch,
});
const newRun = createRoute({
  getParentRoute: () => shell,
  path: "/runs/new",
  component: NewRunPage,
  validateSearch: (raw: Raw) => text(raw, "preset"),
});
const run = createRoute({ getParentRoute: () => shell, path: "/runs/$runId", component: RunPage });
const charts = createRoute({
  getParentRoute: () => run,
  path: "/",
  component: ChartsTab,
  validateSearch: parseChartsSearch,
});
const responses = createRoute({
  getParentRoute: () => run,
  path: "/responses",
  component: ResponsesTab,
  validateSearch: parseResponsesSearch,
});
const steps = createRoute({
  getParentRoute: () => run,
  path: "/steps",
  component: StepsTab,
  validateSearch: parseStepsSearch,
});
const evaluations = createRoute({
  getParentRoute: () => run,
  path: "/evaluations",
  component: EvaluationsTab,
  validateSearch: parseEvaluationsSearch,
});
const config = createRoute({ getParentRoute: () => run, path: "/config", component: ConfigTab });
const log = createRoute({
  getParentRoute: () => run,
  path: "/log",
  component: LogTab,
  validateSearch: parseLogSearch,
});
const experiments = createRoute({ getParentRoute: () => shell, path: "/experiments", component: ExperimentsPage });
const newExperiment = createRoute({
  getParentRoute: () => shell,
  path: "/experiments/new",
  component: NewExperimentPage,
  validateSearch: (raw: Raw) => text(raw, "preset"),
});
const experiment = createRoute({ getParentRoute: () => shell, path: "/experiments/$experimentId", component: ExperimentPage });
const report = createRoute({
  getParentRoute: () => experiment,
  path: "/",
  component: ReportTab,
  validateSearch: parseReportSearch,
});
const experimentRuns = createRoute({ getParentRoute: () => experiment, path: "/runs", component: RunsTab });
const experimentSettings = createRoute({ getParentRoute: () => experiment, path: "/settings", component: SettingsTab });
const datasets = createRoute({ getParentRoute: () => shell, path: "/datasets", component: DatasetsPage });
const dataset = createRoute({
  getParentRoute: () => shell,
  path: "/datasets/$slug",
  component: DatasetPage,
  validateSearch: (raw: Raw) => text(raw, "split"),
});
const newDataset = createRoute({
  getParentRoute: () => shell,
  path: "/new-dataset",
  component: AddDatasetPage,
  validateSearch: (raw: Raw) => text(raw, "from"),
});
const newModel = createRoute({
  getParentRoute: () => shell,
  path: "/new-model",
  component: AddModelPage,
  validateSearch: (raw: Raw) => text(raw, "from"),
});
const models = createRoute({ getParentRoute: () => shell, path: "/models", component: ModelsPage });
const workers = createRoute({ getParentRoute: () => shell, path: "/workers", component: WorkersPage });

const routeTree = root.addChildren([
  signIn,
  shell.addChildren([
    home,
    runs,
    newRun,
    run.addChildren([charts, responses, steps, evaluations, config, log]),
    experiments,
    newExperiment,
    experiment.addChildren([report, experimentRuns, experimentSettings]),
    datasets,
    dataset,
    newDataset,
    models,
    newModel,
    workers,
  ]),
]);

/** The router over a cache of server state. */
export function buildRouter(queryClient: QueryClient) {
  return createRouter({
    routeTree,
    context: { queryClient },
    defaultErrorComponent: PageError,
    defaultNotFoundComponent: NotFound,
    scrollRestoration: true,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof buildRouter>;
  }
}
