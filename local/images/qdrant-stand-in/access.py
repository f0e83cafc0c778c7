"""API keys and signed tokens (JWT), with the rights and the answers of the official server."""
import base64
import binascii
import hashlib
import hmac
import json
import re
import time

from convert import edge_filter
from storage import NotFound

LEEWAY_SECONDS = 30
TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")


class Denied(Exception):
    """401, or 403 where the key is known and does not suffice."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Access:
    """Rights on everything (`m` all, `r` reading), or on single collections (`rw`, `r`)."""

    def __init__(self, rights):
        self.everywhere = rights if isinstance(rights, str) else None
        self.collections = {} if self.everywhere else {each["collection"]: each["access"] for each in rights}

    def sees(self, collection):
        return self.everywhere is not None or collection in self.collections

    def require_everywhere(self, writes):
        if self.everywhere is None:
            raise Denied(403, "Forbidden: Global access is required")
        if writes and self.everywhere != "m":
            raise Denied(403, "Forbidden: Global manage access is required")

    def require(self, collection, writes):
        if self.everywhere:
            self.require_everywhere(writes)
        elif collection not in self.collections:
            raise Denied(403, f"Forbidden: Access to collection {collection} is required")
        elif writes and self.collections[collection] != "rw":
            raise Denied(403, f"Forbidden: Write access to collection {collection} is required")

    def require_manage(self):
        if self.everywhere is None:
            raise Denied(403, "Forbidden: Manage access for this operation is required")
        self.require_everywhere(True)


class Keys:
    """Who a request comes from."""

    def __init__(self, service, storage):
        self.storage = storage
        self.read_write = [service[name] for name in ("api_key", "alt_api_key") if service.get(name)]
        self.read_only = [service[name] for name in ("read_only_api_key",) if service.get(name)]
        self.signs = self.read_write if service.get("jwt_rbac") else []

    def access(self, headers):
        if not self.read_write and not self.read_only:
            return Access("m")
        bearer = re.fullmatch(r"Bearer (.+)", headers.get("Authorization") or "")
        given = headers.get("api-key") or (bearer and bearer.group(1))
        if not given:
            raise Denied(401, "Must provide an API key or an Authorization bearer token")
        if any(same(key, given) for key in self.read_write):
            return Access("m")
        if any(same(key, given) for key in self.read_only):
            return Access("r")
        if self.signs and TOKEN.fullmatch(given):
            return self.access_of_token(given)
        raise Denied(401, "Invalid API key or JWT")

    def access_of_token(self, token):
        text, _, signature = token.rpartition(".")
        try:
            header, claims = [json.loads(decode(part)) for part in text.split(".")]
            signed = decode(signature)
        except (ValueError, binascii.Error) as error:
            raise Denied(401, "Invalid API key or JWT") from error
        if header.get("alg") != "HS256":
            raise Denied(401, "Invalid API key or JWT")
        if not any(hmac.compare_digest(sign(key, text), signed) for key in self.signs):
            raise Denied(403, "InvalidSignature")
        if claims.get("exp") is not None and claims["exp"] < time.time() - LEEWAY_SECONDS:
            raise Denied(403, "ExpiredSignature")
        if claims.get("value_exists"):
            self.require_value(claims["value_exists"])
        return Access(claims.get("access", "m"))

    def require_value(self, wanted):
        """The token is valid as long as a point with these values exists."""
        must = [{"key": each["key"], "match": {"value": each["value"]}} for each in wanted["matches"]]
        try:
            found = self.storage.resolve(wanted["collection"]).count(edge_filter({"must": must}))
        except NotFound as error:
            raise Denied(403, "Invalid JWT, stateful validation failed") from error
        if not found:
            raise Denied(401, "Invalid JWT, stateful validation failed")


def same(key, given):
    return hmac.compare_digest(given.encode(), key.encode())


def sign(key, text):
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()


def decode(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
