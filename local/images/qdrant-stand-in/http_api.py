"""Paths, keys and status codes of the official REST API; every other path answers 404."""
import json
import re
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import qdrant_edge as engine

from access import Denied, Keys
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
    return {"count": collection.count(edge_filter(body.get("filter")), body.get("exact", True))}


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


def collections_of(storage, access):
    return {"collections": [{"name": name} for name in sorted(storage.collections) if access.sees(name)]}


def aliases_of(storage, visible):
    listed = [
        {"alias_name": alias, "collection_name": collection}
        for alias, collection in sorted(storage.aliases.items())
        if visible(collection)
    ]
    return {"aliases": listed}


# What a request needs: a key at all, reading or writing of the collection in the path, or the right to manage.
ANY, READ, WRITE, MANAGE = "any", "read", "write", "manage"

# Method, path, need, and what it does with the storage, the path's parts, the body and the rights.
ROUTES = [
    ("GET", "/collections", ANY, lambda s, p, b, a: collections_of(s, a)),
    ("POST", "/collections/aliases", MANAGE, lambda s, p, b, a: s.change_aliases(b["actions"])),
    ("GET", "/aliases", ANY, lambda s, p, b, a: aliases_of(s, a.sees)),
    ("GET", "/collections/*/aliases", READ, lambda s, p, b, a: aliases_of(s, p[0].__eq__)),
    ("GET", "/collections/*/exists", READ, lambda s, p, b, a: {"exists": s.aliases.get(p[0], p[0]) in s.collections}),
    ("GET", "/collections/*", READ, lambda s, p, b, a: s.resolve(p[0]).info()),
    ("PUT", "/collections/*", MANAGE, lambda s, p, b, a: s.create(p[0], b)),
    ("PATCH", "/collections/*", MANAGE, lambda s, p, b, a: s.resolve(p[0]).change(b) or True),
    ("DELETE", "/collections/*", MANAGE, lambda s, p, b, a: s.delete(p[0])),
    ("PUT", "/collections/*/index", WRITE, lambda s, p, b, a: s.resolve(p[0]).create_index(b["field_name"], b["field_schema"])),
    ("DELETE", "/collections/*/index/*", WRITE, lambda s, p, b, a: s.resolve(p[0]).delete_index(p[1])),
    ("PUT", "/collections/*/points", WRITE, lambda s, p, b, a: upsert(s.resolve(p[0]), b)),
    ("POST", "/collections/*/points", READ, lambda s, p, b, a: retrieve(s.resolve(p[0]), b)),
    ("POST", "/collections/*/points/scroll", READ, lambda s, p, b, a: scroll(s.resolve(p[0]), b)),
    ("POST", "/collections/*/points/count", READ, lambda s, p, b, a: count(s.resolve(p[0]), b)),
    ("POST", "/collections/*/points/query", READ, lambda s, p, b, a: query(s.resolve(p[0]), b)),
    ("POST", "/collections/*/points/delete", WRITE, lambda s, p, b, a: delete_points(s.resolve(p[0]), b)),
]
PATTERNS = [
    (method, re.compile(path.replace("*", "([^/]+)")), need, action) for method, path, need, action in ROUTES
]
HEALTH = {"/healthz": "healthz check passed", "/livez": "livez check passed", "/readyz": "all shards are ready"}


def require(access, need, parts):
    if need == MANAGE:
        access.require_manage()
    elif need != ANY:
        access.require(parts[0], need == WRITE)


def dispatch(storage, access, method, path, read_body):
    for wanted, pattern, need, action in PATTERNS:
        match = pattern.fullmatch(path)
        if wanted != method or not match:
            continue
        parts = [unquote(part) for part in match.groups()]
        require(access, need, parts)
        if any(not NAME.fullmatch(part) or part in (".", "..") for part in parts):
            raise BadRequest("Validation error in path parameters: [name: value contains invalid characters]")
        return action(storage, parts, read_body(), access)
    raise NotFound("")


def serve(storage, service, tls):
    """A server on the configured port; every connection has a thread."""
    keys = Keys(service, storage)

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
                access = keys.access(self.headers)
            except Denied as error:
                return error.status, str(error)
            try:
                if not path:
                    return 200, {"title": "qdrant - vector search engine", "version": VERSION}
                return 200, {"result": dispatch(storage, access, self.command, path, read_body), "status": "ok"}
            except Denied as error:
                return failed(error.status, error)
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
