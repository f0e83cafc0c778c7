-- Changes that other stores must follow, written in the transaction that makes them.
-- The position a store has followed to is also where a backup of all stores is cut.

-- migrate:up

CREATE TABLE platform.outbox (
  position       bigint GENERATED ALWAYS AS IDENTITY,
  transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
  object_type    platform.label NOT NULL,
  object_id      text NOT NULL CHECK (object_id <> ''),
  event          text NOT NULL CHECK (event IN ('created', 'updated', 'deleted')),
  payload        platform.json_object NOT NULL DEFAULT '{}',
  trace_id       text,
  created_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (position, created_at)
) PARTITION BY RANGE (created_at);
COMMENT ON TABLE platform.outbox IS 'Changes for the other stores, by day; kept for two weeks, read or not.';
COMMENT ON COLUMN platform.outbox.object_type IS 'Table of the object, such as services.documents.';
CREATE INDEX outbox_transaction_id_position_idx ON platform.outbox (transaction_id, position);
REVOKE UPDATE, DELETE ON platform.outbox FROM app;

CREATE TABLE platform.outbox_default PARTITION OF platform.outbox DEFAULT;
COMMENT ON TABLE platform.outbox_default IS 'Changes outside every partition.';
REVOKE ALL ON platform.outbox_default FROM app, readonly;
INSERT INTO platform.partition_policies (schema_name, table_name, granularity, periods_ahead, retention)
VALUES ('platform', 'outbox', 'day', 7, interval '14 days');
SELECT platform.maintain_table('platform', 'outbox');

CREATE TABLE platform.outbox_consumers (
  name           platform.label PRIMARY KEY,
  transaction_id xid8 NOT NULL DEFAULT '0',
  position       bigint NOT NULL DEFAULT 0 CHECK (position >= 0),
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE platform.outbox_consumers IS 'How far each store has followed the outbox.';
CREATE TRIGGER outbox_consumers_touch_updated_at BEFORE UPDATE ON platform.outbox_consumers
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION platform.touch_updated_at();

-- A position is drawn before its transaction commits, so positions become visible out of order. What is older than every
-- transaction under way is complete; in the order of transactions nothing can appear before it any more.
CREATE FUNCTION platform.read_outbox(after_transaction xid8, after_position bigint, max_rows integer DEFAULT 100)
RETURNS SETOF platform.outbox
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT *
  FROM platform.outbox o
  WHERE (o.transaction_id, o.position) > (after_transaction, after_position)
    AND o.transaction_id < pg_snapshot_xmin(pg_current_snapshot())
  ORDER BY o.transaction_id, o.position
  LIMIT max_rows
$$;
COMMENT ON FUNCTION platform.read_outbox IS
  'The next changes after a position, complete and in order: a later call never gives one that belongs before them.';
GRANT SELECT ON platform.outbox_consumers TO readonly;

-- migrate:down

DROP FUNCTION platform.read_outbox(xid8, bigint, integer);
DROP TABLE platform.outbox_consumers;
DELETE FROM platform.partition_policies WHERE (schema_name, table_name) = ('platform', 'outbox');
DROP TABLE platform.outbox;
