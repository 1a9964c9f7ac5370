interface Props {
  label: string;
  path: string;
  options: { slug: string; title: string }[];
  chosen: string[];
  problem: string | null;
  onChange: (chosen: string[]) => void;
}

/** Any number out of those that the platform knows; one that a preset names and is absent is shown as such. */
export function CheckList({ label, path, options, chosen, problem, onChange }: Props) {
  const absent = chosen.filter((slug) => options.every((option) => option.slug !== slug));
  const all = [...options, ...absent.map((slug) => ({ slug, title: `${slug} (not imported)` }))];
  return (
    <fieldset className="field" data-path={path} data-invalid={problem !== null}>
      <legend className="field-label">{label}</legend>
      {all.length === 0 ? <p className="soft small">None is imported yet.</p> : null}
      {all.map(({ slug, title }) => (
        <label key={slug} className="check-line">
          <input
            type="checkbox"
            checked={chosen.includes(slug)}
            onChange={(event) => onChange(event.target.checked ? [...chosen, slug] : chosen.filter((entry) => entry !== slug))}
          />
          <span>
            {title} <span className="soft small mono">{slug}</span>
          </span>
        </label>
      ))}
      <p className="field-problem small" role={problem === null ? undefined : "alert"}>
        {problem}
      </p>
    </fieldset>
  );
}
