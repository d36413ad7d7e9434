"""Lambda functions: properties that fit code in an archive, and in an image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from policies.acceptance.together.reading import given, text
from policies.rulebook import Resource

_PAGE: Final = "https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html"
_CODE: Final = "https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCode.html"

_ARCHIVE: Final = ("code", "s3Bucket")
"""Properties that say where an archive is."""
_ARCHIVE_ONLY: Final = ("handler", "runtime", "layers", "s3Key", "s3ObjectVersion")
"""Properties that only a function with code in an archive can have."""


def _function(resource: Resource) -> Iterator[str]:
    inputs = resource.properties
    image = text(inputs, "packageType") == "Image"
    if not any(given(inputs, key) for key in (*_ARCHIVE, "imageUri")):
        yield f"It has no code: neither `code`, `s3Bucket` nor `imageUri` ({_CODE})."
    wrong = [
        key for key in ((*_ARCHIVE, *_ARCHIVE_ONLY) if image else ("imageUri", "imageConfig")) if given(inputs, key)
    ]
    for key in wrong:
        kind = "an image" if image else "an archive"
        yield f"`{key}` is set, but `packageType` says that the code is {kind} ({_CODE})."
    for key in () if image else ("handler", "runtime"):
        if not given(inputs, key):
            yield f"`{key}` is missing; code in an archive needs it ({_PAGE})."
    if given(inputs, "s3Bucket") and not given(inputs, "s3Key"):
        yield f"`s3Key` is missing beside `s3Bucket` ({_CODE})."


CHECKS: Final[Mapping[str, tuple[Callable[[Resource], Iterable[str]], ...]]] = {
    "aws:lambda/function:Function": (_function,),
}
"""Resource type -> its checks."""
