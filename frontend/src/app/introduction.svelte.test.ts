import { describe, expect, it } from 'vitest';
import { browserStorage, Introduction, STEPS } from './introduction.svelte';

function storage() {
  const held = new Map<string, string>();
  return {
    held,
    getItem: (key: string) => held.get(key) ?? null,
    setItem: (key: string, value: string) => void held.set(key, value),
  };
}

describe('the first-visit hint', () => {
  it('is shown once in a browser', () => {
    const shared = storage();
    const first = new Introduction(shared);
    first.offer();
    expect(first.step).toBe(0);
    expect([...shared.held.keys()]).toEqual(['tb-attnviz.introduced']);
    const second = new Introduction(shared);
    second.offer();
    expect(second.step).toBeNull();
    second.start(); // asked for
    expect(second.step).toBe(0);
  });

  it('walks on, back, and out at the end', () => {
    const hint = new Introduction(null);
    hint.start();
    hint.go(-1);
    expect(hint.step).toBe(0);
    for (let i = 1; i < STEPS; i++) {
      hint.go(1);
      expect(hint.step).toBe(i);
    }
    hint.go(1);
    expect(hint.step).toBeNull();
    hint.go(1);
    expect(hint.step).toBeNull();
  });

  it('is offered once a page where storage is blocked', () => {
    const refuse = () => {
      throw new DOMException('denied', 'SecurityError');
    };
    const hint = new Introduction({ getItem: refuse, setItem: refuse });
    hint.offer();
    expect(hint.step).toBe(0);
    hint.close();
    hint.offer();
    expect(hint.step).toBeNull();
    expect(browserStorage(Object.defineProperty({}, 'localStorage', { get: refuse }) as Window)).toBeNull();
  });
});
