package shaders

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func buildInfo(t *testing.T) BuildInfo {
	t.Helper()
	b, err := os.ReadFile("manifest.json")
	require.NoError(t, err)
	var info BuildInfo
	require.NoError(t, json.Unmarshal(b, &info))
	return info
}

func digest(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// TestFresh fails when SPIR-V is stale, missing or left over. It needs no compiler.
func TestFresh(t *testing.T) {
	info := buildInfo(t)
	assert.Equal(t, Compiler, info.Compiler)
	assert.Equal(t, Flags, info.Flags)
	want := map[string]bool{}
	for _, m := range Manifest {
		assert.False(t, want[m.Name], "%s is in the manifest twice", m.Name)
		want[m.Name] = true
		built, ok := info.Modules[m.Name]
		if !assert.True(t, ok, "%s was never compiled; run make shaders", m.Name) {
			continue
		}
		source, err := SourceDigest(os.DirFS("."), m)
		require.NoError(t, err)
		assert.Equal(t, source, built.Source, "%s: the sources changed; run make shaders", m.Name)
		code, err := os.ReadFile(filepath.Join("spv", m.Name+".spv"))
		require.NoError(t, err)
		assert.Equal(t, digest(code), built.SPV, "%s: spv is not what was compiled; run make shaders", m.Name)
	}
	assert.Len(t, info.Modules, len(want))
	files, err := filepath.Glob("spv/*")
	require.NoError(t, err)
	for _, f := range files {
		assert.True(t, want[strings.TrimSuffix(filepath.Base(f), ".spv")], "%s belongs to no module", f)
	}
	assert.Less(t, len(Manifest), 450, "a format costs a module for each kernel")
}

// TestStale proves that TestFresh would see a change in an included file.
func TestStale(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(".")))
	m, ok := Find("matmul_q8_0_vec")
	require.True(t, ok)
	before, err := SourceDigest(os.DirFS(dir), m)
	require.NoError(t, err)
	for _, f := range []string{"matmul_vec.comp", "include/matmul.glsl", "include/formats/q8_0.glsl", "include/parts/contiguous.glsl", "include/half.glsl"} {
		path := filepath.Join(dir, f)
		old, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, append(slices.Clone(old), '\n'), 0o644))
		after, err := SourceDigest(os.DirFS(dir), m)
		require.NoError(t, err)
		assert.NotEqual(t, before, after, "%s is not in the closure", f)
		require.NoError(t, os.WriteFile(path, old, 0o644))
	}
	_, err = SourceDigest(os.DirFS(dir), Entry{Source: "nosuch.comp"})
	assert.ErrorContains(t, err, "nosuch.comp")
}

// pinned finds the pinned compiler, or skips.
func pinned(t *testing.T) string {
	t.Helper()
	for _, path := range []string{os.Getenv("GLSLC"), "../.cache/glslc/glslc"} {
		if path == "" {
			continue
		}
		out, err := exec.Command(path, "--version").Output()
		if first, _, _ := strings.Cut(string(out), "\n"); err == nil && strings.TrimSpace(first) == Compiler {
			abs, err := filepath.Abs(path)
			require.NoError(t, err)
			return abs
		}
	}
	t.Skip("no pinned compiler in GLSLC or .cache/glslc; make shaders fetches it")
	return ""
}

// TestRebuild compiles everything again and compares bytes.
func TestRebuild(t *testing.T) {
	glslc := pinned(t)
	for _, m := range Manifest {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(t.TempDir(), "out.spv")
			msg, err := exec.Command(glslc, Arguments(m, out)...).CombinedOutput()
			require.NoError(t, err, "%s", msg)
			got, err := os.ReadFile(out)
			require.NoError(t, err)
			want, err := os.ReadFile(filepath.Join("spv", m.Name+".spv"))
			require.NoError(t, err)
			assert.True(t, bytes.Equal(got, want), "spv/%s.spv is not what %s makes", m.Name, Compiler)
		})
	}
}

var constantID = regexp.MustCompile(`(?m)^layout\(constant_id = (\d+)\) const uint (\w+) =`)

// Capabilities by the numbers of the SPIR-V specification.
var capabilityNeeds = map[uint32]Need{
	11: NeedInt64, 4433: Need16Bit, 63: NeedSubgroup,
	9: NeedFloat16, 39: NeedInt8, 4448: Need8Bit, 6019: NeedIntegerDot, 5345: NeedMemoryModel, 6022: NeedCoopMat,
	5432: NeedCoopPerElement, 5433: NeedCoopTensors, 5434: NeedCoopBlocks,
	5439: "",                   // TensorAddressing: part of the feature of 5433
	6018: "",                   // DotProductInput4x8BitPacked: part of the feature of 6019
	1:    "", 5347: "", 61: "", // Shader, PhysicalStorageBufferAddresses, GroupNonUniform: required of every device
}

