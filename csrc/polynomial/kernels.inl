// The kernels, written once on vectors F of kLanes floats. Included inside a namespace that defines them.
#include "polynomial/composite_rows.inl"
#include "polynomial/moments_block.inl"
#include "polynomial/edge_cells.inl"
