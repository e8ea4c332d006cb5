package fallback

import (
	"slices"

	"tuff/host/compute"
)

// sample runs compute.Sample: one unit per row.
type sample struct {
	op     compute.Sample
	x, out *tensor
	set    *compute.Sampling
}

func (k *sample) begin(s *compute.Step) int {
	k.set = &s.Sampling
	return k.x.Rows.At(s.Sizes())
}

// choice is a candidate.
type choice struct {
	token int32
	logit int64
}

func (k *sample) unit(_ *worker, r int) {
	row := k.x.row(r)
	n := len(row) / 2
	if row[0] != row[0] {
		k.out.row(r)[0] = -1 - row[n]
		return
	}
	var room [compute.MaxTopK]choice
	list := room[:n]
	for i := range list {
		list[i] = choice{int32(row[n+i]), compute.FixedLogit(row[i])}
		if times := count(k.set.Recent(), list[i].token); k.set.Penalties && times > 0 {
			list[i].logit = k.set.Penalized(list[i].logit, times)
		}
	}
	if k.set.Penalties {
		slices.SortStableFunc(list, func(a, b choice) int {
			switch {
			case a.logit > b.logit:
				return -1
			case a.logit < b.logit:
				return 1
			}
			return 0
		})
	}
	k.out.row(r)[0] = float32(list[k.choose(list)].token)
}

func count(tokens []int32, id int32) (n int) {
	for _, t := range tokens {
		if t == id {
			n++
		}
	}
	return n
}

// choose takes one of candidates in order.
func (k *sample) choose(list []choice) int {
	s := k.set
	if !s.Random {
		return 0
	}
	if s.TopK > 0 {
		list = list[:min(s.TopK, len(list))]
	}
	if s.TopP < 1<<32 {
		one := compute.DecayOf(1)
		at := crossing(list, one, s.Reach(total(list, one)))
		list = list[:at+1]
	}
	if s.Behind >= 0 {
		at := slices.IndexFunc(list, func(c choice) bool { return list[0].logit-c.logit > s.Behind })
		if at > 0 {
			list = list[:at]
		}
	}
	state := s.State
	at := crossing(list, s.Decay, compute.Below(compute.NextRandom(&state), total(list, s.Decay))+1)
	return at
}

func total(list []choice, d compute.Decay) (sum uint64) {
	for _, c := range list {
		sum += d.Weight(list[0].logit - c.logit)
	}
	return sum
}

// crossing is the first candidate with which the running sum of weights is at least reach.
func crossing(list []choice, d compute.Decay, reach uint64) int {
	var sum uint64
	for at, c := range list {
		if sum += d.Weight(list[0].logit - c.logit); sum >= reach {
			return at
		}
	}
	return len(list) - 1
}
