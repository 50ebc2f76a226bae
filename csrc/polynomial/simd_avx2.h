// Vectors of 8 floats in AVX2 + FMA. Included inside a namespace by avx2.cpp.
using F = __m256;

constexpr int kLanes = 8;
constexpr int kSlack = 2;        // load3 reads 28 bytes for 24
constexpr int kTileColumns = 3;  // columns of sums kept in registers at a time: 4 x 3 of 16

static inline F broadcast(float value) { return _mm256_set1_ps(value); }
static inline F load(const float* p) { return _mm256_loadu_ps(p); }
static inline void store(float* p, F a) { _mm256_storeu_ps(p, a); }
static inline F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
static inline F min(F a, F b) { return _mm256_min_ps(a, b); }
static inline F max(F a, F b) { return _mm256_max_ps(a, b); }
static inline F keep_where_positive(F value, F w) {
  return _mm256_and_ps(value, _mm256_cmp_ps(w, _mm256_setzero_ps(), _CMP_GT_OQ));
}
static inline F load_alpha(const uint8_t* p) {
  return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
}

// Byte c of each of a lane's 4 pixels, widened to 32 bits.
static inline F pick(__m256i pixels, int c) {
  const char n = -1, i = static_cast<char>(c);
  const __m256i which = _mm256_broadcastsi128_si256(_mm_setr_epi8(
      i, n, n, n, static_cast<char>(i + 3), n, n, n, static_cast<char>(i + 6), n, n, n, static_cast<char>(i + 9), n, n, n));
  return _mm256_cvtepi32_ps(_mm256_shuffle_epi8(pixels, which));
}
static inline void load3(const uint8_t* p, F& x, F& y, F& z) {
  const __m256i pixels = _mm256_inserti128_si256(
      _mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))),
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 12)), 1);
  x = pick(pixels, 0);
  y = pick(pixels, 1);
  z = pick(pixels, 2);
}
// Values are clamped to 0..255 by saturating packs.
static inline void store3(uint8_t* p, F x, F y, F z) {
  const __m256i z32 = _mm256_cvtps_epi32(z);
  const __m256i xy = _mm256_packs_epi32(_mm256_cvtps_epi32(x), _mm256_cvtps_epi32(y));
  const __m256i xyzz = _mm256_packus_epi16(xy, _mm256_packs_epi32(z32, z32));  // 4 of x, 4 of y, 8 of z
  const __m256i order = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11, -1, -1, -1, -1));
  const __m256i dense = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(xyzz, order), _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_castsi256_si128(dense));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p + 16), _mm256_extracti128_si256(dense, 1));
}
