package compare

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// someReport has n results that are ok, the later the closer to their bound, and bad ones behind them that are over it.
func someReport(n, bad int) *Report {
	r := &Report{A: "gpu", B: "cpu", DriverA: "mesa", Math: "exact", MathB: "exact", Model: "a|b", Limits: Limits{Bound: 1, NMSE: 1e-7}, KLLimit: 1e-5}
	r.Logits = Logits{Positions: 3, MeanKL: 1e-9, Top1: 1}
	r.Greedy = Greedy{Tokens: 4, Equal: 2, First: 2, Margin: 0.5}
	for i := range n + bad {
		op := Op{Phase: "prefill", Label: fmt.Sprintf("op%d", i), Tensor: fmt.Sprintf("t%d", i), Kernel: "k", Rows: 2, Cols: 3, Verdict: "ok"}
		op.Isolated = Metrics{Count: 6, Bound: float64(i) / 1000, NMSE: 1e-12, Cosine: 1, Worst: 4, Got: 1, Want: 2}
		op.Carried = op.Isolated
		if i >= n {
			op.Verdict = "over the bound"
		}
		r.Ops = append(r.Ops, op)
	}
	r.judge(Options{KL: r.KLLimit})
	return r
}

func markdown(t *testing.T, r *Report) string {
	var b bytes.Buffer
	require.NoError(t, r.WriteMarkdown(&b))
	return b.String()
}

func TestMarkdownHasWhatAnIssueNeeds(t *testing.T) {
	text := markdown(t, someReport(40, 2))
	for _, want := range []string{`**tuff compare**, a\|b: gpu (mesa, exact) against cpu (exact)`, "**FAIL: op40 (k, prefill): over the bound**",
		"- first divergence: t40, kernel k, given B's inputs: element (1, 1) is 1, want 2", "- greedy text: equal for 2 tokens, then different",
		"2 of 42 results over a limit:", "| prefill | t41 | k | 2×3 | 4.10 % |"} {
		assert.Contains(t, text, want)
	}
	assert.NotContains(t, text, "| t39 |", "what is right is not in question")
	assert.Equal(t, 4, strings.Count(text, "\n|"), "two lines of head, two results")

	text = markdown(t, someReport(40, 0))
	assert.Contains(t, text, "40 results, those closest to a limit first, 24 of them:")
	assert.Equal(t, 2+markdownRows, strings.Count(text, "\n|"))
	assert.Less(t, strings.Index(text, "| t39 |"), strings.Index(text, "| t38 |"))
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "|") {
			assert.Equal(t, 13, strings.Count(line, "|"), line)
		}
	}

	r := someReport(1, 0)
	r.Ops[0].Isolated, r.Ops[0].NoBound = Metrics{}, "none is known"
	text = markdown(t, r)
	assert.Contains(t, text, "| t0 | k | 2×3 | – | – | – | – | 0 |")
}

func TestCSVHasEveryResult(t *testing.T) {
	r := someReport(40, 2)
	r.Ops[1].NoBound = "none is known"
	r.Ops[2].Isolated = Metrics{}
	var b bytes.Buffer
	require.NoError(t, r.WriteCSV(&b))
	rows, err := csv.NewReader(&b).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 43)
	at := map[string]int{}
	for i, name := range rows[0] {
		at[name] = i
	}
	assert.Equal(t, "0.041", rows[42][at["bound"]])
	assert.Equal(t, "over the bound", rows[42][at["verdict"]])
	assert.Equal(t, []string{"", "none is known", "1e-12"}, []string{rows[2][at["bound"]], rows[2][at["no_bound"]], rows[2][at["nmse"]]})
	assert.Equal(t, []string{"", "", "1e-12"}, []string{rows[3][at["bound"]], rows[3][at["nmse"]], rows[3][at["carried_nmse"]]})
	assert.Equal(t, []string{"1", "1"}, []string{rows[1][at["worst_row"]], rows[1][at["worst_col"]]})
}

func TestShareOfALimit(t *testing.T) {
	op := Op{Isolated: Metrics{Count: 1, Bound: 0.5, NMSE: 1e-9}}
	assert.Equal(t, 0.5, op.share(Limits{Bound: 1, NMSE: 1e-7}))
	assert.InDelta(t, 0.01, op.share(Limits{Bound: math.Inf(1), NMSE: 1e-7}), 1e-12)
	op.Isolated.NaN = 1
	assert.True(t, math.IsInf(op.share(Limits{Bound: 1, NMSE: 1e-7}), 1))
}
