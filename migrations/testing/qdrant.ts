import { images } from '../../components/versions';
import { type ScratchServer, startServer } from './servers';

/** Starts an empty Qdrant; the server's `password` is its API key, and its read-only key is the same with `-read`. */
export function startQdrant(): Promise<ScratchServer> {
  return startServer({
    name: 'qdrant',
    image: images.qdrant,
    uid: 1000,
    port: 6333,
    user: 'the API key',
    script: [
      'export QDRANT__STORAGE__STORAGE_PATH=/data/storage QDRANT__STORAGE__SNAPSHOTS_PATH=/data/snapshots',
      'export QDRANT__SERVICE__API_KEY="$PASSWORD" QDRANT__SERVICE__READ_ONLY_API_KEY="$PASSWORD-read"',
      'export QDRANT_INIT_FILE_PATH=/data/initialized; cd /qdrant; exec ./entrypoint.sh',
    ].join('; '),
    readinessProbe: { httpGet: { path: '/readyz', port: 6333 }, periodSeconds: 1 },
    memory: '512Mi',
    secret: (_user, apiKey) => ({ apiKey }),
  });
}
