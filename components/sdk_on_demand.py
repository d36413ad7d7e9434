"""Loads only those modules and classes of the provider SDKs that the program uses.

`pulumi_cloudflare` and each service of `pulumi_aws` are packages whose `__init__` imports hundreds of modules with
`from .module import *`, of which the program needs a few. Two of them, `_inputs` and `outputs`, hold
thousands of classes for nested objects. Imported through the finder below, the package runs its own `__init__` without
those lines, and imports a module when one of its names is first used; `_inputs` and `outputs` create a class when it is
first used. For the program and the type checker it is the same package, imported as usual:
`import pulumi_cloudflare as cloudflare`.

A wrong guess does no harm. If a name isn't in a module with a similar name, all modules are searched, which takes as
long as the plain import; a package or module that is written in another way is imported as it is.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from itertools import pairwise
from types import CodeType, MappingProxyType, ModuleType
from typing import Any, Final

_WHOLE_MODULE: Final = re.compile(r"^from \.(\w+) import \*$", re.MULTILINE)
_CLASS: Final = re.compile(r"\n(?:@.*\n)*class (\w+)")
_QUOTED: Final = re.compile(r"'(\w+)'")
"""A class in an annotation. The generated code has other texts in double quotes."""
_GETTER: Final = re.compile(r"\(self\) -> (.*):\n")
"""The type of a property: the only annotation that the SDK ever evaluates."""


class _PackageLoader(SourceFileLoader):
    """Runs a package's `__init__` without its `from .module import *` lines."""

    modules: Sequence[str] = ()
    """The modules that those lines name, in order."""

    def get_code(self, fullname: str) -> CodeType | None:
        """Return the code of `__init__` without these lines; if there are none, its cached byte code."""
        if not self.modules:
            return super().get_code(fullname)
        return self.source_to_code(_WHOLE_MODULE.sub("", self.get_source(fullname) or ""), self.path)

    def exec_module(self, module: ModuleType) -> None:
        """Run `__init__`, then make the package look up missing names on demand (PEP 562)."""
        self.modules = _WHOLE_MODULE.findall(self.get_source(module.__name__) or "")
        super().exec_module(module)
        if self.modules:
            module.__dict__["__getattr__"] = _name_finder(module, self.modules)


def _name_finder(package: ModuleType, modules: Sequence[str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package: it imports modules until one of them has the name."""

    last_first = modules[::-1]

    def find(name: str) -> Any:  # noqa: ANN401 - as `getattr` has it
        plain = name.replace("_", "").lower()

        def is_elsewhere(module: str) -> bool:
            # `DnsRecordArgs` is in `dns_record`, `get_ip_ranges_output` in `get_ip_ranges`; names that modules share,
            # such as the arguments of nested objects, are in `_inputs` and `_enums`.
            return not (module.startswith("_") or plain.startswith(module.replace("_", "")))

        # Try likely modules first, and among equals the last one, since in an `__init__` the last import of a name
        # wins.
        for module in sorted(last_first, key=is_elsewhere):
            loaded = import_module(f"{package.__name__}.{module}")
            if isinstance(loaded, _Classes) and loaded.sources:
                public: Collection[str] = {name} & loaded.sources.keys()
            else:
                public = getattr(loaded, "__all__", None) or [key for key in vars(loaded) if not key.startswith("_")]
            package.__dict__.update({key: getattr(loaded, key) for key in public})
            if name in package.__dict__:
                return package.__dict__[name]
        raise AttributeError(f"module {package.__name__!r} has no attribute {name!r}")

    return find


class _Classes(ModuleType):
    """A module that creates each of its classes when it is first used."""

    sources: Mapping[str, str] = MappingProxyType({})
    """Class -> its source; empty if the module has all its classes."""

    def run(self, source: str, place: str) -> None:
        """Run a part of the module's source. Annotations stay texts until the SDK evaluates one of them."""
        code = compile(source, place, "exec", flags=annotations.compiler_flag, dont_inherit=True)
        exec(code, self.__dict__)  # noqa: S102 - as an import does

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as `getattr` has it
        if name not in self.sources:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        # Annotations name other classes of the module. They become attributes of it, so they are created on demand too.
        source = _QUOTED.sub(
            lambda quoted: f"'__this__.{quoted[1]}'" if quoted[1] in self.sources else quoted[0], self.sources[name]
        )
        self.run(source, f"{self.__file__}:{name}")
        return self.__dict__[name]


class _ClassesLoader(SourceFileLoader):
    """Runs a module that consists of classes, without creating them."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module."""
        return _Classes(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Run the code before the classes, or all of it if the classes aren't those that the module lists."""
        assert isinstance(module, _Classes)  # noqa: S101 - this loader created it
        source = self.get_source(module.__name__) or ""
        starts = [*((found[1], found.start()) for found in _CLASS.finditer(source)), ("", len(source))]
        sources = {name: source[start:end] for (name, start), (_, end) in pairwise(starts)}
        module.__dict__["__this__"] = module
        module.run(source[: starts[0][1]], self.path)
        if sources.keys() == {*module.__dict__.get("__all__", ())}:
            # An `import *` gets nothing from this module: see `_ResourceLoader`.
            module.__dict__.update(__all__=(), sources=sources)
        else:
            super().exec_module(module)


class _ResourceLoader(SourceFileLoader):
    """Runs a module that imports `*` from `_inputs`, and gives it only the classes of its own properties."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module and give it these classes."""
        super().exec_module(module)
        inputs = sys.modules.get(f"{module.__package__}._inputs")
        if isinstance(inputs, _Classes) and inputs.sources:
            types = " ".join(_GETTER.findall(self.get_source(module.__name__) or ""))
            names = inputs.sources.keys() & _QUOTED.findall(types)
            module.__dict__.update({name: getattr(inputs, name) for name in names})


class _SdkFinder(MetaPathFinder):
    """Finds the packages of the SDKs that are loaded on demand, and their modules."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of one of those packages or modules; None leaves a module to the other finders."""
        package, _, name = fullname.rpartition(".")
        around = getattr(sys.modules.get(package), "__loader__", None)
        if fullname == "pulumi_cloudflare" or package == "pulumi_aws":
            loader: type[SourceFileLoader] = _PackageLoader
        elif isinstance(around, _PackageLoader) and around.modules:
            loader = _ClassesLoader if name in ("_inputs", "outputs") else _ResourceLoader
        else:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        is_package = bool(spec and spec.submodule_search_locations)
        if spec and isinstance(spec.loader, SourceFileLoader) and is_package == (loader is _PackageLoader):
            spec.loader = loader(fullname, spec.loader.path)
        return spec


def install() -> None:
    """Make imports load the SDKs on demand from now on; calling this again does no harm."""
    if not any(type(finder).__qualname__ == _SdkFinder.__qualname__ for finder in sys.meta_path):
        sys.meta_path.insert(0, _SdkFinder())
