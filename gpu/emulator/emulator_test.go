package emulator

import (
	"context"
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// launch runs one kernel on a buffer of its own, with subgroups of 16.
func launch(t *testing.T, words []uint32, numbers int, n uint32, groups uint32) ([]uint32, error) {
	t.Helper()
	return launchLanes(t, words, 16, numbers, n, groups)
}

func launchLanes(t *testing.T, words []uint32, lanes, numbers int, n, groups uint32) ([]uint32, error) {
	t.Helper()
	p, err := Compile(words, Options{Name: "test", Entry: "main", Lanes: lanes})
	require.NoError(t, err)
	m := &Machine{}
	buf := make([]byte, 4*numbers)
	at, err := m.Map(buf)
	require.NoError(t, err)
	err = m.Dispatch(context.Background(), p, params(at, n), groups, 1, 1)
	out := make([]uint32, numbers)
	for i := range out {
		out[i] = binary.LittleEndian.Uint32(buf[4*i:])
	}
	return out, err
}

func params(address uint64, n uint32) []byte {
	b := binary.LittleEndian.AppendUint64(nil, address)
	return append(binary.LittleEndian.AppendUint32(b, n), 0, 0, 0, 0)
}

// TestFaults: each of these kernels does one thing wrong, or nothing.
func TestFaults(t *testing.T) {
	const store = `
		%e = AccessChain %pnumber %b %0 %l
		Store %e %v 2 4
		Return`
	for _, c := range []struct {
		name, body, want string
	}{
		{"nothing", `%v = IAdd %uint %l %n` + store, ""},
		{"behind the buffer", `
			%k = IAdd %uint %l %n
			%e = AccessChain %pnumber %b %0 %k
			Store %e %l 2 4
			Return`, "invocation 15 of subgroup 3, block %"},
		{"misaligned", `
			%e = AccessChain %pnumber %b %0 %1
			Store %e %l 2 8
			Return`, "is no multiple of 8"},
		{"division", `%v = UDiv %uint %l %0` + store, "division by zero"},
		{"index", `
			%i = IAdd %uint %l %n
			%p = AccessChain %pown %own %i
			Store %p %l
			%v = Load %uint %p` + store, "index 64 of an array of 64"},
		{"race between subgroups", `
			%s = AccessChain %pword %shared %l
			Store %s %l
			%o = ISub %uint %64 %n
			%o2 = ISub %uint %o %l
			%q = BitwiseAnd %uint %o2 %big
			%r = AccessChain %pword %shared %q
			%v = Load %uint %r` + store, "of shared memory"},
		{"a barrier between them", `
			%s = AccessChain %pword %shared %l
			Store %s %l
			ControlBarrier %2 %2 %264
			%o = ISub %uint %64 %n
			%o2 = ISub %uint %o %l
			%q = BitwiseAnd %uint %o2 %big
			%r = AccessChain %pword %shared %q
			%v = Load %uint %r` + store, ""},
		{"race within a subgroup", `
			%s = AccessChain %pword %shared %l
			Store %s %l
			%q = BitwiseXor1 %l
			%r = AccessChain %pword %shared %q
			%v = Load %uint %r` + store, "without a barrier between them"},
		{"a subgroup's barrier between them", `
			%s = AccessChain %pword %shared %l
			Store %s %l
			ControlBarrier %3 %3 %264
			%q = BitwiseXor1 %l
			%r = AccessChain %pword %shared %q
			%v = Load %uint %r` + store, ""},
		{"a write to what others read", `
			%r = AccessChain %pword %shared %0
			%v = Load %uint %r
			%first = IEqual %bool %l %0
			SelectionMerge %after 0
			BranchConditional %first %then %after
			%then = Label
			Store %r %l
			Branch %after
			%after = Label` + store, "without a barrier between them"},
		{"a barrier that some come to", `
			%few = ULessThan %bool %l %3
			SelectionMerge %after 0
			BranchConditional %few %then %after
			%then = Label
			ControlBarrier %2 %2 %264
			Branch %after
			%after = Label
			Return`, "a barrier that 3 of 16 invocations come to"},
		{"a barrier that some subgroups come to", `
			%few = ULessThan %bool %l %16
			SelectionMerge %after 0
			BranchConditional %few %then %after
			%then = Label
			ControlBarrier %2 %2 %264
			Branch %after
			%after = Label
			Return`, "a barrier that 3 of 4 subgroups never come to"},
		{"a subgroup's barrier that some come to", `
			%few = ULessThan %bool %l %3
			SelectionMerge %after 0
			BranchConditional %few %then %after
			%then = Label
			ControlBarrier %3 %3 %264
			Branch %after
			%after = Label
			Return`, "a subgroup barrier that 3 of 16 invocations come to"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := launch(t, kernelOf(t, 64, "%big = Constant %uint 63", xor(c.body)), 64, 1, 1)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			var f *Fault
			require.ErrorAs(t, err, &f)
			assert.Contains(t, f.Error(), c.want)
			assert.Equal(t, "test", f.Kernel)
		})
	}
}

