/** Css colours as every reader of SVG understands them: six digits, and how opaque. */

interface Paint {
  readonly code: string;
  readonly opacity: number;
}

const CLEAR: Paint = { code: '#000000', opacity: 0 };

/** @param css a computed colour: rgb(), rgba() or color(srgb …) */
export function paintOf(css: string): Paint {
  const shares = /^color\(srgb /.test(css);
  if (!shares && !css.startsWith('rgb')) return CLEAR;
  const numbers = css.match(/-?\d*\.?\d+(e-?\d+)?%?/g) ?? [];
  const [red = 0, green = 0, blue = 0, opacity = 1] = numbers.map((text) =>
    text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : Number(text),
  );
  const digits = [red, green, blue].map((value) => {
    const byte = Math.round(Math.min(255, Math.max(0, shares ? 255 * value : value)));
    return byte.toString(16).padStart(2, '0');
  });
  return { code: `#${digits.join('')}`, opacity };
}

/** As an attribute, or two. */
export function painted(what: 'fill' | 'stroke', css: string, opacity = 1): string {
  const paint = paintOf(css);
  const seen = paint.opacity * opacity;
  if (seen === 0) return `${what}="none"`;
  return `${what}="${paint.code}"${seen < 1 ? ` ${what}-opacity="${Math.round(1000 * seen) / 1000}"` : ''}`;
}

/** The colours of a computed gradient whose stops are evenly apart, from left to right. */
export function stopsOf(css: string): readonly string[] {
  if (!css.startsWith('linear-gradient(')) return [];
  return css.match(/(rgba?|color)\([^)]*\)/g) ?? [];
}
