package kernel

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"tuff/host/compute"
)

// Many is how work on more than one row is shared out: what a device is tuned in besides Few.
type Many struct {
	Kernel string `json:"kernel"` // "tile", "attention_prefill" or "attention_decode"
	Rows   int    `json:"rows"`   // weight rows of a tile; pairs of query row and head of a workgroup, 0: as planned
	Cols   int    `json:"cols"`   // rows of X of a tile; keys of one
	Group  int    `json:"group"`  // invocations of a workgroup
}

func (m Many) String() string {
	return fmt.Sprintf("%s %d×%d of %d", m.Kernel, m.Rows, m.Cols, m.Group)
}

// TunedMany says where measuring found something better than the plan's own rule, by Group.Many. AnyProduct and the name of a Class
// stand for all of the class that are not named.
type TunedMany map[string]Many

// Class is a kind of work that has shapes of its own.
type Class struct {
	Name   string // the end of its keys
	Kernel string // of Many
	Rows   int    // rows of a step that it is tuned with
	to     int    // the most rows of X
}

// Classes are tuned one after the other: prompts of three lengths, attention of a prompt, and attention of one row.
var Classes = []Class{
	{", to 32 rows", "tile", 16, 32},
	{", to 128 rows", "tile", 64, 128},
	{", many rows", "tile", 512, math.MaxInt},
	{", prefill", "attention_prefill", 64, 0},
	{", decode", "attention_decode", 1, 0},
}

// Matches says whether a key is of the class.
func (c Class) Matches(key string) bool { return strings.HasSuffix(key, c.Name) }

// tileShapes are those that matmul_tile is tried in: 8 to 64 sums an invocation, workgroups of 64 to 256.
var tileShapes = []tile{tile32, {16, 32, 32, 2, 4}, {32, 64, 32, 4, 4}, {64, 32, 32, 4, 4}, tile64, {64, 64, 16, 8, 8}, {64, 128, 16, 8, 8}, {128, 64, 16, 8, 8}, {128, 128, 8, 8, 8}}

func (t tile) many() Many { return Many{"tile", t.bm, t.bn, t.invocations()} }

// tileOf is the tile that a shape names.
func tileOf(m Many) (tile, bool) {
	i := slices.IndexFunc(tileShapes, func(t tile) bool { return t.many() == m })
	if i < 0 {
		return tile{}, false
	}
	return tileShapes[i], true
}

// Manys are the shapes that tuning tries in a class on a device. Software drivers take seconds to compile what is unrolled: they get the
// smaller ones only.
func Manys(caps Caps, c Class, software bool) []Many {
	var list []Many
	switch c.Kernel {
	case "tile":
		for _, t := range tileShapes {
			list = append(list, t.many())
		}
	case "attention_prefill":
		for _, rows := range []int{8, 16, 32} {
			for _, keys := range []int{16, 32} {
				list = append(list, Many{c.Kernel, rows, keys, 64}, Many{c.Kernel, rows, keys, 128})
			}
		}
	case "attention_decode":
		for _, keys := range []int{16, 32, 64} {
			list = append(list, Many{c.Kernel, 0, keys, 64}, Many{c.Kernel, 0, keys, 128}, Many{c.Kernel, 0, keys, 256})
		}
	}
	list = slices.DeleteFunc(list, func(m Many) bool { return m.check(&caps) != nil })
	if software {
		list = list[:min(len(list), 4)]
	}
	return list
}

