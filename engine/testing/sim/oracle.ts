export { checkOracle } from './oracle-todo.ts';
