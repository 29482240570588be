import { describe, expect, it } from 'vitest';
import { DEFAULT_PROJECTION } from '../api/projection';
import { isOurs, ownPairs, type Place, readPlace, readTab, writePlace } from './url';

const projection = DEFAULT_PROJECTION;
const place: Place = {
  run: 'a b/ü&=',
  step: 1200,
  frame: 1200,
  layer: 5,
  head: 3,
  projection: { ...projection, method: 'tsne', perplexity: 50 },
  dims: 3,
  colour: 'position',
  tint: 'max_logit',
  sequence: 7,
  token: '12k',
  speed: 0.5,
  loop: '200-800',
  scalar: 'train/loss',
  scale: 'log',
  form: 'map',
  fill: 1,
  mean: 1,
  hide: 'special.first',
  off: '3.7',
  top: 2,
  least: 5,
  pins: 's200_1-4',
  shows: 'pinned',
  against: 0,
  position: '4k',
  cell: 12.5,
  view: '0.25_-0.125_2',
  turn: '0.6_0.4',
  panel: 520,
};

describe('the address', () => {
  it('says the whole place and is read back', () => {
    expect(readPlace(writePlace('#attnviz', place))).toEqual(place);
    expect(readPlace(writePlace('', { refit: 'live', projection }))).toEqual({ refit: 'live', projection });
  });

  it('leaves what TensorBoard keeps there as it was', () => {
    const hash = '#attnviz&_smoothingWeight=0.6&p.attnviz.step=5&p.other.run=x&odd%zz=1';
    expect(writePlace(hash, { step: 9, projection })).toBe(
      '#attnviz&_smoothingWeight=0.6&p.other.run=x&odd%zz=1&p.attnviz.step=9',
    );
  });

  it('knows whose tab is shown', () => {
    expect(readTab('#scalars&a=b')).toBe('scalars');
    expect(isOurs('#scalars&p.attnviz.step=3')).toBe(false);
    expect(isOurs('#attnviz&x=1')).toBe(true);
    expect(isOurs('')).toBe(true);
  });

  it('ignores values that cannot be', () => {
    expect(
      readPlace('#attnviz&p.attnviz.step=-1&p.attnviz.head=x&p.attnviz.dims=4&p.attnviz.projection=lda'),
    ).toEqual({ projection });
    expect(readPlace('#attnviz&p.attnviz.speed=3&p.attnviz.loop=9-3&p.attnviz.scale=square')).toEqual({
      projection,
    });
    expect(
      readPlace(
        '#attnviz&p.attnviz.top=4&p.attnviz.least=99&p.attnviz.off=a&p.attnviz.pins=9&p.attnviz.hide=all',
      ),
    ).toEqual({ projection });
    expect(readPlace('#attnviz&p.attnviz.token=12q&p.attnviz.colour=')).toEqual({ projection });
  });

  it('is the same however its pairs are encoded and ordered', () => {
    expect(ownPairs('#attnviz&p.attnviz.run=a%2Fb&x=1&p.attnviz.step=5')).toBe(
      ownPairs('#p.attnviz.step=5&p.attnviz.run=a/b'),
    );
    expect(ownPairs('#scalars&x=1')).toBe('');
  });
});
