import { Link } from "@tanstack/react-router";

import type { Worker } from "@/api/worker-queries";
import { formatGib, formatPlural } from "@/format";

type Device = Worker["devices"][number];

/** A worker's CPU and GPUs, each with what holds it. */
export function DeviceTable({ worker }: { worker: Worker }) {
  if (worker.devices.length === 0) return <p className="soft">It has not said yet what it has.</p>;
  return (
    <table className="devices">
      <thead className="visually-hidden">
        <tr>
          <th scope="col">Device</th>
          <th scope="col">Model</th>
          <th scope="col">Memory</th>
          <th scope="col">Use</th>
        </tr>
      </thead>
      <tbody>
        {worker.devices.map((device) => (
          <tr key={`${device.kind} ${device.index}`} data-testid="device">
            <th scope="row">{device.kind === "cpu" ? "CPU" : `GPU ${device.index}`}</th>
            <td className="device-model" title={device.uuid || undefined}>
              {device.name}
            </td>
            <td className="number device-size">
              {device.num_cores === null ? "" : `${formatPlural(device.num_cores, "core")}, `}
              {formatGib(device.memory_bytes)}
            </td>
            <td className="device-use">{device.kind === "cpu" ? <Slots worker={worker} /> : <Holder device={device} />}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Slots({ worker: { slots, slots_used: used } }: { worker: Worker }) {
  return (
    <span className={used === 0 ? "soft" : undefined} title="Runs that compute on the CPU take a slot each">
      {used} of {formatPlural(slots, "slot")} used
    </span>
  );
}

function Holder({ device }: { device: Device }) {
  if (device.held_by === null) return <span className="soft">free</span>;
  return (
    <Link to="/runs/$runId" params={{ runId: device.held_by.id }}>
      {device.held_by.name}
    </Link>
  );
}
