"""Lines made to be slow: for each, a function from a size in characters to the line."""

from collections.abc import Callable

_REPEATED = {
    "docker login": "docker login ",
    "unclosed double quotes": 'a="',
    "unclosed single quotes": "a='",
    "escaped quotes": '\\"',
    "a name chain": "password=",
    "short names": "a=",
    "name and colon": '"token": ',
    "schemes": "https://",
    "users": "a://b:c@",
    "parameters": "x://h?key=a&sig=b&",
    "at signs": "://a@",
    "headers": "Cookie: ",
    "headers without space": "x-api-key:",
    "dashes": "a-",
    "bearer": "bearer ",
    "key blocks": "-----BEGIN " + "PRIVATE KEY",
    "pipes": "echo a|",
    "pipes into sudo": "echo a|sudo -S ",
    "here strings": "a<<<b ",
    "here documents": "a <<E\n",
    "semicolons": ";",
    "brackets": "$(",
    "backslashes": "\\",
    "long words": "aB3dE5gH7jK9mN1pQ2s ",
    "base64": "aB3dE5gH7jK9mN1p/",
    "hexadecimal": "deadbeef",
    "prefixes": "gh" + "p_a-",
    "mysql": "mysql -p -pa ",
    "carriers": "ssh mysql ",
    "curl": "curl -u a:b ",
    "nested quotes": "sh -c \"sh -c 'a b' ",
    "sudo": "sudo ",
    "wrappers": "env A=1 nice ",
    "flags": "--password -p ",
    "clauses": "identified by ",
    "assignments": "vault write a=b ",
    "spaces": " ",
    "newlines": "\n",
    "not ascii": "pässwörd=é ",
}


def _times(part: str) -> Callable[[int], str]:
    return lambda size: (part * (size // len(part) + 1))[:size]


HOSTILE = {name: _times(part) for name, part in _REPEATED.items()}
