package tokenizer

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// normalizersOf builds what a tokenizer.json names.
func normalizersOf(list []step) (out []normalizer, err error) {
	for _, s := range list {
		var n normalizer
		switch s.Type {
		case "NFC":
			n = canonical(norm.NFC)
		case "NFD":
			n = canonical(norm.NFD)
		case "NFKC":
			n = canonical(norm.NFKC)
		case "NFKD":
			n = canonical(norm.NFKD)
		case "Lowercase":
			n = toLower
		case "StripAccents":
			n = without(isMark)
		case "Strip":
			n = stripped(s.StripLeft, s.StripRight)
		case "Prepend":
			n = prepended(s.Prepend)
		case "Replace":
			switch {
			case s.Pattern.String != nil && *s.Pattern.String != "":
				n = replaced(*s.Pattern.String, s.Content)
			case s.Pattern.Regex != nil:
				if n, err = replacedPattern(*s.Pattern.Regex, s.Content); err != nil {
					return nil, err
				}
			default:
				return nil, &FormatError{"Replace", "no pattern", "a string or a regular expression"}
			}
		case "Precompiled":
			data, err := base64.StdEncoding.DecodeString(s.CharsMap)
			if err != nil {
				return nil, &FormatError{"precompiled charsmap", err.Error(), "base64"}
			}
			m, err := newCharsMap(data)
			if err != nil {
				return nil, err
			}
			n = m.normalizeClusters
		case "BertNormalizer":
			accents := s.Lowercase
			if s.StripAccents != nil {
				accents = *s.StripAccents
			}
			n = bertNormalizer(bertOptions{clean: s.CleanText, chinese: s.Chinese, accents: accents, lower: s.Lowercase})
		default:
			return nil, &UnsupportedError{fmt.Sprintf("normalizer %q", s.Type)}
		}
		out = append(out, n)
	}
	return out, nil
}

// stripped takes white space off the ends.
func stripped(left, right bool) normalizer {
	return func(s string) string {
		if left {
			s = strings.TrimLeftFunc(s, unicode.IsSpace)
		}
		if right {
			s = strings.TrimRightFunc(s, unicode.IsSpace)
		}
		return s
	}
}

// preTokenizersOf builds what a tokenizer.json names. bytes says that the model is to take text as bytes, which saves
// spelling it in the printable alphabet; it may where direct is set and nothing comes after the step that would spell it.
func preTokenizersOf(list []step, direct bool) (out []preTokenizer, bytes bool, err error) {
	for i, s := range list {
		switch s.Type {
		case "ByteLevel":
			if s.AddPrefixSpace {
				out = append(out, spaceBefore)
			}
			if s.UseRegex == nil || *s.UseRegex {
				out = append(out, isolate(splitGPT2))
			}
			if bytes = direct && i == len(list)-1; !bytes {
				out = append(out, inBytes)
			}
		case "Split":
			p, err := splitOf(s)
			if err != nil {
				return nil, false, err
			}
			out = append(out, p)
		case "Digits":
			how, find := contiguous, anywhere(classRun(number, 1))
			if s.IndividualDigit {
				how = isolated
			}
			out = append(out, splitBy(find, how, false))
		case "Punctuation":
			how, ok := behaviors[s.Behavior]
			if s.Behavior == "" {
				how, ok = isolated, true
			}
			if !ok {
				return nil, false, &UnsupportedError{fmt.Sprintf("behavior %q", s.Behavior)}
			}
			out = append(out, splitBy(eachRune(isPunct), how, false))
		case "Metaspace":
			mark := s.Replacement
			if mark == "" {
				mark = space
			}
			where := prependEach
			switch s.PrependScheme {
			case "never":
				where = prependNone
			case "first":
				where = prependFirst
			}
			out = append(out, metaspace(mark, where, s.Split == nil || *s.Split))
		case "BertPreTokenizer":
			out = append(out, bertWords)
		case "Whitespace":
			out = append(out, splitBy(anywhere(wordsAndSigns), kept, false))
		case "WhitespaceSplit":
			out = append(out, splitBy(eachRune(unicode.IsSpace), removed, false))
		case "CharDelimiterSplit":
			out = append(out, splitBy(fixed(s.Delimiter), removed, false))
		default:
			return nil, false, &UnsupportedError{fmt.Sprintf("pre-tokenizer %q", s.Type)}
		}
	}
	return out, bytes, nil
}

