/** Topics and settings: CreateTopics v5, DeleteTopics v5, CreatePartitions v2, DescribeConfigs v4. */
import type { WireReader } from '../wire-reader.ts';
import type { KafkaRequest } from './kafka-request.ts';

export interface Outcome {
  readonly errorCode: number;
  readonly errorMessage: string | null;
}

export interface NewTopic {
  readonly name: string;
  readonly partitions: number;
  /** −1: the brokers' default. */
  readonly replicationFactor: number;
  readonly configs: Readonly<Record<string, string>>;
}

export function createTopic(topic: NewTopic, timeoutMs: number): KafkaRequest<Outcome> {
  return {
    name: 'CreateTopics',
    key: 19,
    version: 5,
    write(w) {
      w.appendArray([topic], (_, { name, partitions, replicationFactor, configs }) => {
        w.appendString(name).appendInt32(partitions).appendInt16(replicationFactor);
        w.appendArray([], () => {});
        w.appendArray(Object.entries(configs), (__, [key, value]) => w.appendString(key).appendString(value));
      });
      w.appendInt32(timeoutMs).appendBoolean(false).appendTaggedFields();
    },
    read(r) {
      r.readInt32();
      return readFirst(r, () => {
        r.readInt32();
        r.readInt16();
        r.readArray(() => {
          r.readString();
          r.readNullableString();
          r.readBoolean();
          r.readInt8();
          r.readBoolean();
        });
      });
    },
  };
}

export function deleteTopic(name: string, timeoutMs: number): KafkaRequest<Outcome> {
  return {
    name: 'DeleteTopics',
    key: 20,
    version: 5,
    write(w) {
      w.appendArray([name], (_, topic) => w.appendString(topic), false);
      w.appendInt32(timeoutMs).appendTaggedFields();
    },
    read(r) {
      r.readInt32();
      return readFirst(r, () => {});
    },
  };
}

export function createPartitions(topic: string, total: number, timeoutMs: number): KafkaRequest<Outcome> {
  return {
    name: 'CreatePartitions',
    key: 37,
    version: 2,
    write(w) {
      w.appendArray([topic], (_, name) => {
        w.appendString(name)
          .appendInt32(total)
          .appendArray(null, () => {});
      });
      w.appendInt32(timeoutMs).appendBoolean(false).appendTaggedFields();
    },
    read(r) {
      r.readInt32();
      return readFirst(r, () => {});
    },
  };
}

/** `name error_code error_message …` of the one thing that was asked for. */
function readFirst(r: WireReader, skipRest: () => void): Outcome {
  const [outcome] = r.readArray(() => {
    r.readString();
    const result = { errorCode: r.readInt16(), errorMessage: r.readNullableString() };
    skipRest();
    return result;
  });
  return outcome!;
}

const BROKER_RESOURCE = 4;

export interface SettingAnswer extends Outcome {
  /** Null: there is no such setting, or it is secret. */
  readonly value: string | null;
}

export function describeBrokerSetting(node: number, setting: string): KafkaRequest<SettingAnswer> {
  return {
    name: 'DescribeConfigs',
    key: 32,
    version: 4,
    write(w) {
      w.appendArray([setting], (_, name) => {
        w.appendInt8(BROKER_RESOURCE).appendString(String(node));
        w.appendArray([name], (__, key) => w.appendString(key), false);
      });
      w.appendBoolean(false).appendBoolean(false).appendTaggedFields();
    },
    read(r) {
      r.readInt32();
      const [answer] = r.readArray(() => {
        const errorCode = r.readInt16();
        const errorMessage = r.readNullableString();
        r.readInt8();
        r.readString();
        const values = r.readArray(() => readSetting(r));
        return { errorCode, errorMessage, value: values.find(({ name }) => name === setting)?.value ?? null };
      });
      return answer!;
    },
  };
}

function readSetting(r: WireReader): { name: string; value: string | null } {
  const name = r.readString();
  const value = r.readNullableString();
  r.readBoolean();
  r.readInt8();
  r.readBoolean();
  r.readArray(() => {
    r.readString();
    r.readNullableString();
    r.readInt8();
  });
  r.readInt8();
  r.readNullableString();
  return { name, value };
}
