// kernels.inl in AVX512.
#include "polynomial/kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#if IPH_HAS_X86_TARGETS
#include <immintrin.h>

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 takes the undefined operand inside its own AVX-512 intrinsics for a mistake of ours (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

IPH_TARGET_AVX512_BEGIN
namespace iph::avx512 {
namespace {
#include "polynomial/simd_avx512.h"
#include "polynomial/kernels.inl"
}  // namespace
}  // namespace iph::avx512
IPH_TARGET_END

namespace iph::avx512 {
const Kernels kernels = {composite_rows, moments_block, edge_cells};
}  // namespace iph::avx512
#endif
