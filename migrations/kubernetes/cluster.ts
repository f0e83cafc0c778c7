import * as http from 'node:http';
import * as https from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { openTunnel, type Tunnel } from './tunnel';

export type { Tunnel } from './tunnel';

/** An error answer of the Kubernetes API server, or no answer at all (status 0). */
export class KubernetesError extends Error {
  constructor(
    /** HTTP status; 0 when the server could not be reached. */
    readonly status: number,
    /** Machine-readable reason, such as `NotFound`, `Invalid`, `Conflict`, `Unreachable`. */
    readonly reason: string,
    message: string,
    readonly details?: { causes?: { field?: string; message?: string; reason?: string }[] },
  ) {
    super(message);
    this.name = 'KubernetesError';
  }
}

/** A Kubernetes object of any kind. */
export interface KubernetesObject {
  apiVersion: string;
  kind: string;
  metadata: {
    name?: string;
    namespace?: string;
    uid?: string;
    generation?: number;
    resourceVersion?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    deletionTimestamp?: string;
    [key: string]: unknown;
  };
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  [key: string]: any;
}

interface RequestOptions {
  query?: Record<string, string | undefined>;
  body?: unknown;
  /** Default `application/json`. */
  contentType?: string;
  /** Default `application/json`. */
  accept?: string;
  /** Milliseconds until the request is given up; default 30000. */
  timeoutMs?: number;
  /** Gets each warning of the API server; default none. @see https://kubernetes.io/blog/2020/09/03/warnings/ */
  onWarning?: (text: string) => void;
}

interface ApiResource {
  name: string;
  kind: string;
  namespaced: boolean;
}

/** One Kubernetes cluster, reached with the rules of kubectl (KUBECONFIG, ~/.kube/config, in-cluster). */
export class KubernetesCluster {
  private readonly discovered = new Map<string, Promise<ApiResource[]>>();
  private readonly agent: https.Agent | http.Agent;
  private readonly server: URL;

  private constructor(readonly config: KubeConfig) {
    const cluster = config.getCurrentCluster();
    if (!cluster)
      throw new KubernetesError(
        0,
        'NoCluster',
        'No Kubernetes cluster is configured: set KUBECONFIG or kubeContext.',
      );
    this.server = new URL(cluster.server);
    this.agent =
      this.server.protocol === 'http:'
        ? new http.Agent({ keepAlive: true })
        : new https.Agent({ keepAlive: true });
  }

  /**
   * Loads a cluster from kubeconfig text, or from the files kubectl would read, optionally at a named context.
   * @throws KubernetesError reason `NoContext` when the context is not in the kubeconfig.
   */
  static load(options: { kubeconfig?: string; context?: string } = {}): KubernetesCluster {
    const config = newKubeConfig();
    if (options.kubeconfig) config.loadFromString(options.kubeconfig);
    else loadDefault(config);
    if (options.context) {
      const known = config.getContexts().map((c) => c.name);
      if (!known.includes(options.context)) {
        throw new KubernetesError(
          0,
          'NoContext',
          `Kubernetes context "${options.context}" is not in the kubeconfig; it has: ${known.join(', ') || 'none'}.`,
        );
      }
      config.setCurrentContext(options.context);
    }
    return new KubernetesCluster(config);
  }

