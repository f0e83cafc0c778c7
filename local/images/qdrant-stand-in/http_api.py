"""Paths, keys and status codes of the official REST API; every other path answers 404."""
import hmac
import json
import re
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import qdrant_edge as engine

from convert import BadRequest, edge_filter, edge_point, edge_prefetches, edge_query, json_record
from storage import Conflict, NotFound

VERSION = "1.19.0"
MODES = {
    "upsert": engine.UpdateMode.Upsert,
    "insert_only": engine.UpdateMode.InsertOnly,
    "update_only": engine.UpdateMode.UpdateOnly,
}
NAME = re.compile(r"[^<>:\"/\\|?*\0\x1f]{1,255}")


def with_payload(body, default):
    wanted = body.get("with_payload")
    if isinstance(wanted, dict):
        include = wanted.get("include")
        return engine.PayloadSelector.Include(include) if include else engine.PayloadSelector.Exclude(wanted["exclude"])
    return default if wanted is None else wanted


def wanted_vector(body):
    return body.get("with_vector", body.get("with_vectors")) or False


def upsert(collection, body):
    if not isinstance(body.get("points"), list):
        raise BadRequest("Format error in JSON body: points must be a list")
    points = [edge_point(point) for point in body["points"]]
    mode = MODES.get(body.get("update_mode") or "upsert")
    return collection.update(engine.UpdateOperation.upsert_points(points, edge_filter(body.get("update_filter")), mode))


def delete_points(collection, body):
    if "points" in body:
        return collection.update(engine.UpdateOperation.delete_points(body["points"]))
    return collection.update(engine.UpdateOperation.delete_points_by_filter(edge_filter(body["filter"])))


def retrieve(collection, body):
    vector = wanted_vector(body)
    records = collection.shard.retrieve(body["ids"], with_payload(body, True), vector)
    return [json_record(record, vector) for record in records]


def scroll(collection, body):
    vector = wanted_vector(body)
    records, following = collection.shard.scroll(
        engine.ScrollRequest(
            offset=body.get("offset"),
            limit=body.get("limit", 10),
            filter=edge_filter(body.get("filter")),
            with_payload=with_payload(body, True),
            with_vector=vector,
        )
    )
    following = following if following is None or isinstance(following, int) else str(following)
    return {"points": [json_record(record, vector) for record in records], "next_page_offset": following}


def count(collection, body):
    request = engine.CountRequest(exact=body.get("exact", True), filter=edge_filter(body.get("filter")))
    return {"count": collection.shard.count(request)}


def query(collection, body):
    vector = wanted_vector(body)
    found = collection.shard.query(
        engine.QueryRequest(
            limit=body.get("limit", 10),
            offset=body.get("offset") or 0,
            query=edge_query(body),
            prefetches=edge_prefetches(body),
            filter=edge_filter(body.get("filter")),
            score_threshold=body.get("score_threshold"),
            with_payload=with_payload(body, False),
            with_vector=vector,
        )
    )
    return {"points": [{**json_record(point, vector), "version": point.version, "score": point.score} for point in found]}


def aliases_of(storage, target=None):
    listed = [
        {"alias_name": alias, "collection_name": collection}
        for alias, collection in sorted(storage.aliases.items())
        if target in (None, collection)
    ]
    return {"aliases": listed}


