import type { RunDetail } from "@/api/client";
import { Age } from "@/components/Age";
import { formatMoment } from "@/format";

/** That a run was opened from an archive, where it comes from, and what is not here. */
export function OriginNotice({ origin }: { origin: NonNullable<RunDetail["origin"]> }) {
  return (
    <section className="notice origin" aria-label="Origin" data-testid="origin">
      <p>
        <b>Opened from an archive.</b> It was carried out on <b>{origin.platform}</b> (Maye {origin.version}) and can be read here,
        not carried on. The archive tells of it until {formatMoment(origin.saved_at)}; opened <Age at={origin.opened_at} />.
      </p>
      {origin.notes.length === 0 ? null : (
        <ul className="origin-notes">
          {origin.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
    </section>
  );
}
