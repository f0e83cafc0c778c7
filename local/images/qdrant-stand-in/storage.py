"""Collections and aliases on disk: <storage>/collections/<name> with the engine's shard, <storage>/aliases.json."""
import json
import os
import shutil
import threading
from pathlib import Path

import qdrant_edge as engine

from convert import BadRequest, edge_config, index_params

HNSW = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000, "max_indexing_threads": 0, "on_disk": False}
OPTIMIZERS = {
    "deleted_threshold": 0.2,
    "vacuum_min_vector_number": 1000,
    "default_segment_number": 0,
    "max_segment_size": None,
    "memmap_threshold": None,
    "indexing_threshold": 10000,
    "flush_interval_sec": 5,
    "max_optimization_threads": None,
}
PARAMS = ("replication_factor", "write_consistency_factor", "on_disk_payload", "read_fan_out_factor")


class NotFound(Exception):
    """What the official server answers with 404."""


class Conflict(Exception):
    """What the official server answers with 409."""


def write_durably(file, value):
    """Replaces a file at once, and for good."""
    unfinished = file.with_suffix(".unfinished")
    with open(unfinished, "w", encoding="utf8") as stream:
        json.dump(value, stream)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(unfinished, file)
    folder = os.open(file.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def set_given(target, changes):
    target.update({key: value for key, value in (changes or {}).items() if value is not None})


class Collection:
    """One collection: its definition and its shard."""

    def __init__(self, folder, meta, shard):
        self.folder, self.meta, self.shard = folder, meta, shard
        self.lock = threading.RLock()
        self.operations = 0

    @staticmethod
    def create(folder, config):
        shard = engine.EdgeShard.create(str(folder / "0"), edge_config(config))
        meta = {"config": config, "indexes": {}}
        write_durably(folder / "collection.json", meta)
        return Collection(folder, meta, shard)

    @staticmethod
    def load(folder):
        meta = json.loads((folder / "collection.json").read_text())
        return Collection(folder, meta, engine.EdgeShard.load(str(folder / "0")))

    def update(self, operation):
        with self.lock:
            self.shard.update(operation)
            self.operations += 1
            return {"operation_id": self.operations, "status": "completed"}

    def count(self, condition, exact=True):
        return self.shard.count(engine.CountRequest(exact=exact, filter=condition))

    def create_index(self, field, schema):
        with self.lock:
            answer = self.update(engine.UpdateOperation.create_field_index(field, index_params(schema)))
            self.meta["indexes"][field] = schema
            write_durably(self.folder / "collection.json", self.meta)
            return answer

    def delete_index(self, field):
        with self.lock:
            answer = self.update(engine.UpdateOperation.delete_field_index(field))
            self.meta["indexes"].pop(field, None)
            write_durably(self.folder / "collection.json", self.meta)
            return answer

    def change(self, changes):
        """Changes parameters as PATCH /collections/<name> does; the shard is reopened with them."""
        with self.lock:
            config = json.loads(json.dumps(self.meta["config"]))
            set_given(config["params"], {key: (changes.get("params") or {}).get(key) for key in PARAMS})
            set_given(config["hnsw_config"], changes.get("hnsw_config"))
            set_given(config["optimizer_config"], changes.get("optimizers_config"))
            if changes.get("quantization_config"):
                set_quantization(config, changes["quantization_config"])
            for name, vector in (changes.get("vectors") or {}).items():
                change_vector(config["params"]["vectors"], name, vector)
            for name, vector in (changes.get("sparse_vectors") or {}).items():
                change_vector(config["params"].get("sparse_vectors", {}), name, vector)
            wanted = edge_config(config)
            self.shard.close()
            self.shard = engine.EdgeShard.load(str(self.folder / "0"), wanted)
            self.meta["config"] = config
            write_durably(self.folder / "collection.json", self.meta)

    def info(self):
        with self.lock:
            shard = self.shard.info()
        indexed = {field: index.points for field, index in shard.payload_schema.items()}
        return {
            "status": "green",
            "optimizer_status": "ok",
            "indexed_vectors_count": shard.indexed_vectors_count,
            "points_count": shard.points_count,
            "segments_count": shard.segments_count,
            "config": self.meta["config"],
            "payload_schema": {
                field: {
                    **({"data_type": schema} if isinstance(schema, str) else {"data_type": schema["type"], "params": schema}),
                    "points": indexed.get(field, 0),
                }
                for field, schema in self.meta["indexes"].items()
            },
        }


def set_quantization(owner, value):
    owner["quantization_config"] = None if value == "Disabled" else value


def change_vector(vectors, name, changes):
    if name not in vectors:
        raise BadRequest(f"Wrong input: Not existing vector name error: {name}")
    vector = vectors[name]
    rest = dict(changes)
    if rest.get("quantization_config"):
        set_quantization(vector, rest.pop("quantization_config"))
    if rest.get("hnsw_config"):
        vector["hnsw_config"] = {**(vector.get("hnsw_config") or {}), **rest.pop("hnsw_config")}
    set_given(vector, rest)


class Storage:
    """All collections and aliases of the server."""

    def __init__(self, root, defaults):
        self.root, self.defaults = root, defaults
        self.lock = threading.RLock()
        self.folder = root / "collections"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.aliases_file = root / "aliases.json"
        self.aliases = json.loads(self.aliases_file.read_text()) if self.aliases_file.exists() else {}
        self.collections = {}
        for folder in self.folder.iterdir():
            if (folder / "collection.json").exists():
                self.collections[folder.name] = Collection.load(folder)
            else:
                # Half made or half deleted when the process ended.
                shutil.rmtree(folder)

    def resolve(self, name):
        with self.lock:
            found = self.collections.get(self.aliases.get(name, name))
        if not found:
            raise NotFound(f"Not found: Collection `{name}` doesn't exist!")
        return found

    def create(self, name, body):
        with self.lock:
            if name in self.collections or name in self.aliases:
                raise Conflict(f"Wrong input: Collection `{name}` already exists!")
            folder = self.folder / name
            folder.mkdir()
            try:
                self.collections[name] = Collection.create(folder, self.new_config(body))
            except BaseException:
                shutil.rmtree(folder)
                raise
            return True

    def delete(self, name):
        with self.lock:
            found = self.collections.pop(name, None)
            if not found:
                return False
            self.save_aliases({alias: target for alias, target in self.aliases.items() if target != name})
            # Without its definition the rest counts as half deleted, also after a crash.
            (found.folder / "collection.json").unlink()
            with found.lock:
                found.shard.close()
            shutil.rmtree(found.folder)
            return True

    def change_aliases(self, actions):
        """All of the actions or none."""
        with self.lock:
            aliases = dict(self.aliases)
            for action in actions:
                ((kind, given),) = action.items()
                self.change_alias(aliases, kind, given)
            self.save_aliases(aliases)
            return True

    def change_alias(self, aliases, kind, given):
        if kind == "create_alias":
            if given["collection_name"] not in self.collections:
                raise NotFound(f"Not found: Collection `{given['collection_name']}` doesn't exist!")
            if given["alias_name"] in self.collections:
                raise Conflict(f"Wrong input: Collection `{given['alias_name']}` already exists!")
            aliases[given["alias_name"]] = given["collection_name"]
        elif kind in ("delete_alias", "rename_alias"):
            old = given.get("alias_name", given.get("old_alias_name"))
            if old not in aliases:
                raise NotFound(f"Not found: Alias {old} does not exists!")
            target = aliases.pop(old)
            if kind == "rename_alias":
                aliases[given["new_alias_name"]] = target
        else:
            raise BadRequest(f"Format error in JSON body: unknown alias operation `{kind}`")

    def save_aliases(self, aliases):
        if aliases != self.aliases:
            write_durably(self.aliases_file, aliases)
            self.aliases = aliases

    def new_config(self, body):
        """A collection's configuration: what the request leaves out comes from the server's own configuration."""
        defaults = self.defaults.get("collection") or {}
        pick = lambda key, fallback: next(value for value in (body.get(key), defaults.get(key), fallback) if value is not None)
        vectors = body.get("vectors") or {}
        if "size" in vectors:
            raise BadRequest("The stand-in has named vectors only")
        hnsw = {**HNSW, **(self.defaults.get("hnsw_index") or {})}
        set_given(hnsw, body.get("hnsw_config"))
        optimizers = dict(OPTIMIZERS)
        set_given(optimizers, body.get("optimizers_config"))
        on_disk = (defaults.get("vectors") or {}).get("on_disk")
        extra = {} if on_disk is None else {"on_disk": on_disk}
        return {
            "params": {
                "vectors": {name: {**extra, **vector} for name, vector in vectors.items()},
                "shard_number": body.get("shard_number") or 1,
                "replication_factor": pick("replication_factor", 1),
                "write_consistency_factor": pick("write_consistency_factor", 1),
                "on_disk_payload": pick("on_disk_payload", self.defaults.get("on_disk_payload", True)),
                **({"sparse_vectors": body["sparse_vectors"]} if body.get("sparse_vectors") else {}),
            },
            "hnsw_config": hnsw,
            "optimizer_config": optimizers,
            "wal_config": {"wal_capacity_mb": 32, "wal_segments_ahead": 0},
            "quantization_config": body.get("quantization_config") or defaults.get("quantization"),
        }