// splitOf is a Split step; hand-written splitters serve the patterns in use.
func splitOf(s step) (preTokenizer, error) {
	how, ok := behaviors[s.Behavior]
	if !ok {
		return nil, &UnsupportedError{fmt.Sprintf("behavior %q", s.Behavior)}
	}
	switch {
	case s.Pattern.String != nil:
		return splitBy(fixed(*s.Pattern.String), how, s.Invert), nil
	case s.Pattern.Regex == nil:
		return nil, &FormatError{"Split", "no pattern", "a string or a regular expression"}
	}
	if match := patterns[*s.Pattern.Regex]; match != nil && how == isolated && !s.Invert {
		return isolate(match), nil
	}
	find, err := finderOf(*s.Pattern.Regex)
	if err != nil {
		return nil, err
	}
	return splitBy(find, how, s.Invert), nil
}

// postJSON reads what is put around texts.
func (t *Tokenizer) postJSON(f *jsonFile) error {
	list, err := steps("post_processor", f.Post)
	if err != nil {
		return err
	}
	for _, s := range list {
		switch s.Type {
		case "ByteLevel":
		case "TemplateProcessing":
			if t.single, err = t.layout(s.Single, &s); err != nil {
				return err
			}
			if t.pair, err = t.layout(s.Pair, &s); err != nil {
				return err
			}
		case "BertProcessing", "RobertaProcessing":
			cls, err := t.named("cls", s.Cls)
			if err != nil {
				return err
			}
			sep, err := t.named("sep", s.Sep)
			if err != nil {
				return err
			}
			t.single = []part{{id: cls}, {sequence: 1}, {id: sep}}
			if s.Type == "BertProcessing" {
				t.pair = []part{{id: cls}, {sequence: 1}, {id: sep}, {sequence: 2, typ: 1}, {id: sep, typ: 1}}
			} else {
				t.pair = []part{{id: cls}, {sequence: 1}, {id: sep}, {id: sep}, {sequence: 2}, {id: sep}}
			}
		default:
			return &UnsupportedError{fmt.Sprintf("post-processor %q", s.Type)}
		}
	}
	if first := t.single[0]; first.sequence == 0 {
		t.bos = first.id
	}
	if last := t.single[len(t.single)-1]; last.sequence == 0 {
		t.eos = last.id
		t.eog[t.eos] = true
	}
	return nil
}

// layout reads a template.
func (t *Tokenizer) layout(pieces []jsonPiece, s *step) (out []part, err error) {
	for _, p := range pieces {
		switch {
		case p.Sequence != nil && (p.Sequence.ID == "A" || p.Sequence.ID == "B"):
			out = append(out, part{sequence: 1 + int(p.Sequence.ID[0]-'A'), typ: p.Sequence.Type})
		case p.SpecialToken != nil:
			for _, id := range s.Special[p.SpecialToken.ID].IDs {
				if id < 0 || int(id) >= len(t.pieces) {
					return nil, &FormatError{"post_processor", fmt.Sprintf("id %d", id), fmt.Sprintf("below %d", len(t.pieces))}
				}
				out = append(out, part{id: id, typ: p.SpecialToken.Type})
			}
		}
	}
	if len(out) == 0 {
		return plainSingle, nil
	}
	return out, nil
}

// named reads [piece, id].
func (t *Tokenizer) named(what string, raw json.RawMessage) (int32, error) {
	var pair [2]any
	if err := json.Unmarshal(raw, &pair); err == nil {
		if id, ok := pair[1].(float64); ok && id >= 0 && int(id) < len(t.pieces) {
			return int32(id), nil
		}
	}
	return 0, &FormatError{"post_processor " + what, string(raw), "a piece and its id"}
}
