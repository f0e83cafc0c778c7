import * as fs from 'node:fs';
import * as path from 'node:path';
import { hash } from '../go-build';
import { mavenDependencies, mavenVersion } from '../maven';
import type { ImageFiles } from './recipes';

const HOME = 'var/lib/neo4j';
const UID = 7474;

/** The JVM options that the official configuration has and that matter in a container. */
const CONFIGURATION = [
  '-XX:+UseG1GC',
  '-XX:+AlwaysPreTouch',
  '-XX:+DisableExplicitGC',
  '-Djdk.nio.maxCachedBufferSize=1024',
  '-Dio.netty.tryReflectionSetAccessible=true',
  '-Dlog4j2.disable.jmx=true',
  '--add-opens=java.base/java.nio=ALL-UNNAMED',
  '--add-opens=java.base/java.io=ALL-UNNAMED',
  '--add-opens=java.base/sun.nio.ch=ALL-UNNAMED',
]
  .map((option) => `server.jvm.additional=${option}\n`)
  .join('');

/**
 * Writes the settings in the environment into neo4j.conf and starts the server, as the official image does.
 * @see https://neo4j.com/docs/operations-manual/5/docker/configuration/
 */
const ENTRYPOINT = String.raw`#!/bin/bash
set -euo pipefail
conf="$NEO4J_HOME/conf/neo4j.conf"
java=(java -cp "$NEO4J_HOME/lib/*" "-Dbasedir=$NEO4J_HOME")

set_value() {
  touch "$conf"
  # JVM options add up; any other setting may stand only once.
  if [[ "$1" != server.jvm.additional ]]; then
    others=$(awk -v start="$1=" 'index($0, start) != 1' "$conf")
    printf '%s\n' "$others" > "$conf"
  fi
  printf '%s=%s\n' "$1" "$2" >> "$conf"
}

[[ "$1" == neo4j ]] || exec "$@"
if [[ -n "\${NEO4J_PLUGINS:-}" ]]; then
  echo 'This image has no plugins: leave NEO4J_PLUGINS unset, or use the official image.' >&2
  exit 1
fi

set_value server.default_listen_address 0.0.0.0
set_value server.directories.data /data
set_value server.directories.logs /logs
for variable in $(compgen -e NEO4J_ | sort); do
  case "$variable" in NEO4J_AUTH | NEO4J_EDITION | NEO4J_HOME | NEO4J_PLUGINS) continue ;; esac
  # In names of variables an underscore is a dot, and two are one underscore.
  name=$(sed 's/__/\n/g; s/_/./g; s/\n/_/g' <<< "\${variable#NEO4J_}")
  [[ -z "\${!variable}" ]] || set_value "$name" "\${!variable}"
done

if [[ "\${NEO4J_AUTH:-}" == none ]]; then
  set_value dbms.security.auth_enabled false
elif [[ "\${NEO4J_AUTH:-}" == neo4j/* ]]; then
  "\${java[@]}" org.neo4j.server.startup.Neo4jAdminCommand dbms set-initial-password "\${NEO4J_AUTH#neo4j/}"
elif [[ -n "\${NEO4J_AUTH:-}" ]]; then
  echo 'NEO4J_AUTH must be none or neo4j/<password>.' >&2
  exit 1
fi
unset NEO4J_AUTH

# The command quotes what needs it, for a shell.
command=$("\${java[@]}" org.neo4j.server.startup.Neo4jCommand console --dry-run)
eval "exec $command"
`.replaceAll('\\${', '${');

/** Server, start script and folders of the Neo4j image, in the layout of the official one. */
export const neo4jFiles: ImageFiles = {
  version: hash([mavenVersion('neo4j'), CONFIGURATION, ENTRYPOINT]),
  async add(root) {
    const home = path.join(root, HOME);
    fs.mkdirSync(path.join(home, 'conf'), { recursive: true });
    fs.cpSync(await mavenDependencies('neo4j'), path.join(home, 'lib'), { recursive: true });
    fs.writeFileSync(path.join(home, 'conf', 'neo4j.conf'), CONFIGURATION);
    fs.mkdirSync(path.join(root, 'startup'));
    fs.writeFileSync(path.join(root, 'startup', 'docker-entrypoint.sh'), ENTRYPOINT);
    fs.chmodSync(path.join(root, 'startup', 'docker-entrypoint.sh'), 0o755);
    for (const folder of ['data', 'logs', path.join(HOME, 'run')]) {
      fs.mkdirSync(path.join(root, folder));
      fs.chownSync(path.join(root, folder), UID, UID);
    }
  },
};
