package compute

// Codebook is the table of points from which a weight format of the IQ1 to IQ3 kind chooses groups of elements, or nil for the
// other formats. Each number is one point, its first coordinate in the lowest bits: two bits each of eight coordinates for IQ1
// and IQ2, three each of four for IQ3, counting the levels upwards. The caller must not change it.
func Codebook(t DType) []uint16 {
	switch t {
	case IQ1_S, IQ1_M:
		return packedIQ1[:]
	case IQ2_XXS:
		return packedIQ2XXS[:]
	case IQ2_XS:
		return packedIQ2XS[:]
	case IQ2_S:
		return packedIQ2S[:]
	case IQ3_XXS:
		return packedIQ3XXS[:]
	case IQ3_S:
		return packedIQ3S[:]
	}
	return nil
}
