// codebook: the points that the IQ1 to IQ3 formats choose from, two in a word, the first low; each with its first coordinate in
// the lowest bits (host/compute/codebook.go). They lie in a buffer: as constant arrays they take drivers minutes to compile.
#define CODEBOOK
U32In codebookWords; // set by main from the parameter
uint codebookPoint(uint i) { return codebookWords.v[i >> 1] >> (16u * (i & 1u)) & 0xffffu; }
