"""The API's JSON as the engine's objects, and back."""
import qdrant_edge as engine

# Gives the engine, which needs one, a vector in collections that have none.
NO_VECTORS = "_payload_only"

DISTANCES = {name: getattr(engine.Distance, name) for name in ("Cosine", "Euclid", "Dot", "Manhattan")}
INDEX_TYPES = {
    "keyword": engine.KeywordIndexParams,
    "integer": engine.IntegerIndexParams,
    "float": engine.FloatIndexParams,
    "geo": engine.GeoIndexParams,
    "text": engine.TextIndexParams,
    "bool": engine.BoolIndexParams,
    "datetime": engine.DatetimeIndexParams,
    "uuid": engine.UuidIndexParams,
}
TOKENIZERS = {
    "prefix": engine.TokenizerType.Prefix,
    "whitespace": engine.TokenizerType.Whitespace,
    "word": engine.TokenizerType.Word,
    "multilingual": engine.TokenizerType.Multilingual,
}


class BadRequest(Exception):
    """What the official server answers with 400."""


def _enum(kinds, value, what):
    if value not in kinds:
        raise BadRequest(f"Format error in JSON body: unknown {what} `{value}`, expected one of {', '.join(kinds)}")
    return kinds[value]


def _hnsw(config):
    known = ("m", "ef_construct", "full_scan_threshold", "max_indexing_threads", "on_disk", "payload_m")
    return engine.HnswIndexConfig(**{key: config[key] for key in known if config.get(key) is not None})


def _quantization(config):
    if not config:
        return None
    ((kind, params),) = config.items()
    ram = params.get("always_ram")
    if kind == "scalar":
        return engine.ScalarQuantizationConfig(engine.ScalarType.Int8, params.get("quantile"), ram)
    if kind == "binary":
        return engine.BinaryQuantizationConfig(ram)
    if kind == "product":
        return engine.ProductQuantizationConfig(getattr(engine.CompressionRatio, params["compression"].upper()), ram)
    raise BadRequest(f"Format error in JSON body: unknown quantization `{kind}`")


def edge_config(config):
    """The engine's configuration of a collection's `config`, as GET /collections/<name> shows it."""
    params = config["params"]
    hnsw = config["hnsw_config"]
    vectors = {
        name: engine.EdgeVectorParams(
            vector["size"],
            _enum(DISTANCES, vector["distance"], "distance"),
            on_disk=vector.get("on_disk"),
            quantization_config=_quantization(vector.get("quantization_config")),
            hnsw_config=_hnsw({**hnsw, **vector["hnsw_config"]}) if vector.get("hnsw_config") else None,
        )
        for name, vector in params["vectors"].items()
    }
    sparse = {
        name: engine.EdgeSparseVectorParams(
            full_scan_threshold=(vector.get("index") or {}).get("full_scan_threshold"),
            on_disk=(vector.get("index") or {}).get("on_disk"),
            modifier=engine.Modifier.Idf if vector.get("modifier") == "idf" else None,
        )
        for name, vector in params.get("sparse_vectors", {}).items()
    }
    return engine.EdgeConfig(
        vectors=vectors or None,
        sparse_vectors=sparse or (None if vectors else {NO_VECTORS: engine.EdgeSparseVectorParams()}),
        on_disk_payload=params["on_disk_payload"],
        hnsw_config=_hnsw(hnsw),
        quantization_config=_quantization(config.get("quantization_config")),
    )


def index_params(schema):
    """The engine's parameters of a `field_schema`, which is a type or an object with one."""
    given = {"type": schema} if isinstance(schema, str) else dict(schema)
    kind = _enum(INDEX_TYPES, given.pop("type", None), "field schema")
    if "tokenizer" in given:
        given["tokenizer"] = _enum(TOKENIZERS, given["tokenizer"], "tokenizer")
    try:
        return kind(**given)
    except TypeError as error:
        raise BadRequest(f"Format error in JSON body: {error}") from error


def _condition(condition):
    if "filter" in condition or any(key in condition for key in ("must", "should", "must_not")):
        return edge_filter(condition.get("filter", condition))
    if "has_id" in condition:
        return engine.HasIdCondition(condition["has_id"])
    if "is_empty" in condition:
        return engine.IsEmptyCondition(condition["is_empty"]["key"])
    if "is_null" in condition:
        return engine.IsNullCondition(condition["is_null"]["key"])
    if "match" in condition:
        return engine.FieldCondition(condition["key"], match=_match(condition["match"]))
    if "range" in condition:
        return engine.FieldCondition(condition["key"], range=_range(condition["range"]))
    raise BadRequest(f"Format error in JSON body: unknown condition with the keys {', '.join(condition)}")


def _match(match):
    ((kind, value),) = match.items()
    kinds = {
        "value": engine.MatchValue,
        "text": engine.MatchText,
        "any": engine.MatchAny,
        "except": engine.MatchExcept,
        "phrase": engine.MatchPhrase,
    }
    return _enum(kinds, kind, "match")(value)


def _range(bounds):
    given = {key: value for key, value in bounds.items() if value is not None}
    dates = any(isinstance(value, str) for value in given.values())
    return (engine.RangeDateTime if dates else engine.RangeFloat)(**given)


def edge_filter(given):
    """The engine's form of a filter; None stays None."""
    if not given:
        return None
    groups = {}
    for name in ("must", "should", "must_not"):
        conditions = given.get(name)
        if conditions is not None:
            conditions = conditions if isinstance(conditions, list) else [conditions]
            groups[name] = [_condition(condition) for condition in conditions]
    return engine.Filter(**groups)


def _vector(value):
    return engine.SparseVector(value["indices"], value["values"]) if isinstance(value, dict) else value


def edge_point(point):
    if "id" not in point or "vector" not in point:
        raise BadRequest("Format error in JSON body: a point has `id` and `vector`")
    vector = point["vector"]
    named = {name: _vector(value) for name, value in vector.items()} if isinstance(vector, dict) else vector
    return engine.Point(point["id"], named, point.get("payload") or {})


def edge_query(body):
    """The engine's form of a query: a vector to be near to, or a fusion of prefetches."""
    query, using = body.get("query"), body.get("using")
    if isinstance(query, dict) and "fusion" in query:
        return engine.Fusion.Rrf(k=2) if query["fusion"] == "rrf" else engine.Fusion.Dbsf()
    if isinstance(query, dict) and "nearest" in query:
        query = query["nearest"]
    if query is None:
        return None
    return engine.Query.Nearest(_vector(query), using=using)


def edge_prefetches(body):
    given = body.get("prefetch") or []
    return [
        engine.Prefetch(
            limit=prefetch.get("limit", 10),
            query=edge_query(prefetch),
            prefetches=edge_prefetches(prefetch),
            filter=edge_filter(prefetch.get("filter")),
            score_threshold=prefetch.get("score_threshold"),
        )
        for prefetch in (given if isinstance(given, list) else [given])
    ]


def json_vector(vector):
    if isinstance(vector, dict):
        return {name: json_vector(value) for name, value in vector.items()}
    if isinstance(vector, engine.SparseVector):
        return {"indices": vector.indices, "values": vector.values}
    return vector


def json_record(record, with_vector):
    """A stored point as the API shows it."""
    shown = {"id": record.id if isinstance(record.id, int) else str(record.id), "payload": record.payload}
    if with_vector:
        shown["vector"] = json_vector(record.vector)
    return shown
