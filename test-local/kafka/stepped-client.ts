/** A client of real brokers whose calls for a sink are two steps each, as those of FakeKafka. */
import type { KafkaClient, TransactionalProducer } from '../../engine/connectors/kafka/client/kafka-client.ts';
import type { OnStep } from '../../engine/connectors/kafka/sink/fake-kafka-fixture.ts';

const STEPS: Readonly<Record<string, string>> = {
  topics: 'topics',
  committed: 'read the marker',
  transactionalProducer: 'fence',
  send: 'send',
  sendOffsets: 'write the marker',
  commit: 'commit',
  abort: 'abort',
};

export function steppedClient(client: KafkaClient, onStep: OnStep): KafkaClient {
  return onSteps(client, onStep);
}

function onSteps<O extends object>(target: O, onStep: OnStep): O {
  return new Proxy(target, {
    get: (of, name) => {
      const value: unknown = Reflect.get(of, name);
      if (typeof value !== 'function') return value;
      const step = typeof name === 'string' ? STEPS[name] : undefined;
      if (step === undefined) return (...args: unknown[]): unknown => Reflect.apply(value, of, args);
      return async (...args: unknown[]): Promise<unknown> => {
        await onStep(`before ${step}`);
        const result: unknown = await Reflect.apply(value, of, args);
        await onStep(`after ${step}`);
        return name === 'transactionalProducer' ? onSteps(result as TransactionalProducer, onStep) : result;
      };
    },
  });
}