// TestNothingIsThere: what nobody wrote is poison.
func TestNothingIsThere(t *testing.T) {
	out, err := launch(t, kernel(t, `
		%s = AccessChain %pword %shared %l
		%v = Load %uint %s
		%e = AccessChain %pnumber %b %0 %l
		Store %e %v 2 4
		%p = AccessChain %pown %own %l
		%w = Load %uint %p
		%i = IAdd %uint %l %64
		%e2 = AccessChain %pnumber %b %0 %i
		Store %e2 %w 2 4
		Return`), 128, 0, 1)
	require.NoError(t, err)
	for i, v := range out {
		require.Equal(t, uint32(0x7fff7fff), v, i)
	}
	b := make([]byte, 7)
	Poison(b)
	assert.Equal(t, []byte{0xff, 0x7f, 0xff, 0x7f, 0xff, 0x7f, 0xff}, b)
}

// TestInvocationsMeet: in a loop that each leaves after another number of rounds, those who are left count themselves; behind it, all do.
func TestInvocationsMeet(t *testing.T) {
	for _, lanes := range []int{1, 4, 32, 64, 128} {
		out, err := launchLanes(t, kernel(t, `
			%most = IAdd %uint %l %1
			Branch %head
			%head = Label
			%i = Phi %uint %0 %entry %i2 %next
			%sum = Phi %uint %0 %entry %sum2 %next
			%more = ULessThan %bool %i %most
			LoopMerge %done %next 0
			BranchConditional %more %body %done
			%body = Label
			%all = GroupIAdd %uint %3 0 %1
			%sum2 = IAdd %uint %sum %all
			Branch %next
			%next = Label
			%i2 = IAdd %uint %i %1
			Branch %head
			%done = Label
			%met = GroupIAdd %uint %3 0 %1
			%e = AccessChain %pnumber %b %0 %l
			Store %e %sum 2 4
			%k = IAdd %uint %l %64
			%e2 = AccessChain %pnumber %b %0 %k
			Store %e2 %met 2 4
			Return`), lanes, 128, 0, 1)
		require.NoError(t, err)
		size := min(lanes, 64) // of a subgroup, of which one of 128 is half full
		for l := range 64 {
			want, in := 0, l%size
			for i := range l + 1 { // in round i are those of the subgroup whose number is at least i
				first := max(l-in, i)
				want += l - in + size - first
			}
			require.Equal(t, uint32(want), out[l], "invocation %d of subgroups of %d", l, lanes)
			require.Equal(t, uint32(size), out[64+l], "invocation %d of subgroups of %d", l, lanes)
		}
	}
}

// TestSwitch: cases with and without an end of their own, and the default.
func TestSwitch(t *testing.T) {
	out, err := launch(t, kernel(t, `
		%k = BitwiseAnd %uint %l %3
		SelectionMerge %done 0
		Switch %k %other 0 %zero 2 %two
		%zero = Label
		%z = IAdd %uint %l %64
		Branch %two
		%two = Label
		%v = Phi %uint %l %entry %z %zero
		%w = IMul %uint %v %2
		Branch %done
		%other = Label
		Branch %done
		%done = Label
		%out = Phi %uint %w %two %0 %other
		%e = AccessChain %pnumber %b %0 %l
		Store %e %out 2 4
		Return`), 64, 0, 1)
	require.NoError(t, err)
	for l, v := range out {
		want := map[int]int{0: 2 * (l + 64), 2: 2 * l}[l%4]
		require.Equal(t, uint32(want), v, l)
	}
}

