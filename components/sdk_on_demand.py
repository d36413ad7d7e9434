"""Loads only those modules of the provider SDKs that the program uses.

`pulumi_cloudflare`, and each service of `pulumi_aws`, is a package whose `__init__` imports every one of its modules
with `from .module import *`: hundreds, of which the program needs a few. Imported through the finder below, the package
runs its own `__init__` without those lines, and imports a module when one of its names is first used. For the
program and the type checker it is the same package, imported as ever: `import pulumi_cloudflare as cloudflare`.

Nothing depends on a guess. A name that is in no module of a similar name is looked for in all of them, which takes as
long as the plain import; a package whose `__init__` is written in another way is imported as it is.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any, Final

_WHOLE_MODULE: Final = re.compile(r"^from \.(\w+) import \*$", re.MULTILINE)


class _OnDemandLoader(SourceFileLoader):
    """Runs a package's `__init__` without its `from .module import *` lines."""

    _modules: Sequence[str] = ()
    """The modules that those lines name, in their order."""

    def get_code(self, fullname: str) -> CodeType | None:
        """Return the code of `__init__` without the lines; with its own byte code where there are none."""
        source = self.get_source(fullname) or ""
        self._modules = _WHOLE_MODULE.findall(source)
        if not self._modules:
            return super().get_code(fullname)
        return self.source_to_code(_WHOLE_MODULE.sub("", source), self.path)

    def exec_module(self, module: ModuleType) -> None:
        """Run `__init__`, then have the package look up what it doesn't have yet (PEP 562)."""
        super().exec_module(module)
        if self._modules:
            module.__dict__["__getattr__"] = _name_finder(module, self._modules)


def _name_finder(package: ModuleType, modules: Sequence[str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package: it imports modules until one of them has the name."""

    last_first = modules[::-1]

    def find(name: str) -> Any:  # noqa: ANN401 - as `getattr` has it
        plain = name.replace("_", "").lower()

        def is_elsewhere(module: str) -> bool:
            # `DnsRecordArgs` is in `dns_record`, `get_ip_ranges_output` in `get_ip_ranges`; what modules share, such as
            # the arguments of nested objects, is in `_inputs` and `_enums`.
            return not (module.startswith("_") or plain.startswith(module.replace("_", "")))

        # Likely modules first; among equals the last, since in an `__init__` the last import of a name wins.
        for module in sorted(last_first, key=is_elsewhere):
            loaded = import_module(f"{package.__name__}.{module}")
            public = getattr(loaded, "__all__", None) or [key for key in vars(loaded) if not key.startswith("_")]
            package.__dict__.update({key: getattr(loaded, key) for key in public})
            if name in package.__dict__:
                return package.__dict__[name]
        raise AttributeError(f"module {package.__name__!r} has no attribute {name!r}")

    return find


class _SdkFinder(MetaPathFinder):
    """Finds the packages of the SDKs that are loaded on demand."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of one of those packages; None leaves a module to the other finders."""
        if fullname != "pulumi_cloudflare" and fullname.rpartition(".")[0] != "pulumi_aws":
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec and spec.submodule_search_locations and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _OnDemandLoader(fullname, spec.loader.path)
        return spec


def install() -> None:
    """Have the SDKs loaded on demand from here on; once is enough, more often does no harm."""
    if not any(type(finder).__qualname__ == _SdkFinder.__qualname__ for finder in sys.meta_path):
        sys.meta_path.insert(0, _SdkFinder())
