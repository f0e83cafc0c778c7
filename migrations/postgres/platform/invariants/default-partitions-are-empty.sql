-- No row waits in a default partition: the upkeep of partitions has made one for each period.
SELECT tableoid::regclass, count(*)
FROM (
  SELECT tableoid FROM a2a.messages_default
  UNION ALL SELECT tableoid FROM platform.user_interactions_default
  UNION ALL SELECT tableoid FROM platform.outbox_default
  UNION ALL SELECT tableoid FROM observability.traces_default
  UNION ALL SELECT tableoid FROM observability.spans_default
  UNION ALL SELECT tableoid FROM observability.metrics_default
  UNION ALL SELECT tableoid FROM observability.health_checks_default
  UNION ALL SELECT tableoid FROM security.audit_logs_default
) AS waiting
GROUP BY tableoid
