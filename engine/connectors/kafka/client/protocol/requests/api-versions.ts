/** ApiVersions v3: what a broker speaks. A broker before 2.4 answers in the form of v0, with the error UNSUPPORTED_VERSION. */
import type { KafkaRequest } from './kafka-request.ts';

export interface BrokerFeatures {
  /** 2: the broker adds partitions to transactions itself, and EndTxn v5 consumes the epoch (KIP-890). */
  readonly transactionVersion: number;
  /** By API key. */
  readonly versions: ReadonlyMap<number, readonly [min: number, max: number]>;
}

export type ApiVersionsAnswer = {
  readonly errorCode: number;
  readonly features: BrokerFeatures;
};

const FINALIZED_FEATURES_TAG = 2;

export function apiVersions(): KafkaRequest<ApiVersionsAnswer> {
  return {
    name: 'ApiVersions',
    key: 18,
    version: 3,
    write(w) {
      w.appendString('millrace').appendString('1').appendTaggedFields();
    },
    read(r) {
      const errorCode = r.readInt16();
      if (errorCode !== 0)
        return {
          errorCode,
          features: { transactionVersion: 0, versions: new Map() },
        };
      const versions = new Map<number, readonly [number, number]>();
      r.readArray(() => void versions.set(r.readInt16(), [r.readInt16(), r.readInt16()]));
      r.readInt32();
      const features = r.readTaggedFields().get(FINALIZED_FEATURES_TAG);
      const levels = features?.readArray(() => {
        const feature = {
          name: features.readString(),
          level: features.readInt16(),
        };
        features.readInt16();
        return feature;
      });
      const transactionVersion = levels?.find(({ name }) => name === 'transaction.version')?.level ?? 0;
      return { errorCode, features: { transactionVersion, versions } };
    },
  };
}