# Method, path, whether the read-only key may, and what it does with the storage, the path's parts and the body.
ROUTES = [
    ("GET", "/collections", True, lambda s, p, b: {"collections": [{"name": name} for name in sorted(s.collections)]}),
    ("POST", "/collections/aliases", False, lambda s, p, b: s.change_aliases(b["actions"])),
    ("GET", "/aliases", True, lambda s, p, b: aliases_of(s)),
    ("GET", "/collections/*/aliases", True, lambda s, p, b: aliases_of(s, p[0])),
    ("GET", "/collections/*/exists", True, lambda s, p, b: {"exists": s.aliases.get(p[0], p[0]) in s.collections}),
    ("GET", "/collections/*", True, lambda s, p, b: s.resolve(p[0]).info()),
    ("PUT", "/collections/*", False, lambda s, p, b: s.create(p[0], b)),
    ("PATCH", "/collections/*", False, lambda s, p, b: s.resolve(p[0]).change(b) or True),
    ("DELETE", "/collections/*", False, lambda s, p, b: s.delete(p[0])),
    ("PUT", "/collections/*/index", False, lambda s, p, b: s.resolve(p[0]).create_index(b["field_name"], b["field_schema"])),
    ("DELETE", "/collections/*/index/*", False, lambda s, p, b: s.resolve(p[0]).delete_index(p[1])),
    ("PUT", "/collections/*/points", False, lambda s, p, b: upsert(s.resolve(p[0]), b)),
    ("POST", "/collections/*/points", True, lambda s, p, b: retrieve(s.resolve(p[0]), b)),
    ("POST", "/collections/*/points/scroll", True, lambda s, p, b: scroll(s.resolve(p[0]), b)),
    ("POST", "/collections/*/points/count", True, lambda s, p, b: count(s.resolve(p[0]), b)),
    ("POST", "/collections/*/points/query", True, lambda s, p, b: query(s.resolve(p[0]), b)),
    ("POST", "/collections/*/points/delete", False, lambda s, p, b: delete_points(s.resolve(p[0]), b)),
]
PATTERNS = [
    (method, re.compile(path.replace("*", "([^/]+)")), reads, action) for method, path, reads, action in ROUTES
]
HEALTH = {"/healthz": "healthz check passed", "/livez": "livez check passed", "/readyz": "all shards are ready"}


class Denied(Exception):
    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


def check_key(headers, keys, reads):
    """The official server's answers to a missing, a wrong and an insufficient key."""
    if not keys["api_key"]:
        return
    bearer = re.fullmatch(r"Bearer (.+)", headers.get("Authorization") or "")
    given = headers.get("api-key") or (bearer and bearer.group(1))
    if not given:
        raise Denied(401, "Must provide an API key or an Authorization bearer token")
    same = lambda key: bool(key) and hmac.compare_digest(given.encode(), key.encode())
    if same(keys["api_key"]):
        return
    if not same(keys["read_only_api_key"]):
        raise Denied(401, "Invalid API key or JWT")
    if not reads:
        raise Denied(403, "Forbidden: Global manage access is required")


def dispatch(storage, keys, method, path, headers, read_body):
    for wanted, pattern, reads, action in PATTERNS:
        match = pattern.fullmatch(path)
        if wanted != method or not match:
            continue
        check_key(headers, keys, reads)
        parts = [unquote(part) for part in match.groups()]
        if any(not NAME.fullmatch(part) or part in (".", "..") for part in parts):
            raise BadRequest("Validation error in path parameters: [name: value contains invalid characters]")
        return action(storage, parts, read_body())
    check_key(headers, keys, True)
    raise NotFound("")


def serve(storage, service, tls):
    """A server on the configured port; every connection has a thread."""
    keys = {name: service.get(name) for name in ("api_key", "read_only_api_key")}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        timeout = 60

        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = urlsplit(self.path).path.rstrip("/")
            if path in HEALTH:
                return self.send(200, HEALTH[path].encode(), "text/plain")
            started = time.perf_counter()
            status, shown = self.result(path, lambda: json.loads(body) if body else {})
            if isinstance(shown, str):
                return self.send(status, shown.encode(), "text/plain")
            if path:
                shown["time"] = time.perf_counter() - started
            return self.send(status, json.dumps(shown).encode(), "application/json")

        def result(self, path, read_body):
            failed = lambda status, error: (status, {"status": {"error": str(error)}})
            try:
                if not path:
                    check_key(self.headers, keys, True)
                    return 200, {"title": "qdrant - vector search engine", "version": VERSION}
                result = dispatch(storage, keys, self.command, path, self.headers, read_body)
                return 200, {"result": result, "status": "ok"}
            except Denied as error:
                return (401, str(error)) if error.status == 401 else failed(403, error)
            except NotFound as error:
                return failed(404, error)
            except Conflict as error:
                return failed(409, error)
            except (BadRequest, ValueError, KeyError, TypeError) as error:
                return failed(400, error)
            except Exception as error:  # The engine raises this for input that it refuses.
                return failed(400, f"Wrong input: {error}")

        def send(self, status, body, content_type):
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = answer

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def get_request(self):
            connection, address = super().get_request()
            if tls:
                # The handshake must not hold up other clients: it happens with the first read, in the client's thread.
                connection = tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            return connection, address

    return Server((service["host"], int(service["http_port"])), Handler)
