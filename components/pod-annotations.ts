import type * as pulumi from '@pulumi/pulumi';

/** A StatefulSet, Deployment or DaemonSet. */
interface Workload {
  readonly spec: {
    readonly template: {
      readonly metadata: { readonly labels: object; readonly annotations?: Readonly<Record<string, string>> };
    };
  };
}

/** The certificate that a pod read at its start: a new one replaces the pods one by one. */
export const CERTIFICATE_ANNOTATION = 'agent-data-platform/certificate';

/** A workload whose pods are replaced when one of these values, known only during an update, changes. */
export function withPodAnnotations<W extends Workload>(
  workload: W,
  added: Readonly<Record<string, pulumi.Input<string> | undefined>>,
) {
  const { template } = workload.spec;
  const present = Object.entries(added).filter(([, value]) => value !== undefined);
  const annotations = { ...template.metadata.annotations, ...Object.fromEntries(present) } as Record<
    string,
    pulumi.Input<string>
  >;
  return {
    ...workload,
    spec: {
      ...workload.spec,
      template: { ...template, metadata: { ...template.metadata, annotations } },
    },
  };
}
