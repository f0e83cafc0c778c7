-- Documents: metadata, processing, relationships, the vector collections that hold them, and searches.

-- migrate:up

CREATE TABLE services.documents (
  id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  title             platform.label NOT NULL,
  filename          platform.label NOT NULL,
  file_type         platform.label NOT NULL,
  file_size         bigint NOT NULL CHECK (file_size >= 0),
  file_hash         text NOT NULL UNIQUE CHECK (file_hash ~ '^[0-9a-f]{64}$'),
  storage_path      text NOT NULL CHECK (storage_path <> ''),
  content_text      text,
  metadata          platform.json_object NOT NULL DEFAULT '{}',
  tags              text[] NOT NULL DEFAULT '{}',
  project_tags      text[] NOT NULL DEFAULT '{}',
  processing_status text NOT NULL DEFAULT 'pending' CHECK (processing_status IN ('pending', 'processing', 'completed', 'failed')),
  error_message     text,
  indexed_at        timestamptz,
  uploaded_by       uuid REFERENCES platform.users (id) ON DELETE SET NULL,
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE services.documents IS 'Metadata and text of documents; the files are in object storage.';
COMMENT ON COLUMN services.documents.file_size IS 'Octets.';
COMMENT ON COLUMN services.documents.file_hash IS 'SHA-256 of the file, in hexadecimal.';
COMMENT ON COLUMN services.documents.storage_path IS 'bucket/key in object storage.';
CREATE INDEX documents_unfinished_idx ON services.documents (processing_status, created_at)
  WHERE processing_status <> 'completed';
CREATE INDEX documents_tags_idx ON services.documents USING gin (tags);
CREATE INDEX documents_project_tags_idx ON services.documents USING gin (project_tags);
CREATE INDEX documents_uploaded_by_idx ON services.documents (uploaded_by);
CREATE TRIGGER documents_touch_updated_at BEFORE UPDATE ON services.documents
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION platform.touch_updated_at();

CREATE TABLE services.document_processing (
  document_id   uuid NOT NULL REFERENCES services.documents (id) ON DELETE CASCADE,
  stage         text NOT NULL CHECK (stage IN ('extract', 'chunk', 'embed', 'index', 'link')),
  status        text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'processing', 'completed', 'failed')),
  attempts      integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  error_message text,
  started_at    timestamptz,
  completed_at  timestamptz CHECK (completed_at >= started_at),
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (document_id, stage)
);
COMMENT ON TABLE services.document_processing IS 'How far each stage of a document''s processing is.';
CREATE INDEX document_processing_unfinished_idx ON services.document_processing (stage, status)
  WHERE status <> 'completed';
CREATE TRIGGER document_processing_touch_updated_at BEFORE UPDATE ON services.document_processing
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION platform.touch_updated_at();

CREATE TABLE services.document_relationships (
  source_id  uuid NOT NULL REFERENCES services.documents (id) ON DELETE CASCADE,
  target_id  uuid NOT NULL REFERENCES services.documents (id) ON DELETE CASCADE,
  type       text NOT NULL CHECK (type IN ('cites', 'derived_from', 'duplicates', 'part_of', 'replaces', 'related_to')),
  metadata   platform.json_object NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (source_id, target_id, type),
  CONSTRAINT document_relationships_two_documents CHECK (source_id <> target_id)
);
COMMENT ON TABLE services.document_relationships IS 'How documents relate to each other.';
CREATE INDEX document_relationships_target_id_idx ON services.document_relationships (target_id);

CREATE TABLE services.vector_collections (
  id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name              platform.label NOT NULL UNIQUE,
  display_name      platform.label NOT NULL,
  description       text,
  embedding_model   platform.label NOT NULL,
  dimensions        integer NOT NULL CHECK (dimensions BETWEEN 1 AND 65536),
  collection_config platform.json_object NOT NULL DEFAULT '{}',
  document_count    bigint NOT NULL DEFAULT 0 CHECK (document_count >= 0),
  status            text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'maintenance')),
  project_tags      text[] NOT NULL DEFAULT '{}',
  created_by        uuid REFERENCES platform.users (id) ON DELETE SET NULL,
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE services.vector_collections IS 'Collections of the vector stores.';
CREATE INDEX vector_collections_created_by_idx ON services.vector_collections (created_by);
CREATE TRIGGER vector_collections_touch_updated_at BEFORE UPDATE ON services.vector_collections
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION platform.touch_updated_at();

CREATE TABLE services.document_collections (
  id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  document_id   uuid NOT NULL REFERENCES services.documents (id) ON DELETE CASCADE,
  collection_id uuid NOT NULL REFERENCES services.vector_collections (id) ON DELETE CASCADE,
  chunk_count   integer NOT NULL DEFAULT 0 CHECK (chunk_count >= 0),
  indexed_at    timestamptz NOT NULL DEFAULT now(),
  UNIQUE (document_id, collection_id)
);
COMMENT ON TABLE services.document_collections IS 'Which document is in which vector collection.';
CREATE INDEX document_collections_collection_id_idx ON services.document_collections (collection_id);

CREATE TABLE services.search_sessions (
  id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  query_text           text NOT NULL CHECK (query_text <> ''),
  query_type           text NOT NULL CHECK (query_type IN ('semantic', 'keyword', 'hybrid')),
  collection_id        uuid REFERENCES services.vector_collections (id) ON DELETE SET NULL,
  filters              platform.json_object NOT NULL DEFAULT '{}',
  results_count        integer CHECK (results_count >= 0),
  execution_time_ms    integer CHECK (execution_time_ms >= 0),
  similarity_threshold numeric(3, 2) CHECK (similarity_threshold BETWEEN -1 AND 1),
  results              jsonb,
  user_feedback        platform.json_object,
  created_by           uuid NOT NULL REFERENCES platform.users (id) ON DELETE CASCADE,
  created_at           timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE services.search_sessions IS 'What users, or agents acting for them, have searched for; personal data.';
CREATE INDEX search_sessions_created_by_created_at_idx ON services.search_sessions (created_by, created_at DESC);
CREATE INDEX search_sessions_collection_id_idx ON services.search_sessions (collection_id);
ALTER TABLE services.search_sessions ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON services.search_sessions USING (created_by = (SELECT security.current_user_id()));

GRANT SELECT ON services.document_processing, services.document_relationships, services.vector_collections,
  services.document_collections TO readonly;

-- migrate:down

DROP TABLE services.search_sessions;
DROP TABLE services.document_collections;
DROP TABLE services.vector_collections;
DROP TABLE services.document_relationships;
DROP TABLE services.document_processing;
DROP TABLE services.documents;
