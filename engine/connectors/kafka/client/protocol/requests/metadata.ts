/** Who is there, and who leads what: Metadata v10, FindCoordinator v3. */
import type { KafkaRequest } from './kafka-request.ts';

export interface Node {
  readonly id: number;
  readonly host: string;
  readonly port: number;
}

export interface TopicAnswer {
  readonly errorCode: number;
  readonly name: string;
  /** Another one: deleted and created again. */
  readonly id: string;
  readonly internal: boolean;
  /** By partition number; −1: none. */
  readonly leaders: readonly number[];
}

export interface MetadataAnswer {
  readonly nodes: readonly Node[];
  readonly controller: number;
  readonly topics: readonly TopicAnswer[];
}

/** Null: all topics. */
export function metadata(names: readonly string[] | null): KafkaRequest<MetadataAnswer> {
  return {
    name: 'Metadata',
    key: 3,
    version: 10,
    write(w) {
      w.appendArray(names, (_, name) => w.appendNoUuid().appendString(name));
      // No topic is created by asking; no lists of rights.
      w.appendBoolean(false).appendBoolean(false).appendBoolean(false).appendTaggedFields();
    },
    read(r) {
      r.readInt32();
      const nodes = r.readArray(() => {
        const node = { id: r.readInt32(), host: r.readString(), port: r.readInt32() };
        r.readNullableString();
        return node;
      });
      r.readNullableString();
      const controller = r.readInt32();
      const topics = r.readArray(() => {
        const errorCode = r.readInt16();
        const name = r.readString();
        const id = r.readUuid();
        const internal = r.readBoolean();
        const leaders: number[] = [];
        r.readArray(() => {
          r.readInt16();
          const partition = r.readInt32();
          leaders[partition] = r.readInt32();
          r.readInt32();
          for (let list = 0; list < 3; list++) r.readArray(() => r.readInt32(), false);
        });
        r.readInt32();
        return { errorCode, name, id, internal, leaders: Array.from(leaders, (leader) => leader ?? -1) };
      });
      return { nodes, controller, topics };
    },
  };
}

export type CoordinatorKind = 'group' | 'transaction';

export interface CoordinatorAnswer {
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly node: Node;
}

export function findCoordinator(kind: CoordinatorKind, id: string): KafkaRequest<CoordinatorAnswer> {
  return {
    name: 'FindCoordinator',
    key: 10,
    version: 3,
    write(w) {
      w.appendString(id)
        .appendInt8(kind === 'group' ? 0 : 1)
        .appendTaggedFields();
    },
    read(r) {
      r.readInt32();
      return {
        errorCode: r.readInt16(),
        errorMessage: r.readNullableString(),
        node: { id: r.readInt32(), host: r.readString(), port: r.readInt32() },
      };
    },
  };
}