// check refuses what the kernels are not made for: tuned shapes come from a file.
func (m Many) check(caps *Caps) error {
	wrong := func(what string, args ...any) error {
		return fmt.Errorf("gpu: tuned shape %v: %s", m, fmt.Sprintf(what, args...))
	}
	switch m.Kernel {
	case "tile":
		t, ok := tileOf(m)
		if pl := (&planner{caps: *caps}); !ok || !pl.fits(t, false) {
			return wrong("got a tile that is none or does not fit %d bytes of shared memory", caps.SharedBytes)
		}
		return nil
	case "attention_prefill", "attention_decode":
		if m.Group < 32 || m.Group > min(256, int(caps.MaxInvocations)) || m.Group != pow2(m.Group) {
			return wrong("got %d invocations, want a power of two of 32 to %d", m.Group, min(256, caps.MaxInvocations))
		}
		if m.Cols < 8 || m.Cols > 64 || m.Cols != pow2(m.Cols) || m.Rows != 0 && (m.Rows < 8 || m.Rows > 32 || m.Rows != pow2(m.Rows)) {
			return wrong("got %d pairs and %d keys, want powers of two of 8 to 32 and 8 to 64", m.Rows, m.Cols)
		}
		return nil
	}
	return fmt.Errorf("gpu: tuned shape: got kernel %q, want tile, attention_prefill or attention_decode", m.Kernel)
}

// tunedMany is what was found for a key of a class. One that this device cannot run is as none.
func (pl *planner) tunedMany(g *Group, key string, c Class) (Many, bool) {
	if !slices.Contains(g.Many, key+c.Name) {
		g.Many = append(g.Many, key+c.Name)
	}
	m, ok := pl.caps.TunedMany[key+c.Name]
	if !ok {
		m, ok = pl.caps.TunedMany[AnyProduct+c.Name]
	}
	return m, ok && m.Kernel == c.Kernel && m.check(&pl.caps) == nil
}

// tileTo is a tile for products of up to so many rows of X.
type tileTo struct {
	tile
	to int
}

// tilesFor are the tiles of matmul_tile by numbers of rows: those tuned, or the plan's small one to its width and its large one beyond.
func (m *matMulPlan) tilesFor(small, large tile) []tileTo {
	list := []tileTo{{small, small.bn}, {large, math.MaxInt}}
	if small == large {
		list = list[1:]
	}
	if m.forced != "" {
		return list
	}
	var tuned []tileTo
	found := false
	for _, c := range Classes {
		if c.Kernel != "tile" {
			continue
		}
		t := large
		if c.to <= small.bn {
			t = small
		}
		if m.next <= min(m.most, c.to) {
			if s, ok := m.tunedMany(m.g, m.key(m.f), c); ok {
				if shape, _ := tileOf(s); m.fits(shape, m.f.pair) {
					t, found = shape, true
				}
			}
		}
		tuned = append(tuned, tileTo{t, c.to})
	}
	if !found {
		return list
	}
	m.tiles = true
	return tuned
}

// attentionTuned changes an attention kernel's shape to the one that was found.
func (pl *planner) attentionTuned(g *Group, op compute.Attention, class string, a attentionShape) attentionShape {
	if pl.o.Variant["attention"] != "" {
		return a
	}
	c := Classes[slices.IndexFunc(Classes, func(c Class) bool { return c.Kernel == class })]
	key := fmt.Sprintf("attention %d/%d×%d/%d %v", op.NumHeads, op.NumKVHeads, op.HeadDim, op.HeadDimV, pl.p.At(op.K).DType)
	m, ok := pl.tunedMany(g, key, c)
	if !ok {
		return a
	}
	b := attentionShape{wg: m.Group, br: m.Rows, bc: m.Cols}
	if b.br == 0 {
		b.br = a.br
	}
	if b.wg%b.br != 0 || b.sharedBytes(op.HeadDim, op.HeadDimV) > int(pl.caps.SharedBytes) {
		return a
	}
	return b
}

// ManyOf are the keys of all groups: those that TunedMany may name.
func ManyOf(caps Caps, p *compute.Program, o compute.Options) ([][]string, error) {
	groups, err := Plan(caps, p, o)
	if err != nil {
		return nil, err
	}
	keys := make([][]string, len(groups))
	for i := range groups {
		keys[i] = groups[i].Many
	}
	return keys, nil
}
