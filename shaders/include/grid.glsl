// grid: grids larger than a device's limit in x are folded into y; the last row of the fold may run past the end, which
// every kernel guards with the number of workgroups or elements it got as a parameter.
#ifndef GRID_GLSL
#define GRID_GLSL
uint foldedWorkgroup() { return gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x; }
// wg is the constant WG: some drivers leave gl_WorkGroupSize at its default where the sides are specialization constants.
uint foldedInvocation(uint wg) { return foldedWorkgroup() * wg + gl_LocalInvocationID.x; }
#endif
