-- Tables with policies ask them: row security did not get lost.
SELECT DISTINCT polrelid::regclass::text
FROM pg_policy
JOIN pg_class ON pg_class.oid = polrelid
WHERE NOT relrowsecurity
