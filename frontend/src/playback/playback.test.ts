import { beforeEach, describe, expect, it } from 'vitest';
import { Playback } from './playback.svelte';

const here = () => true;
let playback: Playback;

let now = 0;

/** Frames of 50 ms. */
function run(frames: number, has: (index: number) => boolean = here): void {
  for (let i = 0; i < frames; i++) {
    now += 50;
    playback.tick(now, has);
  }
}

beforeEach(() => {
  playback = new Playback(() => true);
  playback.setSteps([0, 100, 200, 300]);
});

describe('Playback', () => {
  it('starts at the newest step and follows it', () => {
    expect([playback.step, playback.following]).toEqual([300, true]);
    playback.setSteps([0, 100, 200, 300, 400]);
    run(20);
    expect(playback.step).toBe(400);
  });

  it('stays where the user went when new steps come', () => {
    playback.go(1);
    playback.setSteps([0, 100, 200, 300, 400]);
    run(20);
    expect([playback.step, playback.following]).toEqual([100, false]);
  });

  it('finds its step again when earlier ones are gone', () => {
    playback.go(2);
    playback.setSteps([200, 300]);
    expect(playback.step).toBe(200);
  });

  it.each([
    ['moves on to the same step', [100, 200, 300, 400], 200],
    ['rests at the nearest checkpoint where that step is gone', [0, 100], 100],
    ['rests at the nearest checkpoint where all steps after it are gone', [0], 0],
  ])('%s when other steps come amid a move', (_, steps, step) => {
    playback.go(1);
    playback.glideTo(2);
    run(3);
    playback.setSteps(steps);
    run(20);
    expect([playback.step, playback.place, playback.moving]).toEqual([step, steps.indexOf(step), false]);
  });

  it('plays from the start to the end at its speed, then stops', () => {
    playback.toggle();
    run(11); // half a second at two checkpoints a second
    expect(playback.place).toBeCloseTo(1, 1);
    run(60);
    expect([playback.place, playback.playing]).toEqual([3, false]);
  });

  it('goes round a loop, with a rest at its end, and waits there for its first points', () => {
    playback.loopOver(2, 1);
    expect(playback.loop).toEqual({ from: 100, to: 200 });
    playback.toggle();
    expect(playback.place).toBe(1);
    expect(playback.upcoming(3)).toEqual([2, 1, 2]);
    run(12);
    expect(playback.place).toBe(2);
    run(30, (index) => index !== 1);
    expect(playback.place).toBe(2);
    run(2);
    expect(playback.place).toBeLessThan(1.2);
    run(400);
    expect(playback.playing).toBe(true);
    playback.loop = null;
    run(100);
    expect([playback.step, playback.playing]).toEqual([300, false]);
  });

  it('takes an end of the loop from the shown step', () => {
    playback.go(1);
    playback.loopHere('from');
    expect(playback.loop).toEqual({ from: 100, to: 300 });
    playback.go(2);
    playback.loopHere('to');
    expect(playback.lap).toEqual({ from: 1, to: 2 });
  });

  it('waits for points that are not here', () => {
    playback.toggle();
    run(40, (index) => index < 2);
    expect(playback.place).toBe(1);
  });

  it('settles on the nearest checkpoint', () => {
    playback.go(1.3);
    expect(playback.between).toEqual({ from: 1, to: 2, mix: expect.closeTo(0.3) as number });
    playback.settle();
    run(20);
    expect(playback.place).toBe(1);
  });

  it('jumps where motion is not wanted', () => {
    playback = new Playback(() => false);
    playback.setSteps([0, 100, 200]);
    playback.glideTo(1);
    expect(playback.place).toBe(1);
    playback.toggle();
    run(9);
    expect([1, 2]).toContain(playback.place);
  });
});
