package tokenizer

import (
	"regexp"
	"slices"
	"strings"
)

// patterns are the regular expressions of tokenizer.json files that have a splitter; others go through Go's engine.
var patterns = map[string]splitter{
	`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`:                                                                    splitGPT2,
	contractions + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*` + whiteTail:                                                     splitLlama3,
	`'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+`:                                 splitLlama3,
	contractions + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*` + whiteTail:                                                          splitQwen2,
	`'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+`:                                      splitQwen2,
	contractions + `|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*` + whiteTail:                                              splitQwen35,
	contractions + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+` + whiteTail:                                                          splitSeed,
	contractions + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+[\r\n]*` + whiteTail:                                                         modern{letters: letter, digits: unbounded, ends: "\r\n"}.split,
	casedWord + `(?i:'s|'t|'re|'ve|'m|'ll|'d)?|` + casedCapital + `(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*` + whiteTail: splitO200k,
	casedWord + `|` + casedCapital + `|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*` + whiteTail:                                                                splitTekken,
	"[!\\\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*" + whiteTail:    splitDeepSeek,
	` ?[^(\s|[.,!?…。，、।۔،])]+`:                                                                    splitBloom,
	`<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`: splitCLIP,
	`\p{N}`:             classRun(number, 1),
	`\p{N}+`:            classRun(number, unbounded),
	`\p{N}{1,3}`:        classRun(number, 3),
	`[0-9][0-9][0-9]`:   threeDigits,
	"[一-龥\u3040-ゟ゠-ヿ]+": runeRun(isDeepSeekCJK),
	`\s+`:               classRun(blank, unbounded),
}

const (
	contractions = `(?i:'s|'t|'re|'ve|'m|'ll|'d)`
	whiteTail    = `|\s*[\r\n]+|\s+(?!\S)|\s+`
	casedWord    = `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`
	casedCapital = `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*`
)

func isDeepSeekCJK(r rune) bool { return r >= 0x4E00 && r <= 0x9FA5 || r >= 0x3040 && r <= 0x30FF }

// finderOf is the finder of a regular expression: written by hand where there is one, else Go's engine, which takes linear
// time but knows no lookahead. The usual end \s+(?!\S)|\s+ is understood all the same.
func finderOf(pattern string) (finder, error) {
	if s := patterns[pattern]; s != nil {
		return anywhere(s), nil
	}
	for _, tail := range []string{`|\s+(?!\S)|\s+`, `|\s+(?!\S)|\s`, `|\s+(?!\S)`} {
		head, ok := strings.CutSuffix(pattern, tail)
		if !ok {
			continue
		}
		re, err := compile(head + `|(?P<blanks>\s+)`)
		if err != nil {
			return nil, err
		}
		return beforeWord(re), nil
	}
	re, err := compile(pattern)
	if err != nil {
		return nil, err
	}
	return func(s string) (int, int) {
		m := re.FindStringIndex(s)
		if m == nil || m[0] == m[1] {
			return len(s), 0
		}
		return m[0], m[1] - m[0]
	}, nil
}

// beforeWord applies the lookahead to a match of the group blanks.
func beforeWord(re *regexp.Regexp) finder {
	group := 2 * re.SubexpIndex("blanks")
	return func(s string) (int, int) {
		m := re.FindStringSubmatchIndex(s)
		if m == nil || m[0] == m[1] {
			return len(s), 0
		}
		if m[group] < 0 {
			return m[0], m[1] - m[0]
		}
		return m[0], blanks(s[m[0]:])
	}
}

// rules are what the name in tokenizer.ggml.pre stands for.
type rules struct {
	names  string // separated by spaces
	pre    []preTokenizer
	words  bool // words that are tokens are taken whole, whatever the merges say
	nfc    bool // the model was trained on text in normalisation form C; the file does not say so
	begin  bool // begins with the begin token where the file does not say
	mark   bool // spaces are spelled ▁, and pieces are text rather than bytes
	around bool // begin and end tokens around a text, where the file does not say
}

