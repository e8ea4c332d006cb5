package main

import (
	"testing"

	"github.com/mmcloughlin/avo/reg"
	"github.com/stretchr/testify/assert"
)

// What GNU's assembler 2.40 makes of the instructions named (AT&T order).
func TestEncodings(t *testing.T) {
	for _, c := range []struct {
		text      string
		want, got []byte
	}{
		{"ldtilecfg 0(%rax)", []byte{0xc4, 0xe2, 0x78, 0x49, 0x80, 0, 0, 0, 0}, encodeLoadConfig(reg.RAX)},
		{"ldtilecfg 0(%r9)", []byte{0xc4, 0xc2, 0x78, 0x49, 0x81, 0, 0, 0, 0}, encodeLoadConfig(reg.R9)},
		{"tilerelease", []byte{0xc4, 0xe2, 0x78, 0x49, 0xc0}, encodeRelease()},
		{"tilezero %tmm3", []byte{0xc4, 0xe2, 0x7b, 0x49, 0xd8}, encodeZero(3)},
		{"tileloadd 1024(%rbx,%rax,1), %tmm7", []byte{0xc4, 0xe2, 0x7b, 0x4b, 0xbc, 0x03, 0, 4, 0, 0}, encodeLoad(rows{reg.RBX, reg.RAX, 1024}, 7)},
		{"tileloadd 2048(%r10,%r11,1), %tmm7", []byte{0xc4, 0x82, 0x7b, 0x4b, 0xbc, 0x1a, 0, 8, 0, 0}, encodeLoad(rows{reg.R10, reg.R11, 2048}, 7)},
		{"tilestored %tmm2, 3072(%rdx,%rax,1)", []byte{0xc4, 0xe2, 0x7a, 0x4b, 0x94, 0x02, 0, 12, 0, 0}, encodeStore(2, rows{reg.RDX, reg.RAX, 3072})},
		{"tdpbf16ps %tmm6, %tmm4, %tmm0", []byte{0xc4, 0xe2, 0x4a, 0x5c, 0xc4}, encodeDot(0, 4, 6)},
		{"tdpbf16ps %tmm7, %tmm5, %tmm3", []byte{0xc4, 0xe2, 0x42, 0x5c, 0xdd}, encodeDot(3, 5, 7)},
		{"vcvtne2ps2bf16 %zmm0, %zmm1, %zmm2", []byte{0x62, 0xf2, 0x77, 0x48, 0x72, 0xd0}, encodeRound(0, 1, 2)},
		{"vcvtne2ps2bf16 %zmm31, %zmm16, %zmm8", []byte{0x62, 0x12, 0x7f, 0x40, 0x72, 0xc7}, encodeRound(31, 16, 8)},
		{"vcvtne2ps2bf16 %zmm8, %zmm9, %zmm25", []byte{0x62, 0x42, 0x37, 0x48, 0x72, 0xc8}, encodeRound(8, 9, 25)},
	} {
		assert.Equal(t, c.want, c.got, c.text)
	}
}
