import { escapeXml, short } from '../render/text';
import type { Box } from './layers';
import { painted, paintOf } from './paint';

/** Geometry that shapes keep as it is; how they look comes from what the browser has computed. */
const GEOMETRY = /^(x|y|x1|x2|y1|y2|cx|cy|r|rx|ry|width|height|d|points|transform|id|clip-path|href)$/;
const STYLES = ['stroke-width', 'stroke-dasharray', 'stroke-linecap', 'stroke-linejoin'] as const;
const PLAIN: Readonly<Record<string, string>> = {
  'stroke-dasharray': 'none',
  'stroke-linecap': 'butt',
  'stroke-linejoin': 'miter',
};

/** An inline `<svg>` of the page by itself: styles that a style sheet gave it are written into it. */
export function shapesOf(svg: SVGSVGElement, box: Box): string {
  const view = svg.getAttribute('viewBox');
  const overflow = getComputedStyle(svg).overflow === 'visible' ? ' overflow="visible"' : '';
  const inner = [...svg.children].map(shape).join('');
  if (inner === '') return '';
  return (
    `<svg x="${short(box.x)}" y="${short(box.y)}" width="${short(box.width)}" height="${short(box.height)}"` +
    `${view === null ? '' : ` viewBox="${escapeXml(view)}"`}${overflow}>${inner}</svg>`
  );
}

function shape(element: Element): string {
  const style = getComputedStyle(element);
  if (style.display === 'none' || style.visibility === 'hidden') return '';
  const name = element.localName;
  const attributes = [...element.attributes]
    .filter((attribute) => GEOMETRY.test(attribute.name))
    .map((attribute) => `${attribute.name}="${escapeXml(attribute.value)}"`);
  if (name !== 'clipPath' && name !== 'g') attributes.push(...styles(style));
  if (Number(style.opacity) < 1) attributes.push(`opacity="${short(Number(style.opacity))}"`);
  const text = name === 'text' || name === 'tspan' ? fontOf(style) : '';
  const inner = [...element.childNodes]
    .map((child) => {
      if (child instanceof Element) return shape(child);
      return text !== '' && child instanceof Text ? escapeXml(child.data) : '';
    })
    .join('');
  return `<${name} ${attributes.join(' ')}${text}${inner === '' ? '/>' : `>${inner}</${name}>`}`;
}

function styles(style: CSSStyleDeclaration): string[] {
  const fill = painted('fill', style.fill, Number(style.fillOpacity));
  const stroke = painted('stroke', style.stroke, Number(style.strokeOpacity));
  if (paintOf(style.stroke).opacity === 0) return [fill];
  const drawn = STYLES.map((name) => [name, style.getPropertyValue(name).replaceAll('px', '')] as const)
    .filter(([name, value]) => value !== '' && value !== PLAIN[name])
    .map(([name, value]) => `${name}="${value}"`);
  return [fill, stroke, ...drawn];
}

function fontOf(style: CSSStyleDeclaration): string {
  const { fontFamily, fontSize, fontWeight, textAnchor } = style;
  const anchor = textAnchor === 'start' ? '' : ` text-anchor="${textAnchor}"`;
  return `${anchor} font-family="${escapeXml(fontFamily)}" font-size="${fontSize.replace('px', '')}" font-weight="${fontWeight}"`;
}
