// Lets the MCP conformance suite start under Node 20: a command of it that is not run here imports globSync, which
// came with Node 22. Used as `node --import ./conformance.mjs …`.
import { register } from 'node:module';

const hooks = `export async function resolve(specifier, context, next) {
  if (specifier === 'fs' && (context.parentURL ?? '').includes('/conformance/dist/')) {
    const source = "import fs from 'node:fs'; export * from 'node:fs'; export const globSync = fs.globSync;";
    return { url: 'data:text/javascript,' + encodeURIComponent(source), shortCircuit: true };
  }
  return next(specifier, context);
}`;
register('data:text/javascript,' + encodeURIComponent(hooks));
