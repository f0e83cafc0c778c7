-- Upkeep of every table that is partitioned by a range of time: partitions ahead of time, retention, late rows.

-- migrate:up

CREATE TABLE platform.partition_policies (
  schema_name   text NOT NULL,
  table_name    text NOT NULL,
  granularity   text NOT NULL CHECK (granularity IN ('day', 'week', 'month')),
  periods_ahead integer NOT NULL CHECK (periods_ahead BETWEEN 1 AND 60),
  retention     interval CHECK (retention > interval '0'),
  expiry        text NOT NULL DEFAULT 'drop' CHECK (expiry IN ('drop', 'detach')),
  PRIMARY KEY (schema_name, table_name)
);
COMMENT ON TABLE platform.partition_policies IS 'What platform.maintain_partitions() keeps true, one row per partitioned table.';
COMMENT ON COLUMN platform.partition_policies.periods_ahead IS 'Partitions that exist beyond the current one.';
COMMENT ON COLUMN platform.partition_policies.retention IS 'Age at which a partition expires; null keeps all.';

CREATE FUNCTION platform.partitions(parent regclass)
RETURNS TABLE (partition regclass, lower_bound timestamptz, upper_bound timestamptz)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $$
  SELECT child.oid::regclass, bound[1]::timestamptz, bound[2]::timestamptz
  FROM pg_inherits
  JOIN pg_class child ON child.oid = inhrelid
  CROSS JOIN LATERAL regexp_match(
    pg_get_expr(child.relpartbound, child.oid),
    '^FOR VALUES FROM \(''(.+)''\) TO \(''(.+)''\)$'
  ) AS bound
  WHERE inhparent = parent
$$;
COMMENT ON FUNCTION platform.partitions IS 'Partitions of a table partitioned by time; the bounds of its DEFAULT partition are null.';

CREATE FUNCTION platform.partition_key(parent regclass) RETURNS name
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT attname
  FROM pg_partitioned_table
  JOIN pg_attribute ON attrelid = partrelid AND attnum = partattrs[0]
  WHERE partrelid = parent
$$;

