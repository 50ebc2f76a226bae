// Vectors of 16 floats in AVX-512 (F, BW, VL, DQ). Included inside a namespace by avx512.cpp.
using F = __m512;

constexpr int kLanes = 16;
constexpr int kSlack = 0;        // loads and stores are masked
constexpr int kTileColumns = 5;  // columns of sums kept in registers at a time: 4 x 5 of 32

static inline F broadcast(float value) { return _mm512_set1_ps(value); }
static inline F load(const float* p) { return _mm512_loadu_ps(p); }
static inline void store(float* p, F a) { _mm512_storeu_ps(p, a); }
static inline F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
static inline F min(F a, F b) { return _mm512_min_ps(a, b); }
static inline F max(F a, F b) { return _mm512_max_ps(a, b); }
static inline F keep_where_positive(F value, F w) {
  return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(w, _mm512_setzero_ps(), _CMP_GT_OQ), value);
}
static inline F load_alpha(const uint8_t* p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}

// Byte c of each of a lane's 4 pixels, widened to 32 bits.
static inline F pick(__m512i pixels, int c) {
  const char n = -1, i = static_cast<char>(c);
  const __m512i which = _mm512_broadcast_i32x4(_mm_setr_epi8(
      i, n, n, n, static_cast<char>(i + 3), n, n, n, static_cast<char>(i + 6), n, n, n, static_cast<char>(i + 9), n, n, n));
  return _mm512_cvtepi32_ps(_mm512_shuffle_epi8(pixels, which));
}
static inline void load3(const uint8_t* p, F& x, F& y, F& z) {
  const __m512i spread = _mm512_setr_epi32(0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9, 9, 10, 11, 11);
  const __m512i pixels = _mm512_permutexvar_epi32(spread, _mm512_maskz_loadu_epi32(0x0FFF, p));
  x = pick(pixels, 0);
  y = pick(pixels, 1);
  z = pick(pixels, 2);
}
// Values are clamped to 0..255 by saturating packs.
static inline void store3(uint8_t* p, F x, F y, F z) {
  const __m512i z32 = _mm512_cvtps_epi32(z);
  const __m512i xy = _mm512_packs_epi32(_mm512_cvtps_epi32(x), _mm512_cvtps_epi32(y));
  const __m512i xyzz = _mm512_packus_epi16(xy, _mm512_packs_epi32(z32, z32));  // by lane: 4 of x, 4 of y, 8 of z
  const __m512i order = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11, -1, -1, -1, -1));
  const __m512i dense = _mm512_permutexvar_epi32(
      _mm512_setr_epi32(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 3, 3, 3, 3), _mm512_shuffle_epi8(xyzz, order));
  _mm512_mask_storeu_epi32(p, 0x0FFF, dense);
}
