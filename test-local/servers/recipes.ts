/** Every server that can be started. */
import type { Recipe } from './recipe.ts';
import { kafka } from './recipes/kafka.ts';
import { localstack } from './recipes/localstack.ts';
import { mariadb } from './recipes/mariadb.ts';
import { postgres } from './recipes/postgres.ts';
import { schemaRegistry } from './recipes/schema-registry.ts';
import type { ServerName } from './server.ts';

export const RECIPES: Readonly<Record<ServerName, Recipe>> = {
  kafka: kafka('4.3.1'),
  'kafka-3.9': kafka('3.9.2'),
  postgres,
  mariadb,
  'schema-registry': schemaRegistry,
  localstack,
};
