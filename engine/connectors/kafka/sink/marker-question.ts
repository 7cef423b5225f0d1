/** What is said when nobody can tell whether a committed epoch is in Kafka, and how it is answered: by setting the marker. */
import { ConfigError } from '../../../model/errors.ts';
import type { Publication, SinkContext } from '../../../ports/sink.ts';
import { StagedFrames } from './record-frames.ts';
import { transactionalIdOf, type MarkerPlace, type SlotMarker } from './slot-marker.ts';

/** `expected`: a newer marker that this process has seen before. */
export function markerQuestion(
  ctx: SinkContext,
  place: MarkerPlace,
  { run, epoch, slot, records, chunks }: Publication,
  found: SlotMarker | null,
  expected: SlotMarker | null,
): ConfigError {
  const group = transactionalIdOf(place, slot);
  const state =
    found === null
      ? 'is not there'
      : expected === null
        ? `belongs to the older run ${found.run}`
        : `says epoch ${found.epoch}, but said epoch ${expected.epoch} before`;
  const answer = (published: 'yes' | 'no'): string =>
    `millrace marker kafka --published ${published} --group ${group} --topic ${place.topic} --job ${ctx.job} --sink ${ctx.sink} --run ${run} --epoch ${epoch} --bootstrap-server …`;
  return new ConfigError(
    `job "${ctx.job}", sink "${ctx.sink}", slot ${slot}: the marker in Kafka (group "${group}", topic "${place.topic}", partition 0) ${state}. It was deleted with its group or topic, or it expired while the job stood still (offsets.retention.minutes). Epoch ${epoch} of run ${run} is committed in the job; whether its ${records} records of this slot are in ${[...new StagedFrames(chunks).topics()].map((topic) => `"${topic}"`).join(', ')} cannot be told: writing them might double them, passing over them might lose them. Look whether they are there (read_committed, at the end of the topic), then answer, and start the job again:\n  they are there:  ${answer('yes')}\n  they are not:    ${answer('no')}`,
    { group, topic: place.topic, slot, run, epoch, question: true },
  );
}
