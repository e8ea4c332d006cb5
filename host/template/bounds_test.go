package template

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/testkit"
)

func render(t *testing.T, src string, messages ...[2]string) (string, error) {
	t.Helper()
	tmpl, err := Parse(src)
	require.NoError(t, err, "%.100q", src)
	return tmpl.Render(Context{Messages: Messages(messages)})
}

// Hostile templates end soon, and say which bound they broke.
func TestTemplatesAreBounded(t *testing.T) {
	for name, c := range map[string]struct{ src, what string }{
		"nested loops":        {`{% for i in range(2000) %}{% for j in range(2000) %}{% endfor %}{% endfor %}`, "steps"},
		"nested ranges":       {`{% for i in range(100000) %}{% set x = range(100000) %}{% endfor %}`, "bytes of memory"},
		"long string":         {`{{ 'a' * 10**9 }}`, "bytes of text"},
		"long string in data": {`{{ messages[0].content * 10**9 }}`, "bytes of text"},
		"mixed string":        {`{{ ('a' ~ messages[0].content) * 10**9 }}`, "bytes of text"},
		"doubling string":     {`{% set ns = namespace(s='a') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}`, "bytes of text"},
		"doubling list":       {`{% set ns = namespace(s=[1]) %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}`, "bytes of memory"},
		"long list":           {`{% set x = [1] * 10**9 %}`, "bytes of memory"},
		"many strings":        {`{% set ns = namespace(l=[]) %}{% for i in range(100000) %}{% set ns.l = ns.l + ['a' * 100000 ~ i] %}{% endfor %}`, "bytes of memory"},
		"recursion":           {`{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}`, "levels of nested calls"},
		"mutual recursion":    {`{% macro f(n) %}{{ g(n) }}{% endmacro %}{% macro g(n) %}{% if true %}{{ f(n + 1) }}{% endif %}{% endmacro %}{{ f(0) }}`, "levels of nested calls"},
		"caller recursion":    {`{% macro f() %}{{ caller() }}{% call f() %}{% endcall %}{% endmacro %}{% call f() %}{% endcall %}`, "levels of nested calls"},
		"loop recursion":      {`{% for x in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}`, "levels of nested calls"},
		"branching recursion": {`{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}`, "steps"},
		"long output":         {`{% for i in range(100000) %}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa{% endfor %}`, "bytes of output"},
		"replace":             {`{{ ('a' * 100000).replace('a', 'b' * 100000) }}`, "bytes of text"},
		"replace nothing":     {`{{ ('a' * 100000).replace('', 'b' * 100000) }}`, "bytes of text"},
		"join":                {`{{ ('a' * 100000)|join('b' * 100000) }}`, "bytes of text"},
		"indent":              {`{{ ('\n' * 100000)|indent('b' * 100000, true, true) }}`, "bytes of text"},
		"wide indent":         {`{{ 'a'|indent(10**12, true) }}`, "bytes of text"},
		"wide json":           {`{{ [[1]]|tojson(indent=10**9) }}`, "bytes of text"},
		"wrap":                {`{{ ('a' * 1000000)|wordwrap(1, wrapstring='bbbb') }}`, "bytes of text"},
		"pad":                 {`{{ 'a'.center(10**12) }}`, "bytes of text"},
		"zeros":               {`{{ 'a'.zfill(10**9) }}`, "bytes of text"},
		"wide field":          {`{{ '%1000000000d' % 1 }}`, "characters of a field"},
		"wide fields":         {`{{ '{:1000000000}'.format(1) }}`, "characters of a field"},
		"many wide fields":    {`{{ ('%60000d' * 1000) % ((1,) * 1000) }}`, "bytes of text"},
		"wide date":           {`{{ strftime_now('%9999999999d') }}`, "characters of a field"},
		"big power":           {`{{ 10 ** (10 ** 10) }}`, "bits of a number"},
		"big product":         {`{% set ns = namespace(n=3) %}{% for i in range(60) %}{% set ns.n = ns.n * ns.n %}{% endfor %}`, "bits of a number"},
		"deep list":           {`{% set ns = namespace(l=[]) %}{% for i in range(10000) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}`, "levels of values"},
		"deep comparison":     {`{% set ns = namespace(a=[], b=[]) %}{% for i in range(10000) %}{% set ns.a = [ns.a] %}{% set ns.b = [ns.b] %}{% endfor %}{{ ns.a == ns.b }}`, "levels of values"},
		"deep order":          {`{% set ns = namespace(a=[1], b=[2]) %}{% for i in range(10000) %}{% set ns.a = [ns.a] %}{% set ns.b = [ns.b] %}{% endfor %}{{ ns.a < ns.b }}`, "levels of values"},
		"deep json":           {`{% set ns = namespace(l=[]) %}{% for i in range(10000) %}{% set ns.l = {'a': ns.l} %}{% endfor %}{{ ns.l|tojson }}`, "levels of values"},
		"wide tree":           {`{% set ns = namespace(l=[]) %}{% for i in range(100) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}`, "bytes of text"},
		"wide tree of JSON":   {`{% set ns = namespace(l=[]) %}{% for i in range(100) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l|tojson }}`, "bytes of text"},
		"wide comparison":     {`{% set ns = namespace(a=[], b=[]) %}{% for i in range(100) %}{% set ns.a = [ns.a, ns.a] %}{% set ns.b = [ns.b, ns.b] %}{% endfor %}{{ ns.a == ns.b }}`, "steps"},
		"wide key":            {`{% set ns = namespace(k=(1,)) %}{% for i in range(40) %}{% set ns.k = (ns.k, ns.k) %}{% endfor %}{{ {ns.k: 1} }}`, "bytes of a tuple as a key"},
		"itself":              {`{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}`, "levels of values"},
		"fill of batch":       {`{{ [1]|batch(10**9, 0)|list }}`, "bytes of memory"},
		"slices":              {`{{ [1]|slice(10**9)|list }}`, "bytes of memory"},
		"search":              {`{% set a = 'a' * 1000000 %}{% for i in range(100000) %}{% set x = 'b' in a %}{% endfor %}`, "steps"},
		"splits":              {`{% set a = 'a,' * 100000 %}{% for i in range(100000) %}{% set x = a.split(',') %}{% endfor %}`, "bytes of memory"},
		"characters":          {`{% set a = 'a' * 1000000 %}{% for i in range(100000) %}{% set x = a[500000] %}{% endfor %}`, "steps"},
		"sort":                {`{% for i in range(100) %}{% set x = range(100000)|sort(reverse=true) %}{% endfor %}`, "steps"},
		"lengths":             {`{% set a = 'é' * 500000 %}{% for i in range(100000) %}{% set x = a|length %}{% endfor %}`, "steps"},
		"long keys":           {`{% set a = 'a' * 1000000 %}{% set d = {a: 1} %}{% for i in range(100000) %}{% set x = d[a], a in d, d.get(a) %}{% endfor %}`, "steps"},
		"tests of long text":  {`{% set a = 'a' * 1000000 %}{% for i in range(100000) %}{% set x = a is lower, a is sameas a %}{% endfor %}`, "steps"},
		"numbers of text":     {`{% set a = '1' * 1000000 %}{% for i in range(100000) %}{% set x = a|int, a|float %}{% endfor %}`, "steps"},
		"big numbers":         {`{% set a = 7 ** 2400 %}{% for i in range(100000) %}{% set x = a * a %}{% endfor %}`, "steps"},
		"big powers":          {`{% for i in range(100000) %}{% set x = 10 ** 4000 %}{% endfor %}`, "steps"},
		"digits":              {`{% set a = 7 ** 4800 %}{% for i in range(100000) %}{% set x = a|string %}{% endfor %}`, "steps"},
		"filters":             {`{% for i in range(100) %}{% set x = range(100000)|map('string')|list %}{% endfor %}`, "steps"},
	} {
		t.Run(name, func(t *testing.T) {
			if underRace {
				t.Skip("one goroutine, and a bound on time")
			}
			start := time.Now()
			_, err := render(t, c.src, [2]string{"user", "hi"})
			var limit *LimitError
			require.ErrorAs(t, err, &limit)
			assert.Equal(t, c.what, limit.What)
			assert.Positive(t, limit.Line)
			assert.Positive(t, limit.Limit)
			assert.Less(t, time.Since(start), testkit.Patience)
		})
	}
}

