/**
 * Role of the migrations, in a file of every node: the change files define the other roles, and need one that is there
 * before them. It changes no events and no audit trail, and does not touch other indices than the platform's.
 * `manage` covers snapshot repositories and search templates, which no narrower privilege does; `manage_security` is for
 * the roles in change files, and makes this login one to keep: whoever has it could give itself every right.
 * @see https://www.elastic.co/docs/reference/elasticsearch/security-privileges
 */
export const ownerRole = {
  cluster: ['manage', 'manage_security'],
  indices: [
    {
      names: ['schema-migrations'],
      privileges: ['create_index', 'manage', 'read', 'write'],
    },
    {
      names: ['documents', 'documents-*'],
      privileges: ['create_index', 'delete_index', 'manage', 'read', 'write'],
    },
    {
      // Emptiness is asked for before a data stream is deleted: counting is reading.
      names: ['logs-*', 'workflows-*', 'activities-*', 'metrics-*'],
      privileges: ['create_index', 'delete_index', 'manage', 'read'],
    },
  ],
};

/** Name of {@link ownerRole}. */
export const OWNER_ROLE = 'platform_owner';
