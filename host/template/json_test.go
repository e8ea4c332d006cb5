package template

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDataThatIsWrong(t *testing.T) {
	tmpl, err := Parse("{{ x }}")
	require.NoError(t, err)
	for raw, want := range map[string]string{
		`{`: "JSON at byte 1: got the end, want a key", `[1`: "JSON at byte 2: got the end, want , or ]", `[1] 2`: "JSON at byte 4: got '2', want the end: there is one value already",
		`{"a" 1}`: "JSON at byte 5: got '1', want :", `nope`: "JSON at byte 0: got 'n', want a value", `"a`: `JSON at byte 2: got the end, want " or a character of the string`,
		"\"a\nb\"": `JSON at byte 2: got '\n', want " or a character of the string`, `"\x"`: "JSON at byte 2: got 'x', want an escape", `[01]`: "JSON at byte 2: got '1', want , or ]", `1.`: "JSON at byte 2: got the end, want a digit",
		`[1,]`: "JSON at byte 3: got ']', want a value", `{"a":1,}`: "JSON at byte 7: got '}', want a key", `-`: "JSON at byte 0: got '-', want a value",
		strings.Repeat("[", 1000): "JSON at byte 201: got nesting deeper than 200", strings.Repeat("9", 5000): "JSON at byte 0: got a number of 5000 digits",
	} {
		_, err := tmpl.Render(Context{Extra: map[string]json.RawMessage{"x": json.RawMessage(raw)}})
		require.Error(t, err, "%.20s", raw)
		assert.ErrorContains(t, err, "template: read x: "+want, "%.20s", raw)
	}
}

func TestDataIsPythons(t *testing.T) {
	tmpl, err := Parse("{{ x }}")
	require.NoError(t, err)
	for raw, want := range map[string]string{
		` {"b": 1, "a": [true, false, null], "b": 2} `: "{'b': 2, 'a': [True, False, None]}", `[1.0, 1e2, -0, 1e400, 12345678901234567890]`: "[1.0, 100.0, 0, inf, 12345678901234567890]",
		`["\ud83d\ude00 \u00e9 \ud83d \n\/"]`: "['😀 é \uFFFD \\n/']", "[\"\xff\"]": "['\uFFFD']", `""`: "", ``: "None", `  `: "None", `"a\"b"`: `a"b`,
	} {
		got, err := tmpl.Render(Context{Extra: map[string]json.RawMessage{"x": json.RawMessage(raw)}})
		require.NoError(t, err, raw)
		assert.Equal(t, want, got, raw)
	}
}

// FuzzData compares with the standard library: the same is JSON, and says the same.
func FuzzData(f *testing.F) {
	for _, s := range []string{`{"a": [1, -2.5e3, "x\u00e9\ud83d\ude00", true, null]}`, `[[], {}, ""]`, `"\ud800x"`, `1e400`, `{"a":1,"a":2}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := fromJSON(raw)
		if len(bytes.TrimLeft(raw, " \t\r\n")) == 0 {
			require.NoError(t, err)
			return
		}
		if !json.Valid(raw) {
			require.Error(t, err)
			return
		}
		if err != nil { // too deep, or too long a number
			require.Greater(t, len(raw), maxNesting)
			return
		}
		var want any
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		require.NoError(t, d.Decode(&want))
		require.True(t, sameData(v, want), "got %v, want %v", v, want)
	})
}

func sameData(v, want any) bool {
	switch w := want.(type) {
	case nil:
		return v == nil
	case bool:
		return v == w
	case string:
		t, ok := v.(text)
		return ok && t.s == w && (t.data || w == "")
	case json.Number:
		_, ok := number(v)
		return ok
	case []any:
		l, ok := v.(*list)
		if !ok || len(l.items) != len(w) {
			return false
		}
		for i := range w {
			if !sameData(l.items[i], w[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		d, ok := v.(*dict)
		if !ok || len(d.keys) != len(w) {
			return false
		}
		for k, x := range w {
			got, ok := d.get(k)
			if !ok || !sameData(got, x) {
				return false
			}
		}
		return true
	}
	return false
}