func TestTheSandboxBoundsRanges(t *testing.T) {
	_, err := render(t, `{% for i in range(10**9) %}{% endfor %}`)
	var failed *Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, "OverflowError", failed.Kind)
}

func TestNestingOfTheSourceIsBounded(t *testing.T) {
	for _, src := range []string{"{{ " + strings.Repeat("(", 100000), "{{ " + strings.Repeat("[", 150) + strings.Repeat("(", 150), strings.Repeat("{% if 1 %}", 100000),
		"{{ " + strings.Repeat("not ", 100000) + "1 }}", "{{ " + strings.Repeat("- ", 100000) + "1 }}", "{{ " + strings.Repeat("1 if 1 else ", 100000) + "1 }}",
		"{% set " + strings.Repeat("(", 100000), "{{ " + strings.Repeat("a(", 100000), "{{ " + strings.Repeat("a[", 100000), strings.Repeat("{% macro m() %}", 1000)} {
		_, err := Parse(src)
		var syntax *SyntaxError
		require.ErrorAs(t, err, &syntax, "%.20q", src)
	}
	// Long chains parse, but do not nest evaluation without end.
	for _, src := range []string{"{{ 1" + strings.Repeat(" + 1", 100000) + " }}", "{{ 'a'" + strings.Repeat("|upper", 50000) + " }}", "{{ a" + strings.Repeat(".b", 100000) + " }}",
		"{{ 1" + strings.Repeat(" and 1", 100000) + " }}"} {
		_, err := render(t, src)
		var limit *LimitError
		require.ErrorAs(t, err, &limit, "%.20q", src)
	}
	// Nor does it take long to say what is wrong at many places.
	for _, src := range []string{"{{ 1" + strings.Repeat("|x", 100000) + " }}", strings.Repeat("{{ 1|x }}\n", 20000), "{{ " + strings.Repeat("x,", 100000) + "|", strings.Repeat("{%raw", 200000),
		strings.Repeat("{# #}", 50000) + "{#", "{{ '" + strings.Repeat("\\", 500000) + " }}", strings.Repeat("{% macro m(a, b=1) %}{{ a.b }}{% endmacro %}", 5000) + "{% nope %}"} {
		start := time.Now()
		_, err := Parse(src)
		var syntax *SyntaxError
		require.ErrorAs(t, err, &syntax, "%.20q", src)
		assert.Less(t, time.Since(start), testkit.Patience, "%.20q", src)
	}
	_, err := Parse(strings.Repeat("a", maxSource+1))
	assert.ErrorContains(t, err, "got 1048577 bytes, want at most 1048576")
	_, err = Parse("ab\n\xff")
	assert.EqualError(t, err, "template: parse: line 2, column 1: got bytes that are not UTF-8")
}

