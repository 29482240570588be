import { describe, expect, it } from 'vitest';
import { DEFAULT_PROJECTION } from '../run/projection';
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
  weight: 'values',
  off: '3.7',
  top: 2,
  least: 5,
  pins: 's200_1-4',
  shows: 'pinned',
  find: '"a b", micro* /^[0-9]+$/&',
  find_in: 'keys',
  find_case: 1,
  only: '0-11.15',
  only_label: 'part%20of%20speech:NOUN|X%3B;length:1..4',
  marked: '3-5.2000',
  against: 'other run',
  against_step: 300,
  way: 'beside',
  trail: 'all',
  compared: 0,
  position: '4k',
  cell: 12.5,
  head_view: '0.25_-0.125_2',
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

  it('says how the matrix is arranged', () => {
    const place = {
      arrange: 'max_logit',
      order: 'up',
      sorted: 400,
      since: 0,
      heads: 'L4-8, cross',
      range: 'entropy..0.1..0.3',
      pinned: '5-3.0-11',
      border: 'sink',
      curves: 0,
      view: '2.5_-0.25_1.4',
      projection,
    } as const;
    expect(readPlace(writePlace('', place))).toEqual(place);
    expect(readPlace('#attnviz&p.attnviz.range=entropy....3e-2')).toEqual({
      range: 'entropy....3e-2',
      projection,
    });
    expect(
      readPlace(
        '#attnviz&p.attnviz.range=entropy....&p.attnviz.pinned=5.3&p.attnviz.view=1_2&p.attnviz.order=left&p.attnviz.arrange=%3Cb%3E&p.attnviz.curves=2',
      ),
    ).toEqual({ projection });
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
    expect(readPlace('#attnviz&p.attnviz.against_step=old&p.attnviz.way=up&p.attnviz.trail=4')).toEqual({
      projection,
    });
    expect(
      readPlace('#attnviz&p.attnviz.find_in=all&p.attnviz.only=a&p.attnviz.marked=3-&p.attnviz.find_case=2'),
    ).toEqual({
      projection,
    });
    expect(readPlace('#attnviz&p.attnviz.token=12q&p.attnviz.colour=')).toEqual({ projection });
  });

  it('is the same however its pairs are encoded and ordered', () => {
    expect(ownPairs('#attnviz&p.attnviz.run=a%2Fb&x=1&p.attnviz.step=5')).toBe(
      ownPairs('#p.attnviz.step=5&p.attnviz.run=a/b'),
    );
    expect(ownPairs('#scalars&x=1')).toBe('');
  });
});
