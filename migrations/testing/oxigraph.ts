import { images } from '../../components/versions';
import { type ScratchServer, startServer } from './servers';

/** Starts an empty Oxigraph without the proxy in front of it: it takes any credentials. */
export function startOxigraph(): Promise<ScratchServer> {
  return startServer({
    name: 'oxigraph',
    image: images.oxigraph,
    uid: 65534,
    port: 7878,
    user: 'owner',
    script: 'exec oxigraph serve --location /data/store --bind 0.0.0.0:7878',
    readinessProbe: { httpGet: { path: '/', port: 7878 }, periodSeconds: 1 },
    secret: (username, password) => ({ username, password }),
  });
}
