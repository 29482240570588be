import { mount } from 'svelte';
import App from './app/App.svelte';
import { findHost } from './base/host';
import { HttpSource } from './source/http';
import { SyntheticSource } from './source/synthetic';

/** The page of `npm run dev`: ?synthetic shows a made-up run (&layers=12&heads=12&tokens=2528&checkpoints=40
 * &fitting=5&slow=900&live=5000&long=512&images), else the routes of a TensorBoard, ?server=http://localhost:6006/. */
const options = new URLSearchParams(location.search);
const whole = (name: string): number | undefined => {
  const text = options.get(name);
  return text === null ? undefined : Number(text);
};

function synthetic(): SyntheticSource {
  const [layers, heads] = [whole('layers'), whole('heads')];
  const named = ['tokens', 'checkpoints', 'fitting', 'slow', 'live', 'long'].flatMap((name) => {
    const value = whole(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return new SyntheticSource({
    ...Object.fromEntries(named),
    images: options.has('images'),
    ...(layers !== undefined && { heads: new Array<number>(layers).fill(heads ?? 8) }),
  });
}

const server = new URL('data/plugin/attnviz/', options.get('server') ?? location.origin);
const source = options.has('synthetic') ? synthetic() : new HttpSource(server);
if (options.has('dark')) document.body.classList.add('dark-mode');
mount(App, { target: document.body, props: { source, host: findHost() } });
