"""The only door to a method: its name, its configuration, its construction. Methods are imported when they are asked for."""

import difflib
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from leadline.methods.briges.config import BrigesConfig
from leadline.methods.distil.config import DistilConfig
from leadline.methods.intrinsic.config import IntrinsicConfig
from leadline.methods.segments.config import SegmentsConfig
from leadline.methods.selfsup.config import SelfsupConfig
from leadline.methods.supervised.config import SupervisedConfig
from leadline.methods.surround.config import SurroundConfig
from leadline.types import UserError

if TYPE_CHECKING:
    from leadline.methods.base import Learner, Method

MethodConfig = SupervisedConfig | SelfsupConfig | IntrinsicConfig | DistilConfig | SurroundConfig | BrigesConfig
"""Union of the configurations of all methods, for typed run configurations."""

LearnerConfig = MethodConfig | SegmentsConfig
"""The same, and the configuration of what training fits without getting depth from it."""

CONFIGS: Mapping[str, type[MethodConfig]] = types.MappingProxyType(
    {
        "supervised": SupervisedConfig,
        "selfsup": SelfsupConfig,
        "intrinsic": IntrinsicConfig,
        "distil": DistilConfig,
        "surround": SurroundConfig,
        "briges": BrigesConfig,
    }
)


def method_names() -> tuple[str, ...]:
    """Names of all methods."""
    return tuple(CONFIGS)


def default_config(name: str) -> MethodConfig:
    """The configuration of method `name` with every default. Raises UserError for an unknown name."""
    return _config_class(name)()


def method_name(config: LearnerConfig) -> str:
    """Name of the method, or learner, that `config` belongs to."""
    if isinstance(config, SegmentsConfig):
        return "segments"
    return next(name for name, kind in CONFIGS.items() if type(config) is kind)


def build_learner(config: LearnerConfig) -> "Learner":
    """What training fits. Raises UserError like `build_method`."""
    if isinstance(config, SegmentsConfig):
        from leadline.methods.segments.learner import Segments

        return Segments(config)
    return build_method(method_name(config), config)


def build_method(name: str, config: Mapping[str, Any] | MethodConfig | None = None) -> "Method":
    """Method `name`, with random or pretrained weights as its configuration says.

    Raises UserError for an unknown method, and for options that it does not have or that cannot be met.
    """
    chosen = parse_config(name, config)
    match chosen:
        case SupervisedConfig():
            from leadline.methods.supervised.method import Supervised

            return Supervised(chosen)
        case IntrinsicConfig():  # before SelfsupConfig, whose options it has too
            from leadline.methods.intrinsic.method import Intrinsic

            return Intrinsic(chosen)
        case SelfsupConfig():
            from leadline.methods.selfsup.method import Selfsup

            return Selfsup(chosen)
        case DistilConfig():
            from leadline.methods.distil.method import Distil

            return Distil(chosen)
        case SurroundConfig():
            from leadline.methods.surround.method import Surround

            return Surround(chosen)
        case BrigesConfig():
            from leadline.methods.briges.method import Briges

            return Briges(chosen)


def parse_config(name: str, config: Mapping[str, Any] | MethodConfig | None) -> MethodConfig:
    """The configuration of method `name` from what a JSON file holds. Raises UserError naming the first wrong option."""
    kind = _config_class(name)
    if config is None:
        return kind()
    if is_dataclass(config):
        if type(config) is not kind:
            raise UserError(f"method {name}", f"got a {type(config).__name__}", f"give a {kind.__name__}")
        return config
    known = {field.name: field.type for field in fields(kind)}
    unknown = [key for key in config if key not in known]
    if unknown:
        near = difflib.get_close_matches(unknown[0], known, n=1)
        raise UserError(
            f"method {name}", f"has no option {unknown[0]}", f"did you mean {near[0]}?" if near else f"it has {', '.join(known)}"
        )
    return kind(**{key: _converted(f"method {name}, option {key}", known[key], value) for key, value in config.items()})


def _converted(subject: str, annotation: Any, value: Any) -> Any:
    """`value` from JSON as `annotation` wants it: words of an enumeration, tuples, whole numbers where floats are due."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is types.UnionType:
        if value is None and type(None) in arguments:
            return None
        return _converted(subject, next(a for a in arguments if a is not type(None)), value)
    if origin is Literal:
        if value not in arguments:
            raise UserError(subject, f"is {value!r}", f"choose from {', '.join(map(str, arguments))}")
        return value
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(_converted(subject, arguments[0], item) for item in value)
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        if value not in list(annotation):
            raise UserError(subject, f"is {value!r}", f"choose from {', '.join(annotation)}")
        return annotation(value)
    if annotation is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, annotation) or (isinstance(value, bool) and annotation is not bool):
        raise UserError(subject, f"is {value!r}", f"give a value of type {annotation.__name__}")
    return value


def _config_class(name: str) -> type[MethodConfig]:
    if name not in CONFIGS:
        near = difflib.get_close_matches(name, CONFIGS, n=3, cutoff=0.3) or list(CONFIGS)
        raise UserError(name, "is not a method", f"choose {', '.join(near)}")
    return CONFIGS[name]
