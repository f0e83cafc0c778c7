// A step that names a process belongs to one that is there.
MATCH (s:Step)
WHERE s.processId IS NOT NULL AND NOT EXISTS { MATCH (p:Process {id: s.processId}) }
RETURN s.id, s.processId