CREATE FUNCTION platform.expire_partitions(policy platform.partition_policies, at timestamptz)
RETURNS TABLE (action text, relation text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $$
DECLARE
  parent   regclass := format('%I.%I', policy.schema_name, policy.table_name)::regclass;
  horizon  timestamptz := at - policy.retention;
  expired  record;
  deleted  bigint;
BEGIN
  FOR expired IN
    SELECT p.partition, p.lower_bound IS NULL AS is_default
    FROM platform.partitions(parent) p
    WHERE p.upper_bound <= horizon OR p.lower_bound IS NULL
    ORDER BY p.upper_bound
  LOOP
    relation := expired.partition::text;
    IF expired.is_default THEN
      EXECUTE format('DELETE FROM %s WHERE %I < $1', relation, platform.partition_key(parent)) USING horizon;
      GET DIAGNOSTICS deleted = ROW_COUNT;
      CONTINUE WHEN deleted = 0;
      action := 'delete';
    ELSIF policy.expiry = 'detach' THEN
      EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', parent, relation);
      action := 'detach';
    ELSE
      EXECUTE format('DROP TABLE %s', relation);
      action := 'drop';
    END IF;
    RETURN NEXT;
  END LOOP;
END
$$;

CREATE FUNCTION platform.create_partitions(policy platform.partition_policies, at timestamptz)
RETURNS TABLE (action text, relation text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $$
DECLARE
  parent   regclass := format('%I.%I', policy.schema_name, policy.table_name)::regclass;
  step     interval := ('1 ' || policy.granularity)::interval;
  suffix   text := CASE policy.granularity
                     WHEN 'month' THEN '"_y"YYYY"m"MM'
                     WHEN 'week'  THEN '"_y"IYYY"w"IW'
                     ELSE '"_y"YYYY"m"MM"d"DD'
                   END;
  fallback regclass := (SELECT p.partition FROM platform.partitions(parent) p WHERE p.lower_bound IS NULL);
  first    timestamptz := date_trunc(policy.granularity, at);
  lower_at timestamptz;
  upper_at timestamptz;
  grantees text;
BEGIN
  FOR lower_at IN SELECT generate_series(first, first + step * policy.periods_ahead, step) LOOP
    upper_at := lower_at + step;
    CONTINUE WHEN EXISTS (
      SELECT FROM platform.partitions(parent) p WHERE p.lower_bound < upper_at AND p.upper_bound > lower_at
    );
    action := 'create';
    relation := format('%I.%I', policy.schema_name, policy.table_name || to_char(lower_at, suffix));
    -- A partition takes its identity column from the parent when it is attached, and must not bring its own.
    EXECUTE format('CREATE TABLE %s (LIKE %s INCLUDING ALL EXCLUDING IDENTITY)', relation, parent);
    -- Rights and policies are the parent's. With rights of its own a partition that is named itself would evade both.
    SELECT string_agg(DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END, ', ') INTO grantees
    FROM pg_class, aclexplode(relacl) WHERE oid = relation::regclass AND grantee <> relowner;
    IF grantees IS NOT NULL THEN
      EXECUTE format('REVOKE ALL ON %s FROM %s', relation, grantees);
    END IF;
    -- Rows that came before their partition wait in the DEFAULT partition. A writer chooses its partition after it has
    -- locked the parent, so locking that first keeps it from choosing the DEFAULT one for a row that has its own by then.
    IF fallback IS NOT NULL THEN
      EXECUTE format('LOCK TABLE ONLY %s IN SHARE ROW EXCLUSIVE MODE', parent);
      EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', fallback);
      EXECUTE format(
        'WITH moved AS (DELETE FROM %1$s WHERE %2$I >= $1 AND %2$I < $2 RETURNING *) INSERT INTO %3$s SELECT * FROM moved',
        fallback, platform.partition_key(parent), relation
      ) USING lower_at, upper_at;
    END IF;
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)', parent, relation, lower_at, upper_at);
    RETURN NEXT;
  END LOOP;
END
$$;

-- Runs for one table follow one another: each takes the policy's row for itself first.
-- Expiry comes before creation, so that the parent is locked before its DEFAULT partition, as writers do.
CREATE FUNCTION platform.maintain_table(parent_schema text, parent_table text, at timestamptz DEFAULT now())
RETURNS TABLE (action text, relation text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '10s'
AS $$
DECLARE
  policy platform.partition_policies;
BEGIN
  SELECT * INTO STRICT policy FROM platform.partition_policies p
  WHERE p.schema_name = parent_schema AND p.table_name = parent_table FOR UPDATE;
  IF policy.retention IS NOT NULL THEN
    RETURN QUERY SELECT * FROM platform.expire_partitions(policy, at);
  END IF;
  RETURN QUERY SELECT * FROM platform.create_partitions(policy, at);
END
$$;

CREATE FUNCTION platform.maintain_partitions(at timestamptz DEFAULT now())
RETURNS TABLE (action text, relation text)
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT m.action, m.relation
  FROM (SELECT * FROM platform.partition_policies ORDER BY schema_name, table_name) p
  CROSS JOIN LATERAL platform.maintain_table(p.schema_name, p.table_name, at) m
$$;
COMMENT ON FUNCTION platform.maintain_partitions IS 'Creates the partitions ahead of a date and expires old ones, as platform.partition_policies says, in one transaction.';

-- One transaction per table: locks on several busy tables at once could deadlock with a writer.
CREATE PROCEDURE platform.run_partition_upkeep(at timestamptz DEFAULT now())
LANGUAGE plpgsql
AS $$
DECLARE
  policy   record;
  failures text[] := '{}';
BEGIN
  FOR policy IN SELECT schema_name, table_name FROM platform.partition_policies ORDER BY schema_name, table_name LOOP
    BEGIN
      PERFORM platform.maintain_table(policy.schema_name, policy.table_name, at);
    EXCEPTION WHEN OTHERS THEN
      failures := failures || pg_catalog.format('%s.%s: %s', policy.schema_name, policy.table_name, SQLERRM);
    END;
    COMMIT;
  END LOOP;
  IF pg_catalog.cardinality(failures) > 0 THEN
    RAISE 'partition upkeep failed for %', pg_catalog.array_to_string(failures, '; ')
      USING HINT = 'The other tables are done; run it again.';
  END IF;
END
$$;
COMMENT ON PROCEDURE platform.run_partition_upkeep IS
  'What platform.maintain_partitions() does, one transaction per table; run daily. A table that fails does not stop the others.';

REVOKE ALL ON ROUTINE
  platform.expire_partitions(platform.partition_policies, timestamptz),
  platform.create_partitions(platform.partition_policies, timestamptz),
  platform.maintain_table(text, text, timestamptz),
  platform.maintain_partitions(timestamptz),
  platform.run_partition_upkeep(timestamptz)
FROM PUBLIC;
REVOKE INSERT, UPDATE, DELETE ON platform.partition_policies FROM app;
GRANT SELECT ON platform.partition_policies TO readonly;

-- migrate:down

DROP PROCEDURE platform.run_partition_upkeep(timestamptz);
DROP FUNCTION platform.maintain_partitions(timestamptz);
DROP FUNCTION platform.maintain_table(text, text, timestamptz);
DROP FUNCTION platform.create_partitions(platform.partition_policies, timestamptz);
DROP FUNCTION platform.expire_partitions(platform.partition_policies, timestamptz);
DROP FUNCTION platform.partition_key(regclass);
DROP FUNCTION platform.partitions(regclass);
DROP TABLE platform.partition_policies;
