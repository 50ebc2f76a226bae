// kernels.inl in the compiler's baseline.
#include "polynomial/kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__aarch64__) && defined(__GNUC__)
#include <arm_neon.h>
#define IPH_NEON 1
#endif

namespace iph::plain {
namespace {
#if defined(IPH_NEON)
#include "polynomial/simd_neon.h"
#else
#include "polynomial/simd_plain.h"
#endif
#include "polynomial/kernels.inl"
}  // namespace

const Kernels kernels = {composite_rows, moments_block, edge_cells};

}  // namespace iph::plain