// table has the rules of byte-level vocabularies in GGUF.
var table = []rules{
	{names: "gpt-2 phi-2 mpt olmo jais trillion granite-docling jina-es jina-de jina-v2-es jina-v2-de gigachat a.x-4.0 mellum modern-bert exaone4",
		pre: []preTokenizer{isolate(splitGPT2)}},
	{names: "roberta-bpe jina-v1-en jina-v2-code", pre: []preTokenizer{isolate(splitGPT2)}, around: true},
	{names: "llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano", pre: []preTokenizer{isolate(splitLlama3)}, words: true, begin: true},
	{names: "dbrx smaug-bpe glm4 chatglm-bpe", pre: []preTokenizer{isolate(splitLlama3)}},
	{names: "qwen2 deepseek-r1-qwen megrez kormo f2llmv2", pre: []preTokenizer{isolate(splitQwen2)}, nfc: true},
	{names: "stablelm2 hunyuan solar-open grok-2 bailingmoe bailingmoe2 llada-moe", pre: []preTokenizer{isolate(splitQwen2)}},
	{names: "qwen35", pre: []preTokenizer{isolate(splitQwen35)}, nfc: true},
	{names: "seed-coder", pre: []preTokenizer{isolate(splitSeed)}},
	{names: "minicpm5", pre: []preTokenizer{isolate(classRun(number, 3)), isolate(modern{letters: letter, digits: unbounded, ends: "\r\n"}.split)}, words: true},
	{names: "laguna", pre: []preTokenizer{isolate(lines), isolate(splitQwen2)}},
	{names: "gpt-4o llama4 kanana2 talkie minimax-m2", pre: []preTokenizer{isolate(splitO200k)}},
	{names: "granite-embed-multi-97m", pre: []preTokenizer{isolate(splitO200k)}, words: true},
	{names: "tekken", pre: []preTokenizer{isolate(splitTekken)}, words: true, begin: true},
	{names: "kimi-k2", pre: []preTokenizer{isolate(splitKimi)}},
	{names: "starcoder refact command-r smollm codeshell exaone minerva-7b mellum2", pre: []preTokenizer{isolate(classRun(number, 1)), isolate(splitGPT2)}},
	{names: "deepseek-llm", pre: []preTokenizer{isolate(lineBreak), isolate(spacedRun(isCased)), isolate(spacedRun(isWidePunct)), trailing,
		isolate(runeRun(isCJK)), isolate(classRun(number, unbounded))}},
	{names: "deepseek-coder", pre: []preTokenizer{isolate(lineBreak), isolate(spacedRun(isLetter)), isolate(spacedRun(isPunctOnly)), isolate(runeRun(isCJK)),
		isolate(classRun(number, 1))}},
	{names: "deepseek-v3 hunyuan-dense joyai-llm", pre: []preTokenizer{isolate(classRun(number, 3)), isolate(runeRun(isDeepSeekCJK)), isolate(splitDeepSeek)}},
	{names: "falcon", pre: []preTokenizer{isolate(runeRun(isFalconPunct)), isolate(splitGPT2), isolate(threeDigits)}},
	{names: "bloom poro-chat gpt3-finnish", pre: []preTokenizer{isolate(splitBloom)}},
	{names: "viking", pre: []preTokenizer{isolate(splitBloom), isolate(classRun(number, 1))}},
	{names: "chameleon", pre: []preTokenizer{isolate(sentinel), isolate(imageToken), isolate(tabOrSpaces), isolate(classRun(number, 1)), isolate(oneSign), isolate(splitGPT2)}, begin: true},
	{names: "superbpe", pre: []preTokenizer{isolate(classRun(number, unbounded)), thousands}},
	{names: "gemma4 granite-embed-multi-311m sarvam-moe", pre: []preTokenizer{isolate(lines)}, mark: true},
	{names: "whitespace", pre: []preTokenizer{isolate(notBlank)}, mark: true},
	{names: "default", pre: []preTokenizer{isolate(runeRun(isDefaultPunct)), isolate(splitGPT2), isolate(classRun(number, unbounded)), isolate(threeDigits)}},
}

