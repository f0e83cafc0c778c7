import neo4j, { type Driver } from 'neo4j-driver';
import { images } from '../../components/versions';
import { type ScratchServer, startServer } from './servers';

/** Starts an empty Neo4j whose administrator is `neo4j`. */
export function startNeo4j(): Promise<ScratchServer> {
  return startServer({
    name: 'neo4j',
    image: images.neo4j,
    uid: 7474,
    port: 7687,
    user: 'neo4j',
    // The root file system is read-only: everything that the server writes goes below /data.
    script: [
      // Once is enough: the password is set by a JVM of its own.
      '{ [ -e /data/home ] || export NEO4J_AUTH="neo4j/$PASSWORD"; }',
      'export NEO4J_HOME=/data/home TMPDIR=/data',
      // The first compiler alone starts the server with half of the processor time.
      'export JAVA_TOOL_OPTIONS="-Djava.io.tmpdir=/data -XX:TieredStopAtLevel=1"',
      'export NEO4J_server_memory_heap_initial__size=256m NEO4J_server_memory_heap_max__size=256m',
      'export NEO4J_server_memory_pagecache_size=64m NEO4J_dbms_usage__report_enabled=false',
      'export NEO4J_server_directories_logs=/data/logs',
      'mkdir -p /data/home/run /data/logs',
      'cp -R /var/lib/neo4j/conf /data/home && ln -sfn /var/lib/neo4j/lib /data/home/lib',
      'exec /startup/docker-entrypoint.sh neo4j',
    ].join(' && '),
    readinessProbe: { tcpSocket: { port: 7687 }, periodSeconds: 1 },
    readyWithinMs: 240_000,
    memory: '768Mi',
    secret: (username, password) => ({ username, password }),
  });
}

/** A driver as the server's administrator. */
export function neo4jDriver({ host, port, user, password }: ScratchServer): Driver {
  return neo4j.driver(`neo4j://${host}:${port}`, neo4j.auth.basic(user, password), {
    disableLosslessIntegers: true,
  });
}
