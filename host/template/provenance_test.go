package template

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// marked are characters that only data has.
const marked = "\ue000\ue001 \ue002,\ue003\n\ue004"

func isMarked(r rune) bool { return r >= 0xe000 && r <= 0xe00f }

// What comes from data stays data through every operation, and what is around it stays the template's: own is what of the
// output is trusted.
func TestDataStaysDataThroughEveryOperation(t *testing.T) {
	extra, err := json.Marshal([]string{marked})
	require.NoError(t, err)
	for src, own := range map[string]string{
		`<x>{{ c }}<y>`:                                   "<x><y>",
		`{{ '<x>' + c + '<y>' }}`:                         "<x><y>",
		`{{ '<x>' ~ c ~ 5 ~ none }}`:                      "<x>5None",
		`{{ c * 2 }}|{{ 'x' * 2 }}`:                       "|xx",
		`{{ c[1:3] }}{{ c[0] }}{{ c[-1] }}{{ c[::-1] }}x`: "x",
		`{{ ('<' ~ c)[0] }}{{ ('<' ~ c)[1] }}`:            "<",
		`{{ ('<' ~ c ~ '>')[::-1] }}`:                     "><",
		`{{ c|upper }}{{ c|lower }}{{ c|title }}{{ c|capitalize }}{{ c.swapcase() }}{{ c.title() }}x`:           "x",
		`{{ ('a' ~ c)|upper }}{{ ('a' ~ c)|title }}`:                                                            "AA",
		`{{ ('  ' ~ c)|trim }}{{ (' <x>' ~ c).strip() }}`:                                                       "<x>",
		`{{ c.split(',')|join('<sep>') }}`:                                                                      "<sep>",
		`{{ c.split()|join('-') }}{{ c.rsplit(',', 1)|last }}`:                                                  "--",
		`{{ c.splitlines()|join('|') }}{{ c.partition(',')|last }}`:                                             "|",
		`{{ c.replace(',', '<x>') }}`:                                                                           "", // in place of data it is data
		`{{ c|replace(',', '<x>') }}{{ c.replace('', '<x>') }}`:                                                 "",
		`{{ '<a>'.replace('a', c) }}{{ 'a-a'|replace('a', '<b>') }}`:                                            "<><b>-<b>",
		`{{ ('a' ~ c).replace('a', '<b>') }}`:                                                                   "<b>",
		`{{ c|tojson }}`:                                                                                        `""`,
		`{{ {'k': c, c: '<x>'}|tojson }}`:                                                                       `{"k": "", "": "<x>"}`,
		`{{ [c]|tojson(indent=1) }}`:                                                                            "[\n \"\"\n]",
		`{{ c|tojson(ensure_ascii=true) }}`:                                                                     `""`,
		`{{ messages|tojson }}`:                                                                                 `[{"": "user", "": ""}]`,
		`{{ [c, 1] }}{{ {'k': c} }}{{ (c,) }}`:                                                                  `['', 1]{'k': ''}('',)`,
		`{{ c|string }}{{ [c]|string }}`:                                                                        `['']`,
		`{{ '%s-%d' % (c, 5) }}{{ '%r' % c }}{{ c % () }}`:                                                      "-5''",
		`{{ '%5s|%.1s' % (c, c) }}`:                                                                             "|",
		`{{ '%c' % 60 }}{{ '{}|{:>9}'.format(c, c) }}{{ '{!r}'.format(c) }}`:                                    "| ''",
		`{{ '<%s>'|format(c) }}{{ '{x}'.format(x=c) }}`:                                                         "<>",
		`{{ c|indent(2) }}{{ c|indent('> ', true) }}`:                                                           "\n  " + "> \n> ",
		`{{ c|wordwrap(3) }}{{ c|truncate(4, true, '<e>', 0) }}{{ c|center(13) }}`:                              "\n\n" + "<e>" + "     ",
		`{{ c.center(13, '*') }}{{ c.ljust(12, '.') }}{{ c.rjust(12, '.') }}{{ c.zfill(12) }}`:                  "*****" + "........" + "0000",
		`{{ c|e }}{{ '<' ~ c|e }}{{ ('<'|safe) + c }}`:                                                          "<<",
		`{{ c|list|join('+') }}{{ c|first }}{{ c|last }}{{ c|reverse }}`:                                        strings.Repeat("+", 7),
		`{% for x in c %}[{{ x }}]{% endfor %}`:                                                                 strings.Repeat("[]", 8),
		`{% for k, v in messages[0].items() %}{{ k }}={{ v }};{% endfor %}`:                                     "=user;=;",
		`{{ messages[0]|dictsort|map('first')|join(',') }}`:                                                     ",",
		`{{ messages|map(attribute='content')|join('<s>') }}`:                                                   "",
		`{{ [c, '<x>']|sort|join }}{{ [c]|unique|join }}{{ [c]|max }}`:                                          "<x>",
		`{{ [{'g': c}]|groupby('g')|map(attribute='grouper')|join }}`:                                           "",
		`{% set x %}<x>{{ c }}{% endset %}{{ x }}{% set y | upper %}<y>{{ c }}{% endset %}{{ y }}`:              "<x><Y>",
		`{% filter upper %}<x>{{ c }}{% endfilter %}`:                                                           "<X>",
		`{% macro m(a) %}<m>{{ a }}{{ caller() }}{% endmacro %}{% call m(c) %}<c>{{ c }}{% endcall %}`:          "<m><c>",
		`{% macro m() %}{{ kwargs }}{{ varargs }}{% endmacro %}{{ m(c, **{c: 1}) }}`:                            "{'': 1}('',)",
		`{{ dict(**{c: 1}) }}{{ dict([(c, 1)])|list }}{{ namespace(x=c).x }}`:                                   "{'': 1}['']",
		`{% set ns = namespace(s='<x>') %}{% set ns.s = ns.s + c %}{{ ns.s }}`:                                  "<x>",
		`{{ strftime_now(c) }}{{ strftime_now('%Y') }}`:                                                         "2025",
		`{{ extra }}{{ extra|map('upper')|join }}`:                                                              "['']",
		`{{ c if c else '<x>' }}{{ c or '<x>' }}{{ none or c }}{{ nope|default(c) }}`:                           "",
		`{{ c.format() }}{{ c.join('ab') }}{{ '<x>'.join([c, c]) }}{{ c.removeprefix('a') }}{{ c.casefold() }}`: "ab<x>",
		`{{ bos_token }}{{ c }}{{ bos_token * 2 }}{{ bos_token|upper }}`:                                        "<s><s><s><S>",
		`{{ c|length }}{{ c.find(',') }}{{ c|wordcount }}{{ c is string }}`:                                     "840True",
	} {
		tmpl, err := Parse("{% set c = messages[0].content %}" + src)
		require.NoError(t, err, src)
		segments, err := tmpl.RenderSegments(Context{Messages: Messages([][2]string{{"user", marked}}), Special: map[string]string{"bos_token": "<s>"},
			Extra: map[string]json.RawMessage{"extra": extra}, Now: recorded})
		require.NoError(t, err, src)
		var trusted strings.Builder
		for _, s := range segments {
			if s.Trusted {
				trusted.WriteString(s.Text)
				assert.Less(t, strings.IndexFunc(s.Text, isMarked), 0, "%s: %q", src, s.Text)
			}
		}
		assert.Equal(t, own, trusted.String(), "%s: %v", src, segments)
	}
}