// TestDispatchesThatTouch: two dispatches may touch the same bytes when a barrier is between them or both only read.
func TestDispatchesThatTouch(t *testing.T) {
	write := kernel(t, `
		%e = AccessChain %pnumber %b %0 %l
		Store %e %l 2 4
		Return`)
	read := kernel(t, `
		%e = AccessChain %pnumber %b %0 %l
		%v = Load %uint %e 2 4
		Return`)
	for _, c := range []struct {
		name          string
		first, second []uint32
		barrier, ok   bool
	}{
		{"two writes", write, write, false, false}, {"a write, a read", write, read, false, false}, {"a read, a write", read, write, false, false},
		{"two reads", read, read, false, true}, {"two writes apart", write, write, true, true}, {"a write, a barrier, a read", write, read, true, true},
		{"a read, a barrier, a write", read, write, true, true},
	} {
		m := &Machine{}
		at, err := m.Map(make([]byte, 256))
		require.NoError(t, err)
		for i, words := range [][]uint32{c.first, c.second} {
			p, err := Compile(words, Options{Name: "test", Entry: "main", Lanes: 32})
			require.NoError(t, err)
			if i == 1 && c.barrier {
				m.Barrier()
			}
			err = m.Dispatch(context.Background(), p, params(at, 0), 1, 1, 1)
			if i == 1 && !c.ok {
				var f *Fault
				require.ErrorAs(t, err, &f, c.name)
				assert.Contains(t, err.Error(), "without a barrier between them", c.name)
			} else {
				require.NoError(t, err, c.name)
			}
		}
		err = m.Touch("copy", Range{Address: at, Size: 4, Write: true})
		assert.Error(t, err, c.name)
		m.Barrier()
		assert.NoError(t, m.Touch("copy", Range{Address: at, Size: 4, Write: true}), c.name)
	}
}

// TestWorkgroupsThatTouch: workgroups of a dispatch may touch the same bytes when all only read, or all do it as coherent.
func TestWorkgroupsThatTouch(t *testing.T) {
	const read, write, readCoherent, writeCoherent = `%v = Load %uint %e 2 4`, `Store %e %l 2 4`, `%v = Load %uint %e 50 4 %5`, `Store %e %l 42 4 %5`
	for _, c := range []struct {
		first, others string
		ok            bool
	}{
		{read, read, true}, {write, read, false}, {read, write, false}, {write, write, false}, {writeCoherent, readCoherent, true},
		{writeCoherent, read, false}, {write, readCoherent, false}, {writeCoherent, writeCoherent, true}, {readCoherent, writeCoherent, true},
	} {
		_, err := launch(t, kernelOf(t, 1, `
			Decorate %group 11 26
			%group = Variable %in_v3 1
			%5 = Constant %uint 5`, `
			%g3 = Load %v3 %group
			%g = CompositeExtract %uint %g3 0
			%zero = IEqual %bool %g %0
			%e = AccessChain %pnumber %b %0 %0
			SelectionMerge %after 0
			BranchConditional %zero %then %else
			%then = Label
			`+c.first+`
			Branch %after
			%else = Label
			`+strings.ReplaceAll(c.others, "%v", "%w")+`
			Branch %after
			%after = Label
			Return`), 1, 0, 9)
		if c.ok {
			assert.NoError(t, err, "%s and %s", c.first, c.others)
		} else {
			assert.ErrorContains(t, err, "of the same dispatch, and one of them not as coherent", "%s and %s", c.first, c.others)
		}
	}
}

// TestAtomics: all invocations of all workgroups count to the last.
func TestAtomics(t *testing.T) {
	out, err := launch(t, kernel(t, `
		%e = AccessChain %pnumber %b %0 %0
		%v = AtomicIAdd %uint %e %1 %0 %2
		Return`), 1, 0, 100)
	require.NoError(t, err)
	assert.Equal(t, []uint32{2 * 64 * 100}, out)
}

