"""Secrets that a text gives away by how they look or what stands before them.

Each finder is linear: every expression is anchored where a run begins, or its repeats are bounded
or possessive. None raises.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from ptywrap.admission import entropy
from ptywrap.rules import Rules

_MARK = "«"

_BLOCK = re.compile(
    r"-----BEGIN[A-Z0-9 ]{0,40}PRIVATE KEY"
    r"(?:.*?-----END[A-Z0-9 ]{0,40}PRIVATE KEY[A-Z -]{0,20}|.*+)",
    re.DOTALL,
)
_URL = re.compile(r"://([^\s'\"<>`]*+)")
_QUERY = re.compile(r"[?&;#]([A-Za-z0-9_.\-]{1,40}+)=([^&\s#;]*+)")
_NO_SCHEME = re.compile(
    r"(?<![\w/.@:+-])[\w.+-]{1,64}+:([^\s/:@'\"]{3,64}+)@(?:localhost|[\w-]{1,64}\.[\w.-]{1,64})"
)
_HEADER = re.compile(
    r"(?<![\w-])(?:(?:proxy-)?authorization|(?:set-)?cookie|apikey|bearer"
    r"|[a-z0-9]{1,20}-(?:[a-z0-9]{1,20}-){0,4}?(?:key|token|auth|secret|password|signature))"
    r"\s{0,2}:\s{0,2}",
    re.IGNORECASE,
)
_SCHEME = re.compile(
    r"(?:bearer|basic|token|digest|negotiate|apikey|bot|key|jwt|aws4-hmac-sha256)\s+", re.IGNORECASE
)
_CLAUSE = re.compile(
    r"(?:identified\s{1,4}(?:with\s{1,4}\w{1,40}\s{1,4})?(?:by|as)\s{0,4}"
    r"|password(?:\s{1,4}|\s{0,4}[(=]\s{0,4})"
    r"|auth\s{0,2}=\s{0,2}\(\s{0,2}[\"'][^\"']{0,80}+[\"']\s{0,2},\s{0,2})"
    r"\\?[\"']([^\"']++)",
    re.IGNORECASE,
)
_SPACE = re.compile(r"\s")
_BEARER = re.compile(r"(?<![\w-])bearer\s{1,3}([A-Za-z0-9._~+/-]{8,}+={0,2})", re.IGNORECASE)
_NAME = re.compile(
    r"(?<![\w.\-])-{0,2}([A-Za-z_][\w.\-]{1,63}+)(\\?[\"']?)\s{0,2}(=>|:=|=|:(?!:))(\s{0,2})"
)
_VALUE = re.compile(
    r"\\\"[^\"\\]*+|\\'[^'\\]*+|\"(?:[^\"\\]++|\\.)*+|'[^']*+|[^\s\"'&;,(){}\]<>|\\]++", re.DOTALL
)
_LONG = re.compile(r"(?<![A-Za-z0-9_+/\-])[A-Za-z0-9_+/\-]{20,}+={0,2}")

_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_STRONG = ("password", "passwd", "passphrase", "token", "secret", "apikey", "passwort")
_OPEN = re.compile(
    r"""\$(?:[A-Za-z_{(]|$)|\.\*|\[\^|\\[wWsSd.]|`|%[A-Za-z_]+%|\{\{|<|«|…|@[./~]|@-?$|/+$|\*+$|x+$|X+$|[-.]{1,3}$
    |(?:\./|\.\./|~/|/(?:home|etc|run|var|tmp|usr|opt|root|Users|mnt|srv|dev|proc|app|secrets|private
        |workspace|workspaces|data|keys)/)
    |(?:env|file|fd|stdin|op|keyring|vault|secretref|arn|ssm|id|src|source|type|name|target):?[:/=]
    |(?:true|false|yes|no|none|null|nil|basic|digest|bearer|ntlm|oauth2?|jwt|ssh|https?|default|auto
        |always|never|required|optional|enabled?|disabled?|env|stdin|prompt|ask|file|on|off)$
    |@?[\w./-]+\.(?:json|ya?ml|pem|key|crt|cer|p12|pfx|jks|txt|env|toml|cfg|ini|conf|pub|asc|gpg|sig)$
    |(?:string|str|text|varchar|integer|int|boolean|bool|number|float|uuid|references|digest|bytes)$
    |\d{1,2}$""",
    re.VERBOSE,
)
_REVISED = ("git", "docker", "podman", "nix", "sha256", "shasum", "sha1", "md5", "checksum")
_HEX = re.compile(r"[0-9a-f]+|[0-9A-F]+")
_JOINTS = re.compile(r"[_+/=\-]")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Hit(NamedTuple):
    """A secret's place in a text, and the word that replaces it."""

    start: int
    end: int
    kind: str


def found(text: str, rules: Rules, *, literal: bool) -> Iterator[Hit]:
    """Return secrets in the order of their rules; `literal` texts are argvs, an argument a line."""
    for block in _BLOCK.finditer(text):
        yield Hit(block.start(), block.end(), "key")
    for token in rules.tokens.finditer(text):
        if any(map(str.isdigit, token.group())):
            yield Hit(token.start(), token.end(), "token")
    yield from _urls(text, rules)
    yield from _headers(text, literal=literal)
    yield from _named(text, rules)
    for clause in _CLAUSE.finditer(text):
        if not is_open(clause.group(1)):
            yield Hit(clause.start(1), clause.end(1), "password")


def is_open(value: str) -> bool:
    """Tell whether a value is no secret: a variable, a path, a mode, or redacted already."""
    if value[:1] == "'":
        return value[1:2] in ("", "'", _MARK)
    bare = value[:256].strip('"\\')
    return not bare or _OPEN.match(bare) is not None


def is_secret_name(name: str, rules: Rules) -> bool:
    """Tell whether a name (`DB_PASSWORD`, `clientSecret`, `api-key`) is that of a secret."""
    if rules.named.search(name) is None or name in ("PWD", "OLDPWD"):
        return False
    parts = [part.lower() for part in _PARTS.findall(name)]
    while parts and parts[-1].isdigit():
        parts.pop()
    secrets = rules.secrets
    if not parts or parts[-1] in secrets.harmless:
        return False
    if not secrets.terms.isdisjoint(parts) or any(part.endswith(_STRONG) for part in parts):
        return True
    if parts[-1] != "key" or len(parts) < 2:
        return False
    return parts[-2] in secrets.keys or (name.isupper() and parts[-2] not in secrets.openkeys)


def _urls(text: str, rules: Rules) -> Iterator[Hit]:
    for url in _URL.finditer(text):
        at = url.start(1)
        web = text.endswith(("http", "https"), 0, url.start())
        for piece in url.group(1).split("://"):
            yield from _user_info(piece, at, web=web)
            for name, start, end in (
                (query.group(1), query.start(2), query.end(2)) for query in _QUERY.finditer(piece)
            ):
                opens = name.lower() in rules.secrets.query or is_secret_name(name, rules)
                if opens and not is_open(piece[start:end]):
                    yield Hit(at + start, at + end, "query")
            at += len(piece) + 3
            web = piece.endswith(("http", "https"))
    for hook in rules.webhooks.finditer(text):
        if hook.group(1)[:1] != _MARK:
            yield Hit(hook.start(1), hook.end(1), "webhook")
    for info in _NO_SCHEME.finditer(text):
        if not is_open(info.group(1)):
            yield Hit(info.start(1), info.end(1), "password")


def user_info_end(piece: str) -> int:
    """Return where the `@` of `user:password@host` is in what follows `://`, -1 if there is none.

    A password may itself hold `@`, `/`, `?` or `#`.
    """
    ends = [end for end in map(piece.find, "/?#") if end >= 0]
    authority = piece[: min(ends)] if ends else piece
    last = authority.rfind("@")
    host = authority[last + 1 :]
    if last < 0:
        _, colon, port = authority.partition(":")
        return piece.rfind("@") if colon and not port.isdigit() else -1
    if "." in host or host.startswith(("localhost", "[")):
        return last
    return piece.rfind("@")


def _user_info(piece: str, at: int, *, web: bool) -> Iterator[Hit]:
    last = user_info_end(piece)
    user, colon, password = piece[: max(last, 0)].partition(":")
    if colon and not is_open(password):
        yield Hit(at + len(user) + 1, at + last, "password")
    elif not colon and web and len(user) >= 16 and any(map(str.isdigit, user)):
        yield Hit(at, at + last, "token")


def _headers(text: str, *, literal: bool) -> Iterator[Hit]:
    until = 0
    for header in _HEADER.finditer(text):
        if header.start() < until:
            continue
        before = text[header.start() - 1 : header.start()]
        scheme = _SCHEME.match(text, header.end())
        start = scheme.end() if scheme else header.end()
        quote = before if before in ("'", '"') else text[start : start + 1]
        if literal:
            end = text.find("\n", start)
        elif quote and quote in "'\"":
            start += quote != before
            scheme = _SCHEME.match(text, start)
            start = scheme.end() if scheme else start
            end = text.find(quote, start)
        else:
            space = _SPACE.search(text, start)
            end = space.start() if space else -1
        until = end = len(text) if end < 0 else end
        if not is_open(text[start : min(end, start + 64)]):
            yield Hit(start, end, "header")
    for bearer in _BEARER.finditer(text):
        yield Hit(bearer.start(1), bearer.end(1), "header")


def _named(text: str, rules: Rules) -> Iterator[Hit]:
    """Find `name=value`, `"name": "value"` and kin, inside of words and strings too."""
    until = 0
    for name in _NAME.finditer(text):
        if name.start() < until or not is_secret_name(name.group(1), rules):
            continue
        value = _VALUE.match(text, name.end())
        if value is None or is_open(value.group()):
            continue
        until = value.end()
        quoted = value.group()[0] in "\"'\\"
        if name.group(3) == ":" and not quoted and not name.group(2) and name.group(4):
            continue  # `fix token: refresh it` in a message
        skip = len(value.group()) - len(value.group().lstrip("\"'\\"))
        if value.end() > value.start() + skip:
            yield Hit(value.start() + skip, value.end(), "secret")


def random_words(text: str) -> Iterator[Hit]:
    """Find long words so mixed that nobody chose them."""
    revisions = any(word in text for word in _REVISED)
    for word in _LONG.finditer(text):
        start = word.start()
        for part in [word.group()] if _is_base64(word.group()) else word.group().split("/"):
            before = text[start - 1 : start]
            revision = _HEX.fullmatch(part) and (revisions or before in ("@", ":", "/"))
            revision = revision or text.startswith("/nix/store/", max(0, start - 11))
            if len(part) >= 20 and not revision and _is_random(part):
                yield Hit(start, start + len(part), "random")
            start += len(part) + 1


def _is_random(word: str) -> bool:
    """Tell whether a word mixes classes of characters as often as chance does."""
    bare = _JOINTS.sub("", word)
    if _UUID.fullmatch(word) or bare.isdigit() or len(bare) < 16 or entropy(bare) < 3.0:
        return False
    digits = sum(map(str.isdigit, bare))
    changes = sum(map(_changes, bare, bare[1:]))
    if digits and bare != bare.upper() and bare != bare.lower():
        # Random letters and digits change class 0.62 times a letter, CamelCase about 0.3 times.
        return changes >= (0.34 if digits > 2 and len(bare) > 30 else 0.42) * len(bare)
    # One case and digits: a name has words between its dashes, a secret has not.
    lone = len(bare) >= 20 and len(bare) * 20 >= len(word) * 19
    return lone and digits >= 4 and changes >= 0.22 * len(bare)


def _is_base64(body: str) -> bool:
    """Tell whether a word with slashes is a key and not a path: by its length."""
    return len(body) in (40, 44, 64, 88) and body[0] not in "/." and "-" not in body


def _changes(one: str, other: str) -> bool:
    """Tell whether two characters are of another class: digit, upper or lower case."""
    return one.isdigit() != other.isdigit() or one.isupper() != other.isupper()
