package compare

import (
	"encoding/json"
	"math"
)

// number is a float64 whose JSON is null where it is not finite, which JSON has no spelling for.
type number float64

func (n number) MarshalJSON() ([]byte, error) {
	if f := float64(n); math.IsNaN(f) || math.IsInf(f, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// MarshalJSON writes values that are not finite as null; nan and inf count them.
func (m Metrics) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Count  int    `json:"count"`
		NMSE   number `json:"nmse"`
		MaxAbs number `json:"max_abs"`
		Bound  number `json:"bound"`
		MaxULP number `json:"max_ulp"`
		Cosine number `json:"cosine"`
		NaN    int    `json:"nan"`
		Inf    int    `json:"inf"`
		Worst  int    `json:"worst"`
		Got    number `json:"got"`
		Want   number `json:"want"`
		ULPs   []int  `json:"ulps"`
	}{m.Count, number(m.NMSE), number(m.MaxAbs), number(m.Bound), number(m.MaxULP), number(m.Cosine), m.NaN, m.Inf, m.Worst, number(m.Got), number(m.Want), m.ULPs})
}

// MarshalJSON writes values that are not finite as null.
func (l Logits) MarshalJSON() ([]byte, error) {
	kl := make([]number, len(l.KL))
	for i, v := range l.KL {
		kl[i] = number(v)
	}
	return json.Marshal(struct {
		Positions int      `json:"positions"`
		MeanKL    number   `json:"mean_kl"`
		P99KL     number   `json:"p99_kl"`
		MaxKL     number   `json:"max_kl"`
		Top1      number   `json:"top1_agreement"`
		MaxAbs    number   `json:"max_abs"`
		KL        []number `json:"kl"`
	}{l.Positions, number(l.MeanKL), number(l.P99KL), number(l.MaxKL), number(l.Top1), number(l.MaxAbs), kl})
}

// MarshalJSON writes values that are not finite as null.
func (g Greedy) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Tokens int    `json:"tokens"`
		Equal  int    `json:"equal"`
		First  int    `json:"first_token"`
		Margin number `json:"margin"`
	}{g.Tokens, g.Equal, g.First, number(g.Margin)})
}