// TestEndsWhenTold: a kernel that never ends does with its context.
func TestEndsWhenTold(t *testing.T) {
	p, err := Compile(kernel(t, `
		Branch %head
		%head = Label
		LoopMerge %done %next 0
		Branch %next
		%next = Label
		Branch %head
		%done = Label
		Return`), Options{Entry: "main", Lanes: 32})
	require.NoError(t, err)
	ctx, stop := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer stop()
	assert.ErrorIs(t, (&Machine{}).Dispatch(ctx, p, params(0, 0), 2, 1, 1), context.DeadlineExceeded)
}

// TestRefused: what the package does not know is an error that says so.
func TestRefused(t *testing.T) {
	for _, body := range []string{`%x = Nonsense %uint %l
		Return`, `%x = IAdd %uint %l %nobody
		Return`, `Branch %nowhere`} {
		_, err := Compile(kernel(t, body), Options{Entry: "main", Lanes: 32})
		assert.Error(t, err, body)
	}
	_, err := Compile(kernel(t, "Return"), Options{Entry: "other", Lanes: 32})
	assert.Error(t, err)
	_, err = Compile(kernel(t, "Return"), Options{Entry: "main", Lanes: 33})
	assert.Error(t, err)
}

// FuzzCompile: damaged modules are errors, never crashes.
func FuzzCompile(f *testing.F) {
	words := kernel(f, `
		%few = ULessThan %bool %l %3
		SelectionMerge %after 0
		BranchConditional %few %then %after
		%then = Label
		%p = AccessChain %pown %own %l
		Store %p %l
		Branch %after
		%after = Label
		Return`)
	for _, i := range []uint16{0, 5, 20, 60, 100, 200} {
		f.Add(i, uint32(1), uint16(300), uint32(0x10001))
	}
	f.Fuzz(func(t *testing.T, at uint16, by uint32, at2 uint16, by2 uint32) {
		w := append([]uint32(nil), words...)
		w[int(at)%len(w)] ^= by
		w[int(at2)%len(w)] ^= by2
		p, err := Compile(w, Options{Name: "fuzz", Entry: "main", Lanes: 32})
		if err != nil {
			return
		}
		ctx, stop := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer stop()
		if len(make([]byte, 16)) < p.push {
			return
		}
		err = (&Machine{}).Dispatch(ctx, p, params(0, 0), 1, 1, 1)
		_ = errors.Is(err, context.DeadlineExceeded)
	})
}

// xor writes "%q = BitwiseXor1 %l" as instructions: the neighbour of an invocation.
func xor(body string) string {
	const short = "%q = BitwiseXor1 %l"
	for i := 0; i+len(short) <= len(body); i++ {
		if body[i:i+len(short)] == short {
			s := strconv.Itoa(i)
			long := `%odd` + s + ` = BitwiseAnd %uint %l %1
			%twice` + s + ` = IMul %uint %odd` + s + ` %2
			%up` + s + ` = IAdd %uint %l %1
			%q = ISub %uint %up` + s + ` %twice` + s
			return body[:i] + long + body[i+len(short):]
		}
	}
	return body
}

// TestMappings: addresses come again only when there are no others, and what ended is out of reach.
func TestMappings(t *testing.T) {
	var m Memory
	first, err := m.Map(make([]byte, 4))
	require.NoError(t, err)
	m.Unmap(first)
	m.Unmap(first)
	seen := map[uint64]bool{first: true, 0: true}
	for range maxMappings - 2 {
		a, err := m.Map(make([]byte, 4))
		require.NoError(t, err)
		require.False(t, seen[a])
		seen[a] = true
	}
	again, err := m.Map(make([]byte, 8))
	require.NoError(t, err)
	assert.Equal(t, first, again)
	_, err = m.Map(make([]byte, 4))
	assert.Error(t, err)
	m.Unmap(again)
	assert.PanicsWithValue(t, wrong("address %#x belongs to no buffer", again), func() { at(*m.list.Load(), again, 1) })
	_, err = m.Map(nil)
	assert.Error(t, err)
}
