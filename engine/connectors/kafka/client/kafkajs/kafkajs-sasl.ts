/** SASL in the words of kafkajs. PLAIN and SCRAM are the library's own; its OAUTHBEARER takes a refused token for accepted, so that is ours. */
import type {
  AuthenticationProviderArgs,
  KafkaConfig,
  SaslAuthenticationRequest,
  SaslAuthenticationResponse,
} from 'kafkajs';
import type { KafkaSasl } from '../kafka-connection.ts';
import type { TokenCache } from '../token-cache.ts';

type Sasl = NonNullable<KafkaConfig['sasl']>;

export function kafkajsSasl(sasl: KafkaSasl, tokens: TokenCache | null): Sasl {
  if (sasl.mechanism !== 'OAUTHBEARER') {
    const { username, password } = sasl;
    switch (sasl.mechanism) {
      case 'PLAIN':
        return { mechanism: 'plain', username, password };
      case 'SCRAM-SHA-256':
        return { mechanism: 'scram-sha-256', username, password };
      case 'SCRAM-SHA-512':
        return { mechanism: 'scram-sha-512', username, password };
    }
  }
  return {
    mechanism: 'oauthbearer',
    authenticationProvider: ({ saslAuthenticate }: AuthenticationProviderArgs) => ({
      authenticate: async () => {
        const token = await tokens!.get();
        const refusal = await saslAuthenticate({ request: bearerRequest(token.token), response: BEARER_ANSWER });
        if (refusal) throw new Error(`SASL OAUTHBEARER authentication failed: ${refusal}`);
      },
    }),
  };
}

/** RFC 7628: `n,,^Aauth=Bearer <token>^A^A`, as bytes with their length before them. */
function bearerRequest(token: string): SaslAuthenticationRequest {
  const message = Buffer.from(`n,,\u0001auth=Bearer ${token}\u0001\u0001`);
  const framed = Buffer.alloc(4 + message.length);
  framed.writeInt32BE(message.length);
  framed.set(message, 4);
  return { encode: () => framed };
}

/** An accepted token is answered with nothing, a refused one with a JSON that says why. */
const BEARER_ANSWER: SaslAuthenticationResponse<string> = {
  decode: (bytes) => bytes.subarray(4),
  parse: (said) => said.toString(),
};
