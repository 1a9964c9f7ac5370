import type { Comparison } from "@/api/evaluation-queries";
import { formatShare } from "@/format";

/** Solved, gained and lost by category or difficulty; nothing where the data set does not tell them apart. */
export function GroupTable({ title, groups }: { title: string; groups: Comparison["by_category"] }) {
  if (groups.every(({ name }) => name === null)) return null;
  return (
    <div className="card table-scroll">
      <table className="list group-table">
        <thead>
          <tr>
            <th scope="col">{title}</th>
            <th scope="col" className="number">
              Problems
            </th>
            <th scope="col" className="number">
              There
            </th>
            <th scope="col" className="number">
              Here
            </th>
            <th scope="col" className="number">
              Gained
            </th>
            <th scope="col" className="number">
              Lost
            </th>
          </tr>
        </thead>
        <tbody>
          {groups.map((group) => (
            <tr key={group.name ?? ""}>
              <th scope="row">{group.name ?? "not given"}</th>
              <td className="number">{group.num_problems}</td>
              <td className="number">{formatShare(group.num_solved_a / group.num_problems, 0)}</td>
              <td className="number">{formatShare(group.num_solved_b / group.num_problems, 0)}</td>
              <td className="number gained">{group.num_gained === 0 ? "" : `+${group.num_gained}`}</td>
              <td className="number lost">{group.num_lost === 0 ? "" : `\u2212${group.num_lost}`}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
