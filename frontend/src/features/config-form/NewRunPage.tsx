import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useMemo } from "react";

import type { Schemas } from "@/api/client";
import { datasetsQuery, modelsQuery, presetsQuery, schemaQuery } from "@/api/queries";
import { EmptyState, ErrorState, Loading } from "@/components/States";

import { parseSchema } from "./form-schema";
import { LaunchForm } from "./LaunchForm";
import "./config-form.css";

const route = getRouteApi("/shell/runs/new");

export function NewRunPage() {
  const { preset: wanted } = route.useSearch();
  const presets = useQuery(presetsQuery);
  const models = useQuery(modelsQuery);
  const datasets = useQuery(datasetsQuery);
  const preset = presets.data?.find(({ slug }) => slug === wanted) ?? presets.data?.find(isAvailable) ?? presets.data?.[0];
  const kind = preset?.config.kind === "sft" ? "sft" : "rl";
  const schema = useQuery(schemaQuery(kind));
  const fields = useMemo(() => parseSchema(schema.data ?? {}), [schema.data]);
  const all = [schema, presets, models, datasets];
  const failed = all.find((query) => query.isError && query.data === undefined);
  const isLoaded = schema.data && presets.data && models.data && datasets.data;
  return (
    <div className="page new-run">
      <div className="page-head">
        <h1>New run</h1>
      </div>
      {failed?.error ? (
        <ErrorState what="The form could not be loaded" error={failed.error} onRetry={() => all.forEach((query) => void query.refetch())} />
      ) : !isLoaded ? (
        <Loading label="Loading the form" rows={8} height={40} />
      ) : preset === undefined ? (
        <EmptyState title="No presets are installed" />
      ) : (
        <>
          <Kinds presets={availableFirst(presets.data)} chosen={kind} />
          <Presets presets={availableFirst(presets.data).filter(({ config }) => config.kind === kind)} chosen={preset.slug} />
          <LaunchForm key={preset.slug} preset={preset} fields={fields} models={models.data} datasets={datasets.data} />
        </>
      )}
    </div>
  );
}

function isAvailable(preset: Schemas["PresetInfo"]): boolean {
  return preset.unavailable_because === null;
}

function availableFirst(presets: Schemas["PresetInfo"][]): Schemas["PresetInfo"][] {
  return presets.toSorted((a, b) => Number(isAvailable(b)) - Number(isAvailable(a)));
}

const KINDS = { rl: "Reinforcement learning", sft: "Supervised fine-tuning" } as const;

/** What the run does; the presets below are of that kind. */
function Kinds({ presets, chosen }: { presets: Schemas["PresetInfo"][]; chosen: keyof typeof KINDS }) {
  const navigate = route.useNavigate();
  return (
    <fieldset className="kinds">
      <legend className="visually-hidden">Kind of run</legend>
      {(Object.keys(KINDS) as (keyof typeof KINDS)[]).map((kind) => {
        const first = presets.find(({ config }) => config.kind === kind);
        return (
          <label key={kind} data-testid={`kind-${kind}`}>
            <input
              type="radio"
              name="kind"
              checked={kind === chosen}
              disabled={first === undefined}
              onChange={() => void navigate({ search: { preset: first?.slug }, replace: true, resetScroll: false })}
            />{" "}
            {KINDS[kind]}
          </label>
        );
      })}
    </fieldset>
  );
}

function Presets({ presets, chosen }: { presets: Schemas["PresetInfo"][]; chosen: string }) {
  const navigate = route.useNavigate();
  return (
    <fieldset className="presets">
      <legend className="visually-hidden">Preset</legend>
      {presets.map((preset) => (
        <label key={preset.slug} className="card preset" data-testid="preset" data-disabled={!isAvailable(preset)}>
          <input
            type="radio"
            name="preset"
            value={preset.slug}
            checked={preset.slug === chosen}
            disabled={!isAvailable(preset)}
            onChange={() => void navigate({ search: { preset: preset.slug }, replace: true, resetScroll: false })}
          />
          <span className="preset-text">
            <b>{preset.title}</b>
            <span className="soft">{preset.description}</span>
            {preset.unavailable_because === null ? null : <span className="preset-why small">{preset.unavailable_because}</span>}
          </span>
        </label>
      ))}
    </fieldset>
  );
}
