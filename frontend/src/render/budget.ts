/** Points a frame, over all heads: what a graphics card, and what a processor in its stead, draws at a good pace. */
const BY_CARD = 600_000;
const BY_PROCESSOR = 80_000;
const PROCESSORS = /swiftshader|llvmpipe|software|basic render/i;

let known: boolean | null = null;

/** How many points a frame may hold on this machine. */
export function pointBudget(): number {
  return drawnByProcessor() ? BY_PROCESSOR : BY_CARD;
}

/** Whether there is no graphics card; found out once. */
export function drawnByProcessor(): boolean {
  known ??= PROCESSORS.test(rendererName());
  return known;
}

function rendererName(): string {
  const gl = document.createElement('canvas').getContext('webgl2');
  if (!gl) return '';
  const info = gl.getExtension('WEBGL_debug_renderer_info');
  const name: unknown = gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
  gl.getExtension('WEBGL_lose_context')?.loseContext();
  return String(name);
}
