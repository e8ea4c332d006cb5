// grid: grids larger than a device's limit in x are folded into y; the last row of the fold may run past the end, which
// every kernel guards with the number of workgroups or elements it got as a parameter.
#ifndef GRID_GLSL
#define GRID_GLSL
uint foldedWorkgroup() { return gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x; }
uint foldedInvocation() { return foldedWorkgroup() * gl_WorkGroupSize.x + gl_LocalInvocationID.x; }
#endif
