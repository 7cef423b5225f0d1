/** Public entry `millrace/connectors/datagen`. */
export { DataGeneratorSource, type DataGeneratorOptions } from './data-generator-source.ts';
