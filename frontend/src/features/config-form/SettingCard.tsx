import { useId, useState } from "react";

import type { Schemas } from "@/api/client";
import { formatPlural } from "@/format";

import { fullConfig } from "./experiment-draft";
import type { SettingDraft } from "./experiment-draft";
import { FieldRow } from "./FieldRow";
import type { Field, GroupField } from "./form-schema";
import { FormContext } from "./form-state";
import { GroupPanel } from "./GroupPanel";
import { NO_PROBLEMS } from "./problems";
import type { Problems } from "./problems";
import { TextField } from "./TextField";
import { useFormState } from "./use-form-state";

interface Props {
  setting: SettingDraft;
  fields: Field[];
  presets: Schemas["PresetInfo"][];
  problems: Problems;
  onChange: (update: (old: SettingDraft) => SettingDraft) => void;
  onCopy: () => void;
  onRemove: () => void;
}

const KINDS = { vanilla: "Vanilla", sft: "Supervised fine-tuning", rl: "Reinforcement learning" } as const;

/** One way to treat the models: its name, where its configuration begins, and what differs from there. */
export function SettingCard({ setting, fields, presets, problems, onChange, onCopy, onRemove }: Props) {
  const id = useId();
  const hasProblem = problems !== NO_PROBLEMS;
  const isVanilla = setting.kind === "vanilla";
  return (
    <section className="card setting" data-testid={`setting-${setting.kind}`} aria-labelledby={id}>
      <div className="row setting-head">
        <h3 id={id}>
          {KINDS[setting.kind]} <span className="soft setting-name">{setting.name}</span>
        </h3>
        <span className="grow" />
        <span className="setting-tools">
          {isVanilla ? null : (
            <button type="button" className="button small quiet" onClick={onCopy}>
              Copy
            </button>
          )}
          <button type="button" className="button small quiet" onClick={onRemove} aria-label={`Remove the setting ${setting.name}`}>
            Remove
          </button>
        </span>
      </div>
      <div className="setting-main">
        <TextField
          label="Setting's name"
          path="setting-name"
          value={setting.name}
          problem={problems.name}
          help="Lower case, digits and dashes; the column of the table."
          onChange={(name) => onChange((old) => ({ ...old, name }))}
        />
        {isVanilla ? (
          <p className="soft setting-vanilla">
            The model as it is, evaluated once and shared by all settings and seeds; it decodes and judges as the trained settings do.
          </p>
        ) : (
          <StartFrom presets={presets} fields={fields} onChange={onChange} />
        )}
      </div>
      {problems.rest.map((line) => (
        <p key={line} className="field-problem" role="alert" data-invalid="true">
          {line}
        </p>
      ))}
      {isVanilla ? null : <Configuration setting={setting} fields={fields} problems={problems} hasProblem={hasProblem} onChange={onChange} />}
    </section>
  );
}

/** Begin again from a preset's configuration, or from the defaults. */
function StartFrom({ presets, fields, onChange }: Pick<Props, "presets" | "fields" | "onChange">) {
  const id = useId();
  const begin = (slug: string) => {
    const preset = presets.find((entry) => entry.slug === slug);
    const base = fullConfig(fields, preset?.config ?? {});
    onChange((old) => ({ ...old, base, config: base }));
  };
  return (
    <div className="field">
      <div className="field-label">
        <label htmlFor={id}>Configuration from</label>
      </div>
      <div className="field-input">
        <select id={id} className="field-select" value="" onChange={(event) => begin(event.target.value)}>
          <option value="" disabled hidden>
            As below
          </option>
          {presets.map(({ slug, title }) => (
            <option key={slug} value={slug}>
              {title}
            </option>
          ))}
          <option value="defaults">Defaults (the paper's)</option>
        </select>
      </div>
      <p className="soft small field-help">Replaces the configuration below; model, data set and seed come from the experiment.</p>
    </div>
  );
}

type ConfigurationProps = Pick<Props, "setting" | "fields" | "problems" | "onChange"> & { hasProblem: boolean };

function Configuration({ setting, fields, problems, hasProblem, onChange }: ConfigurationProps) {
  const [isOpen, setIsOpen] = useState(false);
  // Opened by a refusal, and from then on as the reader wishes.
  const [hadProblem, setHadProblem] = useState(hasProblem);
  if (hasProblem !== hadProblem) {
    setHadProblem(hasProblem);
    if (hasProblem) setIsOpen(true);
  }
  const form = useFormState({
    fields,
    base: setting.base,
    config: setting.config,
    setConfig: (change) => onChange((old) => ({ ...old, config: change(old.config) })),
    problems,
    options: {},
  });
  const groups = fields.filter((field): field is GroupField => field.type === "group");
  const scalars = fields.filter((field) => field.type !== "group");
  return (
    <details className="setting-config" open={isOpen} onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>
        <b>Configuration</b>
        <span className="soft">{form.numChanged === 0 ? "as it began" : `${formatPlural(form.numChanged, "field")} changed`}</span>
      </summary>
      {isOpen ? (
        <FormContext value={form}>
          <div className="group-fields">
            {scalars.map((field) => (
              <FieldRow key={field.name} field={field} path={[field.name]} />
            ))}
          </div>
          <div className="setting-groups">
            {groups.map((group) => (
              <GroupPanel key={group.name} group={group} />
            ))}
          </div>
        </FormContext>
      ) : null}
    </details>
  );
}
