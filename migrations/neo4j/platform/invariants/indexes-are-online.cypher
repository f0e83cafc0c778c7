// Every index answers, also those behind constraints.
SHOW INDEXES YIELD name, state
WHERE state <> 'ONLINE'
RETURN name, state
