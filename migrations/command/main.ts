/**
 * `migrate` and `seed` without the rest of the command line: `node dist/migrations/command/main.js migrate status --url …`.
 * The Kubernetes cluster of a stack is the one that KUBECONFIG leads to.
 */
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// Before anything else is loaded: compiled code from the last run halves the time to start.
enableCompileCache(join(__dirname, '..', '..', '.compile-cache'));

/* eslint-disable @typescript-eslint/no-require-imports */
const { runCommand } = require('./run-command') as typeof import('./run-command');

void runCommand(process.argv.slice(2)).then((exitCode) => process.exit(exitCode));