func TestLimitsCanBeSet(t *testing.T) {
	tmpl, err := Parse(`{% for i in range(100) %}aaaaaaaaaa{% endfor %}{{ 'x' * 50 }}`)
	require.NoError(t, err)
	for what, limits := range map[string]Limits{"steps": {Steps: 50}, "bytes of output": {Output: 50}, "bytes of memory": {Memory: 500}} {
		_, err := tmpl.Render(Context{Limits: limits})
		var limit *LimitError
		require.ErrorAs(t, err, &limit, what)
		assert.Equal(t, what, limit.What)
		assert.Equal(t, max(limits.Steps, limits.Output, limits.Memory), limit.Limit)
	}
	_, err = tmpl.Render(Context{})
	assert.NoError(t, err)
}

// Errors say where, what was there and what should be.
func TestErrorsSayWhere(t *testing.T) {
	for src, want := range map[string]string{
		"a\n{% for %}":                        `template: parse: line 2, column 8: got %}, want a name`,
		"a\n  {{ x + }}":                      `template: parse: line 2, column 10: got }}, want a value`,
		"é {{ 1 2 }}":                         `template: parse: line 1, column 8: got "2", want }}`,
		"{% if x %}\n":                        `template: parse: line 1, column 11: got end of template, want elif or else or endif`,
		"{{ 'abc }}":                          `template: parse: line 1, column 4: got a string without end, want '`,
		"\n{{ (1] }}":                         `template: parse: line 2, column 6: got "]", want none or another bracket`,
		"{% nope %}":                          `template: parse: line 1, column 4: got unknown statement "nope"`,
		"{{ 1|nope }}":                        `template: parse: line 1, column 6: got unknown filter "nope"`,
		"{{ 1 is nope }}":                     `template: parse: line 1, column 9: got unknown test "nope"`,
		"{{ x|pprint }}":                      `template: line 1, column 6: filter pprint: not supported`,
		"{% include 'a' %}":                   `template: line 1, column 4: statement include: not supported`,
		"{{ '\\N{BULLET}' }}":                 `template: line 1, column 5: \N in a string: not supported`,
		"{{ '\\xq' }}":                        `template: parse: line 1, column 5: got escape "\\xq'", want 2 hexadecimal digits`,
		"{% break %}":                         `template: parse: line 1, column 4: got "break" outside a loop`,
		"a {# b":                              `template: parse: line 1, column 3: got a comment without end, want #}`,
		"{{ $ }}":                             `template: parse: line 1, column 4: got character '$', want an expression`,
		"ab\n {{ 1 + 'a' }}":                  `template: render: line 2, column 7: unsupported operand type(s) for +: 'int' and 'str'`,
		"{{ messages[0].x.y }}":               `template: render: line 1, column 17: 'dict object' has no attribute 'x'`,
		"{{ nope() }}":                        `template: render: line 1, column 8: 'nope' is undefined`,
		"{% for a, b in [[1]] %}{% endfor %}": `template: render: line 1, column 4: unpack: got 1 values, want 2`,
		"{{ 'x'.encode() }}":                  `template: line 1, column 14: method encode of str: not supported`,
		"{{ lipsum() }}":                      `template: line 1, column 10: function lipsum: not supported`,
		"{{ raise_exception('no: ' ~ 5) }}":   `no: 5`,
		"{{ 'a' * 2000000 }}":                 `template: render: line 1, column 8: got more than 1048708 bytes of text`,
		"\n{{ [].append(1) }}":                `template: render: line 2, column 13: access to attribute 'append' of 'list' object is unsafe.`,
	} {
		tmpl, err := Parse(src)
		if err == nil {
			_, err = tmpl.Render(Context{Messages: Messages([][2]string{{"user", "hi"}})})
		}
		assert.EqualError(t, err, want, src)
	}
}

