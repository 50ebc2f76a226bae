// kernels.inl in the compiler's baseline.
#include "polynomial/kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace iph::plain {
namespace {
#include "polynomial/simd_plain.h"
#include "polynomial/kernels.inl"
}  // namespace

const Kernels kernels = {composite_rows, moments_block, edge_cells};

}  // namespace iph::plain
