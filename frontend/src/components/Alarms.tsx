import "./alarms.css";

interface Alarm {
  code: string;
  text: string;
  since_rl_step: number;
}

/** That something in a run's curves should be looked at; nothing while all is well. */
export function AlarmTag({ alarms }: { alarms: readonly Alarm[] }) {
  if (alarms.length === 0) return null;
  return (
    <span className="alarm" title={alarms.map(lineOf).join("\n")} data-testid="alarm">
      <Mark />
      {alarms.map(({ code }) => code).join(", ")}
    </span>
  );
}

/** Each alarm in a sentence. */
export function AlarmList({ alarms }: { alarms: readonly Alarm[] }) {
  if (alarms.length === 0) return null;
  return (
    <ul className="alarms" aria-label="Alarms" data-testid="alarms">
      {alarms.map((alarm) => (
        <li key={alarm.code}>
          <Mark />
          <span>
            <b>{alarm.code}</b> {lineOf(alarm)}
          </span>
        </li>
      ))}
    </ul>
  );
}

function lineOf({ text, since_rl_step: step }: Alarm): string {
  return `${text} (since step ${step})`;
}

function Mark() {
  return (
    <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
      <path d="M6 1.2 L11.2 10.6 H0.8 Z M6 4.6 V7.2 M6 8.4 V9.6" fill="none" stroke="currentColor" strokeWidth="1.4" />
    </svg>
  );
}
