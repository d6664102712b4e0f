"""Commands from config classes: options, defaults and help come from the fields.

    @config_command("out", "data.source", "seed", "fit.steps")
    def train(config: TrainConfig) -> None: ...

is a command with the options --out, --data, --seed and --steps. Every other field can be set by a
parameter file (-f) or by name (--set fit.batch=64). No option has a default of its own, because a
default would overrule the parameter file; --help shows the defaults of the config.
"""

import inspect
import types
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import typer
from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from mlcmkd.cli.configs import config_of
from mlcmkd.cli.options import Params, Sets
from mlcmkd.utils.config import Config
from mlcmkd.utils.errors import InputError

# Fields whose option is not called as the last part of the field's name.
_OPTION_NAMES = {"data.source": "data"}


def config_command(
    *fields: str, arguments: tuple[str, ...] = (), exclusive: tuple[str, ...] = ()
) -> Callable[[Callable[[Any], None]], Callable[..., None]]:
    """Makes a function of a validated config a command.

    Args:
        fields: dotted names of the fields that are options, in the order of --help.
        arguments: fields that are positional arguments, in their order.
        exclusive: options of which at most one may be given.

    Returns:
        A decorator. The function's one parameter must be annotated with the config's class; its
        docstring is the help of the command.
    """

    def decorate(function: Callable[[Any], None]) -> Callable[..., None]:
        (kind,) = (hint for hint in get_type_hints(function).values() if hint is not type(None))
        by_option = {option_name(field): field for field in (*arguments, *fields)}

        def command(params: Path | None, sets: list[str] | None, **options: Any) -> None:
            typed = {name: value for name, value in options.items() if value is not None}
            _at_most_one(exclusive, typed)
            values = {by_option[name]: value for name, value in typed.items()}
            function(config_of(kind, params, sets, values))

        parameters = [
            *(_parameter(kind, field, positional=True) for field in arguments),
            *(_parameter(kind, field, positional=False) for field in fields),
            _keyword("params", Params, None),
            _keyword("sets", Sets, None),
        ]
        command.__name__, command.__doc__ = function.__name__, function.__doc__
        command.__module__ = function.__module__
        command.config = kind
        command.__signature__ = inspect.Signature(parameters)  # what typer reads
        command.__annotations__ = {each.name: each.annotation for each in parameters}
        return command

    return decorate


def option_name(field: str) -> str:
    """The parameter of a command that sets a field: the last part of the field's name."""
    return _OPTION_NAMES.get(field, field.rpartition(".")[2])


def find_field(kind: type[Config], dotted: str) -> tuple[FieldInfo, Any]:
    """A field of a config, or of a config inside it, and its default."""
    first, _, rest = dotted.partition(".")
    field = kind.model_fields[first]
    if not rest:
        return field, field.default
    inner, _ = find_field(field.annotation, rest)
    return inner, dict(field.default)[rest]


def help_of(field: FieldInfo, default: Any) -> str:
    """The description of a field, with its default and the values that it allows."""
    notes = [] if field.is_required() else [f"default: {_text(default)}"]
    notes += [", ".join(filter(None, map(_bound, field.metadata)))]
    notes = "; ".join(filter(None, notes))
    return f"{field.description}  [{notes}]" if notes else field.description


def _parameter(kind: type[Config], dotted: str, *, positional: bool) -> inspect.Parameter:
    field, default = find_field(kind, dotted)
    option, choices = _option_type(field.annotation)
    details = {
        "help": help_of(field, default),
        "metavar": f"[{'|'.join(choices)}]" if choices else None,
        "show_default": False,
    }
    name = option_name(dotted)
    if positional:
        return _keyword(name, Annotated[option, typer.Argument(**details)], ...)
    if field.is_required():
        return _keyword(name, Annotated[option, typer.Option(**details)], ...)
    return _keyword(name, Annotated[option | None, typer.Option(**details)], None)


def _keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    default = inspect.Parameter.empty if default is ... else default
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=annotation)


def _option_type(annotation: Any) -> tuple[Any, tuple[str, ...]]:
    """The type that typer parses an option as, and the choices if there are some.

    Choices are checked by the config, so that all errors have one text.
    """
    if get_origin(annotation) in (Union, types.UnionType):
        (annotation,) = (each for each in get_args(annotation) if each is not type(None))
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) is Literal:
        return str, get_args(annotation)
    return annotation, ()


def _bound(constraint: Any) -> str:
    match constraint:
        case Ge(ge=value):
            return f"at least {value}"
        case Gt(gt=value):
            return f"above {value}"
        case Le(le=value):
            return f"at most {value}"
        case Lt(lt=value):
            return f"below {value}"
    return ""


def _text(default: Any) -> str:
    if isinstance(default, bool):
        return "yes" if default else "no"
    return str(default)


def _at_most_one(names: tuple[str, ...], typed: dict[str, Any]) -> None:
    given = [f"--{name.replace('_', '-')}" for name in names if name in typed]
    if len(given) > 1:
        raise InputError(f"{' or '.join(given)}, not both")
