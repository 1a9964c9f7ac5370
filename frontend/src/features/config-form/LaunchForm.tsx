import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useRef, useState } from "react";

import { ApiError, client, unwrap } from "@/api/client";
import type { Schemas } from "@/api/client";
import { keys } from "@/api/queries";

import { FieldRow } from "./FieldRow";
import type { Field, GroupField, JsonObject } from "./form-schema";
import { FormContext } from "./form-state";
import { cleanValue, numberText } from "./form-value";
import { GroupPanel } from "./GroupPanel";
import { LaunchBar } from "./LaunchBar";
import { typedPriority } from "./priority";
import { NO_PROBLEMS, sortProblems } from "./problems";
import { QueuePanel } from "./QueuePanel";
import { useFormState } from "./use-form-state";

interface Props {
  preset: Schemas["PresetInfo"];
  fields: Field[];
  models: Schemas["ModelInfo"][];
  datasets: Schemas["DatasetInfo"][];
}

const MAIN = ["model", "dataset", "seed", "epochs"];

export function LaunchForm({ preset, fields, models, datasets }: Props) {
  const navigate = useNavigate();
  const cache = useQueryClient();
  const formRef = useRef<HTMLFormElement>(null);
  const base = preset.config as unknown as JsonObject;
  const [typedName, setTypedName] = useState<string | null>(null);
  const [priority, setPriority] = useState("0");
  const [config, setConfig] = useState<JsonObject>(base);
  const launch = useMutation({
    mutationFn: (body: Schemas["RunCreate"]) => unwrap(client.POST("/api/v1/runs", { body })),
    onSuccess: (run) => {
      void cache.invalidateQueries({ queryKey: keys.runs });
      void navigate({ to: "/runs/$runId", params: { runId: run.id } });
    },
  });
  const problems = useMemo(
    () => (launch.error instanceof ApiError ? sortProblems(launch.error.fields, fields) : NO_PROBLEMS),
    [launch.error, fields],
  );
  const options = {
    model: models.map(({ slug, title }) => ({ value: slug, label: title })),
    dataset: datasets.map(({ slug, title }) => ({ value: slug, label: title })),
  };
  const form = useFormState({ fields, base, config, setConfig, problems, options });
  const name = typedName ?? `${preset.title}, seed ${numberText(config.seed)}`;
  const submit = () => {
    if (launch.isPending) return;
    const body = {
      name: name.trim(),
      config: cleanValue(fields, config),
      preset: preset.slug,
      priority: typedPriority(priority),
    };
    launch.mutate(body as unknown as Schemas["RunCreate"]);
  };

  // The first field that was refused is shown and focused; its group has opened by then.
  useEffect(() => {
    if (problems === NO_PROBLEMS) return;
    const invalid = formRef.current?.querySelector<HTMLElement>("[data-invalid=true]");
    invalid?.querySelector<HTMLElement>("input, select, textarea, summary")?.focus();
    invalid?.scrollIntoView({ block: "center" });
  }, [problems]);

  // Ctrl+Enter launches from any field.
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      formRef.current?.requestSubmit();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);

  const groups = fields.filter((field): field is GroupField => field.type === "group");
  const scalars = fields.filter((field) => field.type !== "group");
  return (
    <FormContext value={form}>
      <form
        ref={formRef}
        className="launch"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <section className="card launch-main" aria-label="Run">
          <div className="field launch-name" data-path="name" data-invalid={problems.name !== null}>
            <div className="field-label">
              <label htmlFor="run-name">Name</label>
            </div>
            <input id="run-name" type="text" value={name} maxLength={200} onChange={(event) => setTypedName(event.target.value)} aria-describedby="run-name-problem" />
            <p id="run-name-problem" className="field-problem small">
              {problems.name}
            </p>
          </div>
          {MAIN.flatMap((main) => scalars.filter((field) => field.name === main)).map((field) => (
            <FieldRow key={field.name} field={field} path={[field.name]} />
          ))}
          {scalars
            .filter((field) => !MAIN.includes(field.name))
            .map((field) => (
              <FieldRow key={field.name} field={field} path={[field.name]} />
            ))}
        </section>
        {groups.map((group) => (
          <GroupPanel key={group.name} group={group} />
        ))}
        <QueuePanel priority={priority} problem={problems.priority} onChange={setPriority} />
        <LaunchBar
          config={config}
          datasets={datasets}
          numChanged={form.numChanged}
          isPending={launch.isPending}
          error={launch.error}
          numRefused={problems.fields.size + Number(problems.name !== null) + Number(problems.priority !== null)}
          rest={problems.rest}
        />
      </form>
    </FormContext>
  );
}
