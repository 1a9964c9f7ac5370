import type { Trajectory } from "@/api/client";

interface Props {
  src: string;
  alt: string;
  image: NonNullable<Trajectory["image"]>;
  onPoint: (token: number | null) => void;
}

/** The picture under the grid that the vision tower cuts it into; thick lines bound one token each. */
export function PatchPicture({ src, alt, image, onPoint }: Props) {
  const grid = image.patch_grid;
  const merged = image.merged_grid;
  return (
    <div className="patches">
      <img src={src} alt={alt} draggable={false} />
      {grid === null || merged === null ? null : (
        <svg
          viewBox={`0 0 ${grid.width} ${grid.height}`}
          preserveAspectRatio="none"
          data-testid="patch-grid"
          data-cells={merged.height * merged.width}
          onPointerLeave={() => onPoint(null)}
          aria-hidden="true"
        >
          <path className="patch-lines" d={lines(grid.height, grid.width, 1)} />
          <path className="patch-lines merged" d={lines(grid.height, grid.width, grid.height / merged.height)} />
          {Array.from({ length: merged.height * merged.width }, (_, cell) => {
            const side = grid.height / merged.height;
            const x = (cell % merged.width) * side;
            const y = Math.floor(cell / merged.width) * side;
            return (
              <rect
                key={cell}
                x={x}
                y={y}
                width={side}
                height={side}
                onPointerEnter={() => onPoint(image.span_start + cell)}
              />
            );
          })}
        </svg>
      )}
    </div>
  );
}

/** Grid lines every `side` patches, the border included. */
function lines(height: number, width: number, side: number): string {
  const down = Array.from({ length: Math.round(width / side) + 1 }, (_, at) => `M${at * side} 0V${height}`);
  const across = Array.from({ length: Math.round(height / side) + 1 }, (_, at) => `M0 ${at * side}H${width}`);
  return [...down, ...across].join("");
}