  /** Sends one request to the API server and returns its decoded JSON (or text where the answer is not JSON). */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  async request<T = any>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    const url = new URL(this.server.pathname.replace(/\/$/, '') + path, this.server);
    for (const [key, value] of Object.entries(options.query ?? {}))
      if (value !== undefined) url.searchParams.append(key, value);
    const payload = options.body === undefined ? undefined : JSON.stringify(options.body);
    const request: https.RequestOptions = {
      method,
      agent: this.agent,
      timeout: options.timeoutMs ?? 30_000,
      headers: {
        accept: options.accept ?? 'application/json',
        ...(payload
          ? {
              'content-type': options.contentType ?? 'application/json',
              'content-length': Buffer.byteLength(payload),
            }
          : {}),
      },
    };
    await this.config.applyToHTTPSOptions(request).catch((error: Error) => {
      throw new KubernetesError(
        0,
        'Unreachable',
        `The kubeconfig leads to no usable cluster: ${error.message}.`,
      );
    });
    request.agent = this.agent;
    const { status, text, type, warnings } = await this.send(url, request, payload);
    for (const [, warning] of warnings.matchAll(/299 - "((?:[^"\\]|\\.)*)"/g))
      options.onWarning?.(warning!.replace(/\\(.)/g, '$1'));
    // A log may be one line of JSON, and is text all the same.
    const parsed = type.startsWith('text/plain') ? text : parseJson(text);
    if (status >= 200 && status < 300) return parsed as T;
    const failure = parsed as
      { reason?: string; message?: string; details?: KubernetesError['details'] } | undefined;
    throw new KubernetesError(
      status,
      failure?.reason ?? `HTTP${status}`,
      failure?.message ?? text,
      failure?.details,
    );
  }

  private send(
    url: URL,
    options: https.RequestOptions,
    payload?: string,
  ): Promise<{ status: number; text: string; type: string; warnings: string }> {
    const client = url.protocol === 'http:' ? http : https;
    return new Promise((resolve, reject) => {
      const unreachable = (why: string) =>
        reject(
          new KubernetesError(
            0,
            'Unreachable',
            `The Kubernetes API server at ${this.server.href} cannot be reached: ${why}`,
          ),
        );
      const request = client.request(url, options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', (error) => unreachable(error.message));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            text: Buffer.concat(chunks).toString('utf8'),
            type: response.headers['content-type'] ?? '',
            warnings: response.headers.warning ?? '',
          }),
        );
      });
      request.on('timeout', () => request.destroy(new Error(`no answer within ${options.timeout} ms`)));
      request.on('error', (error) => unreachable(error.message));
      request.end(payload);
    });
  }

  /** Path of a kind's collection, or of one object in it, found through API discovery. */
  async path(apiVersion: string, kind: string, namespace?: string, name?: string): Promise<string> {
    const resource = await this.resource(apiVersion, kind);
    const scope = resource.namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : '';
    return `${apiRoot(apiVersion)}${scope}/${resource.name}${name ? `/${encodeURIComponent(name)}` : ''}`;
  }

  /** Whether a kind is namespaced. */
  async namespaced(apiVersion: string, kind: string): Promise<boolean> {
    return (await this.resource(apiVersion, kind)).namespaced;
  }

  private async resource(apiVersion: string, kind: string): Promise<ApiResource> {
    const find = async () =>
      (await this.discover(apiVersion)).find((r) => r.kind === kind && !r.name.includes('/'));
    let found = await find();
    if (!found) {
      this.discovered.delete(apiVersion);
      found = await find();
    }
    if (!found) {
      throw new KubernetesError(
        404,
        'NoKind',
        `The cluster has no kind ${kind} in ${apiVersion}: is its operator (CRD) installed?`,
      );
    }
    return found;
  }

  private discover(apiVersion: string): Promise<ApiResource[]> {
    let pending = this.discovered.get(apiVersion);
    if (!pending) {
      pending = this.request<{ resources: ApiResource[] }>('GET', apiRoot(apiVersion)).then(
        (list) => list.resources,
        (error: KubernetesError) => {
          this.discovered.delete(apiVersion);
          if (error.status === 404) return [];
          throw error;
        },
      );
      this.discovered.set(apiVersion, pending);
    }
    return pending;
  }

  /** Reads one object; undefined when it (or its kind) does not exist. */
  async read(
    apiVersion: string,
    kind: string,
    namespace: string | undefined,
    name: string,
  ): Promise<KubernetesObject | undefined> {
    try {
      return await this.request('GET', await this.path(apiVersion, kind, namespace, name));
    } catch (error) {
      if (error instanceof KubernetesError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** Lists the objects of a kind, in one namespace or in all. */
  async list(
    apiVersion: string,
    kind: string,
    namespace?: string,
    labelSelector?: string,
  ): Promise<KubernetesObject[]> {
    const answer = await this.request<{ items: KubernetesObject[] }>(
      'GET',
      await this.path(apiVersion, kind, namespace),
      {
        query: { labelSelector },
      },
    );
    return answer.items.map((item) => ({ ...item, apiVersion, kind }));
  }

  /**
   * Applies an object server-side and returns the live result.
   * @see https://kubernetes.io/docs/reference/using-api/server-side-apply/
   */
  async apply(
    object: KubernetesObject,
    options: { fieldManager: string; force?: boolean; dryRun?: boolean },
  ): Promise<KubernetesObject> {
    const { apiVersion, kind, metadata } = object;
    return this.request('PATCH', await this.path(apiVersion, kind, metadata.namespace, metadata.name), {
      query: {
        fieldManager: options.fieldManager,
        force: options.force ? 'true' : undefined,
        dryRun: options.dryRun ? 'All' : undefined,
        fieldValidation: 'Strict',
      },
      body: object,
      contentType: 'application/apply-patch+yaml',
    });
  }

  /** Deletes one object; resolves false when it did not exist. */
  async delete(
    apiVersion: string,
    kind: string,
    namespace: string | undefined,
    name: string,
    options: { propagationPolicy?: 'Foreground' | 'Background' | 'Orphan'; gracePeriodSeconds?: number } = {},
  ): Promise<boolean> {
    try {
      await this.request('DELETE', await this.path(apiVersion, kind, namespace, name), {
        body: {
          kind: 'DeleteOptions',
          apiVersion: 'v1',
          propagationPolicy: options.propagationPolicy ?? 'Foreground',
          gracePeriodSeconds: options.gracePeriodSeconds,
        },
      });
      return true;
    } catch (error) {
      if (error instanceof KubernetesError && error.status === 404) return false;
      throw error;
    }
  }

  /** Decoded data of a Secret; undefined when the Secret does not exist. */
  async secret(namespace: string, name: string): Promise<Record<string, string> | undefined> {
    const found = await this.read('v1', 'Secret', namespace, name);
    if (!found) return undefined;
    const data = (found.data ?? {}) as Record<string, string>;
    return Object.fromEntries(
      Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
    );
  }

  /** Opens a tunnel to a pod's port, whether or not the pod exists yet; see {@link openTunnel}. */
  forward(namespace: string, pod: string, port: number): Promise<Tunnel> {
    return openTunnel(this.config, { namespace, pod, port });
  }

  /**
   * Opens a tunnel to one ready pod behind a Service.
   * @throws KubernetesError reason `NoEndpoint` when no pod behind it is ready, `ForeignEndpoint` when its endpoints name a
   * pod of another namespace.
   */
  async forwardService(namespace: string, service: string, port: number | string): Promise<Tunnel> {
    if (!/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/.test(service))
      throw new KubernetesError(0, 'Invalid', `${JSON.stringify(service)} is no name of a Service.`);
    const slices = await this.list(
      'discovery.k8s.io/v1',
      'EndpointSlice',
      namespace,
      `kubernetes.io/service-name=${service}`,
    );
    for (const slice of slices) {
      const wanted =
        (slice.ports ?? []).find(
          (p: { name?: string; port?: number }) => p.name === port || p.port === port,
        ) ?? slice.ports?.[0];
      for (const endpoint of slice.endpoints ?? []) {
        const { conditions, targetRef } = endpoint;
        if (conditions?.ready === false || targetRef?.kind !== 'Pod' || !wanted?.port) continue;
        if ((targetRef.namespace ?? namespace) !== namespace) {
          throw new KubernetesError(
            0,
            'ForeignEndpoint',
            `Service ${namespace}/${service} leads to pod ${targetRef.name} of namespace ${targetRef.namespace}: nothing is sent there. Remove the EndpointSlice ${slice.metadata.name}.`,
          );
        }
        return this.forward(namespace, targetRef.name, wanted.port);
      }
    }
    throw new KubernetesError(
      0,
      'NoEndpoint',
      `Service ${namespace}/${service} has no ready pod to connect to. Check the namespace, and that the store runs.`,
    );
  }
}

function apiRoot(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function newKubeConfig(): KubeConfig {
  // Loaded when a cluster is used, not by programs that only declare objects, and without the rest of the package: seconds.
  /* eslint-disable-next-line @typescript-eslint/no-require-imports -- an import would load it at once */
  const module: typeof import('@kubernetes/client-node') = require('@kubernetes/client-node/dist/config.js');
  return new module.KubeConfig();
}

function loadDefault(config: KubeConfig): void {
  try {
    config.loadFromDefault();
  } catch (error) {
    throw new KubernetesError(
      0,
      'NoCluster',
      `The kubeconfig cannot be read: ${(error as Error).message}. Correct KUBECONFIG, or start the cluster it belongs to.`,
    );
  }
}
