import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useRef, useState } from "react";

import { ApiError, client, unwrap } from "@/api/client";
import type { Schemas } from "@/api/client";
import { keys } from "@/api/queries";

import { CheckList } from "./CheckList";
import { draftOf, freeName, problemsOf, settingDraft, sortDraftProblems, specOf } from "./experiment-draft";
import type { Draft, FieldsByKind, Kind, SettingDraft, Spec } from "./experiment-draft";
import { ExperimentBar } from "./ExperimentBar";
import { PRIORITY_HELP } from "./priority";
import { SettingCard } from "./SettingCard";
import { TextField } from "./TextField";

interface Props {
  spec: Spec;
  fields: FieldsByKind;
  runPresets: Schemas["PresetInfo"][];
  models: Schemas["ModelInfo"][];
  datasets: Schemas["DatasetInfo"][];
}

const ADDABLE: readonly { kind: Kind; label: string }[] = [
  { kind: "vanilla", label: "Vanilla" },
  { kind: "sft", label: "SFT" },
  { kind: "rl", label: "RL" },
];

export function ExperimentForm({ spec, fields, runPresets, models, datasets }: Props) {
  const navigate = useNavigate();
  const cache = useQueryClient();
  const formRef = useRef<HTMLFormElement>(null);
  const [draft, setDraft] = useState<Draft>(() => draftOf(spec, fields));
  const nextKey = useRef(spec.settings.length);
  const change = (part: Partial<Draft>) => setDraft((old) => ({ ...old, ...part }));
  const launch = useMutation({
    mutationFn: (body: Spec) => unwrap(client.POST("/api/v1/experiments", { body })),
    onSuccess: (experiment) => {
      void cache.invalidateQueries({ queryKey: keys.experiments });
      void cache.invalidateQueries({ queryKey: keys.runs });
      void navigate({ to: "/experiments/$experimentId", params: { experimentId: experiment.id } });
    },
  });
  const sent = launch.variables;
  const problems = useMemo(() => {
    if (!(launch.error instanceof ApiError) || sent === undefined) return null;
    return sortDraftProblems(launch.error.fields, sent.settings.map(({ kind }) => kind), fields);
  }, [launch.error, sent, fields]);
  const setSetting = (key: number, update: (old: SettingDraft) => SettingDraft) =>
    setDraft((old) => ({ ...old, settings: old.settings.map((entry) => (entry.key === key ? update(entry) : entry)) }));
  const add = (kind: Kind, from?: SettingDraft) => {
    const name = freeName(from?.name ?? kind, draft.settings.map((entry) => entry.name));
    const preset = runPresets.find(({ config, unavailable_because: why }) => config.kind === kind && why === null);
    const key = nextKey.current++;
    const made = from ? { ...from, key, name } : settingDraft(key, name, kind, preset?.config ?? {}, fields);
    change({ settings: [...draft.settings, kind === "vanilla" && !from ? { ...made, base: {}, config: {} } : made] });
  };

  // The first field that was refused is shown and focused; its setting has opened by then.
  useEffect(() => {
    if (problems === null) return;
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

  return (
    <form
      ref={formRef}
      className="launch"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!launch.isPending) launch.mutate(specOf(draft, fields));
      }}
    >
      <section className="card launch-main" aria-label="Experiment">
        <TextField label="Name" path="name" value={draft.name} problem={problems?.name ?? null} onChange={(name) => change({ name })} isWide />
        <CheckList
          label="Models"
          path="models"
          options={models}
          chosen={draft.models}
          problem={problems?.models ?? null}
          onChange={(chosen) => change({ models: chosen })}
        />
        <CheckList
          label="Data sets"
          path="datasets"
          options={datasets}
          chosen={draft.datasets}
          problem={problems?.datasets ?? null}
          onChange={(chosen) => change({ datasets: chosen })}
        />
        <TextField
          label="Seeds"
          path="seeds"
          value={draft.seeds}
          problem={problems?.seeds ?? null}
          help="Whole numbers with commas in between; every trained setting runs once with each. Three or more give an interval worth reading."
          onChange={(seeds) => change({ seeds })}
        />
        <TextField
          label="Priority"
          path="priority"
          value={draft.priority}
          problem={problems?.priority ?? null}
          help={`Of all its runs. ${PRIORITY_HELP}`}
          onChange={(priority) => change({ priority })}
        />
      </section>
      <div className="row settings-head">
        <h2>Settings</h2>
        <span className="soft">Ways to treat each model on each data set: the columns of the report's table.</span>
        <span className="grow" />
        <span className="soft">Add</span>
        {ADDABLE.map(({ kind, label }) => (
          <button
            key={kind}
            type="button"
            className="button small"
            onClick={() => add(kind)}
            disabled={kind === "vanilla" && draft.settings.some((setting) => setting.kind === "vanilla")}
          >
            {label}
          </button>
        ))}
      </div>
      {draft.settings.map((setting, index) => (
        <SettingCard
          key={setting.key}
          setting={setting}
          fields={setting.kind === "vanilla" ? [] : fields[setting.kind]}
          presets={runPresets.filter(({ config }) => config.kind === setting.kind)}
          problems={problemsOf(problems, index)}
          onChange={(update) => setSetting(setting.key, update)}
          onCopy={() => add(setting.kind, setting)}
          onRemove={() => change({ settings: draft.settings.filter(({ key }) => key !== setting.key) })}
        />
      ))}
      <ExperimentBar draft={draft} isPending={launch.isPending} error={launch.error} problems={problems} />
    </form>
  );
}
