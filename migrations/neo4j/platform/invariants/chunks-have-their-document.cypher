// A chunk that names a document belongs to one that is there.
MATCH (c:Chunk)
WHERE c.documentId IS NOT NULL AND NOT EXISTS { MATCH (d:Document {id: c.documentId}) }
RETURN c.id, c.documentId
