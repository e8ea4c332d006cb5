// bytes_contiguous: a unit of 32 elements is two neighbouring groups of 16.
uvec2 sixteens(uint unit) { return uvec2(2u * unit, 2u * unit + 1u); }
