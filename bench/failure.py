"""What somebody else's code raised, in words: a plug-in, a contender or JAX may raise anything."""


def failure_of(error: BaseException) -> str:
    """Return an exception's type and its whole message, on as many lines as it has.

    Whoever calls somebody else's code catches `BaseException`, as `sys.exit(0)` in a plug-in would end the
    run as if all were done, and hands the exception to this function, which raises an interrupt again: that
    is the user's.
    """
    if isinstance(error, KeyboardInterrupt):
        raise error
    try:
        message = str(error).strip()
    except Exception as second:
        message = f"its message cannot be read ({type(second).__name__})"
    # Records are UTF-8, which has no lone surrogates; messages name files, which can have them.
    readable = (message or "no message").encode("utf-8", "backslashreplace").decode()
    return f"{type(error).__name__}: {readable}"
