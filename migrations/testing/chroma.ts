import { images } from '../../components/versions';
import { type ScratchServer, startServer } from './servers';

/** Starts an empty Chroma without the proxy in front of it: it takes any token. */
export function startChroma(): Promise<ScratchServer> {
  return startServer({
    name: 'chroma',
    image: images.chroma,
    uid: 65534,
    port: 8000,
    user: 'owner',
    // SQLite needs a folder for temporary files.
    script: 'export TMPDIR=/data; exec chroma run --path /data/store --host 0.0.0.0 --port 8000',
    readinessProbe: { httpGet: { path: '/api/v2/heartbeat', port: 8000 }, periodSeconds: 1 },
    secret: (_user, token) => ({ token }),
  });
}
