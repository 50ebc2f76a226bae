// kernels.inl in AVX2.
#include "polynomial/kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#if IPH_HAS_X86_TARGETS
#include <immintrin.h>

IPH_TARGET_AVX2_BEGIN
namespace iph::avx2 {
namespace {
#include "polynomial/simd_avx2.h"
#include "polynomial/kernels.inl"
}  // namespace
}  // namespace iph::avx2
IPH_TARGET_END

namespace iph::avx2 {
const Kernels kernels = {composite_rows, moments_block, edge_cells};
}  // namespace iph::avx2
#endif
