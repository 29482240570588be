import { hexCode } from './colours';
import { type Spot, spotAt } from './pick';
import type { Picture } from './picture';
import { faint, short, squareOf } from './svg_ink';
import { trailWidth } from './trails';

/** The trails as shapes: a line for each stretch, as wide and as strong as it is in its middle. */
export function trailShapes({ trails, dims, camera, rotation, mix, pointSize, reach }: Picture): string[] {
  if (!trails) return [];
  const { corners, perLine, perHead, cells, styles } = trails;
  const lines = corners.length / dims / perLine;
  const last = perLine - 2;
  const shapes: string[] = [];
  for (let line = 0; line < lines; line++) {
    const [left, top, side] = squareOf(cells, Math.floor(line / perHead), camera);
    const [red = 0, green = 0, blue = 0] = styles.subarray(4 * (line % perHead));
    const paint = hexCode([red / 255, green / 255, blue / 255]);
    const at = (corner: number, axis: number) =>
      axis < dims ? (corners[(line * perLine + corner) * dims + axis] ?? 0) : 0;
    const place = ({ x, y }: Spot) => `${short(left + side * x)} ${short(top + side * y)}`;
    for (let stretch = 0; stretch <= last; stretch++) {
      const stop = stretch === last ? mix : 1;
      const along = (share: number) => {
        const mixed = (axis: number) =>
          at(stretch, axis) + share * (at(stretch + 1, axis) - at(stretch, axis));
        return spotAt([mixed(0), mixed(1), mixed(2)], dims, rotation, reach);
      };
      const [start, end] = [along(0), along(stop)];
      if (!start || !end || !Number.isFinite(at(stretch + 1, 0))) continue;
      const age = Math.min(1, Math.max(0, (stretch - mix + stop / 2) / Math.max(1, last)));
      const width = trailWidth(pointSize) * (0.35 + 0.65 * age);
      shapes.push(
        `<path d="M${place(start)}L${place(end)}" fill="none" stroke="${paint}" stroke-width="${short(width)}" ` +
          `stroke-linecap="round"${faint('stroke', 0.85 * age ** 0.8)}/>`,
      );
    }
  }
  return shapes;
}
