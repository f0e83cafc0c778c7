// The default import is the module itself, which node:net reads `lookup` from; a namespace import would be a copy.
import dns from 'node:dns';

type Callback = (
  error: NodeJS.ErrnoException | null,
  address: string | dns.LookupAddress[],
  family?: number,
) => void;

/**
 * Resolves `*.svc` and `*.cluster.local` names of this process through the cluster's DNS server, so that a test connects to
 * the same names, and verifies the same certificates, as an application in a pod.
 * @returns Undoes it.
 */
export function useClusterDns(server: string): () => void {
  const resolver = new dns.Resolver({ timeout: 1000, tries: 2 });
  resolver.setServers([server]);
  const original = dns.lookup;
  const lookup = (hostname: string, options: dns.LookupOptions | Callback, callback?: Callback) => {
    const done = (typeof options === 'function' ? options : callback) as Callback;
    if (!/\.(svc|cluster\.local)$/.test(hostname))
      return original(hostname, options as dns.LookupOptions, done as never);
    const name = hostname.endsWith('.svc') ? `${hostname}.cluster.local` : hostname;
    resolver.resolve4(name, (error, addresses) => {
      if (error) return done(error, []);
      const all = typeof options === 'object' && options.all;
      if (all)
        return done(
          null,
          addresses.map((address) => ({ address, family: 4 })),
        );
      done(null, addresses[0] ?? '', 4);
    });
  };
  (dns as { lookup: unknown }).lookup = lookup;
  return () => {
    (dns as { lookup: unknown }).lookup = original;
  };
}
