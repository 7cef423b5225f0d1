/**
 * Programs that lie outside of the repository: `millrace` and its subpaths, imported there, are this checkout's sources. The same modules
 * as the runner's own, so that a class is the same class on both sides.
 */
import { registerHooks } from 'node:module';

/** Resolves as if the import stood in this file, which lies inside the package. */
export function resolveMillraceHere(): void {
  registerHooks({
    resolve: (specifier, context, nextResolve) =>
      specifier === 'millrace' || specifier.startsWith('millrace/')
        ? nextResolve(specifier, { ...context, parentURL: import.meta.url })
        : nextResolve(specifier, context),
  });
}
