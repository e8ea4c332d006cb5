#!/usr/bin/env python3
"""Renders the templates of snippets.json with jinja2 and writes down what comes out.

Wants jinja2 3.1.6. The environment is set up as chat templates are run: the immutable sandbox with trim_blocks,
lstrip_blocks, loop controls and the generation tag, tojson as json.dumps without ASCII escapes, raise_exception and
strftime_now. To add a snippet, add an object with its "template" to the list and run this.
"""
import datetime
import json
import pathlib

import jinja2
from jinja2.ext import Extension
from jinja2.nodes import CallBlock
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return CallBlock(self.call_method("body"), [], [], body).set_lineno(line)

    def body(self, caller):
        return caller()


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def render(template, context, now):
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda form: now.strftime(form)
    try:
        return {"template": template, "expected": env.from_string(template).render(**context)}
    except Exception as err:
        return {"template": template, "error": str(err), "error_type": type(err).__name__}


def main():
    path = pathlib.Path(__file__).with_name("snippets.json")
    data = json.loads(path.read_text())
    now = datetime.datetime.fromisoformat(data["now"])
    seen = {}
    for s in data["snippets"]:
        seen[s["template"]] = render(s["template"], data["context"], now)
    data["snippets"] = [s for s in seen.values() if " at 0x" not in s.get("expected", "")]
    path.write_text(json.dumps(data, ensure_ascii=True, indent=0) + "\n")


if __name__ == "__main__":
    main()