// Attributes reach data only.
func TestNothingButDataIsReachable(t *testing.T) {
	for _, src := range []string{`{{ ''.__class__.__mro__ }}`, `{{ messages.__init__.__globals__ }}`, `{{ cycler.__init__ }}`, `{{ self.__dict__ }}`,
		`{{ namespace.__init__.x }}`, `{{ ''['__class__'].x }}`, `{{ '{0.__class__.__mro__}'.format(1) }}`, `{{ ''|attr('__class__')|string }}`} {
		out, err := render(t, src)
		if err == nil {
			assert.Empty(t, out, src)
		}
	}
}

func TestWhiteSpaceControl(t *testing.T) {
	for src, want := range map[string]string{
		"a\n  {% if true %}\nb\n  {% endif %}\nc\n": "a\nb\nc",
		"a {{- 1 -}} b": "a1b",
		"{# x #}\ny":    "y",
		"  {{ 1 }}\n":   "  1",
		"{% for i in [1,2] %}{{ i }}{% if not loop.last %},{% endif %}{% endfor %}": "1,2",
	} {
		got, err := render(t, src)
		require.NoError(t, err)
		assert.Equal(t, want, got, src)
	}
}

func TestRenderingsRunAtOnce(t *testing.T) {
	tmpl, err := Parse(`{% set ns = namespace(n=0) %}{% macro m(x) %}<{{ x }}>{% endmacro %}{% for m2 in messages %}{% set ns.n = ns.n + 1 %}{{ m(ns.n) }}{{ [3, 1]|sort }}{{ cycler(1, 2).next() }}{% endfor %}`)
	require.NoError(t, err)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				got, err := tmpl.Render(Context{Messages: Messages([][2]string{{"user", "a"}, {"user", "b"}})})
				assert.NoError(t, err)
				assert.Equal(t, "<1>[1, 3]1<2>[1, 3]1", got)
			}
		})
	}
	all.Wait()
}

