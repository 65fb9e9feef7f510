"""How a shell is made to read our hooks: other arguments and environment, no file of the user's.

Runs in the child between fork and exec, so it imports nothing and touches nothing. The hook file
puts back what is changed here in the environment before it reads the user's own files:

- bash: `--rcfile` names our file, which reads ~/.bashrc. A login shell has no such option, but with
  `--posix` it reads $ENV and nothing else: our file leaves that mode and reads what a login shell
  reads. The user's ENV waits in PTYWRAP_ENV.
- zsh: ZDOTDIR leads to our .zshenv; the user's waits in PTYWRAP_ZDOTDIR.
- fish: our folder comes first in XDG_DATA_DIRS, or is all of it; fish adds its own by itself.

A shell started with any argument not named here is left alone: `--norc` and `-f` are meant.
"""

Changed = tuple[list[bytes], dict[bytes, bytes]]

_LOGIN = (b"-l", b"-il", b"-li", b"--login")
_HARMLESS = {
    b"bash": (b"-i", *_LOGIN),
    b"zsh": (b"-i", *_LOGIN),
    b"fish": (b"-i", b"--interactive", b"-P", b"--private", *_LOGIN),
}


def injected(
    shell: bytes,
    argv: list[bytes],
    environ: dict[bytes, bytes],
    hooks: bytes,
    login: bool,  # noqa: FBT001 - agreed with the launcher, and never a bare True there
) -> Changed:
    """Return argv and environ with the hooks of the folder in them; unchanged where unknown."""
    name = shell.rpartition(b"/")[2]
    flags = argv[1:]
    if b"PTYWRAP_MARKS" not in environ or not set(flags) <= set(_HARMLESS.get(name, ())):
        return argv, environ
    if name == b"zsh":
        return argv, _moved(environ, b"ZDOTDIR", hooks + b"/zsh")
    if name == b"fish":
        folders = [hooks] + [environ[name] for name in [b"XDG_DATA_DIRS"] if name in environ]
        return argv, environ | {b"XDG_DATA_DIRS": b":".join(folders)}
    if name != b"bash" or _is_posix(argv[0], environ):
        return argv, environ
    hook = hooks + b"/ptywrap.bash"
    if login or argv[0].startswith(b"-") or not set(flags).isdisjoint(_LOGIN):
        return [argv[0], b"--posix", *flags], _moved(environ, b"ENV", hook)
    return [argv[0], b"--rcfile", hook, *flags], environ


def _is_posix(name: bytes, environ: dict[bytes, bytes]) -> bool:
    """Whether bash would be in POSIX mode without us: then it reads other files than ours tells."""
    return (
        name.removeprefix(b"-").rpartition(b"/")[2] == b"sh"
        or b"POSIXLY_CORRECT" in environ
        or b"posix" in environ.get(b"SHELLOPTS", b"").split(b":")
    )


def _moved(environ: dict[bytes, bytes], name: bytes, value: bytes) -> dict[bytes, bytes]:
    saved = b"PTYWRAP_" + name
    changed = {key: old for key, old in environ.items() if key != saved}
    if name in environ:
        changed[saved] = environ[name]
    changed[name] = value
    return changed
