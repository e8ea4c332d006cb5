package weights

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// Caps on JSON, besides the bytes that are there: values of a document, which bounds the memory of its tree, and how deep they nest.
const (
	maxJSONValues = 1 << 21
	maxJSONDepth  = 64
)

// number is a JSON number as it is written.
type number string

// jsonDecoder reads JSON strictly: a key stands once in its object, text is UTF-8, and nothing follows the value. The standard
// library's decoder takes the last of equal keys and folds their case, so that a header could say two things.
// Source: RFC 8259; infinite and not-a-number as Python's json module writes them.
type jsonDecoder struct {
	name      string
	data      []byte
	base      int64 // where data begins in its file
	nonFinite bool  // Infinity, -Infinity and NaN are numbers
	at, count int
}

// parseJSON reads data, which begins at byte base of the file name: objects are map[string]any, lists []any, numbers [number].
func parseJSON(name string, data []byte, base int64, nonFinite bool) (any, error) {
	d := &jsonDecoder{name: name, data: data, base: base, nonFinite: nonFinite}
	v, err := d.value(0)
	if err != nil {
		return nil, err
	}
	if d.space(); d.at < len(data) {
		return nil, d.fail("end of JSON", "more bytes", "none")
	}
	return v, nil
}

func (d *jsonDecoder) fail(what, got, want string) error {
	return &FormatError{d.name, d.base + int64(d.at), what, got, want}
}

func (d *jsonDecoder) space() {
	for d.at < len(d.data) && (d.data[d.at] == ' ' || d.data[d.at] == '\n' || d.data[d.at] == '\r' || d.data[d.at] == '\t') {
		d.at++
	}
}

// peek is the next byte that is no space, or 0 at the end.
func (d *jsonDecoder) peek() byte {
	if d.space(); d.at < len(d.data) {
		return d.data[d.at]
	}
	return 0
}

// got describes the next byte.
func (d *jsonDecoder) got() string {
	if d.at >= len(d.data) {
		return "the end"
	}
	return strconv.QuoteRune(rune(d.data[d.at]))
}

func (d *jsonDecoder) value(depth int) (any, error) {
	if d.count++; d.count > maxJSONValues {
		return nil, d.fail("JSON", fmt.Sprintf("more than %d values", maxJSONValues), "fewer")
	}
	if depth > maxJSONDepth {
		return nil, d.fail("JSON", fmt.Sprintf("values %d deep", depth), fmt.Sprintf("at most %d", maxJSONDepth))
	}
	switch c := d.peek(); {
	case c == '{':
		return d.object(depth)
	case c == '[':
		return d.list(depth)
	case c == '"':
		return d.text()
	case c == '-' || c >= '0' && c <= '9':
		return d.number()
	}
	for _, w := range []struct {
		word  string
		value any
	}{{"null", nil}, {"true", true}, {"false", false}, {"NaN", number("NaN")}, {"Infinity", number("Infinity")}} {
		if len(d.data)-d.at >= len(w.word) && string(d.data[d.at:d.at+len(w.word)]) == w.word {
			if _, isNumber := w.value.(number); !isNumber || d.nonFinite {
				d.at += len(w.word)
				return w.value, nil
			}
		}
	}
	return nil, d.fail("JSON", d.got(), "a value")
}

func (d *jsonDecoder) object(depth int) (any, error) {
	out := map[string]any{}
	d.at++
	if d.peek() == '}' {
		d.at++
		return out, nil
	}
	for {
		if d.peek() != '"' {
			return nil, d.fail("JSON object", d.got(), "a key")
		}
		start := d.at
		key, err := d.text()
		if err != nil {
			return nil, err
		}
		if _, twice := out[key]; twice {
			d.at = start
			return nil, d.fail("JSON key", quote(key)+" twice", "each key once")
		}
		if d.peek() != ':' {
			return nil, d.fail("JSON object", d.got(), "a colon")
		}
		d.at++
		if out[key], err = d.value(depth + 1); err != nil {
			return nil, err
		}
		c := d.peek()
		if c != ',' && c != '}' {
			return nil, d.fail("JSON object", d.got(), "a comma or its end")
		}
		if d.at++; c == '}' {
			return out, nil
		}
	}
}

func (d *jsonDecoder) list(depth int) (any, error) {
	out := []any{}
	d.at++
	if d.peek() == ']' {
		d.at++
		return out, nil
	}
	for {
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
		c := d.peek()
		if c != ',' && c != ']' {
			return nil, d.fail("JSON list", d.got(), "a comma or its end")
		}
		if d.at++; c == ']' {
			return out, nil
		}
	}
}

func (d *jsonDecoder) text() (string, error) {
	start := d.at
	escaped := false
	for i := start + 1; i < len(d.data); i++ {
		switch c := d.data[i]; {
		case c == '\\':
			escaped = true
			i++
		case c < ' ':
			d.at = i
			return "", d.fail("JSON string", fmt.Sprintf("control character %#02x", c), "none")
		case c == '"':
			raw := d.data[start : i+1]
			if !utf8.Valid(raw) {
				return "", d.fail("JSON string", "broken UTF-8", "UTF-8")
			}
			d.at = i + 1
			if !escaped {
				return string(raw[1 : len(raw)-1]), nil
			}
			var s string
			if err := json.Unmarshal(raw, &s); err != nil {
				d.at = start
				return "", d.fail("JSON string", err.Error(), "known escapes")
			}
			return s, nil
		}
	}
	return "", d.fail("JSON string", "no end", "a quote")
}

func (d *jsonDecoder) number() (any, error) {
	start := d.at
	for d.at < len(d.data) {
		if c := d.data[d.at]; (c < '0' || c > '9') && c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E' {
			break
		}
		d.at++
	}
	raw := d.data[start:d.at]
	if d.nonFinite && string(raw) == "-" && len(d.data)-d.at >= 8 && string(d.data[d.at:d.at+8]) == "Infinity" {
		d.at += 8
		return number("-Infinity"), nil
	}
	if len(raw) > 64 || !json.Valid(raw) {
		d.at = start
		return nil, d.fail("JSON number", quote(string(raw)), "a number")
	}
	return number(raw), nil
}

// whole is a whole number from 0 to 2^53, also where it is written as a float.
func (n number) whole() (int64, bool) {
	if v, err := strconv.ParseInt(string(n), 10, 64); err == nil {
		return v, v >= 0 && v <= 1<<53
	}
	f, ok := n.float()
	return int64(f), ok && f >= 0 && f <= 1<<53 && f == math.Trunc(f)
}

func (n number) float() (float64, bool) {
	v, err := strconv.ParseFloat(string(n), 64) // takes NaN and Infinity too
	return v, err == nil
}