// Extra variables cannot take the place of the conversation.
func TestExtraVariablesOverrideNothing(t *testing.T) {
	tmpl, err := Parse("{{ messages }}")
	require.NoError(t, err)
	for _, name := range []string{"messages", "tools", "documents", "add_generation_prompt"} {
		_, err := tmpl.Render(Context{Extra: map[string]json.RawMessage{name: json.RawMessage(`[]`)}})
		assert.EqualError(t, err, "template: read extra variables: got "+name+", which has a place of its own")
	}
}

func FuzzTemplate(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(testkit.Testdata(f, "template"), "*.json"))
	require.NoError(f, err)
	for _, path := range files {
		raw, err := os.ReadFile(path)
		require.NoError(f, err)
		var all struct {
			Template string
			Snippets []struct{ Template string }
		}
		require.NoError(f, json.Unmarshal(raw, &all))
		f.Add(all.Template)
		for _, s := range all.Snippets {
			f.Add(s.Template)
		}
	}
	f.Add("{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] }}{% endfor %}")
	messages := Messages([][2]string{{"user", marked}, {"assistant", "ho"}, {"\ue005", "\ue006"}})
	tools := json.RawMessage(`[{"type": "function", "function": {"name": "\ue007", "parameters": {"properties": {"\ue008": {"type": "string"}}}}}]`)
	f.Fuzz(func(t *testing.T, src string) {
		tmpl, err := Parse(src)
		if err != nil {
			var syntax *SyntaxError
			var unsupported *UnsupportedError
			if !errors.As(err, &syntax) && !errors.As(err, &unsupported) {
				t.Fatalf("error %T: %v", err, err)
			}
			return
		}
		c := Context{Messages: messages, Tools: tools, AddGenerationPrompt: true, Now: recorded, Limits: Limits{Steps: 20000, Output: 1 << 16, Memory: 1 << 22}}
		segments, err := tmpl.RenderSegments(c)
		var failed *Error
		var limit *LimitError
		var unsupported *UnsupportedError
		if err != nil && !errors.As(err, &failed) && !errors.As(err, &limit) && !errors.As(err, &unsupported) {
			t.Fatalf("error %T: %v", err, err)
		}
		size := 0
		for i, s := range segments {
			size += len(s.Text)
			if s.Text == "" || i > 0 && segments[i-1].Trusted == s.Trusted {
				t.Fatalf("segment %d of %v: empty, or as trusted as the one before", i, segments)
			}
			// The template may spell marked characters itself, by itself or by an escape.
			if s.Trusted && strings.IndexFunc(s.Text, isMarked) >= 0 && strings.IndexFunc(src, isMarked) < 0 && !strings.Contains(src, `\`) {
				t.Fatalf("data is trusted: %q", s.Text)
			}
		}
		if size > c.Limits.Output {
			t.Fatalf("got %d bytes, want at most %d", size, c.Limits.Output)
		}
	})
}
