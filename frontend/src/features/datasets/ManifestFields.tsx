import { LabelledChoice, LabelledText } from "@/components/LabelledField";

import { SPLITS } from "./dataset-draft";
import type { Draft } from "./dataset-draft";

interface Props {
  draft: Draft;
  onChange: (part: Partial<Draft>) => void;
  /** The hub names files by patterns; an uploaded file is one split. */
  isHub: boolean;
}

const KINDS = [
  { value: "vision-dominant", label: "Vision-dominant" },
  { value: "text-dominant", label: "Text-dominant" },
] as const;
const FORMATS = [
  { value: "parquet", label: "Parquet, pictures in its rows" },
  { value: "jsonl", label: "JSONL, pictures as files" },
] as const;
const SPLIT_OPTIONS = SPLITS.map((split) => ({ value: split, label: split }));

/** What a data set is, where it brings no dataset.yaml. */
export function ManifestFields({ draft, onChange, isHub }: Props) {
  return (
    <div className="labelled-grid">
      <LabelledText label="Title" value={draft.title} isRequired onChange={(title) => onChange({ title })} help="Name for people." />
      <LabelledText
        label="Slug"
        value={draft.slug}
        isRequired
        placeholder="my-problems"
        onChange={(slug) => onChange({ slug })}
        help="Unique name for configurations: small letters, digits, dots and dashes."
      />
      <LabelledChoice
        label="Kind"
        value={draft.kind}
        options={KINDS}
        onChange={(kind) => onChange({ kind })}
        help="Where most of the needed information stands: in the picture or in the text."
      />
      <LabelledText
        label="Licence"
        value={draft.licence}
        isRequired
        placeholder="CC-BY-4.0"
        onChange={(licence) => onChange({ licence })}
        help="Of questions and pictures."
      />
      {isHub ? (
        <>
          <LabelledChoice label="Format" value={draft.format} options={FORMATS} onChange={(format) => onChange({ format })} />
          {SPLITS.map((split) => (
            <LabelledText
              key={split}
              label={`Files of ${split}`}
              value={draft.files[split]}
              placeholder={`data/${split}-*.${draft.format}`}
              onChange={(pattern) => onChange({ files: { ...draft.files, [split]: pattern } })}
              help={split === "train" ? "Needed for training." : "Empty where there are none."}
            />
          ))}
        </>
      ) : (
        <LabelledChoice
          label="Split"
          value={draft.split}
          options={SPLIT_OPTIONS}
          onChange={(split) => onChange({ split })}
          help="What the rows of the file are. Several splits go as a zip with a dataset.yaml."
        />
      )}
      {isHub && draft.format !== "parquet" ? null : (
        <LabelledText
          label="Columns of other names"
          value={draft.columns}
          placeholder="question: problem, image: picture"
          onChange={(columns) => onChange({ columns })}
          help="Expected: id, question, answer, solution, image, category, difficulty."
        />
      )}
    </div>
  );
}
