import type { Session } from './session.svelte';

/** Whether everything that was asked for is here and drawn, and nothing moves. */
export function isReady(session: Session): boolean {
  const { against } = session;
  const { runs, run } = session.data;
  if (!runs.value) return runs.error !== null;
  if (!run || run.error !== null) return true;
  const { tags, points } = session.steering;
  const asked = [
    session.data.probe,
    session.health.document,
    session.health.alerts,
    session.sentence.attention,
    session.trust.answer,
    session.sentence.pins,
    session.scoring,
    session.pointFigures,
    session.images.atlas,
    session.imageView.summaries,
    against.figures,
    tags,
    points,
  ];
  return (
    asked.every(({ loading }) => !loading) &&
    [session, against].every(({ matrix, headView }) => matrix.settled && headView.settled) &&
    !session.playback.moving &&
    !session.arrangement.gliding &&
    !session.matrixView.flying &&
    session.drawing === 0
  );
}
