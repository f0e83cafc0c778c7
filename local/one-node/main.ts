import { Command } from 'commander';
import { UserError } from '../user-error';
import { deleteOneNodeCluster, oneNodeStatus, startOneNodeCluster, stopOneNodeCluster } from './cluster';

/** The one-node cluster by hand: `node dist/local/one-node/main.js start --name dev`. */
async function main(): Promise<void> {
  const program = new Command('one-node').description('The one-node Kubernetes cluster of this machine');
  const command = (name: string, description: string, run: (cluster: string) => Promise<unknown>) =>
    program
      .command(name)
      .description(description)
      .option('--name <name>', 'name of the cluster', 'dev')
      .action(async (options: { name: string }) => {
        const result = await run(options.name);
        if (result !== undefined) console.log(JSON.stringify(result, null, 2));
      });
  command('start', 'start it, or do nothing when it runs', startOneNodeCluster);
  command('stop', 'stop it and keep its data', stopOneNodeCluster);
  command('status', 'print what runs, as JSON', oneNodeStatus);
  command('delete', 'stop it and delete its data', deleteOneNodeCluster);
  await program.parseAsync();
}

main().catch((error: unknown) => {
  console.error(error instanceof UserError ? error.message : error);
  process.exitCode = 1;
});
