package tokenizer

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/text/unicode/norm"
)

var forms = []norm.Form{norm.NFC, norm.NFD, norm.NFKC, norm.NFKD}

func TestLongRunsOfMarksKeepTheirText(t *testing.T) {
	many := strings.Repeat("\u0301", 100)
	for _, c := range []struct {
		form     norm.Form
		in, want string
	}{
		{norm.NFC, "a" + many, "\u00e1" + many[2:]},
		{norm.NFD, "\u00e1" + many, "a\u0301" + many},
		{norm.NFC, "a" + many + "\u0323", "\u1ea1" + many}, // the dot below sorts first and joins
		{norm.NFKC, "\ufb01" + many, "fi\u0301"[:1] + "\u00ed" + many[2:]},
		{norm.NFC, many, many},
	} {
		assert.Equal(t, c.want, canonical(c.form)(c.in), "%v of %q", c.form, c.in)
	}
}

// The long way and package norm agree wherever the latter leaves texts whole.
func TestLongWayIsThatOfPackageNorm(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	alphabet := []rune("aeo가각ᄀ\u1161\u11a8\u0301\u0323\u0308\u0327\u0345\ufb01\u212b\u0958\u09c7\u09be\u1e9b\u2126\u3099か\u0344\u0f71\u0f72\u0fb2")
	for range 3000 {
		var b strings.Builder
		for range random.IntN(20) {
			b.WriteRune(alphabet[random.IntN(len(alphabet))])
		}
		for _, f := range forms {
			assert.Equal(t, f.String(b.String()), longMarks(f, b.String()), "%v of %+q", f, b.String())
		}
	}
}
