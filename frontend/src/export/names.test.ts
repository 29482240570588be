import { expect, it } from 'vitest';
import { fileName } from './names';

it('says what a file is, in letters that every file system takes', () => {
  expect(fileName('induction-1121', ['L1H3', 'step1200', 'tsne'], 'svg')).toBe(
    'induction-1121_L1H3_step1200_tsne.svg',
  );
  expect(fileName('a/b: c?', [null, 'train/loss'], 'png')).toBe('a-b-c_train-loss.png');
  expect(fileName('.', ['health'], 'csv')).toBe('run_health.csv');
});