// TestFormats holds the generated include against the folder.
func TestFormats(t *testing.T) {
	b, err := os.ReadFile("include/format_of.glsl")
	require.NoError(t, err)
	assert.Equal(t, FormatOf(), string(b), "run go run ./shaders/gen")
	assert.Subset(t, Formats, []string{"f32", "q4_k", "nvfp4"})
	b, err = os.ReadFile("include/bytes_of.glsl")
	require.NoError(t, err)
	assert.Equal(t, BytesOf(), string(b), "run go run ./shaders/gen")
	assert.Subset(t, ByteFormats, []string{"q8_0", "q4_k", "nvfp4"})
	assert.Subset(t, Formats, ByteFormats)
}

// included is a source without the parts behind #ifdef and #ifndef that the defines leave out. Both sides of any #if stay.
func included(text string, defines []string) string {
	var b strings.Builder
	type part struct{ named, in bool }
	var open []part
	for line := range strings.Lines(text) {
		word, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch top := len(open) - 1; word {
		case "#ifdef", "#ifndef":
			open = append(open, part{true, slices.Contains(defines, name) == (word == "#ifdef")})
		case "#if":
			open = append(open, part{false, true})
		case "#else":
			open[top].in = !open[top].named || !open[top].in
		case "#endif":
			open = open[:top]
		default:
			if !slices.ContainsFunc(open, func(p part) bool { return !p.in }) {
				b.WriteString(line)
			}
		}
	}
	return b.String()
}

// TestInterface compares the manifest with the sources and with what was compiled.
func TestInterface(t *testing.T) {
	for _, m := range Manifest {
		t.Run(m.Name, func(t *testing.T) {
			names := map[int]string{}
			files, err := Closure(os.DirFS("."), m.Source)
			require.NoError(t, err)
			for _, f := range files {
				text, err := os.ReadFile(f)
				require.NoError(t, err)
				for _, c := range constantID.FindAllStringSubmatch(included(string(text), m.Defines), -1) {
					id, err := strconv.Atoi(c[1])
					require.NoError(t, err)
					names[id] = c[2]
				}
			}
			require.Len(t, names, len(m.Spec))
			for i, s := range m.Spec {
				assert.Equal(t, names[i], s.Name, "constant %d", i)
				assert.NotEmpty(t, s.Meaning)
			}

			code, err := Module(m.Name)
			require.NoError(t, err)
			r, err := Reflect(code)
			require.NoError(t, err)
			for _, id := range r.Spec {
				assert.Less(t, int(id), len(m.Spec))
			}
			assert.Equal(t, 0, r.LocalSizeSpec[0], "constant 0 is the workgroup's first side")
			var needs []Need
			for _, c := range r.Capabilities {
				need, known := capabilityNeeds[c]
				assert.True(t, known, "capability %d is nobody's need", c)
				if need != "" {
					needs = append(needs, need)
				}
			}
			assert.ElementsMatch(t, m.Needs, needs)

			require.NotEmpty(t, r.Push)
			assert.LessOrEqual(t, r.PushSize(), uint32(128), "the least that every device has")
			next := uint32(0)
			for i, p := range r.Push {
				assert.Equal(t, next, p.Offset, "member %d: padding; 8-byte members come first", i)
				next += p.Size
			}
		})
	}
}

// TestHeads wants the head that every kernel has, and a reason at every barrier.
func TestHeads(t *testing.T) {
	files, err := filepath.Glob("*.comp")
	require.NoError(t, err)
	sources := map[string]bool{}
	for _, m := range Manifest {
		sources[m.Source] = true
	}
	assert.Len(t, files, len(sources))
	includes, err := filepath.Glob("include/*.glsl")
	require.NoError(t, err)
	for _, f := range append(files, includes...) {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		text := string(b)
		if strings.HasSuffix(f, ".comp") {
			head, _, ok := strings.Cut(text, "#version 460\n")
			require.True(t, ok, f)
			assert.True(t, sources[f], "%s is in no row of the manifest", f)
			for _, want := range []string{"// Params ", "// Spec ", "// Grid ", "// Source "} {
				assert.Contains(t, head, want, f)
			}
		}
		for line := range strings.Lines(text) {
			assert.LessOrEqual(t, len(line), 130, "%s: %s", f, line)
			if strings.Contains(line, "barrier();") {
				assert.Contains(t, line, "; // ", "%s: a barrier without its reason", f)
			}
		}
	}
}

