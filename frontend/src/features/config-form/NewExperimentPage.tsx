import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useMemo } from "react";

import type { Schemas } from "@/api/client";
import { experimentPresetsQuery } from "@/api/experiment-queries";
import { datasetsQuery, modelsQuery, presetsQuery, schemaQuery } from "@/api/queries";
import { ErrorState, Loading } from "@/components/States";

import { EMPTY_SPEC, settingFields } from "./experiment-draft";
import { ExperimentForm } from "./ExperimentForm";
import { parseSchema } from "./form-schema";
import "./config-form.css";
import "./experiment-form.css";

const route = getRouteApi("/shell/experiments/new");
const EMPTY = "empty";

export function NewExperimentPage() {
  const { preset: wanted } = route.useSearch();
  const queries = {
    presets: useQuery({ ...experimentPresetsQuery, select: inOrder }),
    runPresets: useQuery(presetsQuery),
    models: useQuery(modelsQuery),
    datasets: useQuery(datasetsQuery),
  };
  const rl = useSettingFields("rl");
  const sft = useSettingFields("sft");
  const fields = useMemo(() => ({ rl: rl.fields, sft: sft.fields }), [rl.fields, sft.fields]);
  const { presets, runPresets, models, datasets } = queries;
  const all = [...Object.values(queries), rl.query, sft.query];
  const failed = all.find((query) => query.isError && query.data === undefined);
  const preset =
    wanted === EMPTY ? undefined : (presets.data?.find(({ slug }) => slug === wanted) ?? presets.data?.find(isAvailable));
  const slug = preset?.slug ?? EMPTY;
  return (
    <div className="page new-run">
      <div className="page-head">
        <h1>New experiment</h1>
      </div>
      {failed?.error ? (
        <ErrorState what="The form could not be loaded" error={failed.error} onRetry={() => all.forEach((query) => void query.refetch())} />
      ) : presets.data && runPresets.data && models.data && datasets.data && rl.query.data && sft.query.data ? (
        <>
          <Presets presets={presets.data} chosen={slug} />
          <ExperimentForm
            key={slug}
            spec={preset?.spec ?? EMPTY_SPEC}
            fields={fields}
            runPresets={runPresets.data}
            models={models.data}
            datasets={datasets.data}
          />
        </>
      ) : (
        <Loading label="Loading the form" rows={8} height={40} />
      )}
    </div>
  );
}

/** The fields that a setting of the kind may set. */
function useSettingFields(kind: "rl" | "sft") {
  const query = useQuery(schemaQuery(kind));
  const fields = useMemo(() => settingFields(parseSchema(query.data ?? {})), [query.data]);
  return { query, fields };
}

/** The short form before the full one. */
function inOrder(presets: Schemas["ExperimentPresetInfo"][]): Schemas["ExperimentPresetInfo"][] {
  return presets.toSorted((a, b) => a.slug.localeCompare(b.slug));
}

function isAvailable(preset: Schemas["ExperimentPresetInfo"]): boolean {
  return preset.unavailable_because === null;
}

interface CardProps {
  slug: string;
  title: string;
  description: string;
  why: string | null;
  isChosen: boolean;
}

function Presets({ presets, chosen }: { presets: Schemas["ExperimentPresetInfo"][]; chosen: string }) {
  return (
    <fieldset className="presets">
      <legend className="visually-hidden">Preset</legend>
      {presets.map(({ slug, title, description, unavailable_because: why }) => (
        <Card key={slug} slug={slug} title={title} description={description} why={why} isChosen={slug === chosen} />
      ))}
      <Card slug={EMPTY} title="Empty" description="Choose models, data sets and settings yourself." why={null} isChosen={chosen === EMPTY} />
    </fieldset>
  );
}

function Card({ slug, title, description, why, isChosen }: CardProps) {
  const navigate = route.useNavigate();
  return (
    <label className="card preset" data-testid="preset" data-disabled={why !== null}>
      <input
        type="radio"
        name="preset"
        value={slug}
        checked={isChosen}
        disabled={why !== null}
        onChange={() => void navigate({ search: { preset: slug }, replace: true, resetScroll: false })}
      />
      <span className="preset-text">
        <b>{title}</b>
        <span className="soft">{description}</span>
        {why === null ? null : <span className="preset-why small">{why}</span>}
      </span>
    </label>
  );
}
