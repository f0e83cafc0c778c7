import { KubernetesError } from '../../../migrations/kubernetes/cluster';
import { dryRunUnsupported, explain, missesPrerequisite, transient } from './errors';

const object = { kind: 'StatefulSet', metadata: { namespace: 'shop', name: 'store' } };

test.each([
  [
    new KubernetesError(409, 'Conflict', 'Apply failed with 1 conflict', {
      causes: [{ reason: 'FieldManagerConflict', field: '.spec.replicas', message: 'conflict with "hpa"' }],
    }),
    'StatefulSet shop/store has fields that another field manager owns: .spec.replicas (conflict with "hpa"). ' +
      'Remove them from the program, or take them over with the annotation pulumi.com/patchForce: "true".',
  ],
  [
    new KubernetesError(
      500,
      'InternalError',
      'failed to create typed patch object (shop/store; apps/v1, Kind=StatefulSet): .spec.replica: field not declared in schema',
    ),
    'StatefulSet shop/store has the unknown field spec.replica: correct or remove it.',
  ],
  [
    new KubernetesError(
      400,
      'BadRequest',
      'strict decoding error: unknown field "spec.a", unknown field "spec.b"',
    ),
    'StatefulSet shop/store has the unknown field spec.a, spec.b: correct or remove it.',
  ],
  [
    new KubernetesError(422, 'Invalid', 'StatefulSet "store" is invalid: field is immutable', {
      causes: [{ field: 'spec.selector', message: 'Invalid value: {}: field is immutable' }],
    }),
    'StatefulSet shop/store cannot change in place: spec.selector: Invalid value: {}: field is immutable. ' +
      'Undo the change, or replace the object with `pulumi up --replace <urn>`.',
  ],
  [
    new KubernetesError(422, 'Invalid', 'no', {
      causes: [{ field: 'spec.replicas', message: 'must be >= 0' }],
    }),
    'StatefulSet shop/store is invalid: spec.replicas: must be >= 0.',
  ],
  [
    new KubernetesError(403, 'Forbidden', 'exceeded quota'),
    'StatefulSet shop/store was refused by the API server (403 Forbidden): exceeded quota',
  ],
])('%s', (error, sentence) => {
  expect(explain(error, object).message).toBe(sentence);
});

test('an unreachable server is no matter of the object', () => {
  const error = new KubernetesError(0, 'Unreachable', 'The Kubernetes API server cannot be reached');
  expect(explain(error, object)).toBe(error);
});

test('what may pass by itself is told apart', () => {
  const webhook = new KubernetesError(500, 'InternalError', 'failed calling webhook "x": connection refused');
  expect(transient(webhook)).toBe(true);
  expect(transient(new KubernetesError(500, 'InternalError', 'boom'))).toBe(false);
  expect(transient(new KubernetesError(429, 'TooManyRequests', 'slow down'))).toBe(true);
  expect(missesPrerequisite(new KubernetesError(404, 'NotFound', 'namespaces "x" not found'))).toBe(true);
  expect(missesPrerequisite(new Error('404'))).toBe(false);
  const blind = new KubernetesError(400, 'BadRequest', 'admission webhook "x" does not support dry run');
  expect(dryRunUnsupported(blind)).toBe(true);
});
