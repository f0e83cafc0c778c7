-- Every constraint holds for the rows that were there before it, and every index can be used.
SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE NOT convalidated
UNION ALL
SELECT indrelid::regclass::text, indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid
