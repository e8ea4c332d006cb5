// Package template lays out conversations by the Jinja templates that models bring along. It is an interpreter of Jinja as
// the trainers of models run it: Python's jinja2 3.1 in its immutable sandbox, with trim_blocks and lstrip_blocks, the loop
// controls break and continue, the generation tag, a tojson that is json.dumps, raise_exception and strftime_now. Values are
// Python's: maps keep their order, whole numbers grow, text is made of code points, and what is a TypeError there is one here.
//
// # What is implemented
//
// Statements: if, for (filter, else, recursive, the loop variable), set (also of namespaces and of blocks, with filters),
// macro, call, filter, with, raw, break, continue, generation. Expressions: all of them. Filters and tests: all of jinja2's
// but those below. Globals: range, dict, namespace, cycler, joiner, raise_exception, strftime_now. Methods: those of str, dict
// and list that change nothing.
//
// # What is refused by name
//
// An UnsupportedError names: the statements extends, block, include, import, from (there are no other templates), autoescape
// and print; the filters filesizeformat, pprint, random, striptags, urlencode, urlize, xmlattr; the function lipsum; the
// methods encode, maketrans, translate, expandtabs, isidentifier and isprintable of str; fields inside fields of str.format;
// \N{…} in strings. Methods that change a list or a dict are not for templates and give the sandbox's
// SecurityError. Two deviations are on purpose: generators (map, select, …) run as a whole when they are first looked at, and
// what Python prints with an address prints without one.
//
// # Bounds
//
// Templates come with files from anywhere and are hostile: they reach the data given and nothing else, and steps, depth,
// output and memory are bounded (Limits). What breaks a bound gets a LimitError.
//
// # Provenance
//
// A message must not be able to spell a control token. So text remembers, byte for byte, which of it the template wrote
// (literals, special tokens, the roles that every template knows) and which came from data: messages, tools, documents and
// extra variables, down to the keys of objects. Every operation keeps that apart: cutting, joining, replacing, changing case,
// tojson, repr, format, indent, wordwrap, macros, captured blocks. Numbers, True and None spell no token and count as the
// template's. RenderSegments hands it on, and tokenizers look for special tokens in trusted segments only.
//
// The package must not know models, tokenizers or files. Sources: the Jinja 3.1 template designer documentation, the Python
// language reference, and the behaviour of jinja2 3.1.6, which testdata/template/snippets.json records.
package template
