-- The history has every change from the first to the newest, and each was done to its end.
SELECT to_char(n, 'FM000000') AS version, coalesce(h.error, 'is missing')
FROM generate_series(1, (SELECT max(version)::integer FROM platform.schema_migrations)) AS n
LEFT JOIN platform.schema_migrations h ON h.version = to_char(n, 'FM000000')
WHERE h.version IS NULL OR h.error IS NOT NULL