func TestModule(t *testing.T) {
	_, err := Module("nosuch")
	assert.EqualError(t, err, `shaders: load "nosuch": no such module`)
	_, err = Words("bad", []byte("not spir-v, but long enough......"))
	assert.ErrorContains(t, err, "no SPIR-V")
	assert.Len(t, Hash(), 64)
	assert.Equal(t, Hash(), Hash())
}

// header is that of a module whose ids are below 100.
var header = []uint32{magic, 0x10300, 0, 100, 0}

// op is an instruction's words.
func op(code uint32, operands ...uint32) []uint32 {
	return append([]uint32{uint32(len(operands)+1)<<16 | code}, operands...)
}

// block is a push constant block, of id 5, of one uint.
var block = slices.Concat(op(opTypeInt, 3, 32, 0), op(opTypeStruct, 5, 3), op(opTypePointer, 6, storagePush, 5), op(opVariable, 6, 7, storagePush))

var malformed = []struct {
	want string
	code []uint32
}{
	{"word 5: got an instruction of 0 words", []uint32{0}},
	{"got an instruction of 9 words, want 1 to 2", []uint32{9<<16 | opConstant, 1}},
	{"got 1 words, want at least 2", op(opTypeStruct)},
	{"got 2 words, want at least 3", op(opConstantComposite, 1)},
	{"got 3 words, want at least 4", op(opConstant, 1, 2)},
	{"got 5 words, want at least 6", op(opExecutionMode, 1, modeLocalSize, 1, 1)},
	{"got 3 words, want at least 4", op(opDecorate, 1, decorSpecID)},
	{"got 4 words, want at least 5", op(opMemberDecorate, 1, 0, decorOffset)},
	{"got id 0, want 1 to below 100", op(opTypeFloat, 0, 32)},
	{"got id 100, want 1 to below 100", op(opTypeFloat, 100, 32)},
	{"got id 1 twice", slices.Concat(op(opTypeFloat, 1, 32), op(opTypeInt, 1, 32, 0))},
	{"got a number of 33 bits", op(opTypeFloat, 1, 33)},
	{"a pointer to a struct", op(opVariable, 1, 2, storagePush)},
	{"push constants: got a variable", slices.Concat(block, op(opVariable, 6, 8, storagePush))},
	{"got type 5, want a struct", slices.Concat(op(opTypePointer, 6, storagePush, 5), op(opVariable, 6, 7, storagePush))},
	{"member 0: got a type of unknown size", slices.Concat(op(opTypeStruct, 5, 4), op(opTypePointer, 6, storagePush, 5), op(opVariable, 6, 7, storagePush))},
	{"member 0: got offset 0", block},
	{"member 0: got offset 4294967295 for 4 bytes", slices.Concat(op(opMemberDecorate, 5, 0, decorOffset, 1<<32-1), block)},
	{"workgroup size: got 0 constants, want 3", op(opDecorate, 1, decorBuiltIn, builtInGroupSize)},
	{"workgroup size: side 0: got id 2", slices.Concat(op(opDecorate, 1, decorBuiltIn, builtInGroupSize), op(opConstantComposite, 9, 1, 2, 2, 2))},
}

func TestReflectRefusesMalformedModules(t *testing.T) {
	for _, m := range malformed {
		r, err := Reflect(append(slices.Clone(header), m.code...))
		assert.ErrorContains(t, err, m.want)
		assert.Nil(t, r)
	}
	for n := range header {
		_, err := Reflect(header[:n])
		assert.ErrorContains(t, err, "no SPIR-V")
	}
	r, err := Reflect(slices.Concat(header, op(opMemberDecorate, 5, 0, decorOffset, 8), block))
	require.NoError(t, err, "the block itself is well formed")
	assert.Equal(t, []Member{{8, 4}}, r.Push)
}

func bytesOf(code []uint32) []byte {
	b := make([]byte, 0, 4*len(code))
	for _, w := range code {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

func FuzzReflect(f *testing.F) {
	code, err := Module("add")
	require.NoError(f, err)
	b := bytesOf(code)
	f.Add(b)
	f.Add(b[:40])
	f.Add([]byte("\x03\x02#\a00000000000\x000000,\x00\x02\x000000")) // a composite without its id, once a panic
	for _, m := range malformed {
		f.Add(bytesOf(append(slices.Clone(header), m.code...)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := Words("fuzz", b)
		if err != nil {
			return
		}
		if r, err := Reflect(w); err == nil {
			_ = r.PushSize()
		}
	})
}