// rulesOf finds the rules of a name; none counts as default.
func rulesOf(name string) (rules, bool) {
	if name == "" {
		name = "default"
	}
	for _, r := range table {
		if slices.Contains(strings.Fields(r.names), name) {
			return r, true
		}
	}
	return rules{}, false
}

func isLetter(r rune) bool    { return classOf(r)&letter != 0 }
func isCased(r rune) bool     { return classOf(r)&(upper|lower) != 0 }
func isPunctOnly(r rune) bool { return classOf(r)&punct != 0 }
func isFalconPunct(r rune) bool {
	return classOf(r)&punct != 0 || strings.ContainsRune("$+<=>^~|`", r)
}
func isDefaultPunct(r rune) bool { return classOf(r)&punct != 0 || strings.ContainsRune("$+<=>^~|", r) }

// isCJK is [一-龥ࠀ-一가-퟿], as DeepSeek's first models wrote it: nearly everything from U+0800 on.
func isCJK(r rune) bool { return r >= 0x0800 && r <= 0x9FA5 || r >= 0xAC00 && r <= 0xD7FF }

// isWidePunct is [!-/:-~！-／：-～‘-‟　-。], letters between ':' and '~' included.
func isWidePunct(r rune) bool {
	return r >= '!' && r <= '/' || r >= ':' && r <= '~' || r >= '！' && r <= '／' || r >= '：' && r <= '～' || r >= '‘' && r <= '‟' || r >= '　' && r <= '。'
}

// lineBreak is [\r\n]
func lineBreak(s string) int {
	if s[0] == '\r' || s[0] == '\n' {
		return 1
	}
	return 0
}

// lines is [^\n]+|[\n]+
func lines(s string) int {
	breaks := s[0] == '\n'
	return runFunc(s, func(r rune) bool { return (r == '\n') == breaks }, unbounded)
}

// trailing cuts off the white space that ends a text: \s+$ .
func trailing(text string, start bool, emit func(string, bool)) {
	at := len(strings.TrimRightFunc(text, func(r rune) bool { return classOf(r)&blank != 0 }))
	if at > 0 {
		emit(text[:at], start)
	}
	if at < len(text) {
		emit(text[at:], start && at == 0)
	}
}

// notBlank is \S+
func notBlank(s string) int { return runOutside(s, blank) }

// oneSign is [\p{P}!-/:-@\[-`{-~]
func oneSign(s string) int { return runFunc(s, isPunct, 1) }

// tabOrSpaces is [\t\n]|four spaces|two spaces
func tabOrSpaces(s string) int {
	switch {
	case s[0] == '\t' || s[0] == '\n':
		return 1
	case strings.HasPrefix(s, "    "):
		return 4
	case strings.HasPrefix(s, "  "):
		return 2
	}
	return 0
}

// sentinel is <sentinel:[0-9]+>
func sentinel(s string) int {
	const head = "<sentinel:"
	if !strings.HasPrefix(s, head) {
		return 0
	}
	n := runFunc(s[len(head):], isDigit, unbounded)
	if end := len(head) + n; n > 0 && end < len(s) && s[end] == '>' {
		return end + 1
	}
	return 0
}

// imageToken is IMGIMG[A-I]{1,4}Z
func imageToken(s string) int {
	const head = "IMGIMG"
	if !strings.HasPrefix(s, head) {
		return 0
	}
	n := runFunc(s[len(head):], func(r rune) bool { return r >= 'A' && r <= 'I' }, 4)
	if end := len(head) + n; n > 0 && end < len(s) && s[end] == 'Z' {
		return end + 1
	}
	return 0
}

// thousands cuts digits into threes from the right, where they end a run: (?=(\d{3})+(?!\d))
func thousands(text string, start bool, emit func(string, bool)) {
	for at := 0; at < len(text); {
		n := runFunc(text[at:], isDigit, unbounded)
		if n == 0 {
			n = runFunc(text[at:], func(r rune) bool { return !isDigit(r) }, unbounded)
			emit(text[at:at+n], start && at == 0)
			at += n
			continue
		}
		for end := at + n; at < end; {
			w := (end-at-1)%3 + 1
			emit(text[at:at+w], start && at == 0)
			at += w
		}
	}
}
