"""References from the code: the keys of the spec, the commands, the errors and the exit status."""

import inspect
from collections.abc import Iterator
from typing import Any, Final

import typer

from docs.generate.page import Page, sentence, table
from docs.generate.schema_tables import Schema, definition, options, schema
from imgprep import errors
from imgprep.cli.app import app

NESTED: Final = (
    ("Standardize", "pack.normalize.standardize"),
    ("Center", "pack.normalize.center"),
    ("FrozenTest", "split.test.from"),
    ("source.csv.Remote", "source.remote, of csv and json"),
    ("waiver", "an entry of audit.waivers"),
)

KEYS_ABOUT: Final = """
This page is made from the schema that `imgprep schema` prints and that editors complete from. [The spec](spec.md) shows
a whole one with comments, and [Targets](targets.md) what `targets` holds. A key that is not here is refused, with the
nearest name.
""".strip()
LISTS: Final = """
Entries of `convert.steps`, `augment.transforms` and `augment.stress` are in the gallery: [steps](../gallery/steps.md),
[transforms](../gallery/transforms.md), [stress tests](../gallery/stress.md). Settings of `audit.rules` are on the page
of [each rule](../rules/index.md).
""".strip()
COMMANDS_ABOUT: Final = """
This page is made from the program; `imgprep COMMAND --help` says the same. [Commands](cli.md) explains them.
""".strip()
ERRORS_ABOUT: Final = """
Everything that imgprep refuses or cannot do is one of these, from `imgprep.errors`. Its text is one line of what is
wrong, where, and what to do about it. On the command line it is printed without a traceback, and the command exits with
the status of the class.
""".strip()
CATCHING: Final = """
```python
import imgprep

try:
    imgprep.load("no/such/folder")
except imgprep.errors.RequestError as error:
    print(error)
```

[Exit status](cli.md#exit-status) lists every status of the command line.
""".strip()


def pages() -> Iterator[Page]:
    """All of them."""
    yield Page("reference/keys.md", keys())
    yield Page("reference/commands.md", commands())
    yield Page("reference/errors.md", error_classes())


def keys() -> str:
    """Every key of the spec."""
    whole = schema()
    properties = whole["properties"]
    sections = [key for key, inner in properties.items() if "$ref" in inner.get("anyOf", [{}])[0]]
    top = {key: inner for key, inner in properties.items() if key not in {*sections, "source"}}
    parts = [
        "# Every key of the spec",
        KEYS_ABOUT,
        "## At the top",
        options(top, tuple(whole["required"])),
    ]
    for name in sections:
        section = properties[name]
        found = definition(section["anyOf"][0]["$ref"])
        parts += [f"## {name}", sentence(section["description"]), options(found["properties"])]
    for name, title in NESTED:
        found = definition(f"#/$defs/{name}")
        parts += [f"### {title}", options(found["properties"], tuple(found.get("required", ())))]
    parts += ["## source", "The keys depend on `layout`; [Layouts](layouts.md) shows each of them at work."]
    for form in whole["$defs"]["sources"]["oneOf"]:
        parts += _layout(form)
    parts += [
        "## Lists",
        LISTS,
    ]
    return "\n\n".join(parts) + "\n"


def _layout(form: Schema) -> list[str]:
    name = form["properties"]["layout"]["const"]
    own = {key: inner for key, inner in form["properties"].items() if key != "layout"}
    return [f"### layout: {name}", sentence(form.get("description", "")), options(own, tuple(form["required"]))]


def commands() -> str:
    """Every command with its arguments and options."""
    group: Any = typer.main.get_command(app)
    parts = [
        "# Every command",
        COMMANDS_ABOUT,
    ]
    for name, command in group.commands.items():
        arguments = [each for each in command.params if each.param_type_name == "argument"]
        shown = " ".join(_argument(each) for each in arguments)
        parts += [f"## {name}", sentence(command.help or ""), f"`imgprep {name} {shown}".rstrip() + " [options]`"]
        rows = [_parameter(each) for each in command.params if not getattr(each, "hidden", False)]
        parts.append(table(("argument or option", "does", "default"), rows))
    return "\n\n".join(parts) + "\n"


def _argument(parameter: Any) -> str:
    shown = str(parameter.metavar or parameter.name.upper())
    return shown if parameter.required or shown.startswith("[") else f"[{shown}]"


def _parameter(parameter: Any) -> tuple[str, str, str]:
    if parameter.param_type_name == "argument":
        names = f"`{parameter.metavar or parameter.name.upper()}`"
    else:
        written = [*parameter.opts, *parameter.secondary_opts]
        names = ", ".join(f"`{each}`" for each in written)
        if not parameter.is_flag and parameter.metavar:
            names += f" {parameter.metavar}"
    default = parameter.default
    plain = isinstance(default, str | int | float) and not isinstance(default, bool)
    shown = getattr(default, "value", default)
    return names, sentence(parameter.help or ""), f"`{shown}`" if plain else ""


def error_classes() -> str:
    """The tree of errors, with the exit status of each."""
    found = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, errors.ImgprepError)]
    rows = [
        (
            f"`{each.__name__}`",
            f"`{each.__mro__[1].__name__}`",
            _summary(each),
            "" if issubclass(each, errors.ImageError) else str(each.exit_code),
        )
        for each in sorted(found, key=lambda each: (len(each.__mro__), each.exit_code))
    ]
    return (
        "\n\n".join(["# Errors", ERRORS_ABOUT, table(("class", "is a", "means", "exit status"), rows), CATCHING]) + "\n"
    )


def _summary(cls: type) -> str:
    return " ".join((inspect.getdoc(cls) or "").split())
