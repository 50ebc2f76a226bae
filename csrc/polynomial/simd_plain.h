// Vectors of 4 floats in the compiler's baseline: SSE2, or whatever it makes of the loops. Included inside a namespace by plain.cpp.
#if defined(__GNUC__)
typedef float F __attribute__((vector_size(16)));
#else
struct F {
  float v[4];
  float& operator[](int i) { return v[i]; }
  float operator[](int i) const { return v[i]; }
};
#define IPH_LANEWISE(op)                                     \
  static inline F operator op(const F& a, const F& b) {      \
    F r;                                                     \
    for (int i = 0; i < 4; ++i) r.v[i] = a.v[i] op b.v[i];   \
    return r;                                                \
  }
IPH_LANEWISE(+)
IPH_LANEWISE(-)
IPH_LANEWISE(*)
#undef IPH_LANEWISE
#endif

constexpr int kLanes = 4;
constexpr int kSlack = 0;        // pixels past the last lane that load3 may touch
constexpr int kTileColumns = 3;  // columns of sums kept in registers at a time

static inline F broadcast(float value) {
  F r{};
  for (int i = 0; i < kLanes; ++i) r[i] = value;
  return r;
}
static inline F load(const float* p) {
  F r{};
  for (int i = 0; i < kLanes; ++i) r[i] = p[i];
  return r;
}
static inline void store(float* p, F a) {
  for (int i = 0; i < kLanes; ++i) p[i] = a[i];
}
static inline F fma(F a, F b, F c) { return a * b + c; }

#if defined(__SSE2__)
static inline F min(F a, F b) { return (F)_mm_min_ps((__m128)a, (__m128)b); }
static inline F max(F a, F b) { return (F)_mm_max_ps((__m128)a, (__m128)b); }
static inline F keep_where_positive(F value, F w) {
  return (F)_mm_and_ps((__m128)value, _mm_cmpgt_ps((__m128)w, _mm_setzero_ps()));
}
static inline int nearest(float value) { return _mm_cvtss_si32(_mm_set_ss(value)); }
#else
static inline F min(F a, F b) {
  for (int i = 0; i < kLanes; ++i) a[i] = a[i] < b[i] ? a[i] : b[i];
  return a;
}
static inline F max(F a, F b) {
  for (int i = 0; i < kLanes; ++i) a[i] = a[i] > b[i] ? a[i] : b[i];
  return a;
}
static inline F keep_where_positive(F value, F w) {
  for (int i = 0; i < kLanes; ++i) value[i] = w[i] > 0.0f ? value[i] : 0.0f;
  return value;
}
static inline int nearest(float value) { return static_cast<int>(std::nearbyint(value)); }
#endif

static inline F load_alpha(const uint8_t* p) {
  F r{};
  for (int i = 0; i < kLanes; ++i) r[i] = static_cast<float>(p[i]);
  return r;
}
static inline void load3(const uint8_t* p, F& x, F& y, F& z) {
  float planes[3][kLanes];
  for (int i = 0; i < kLanes; ++i) {
    for (int c = 0; c < 3; ++c) planes[c][i] = static_cast<float>(p[3 * i + c]);
  }
  x = load(planes[0]);
  y = load(planes[1]);
  z = load(planes[2]);
}
// Values are clamped to 0..255.
static inline void store3(uint8_t* p, F x, F y, F z) {
  const F low = broadcast(0.0f), high = broadcast(255.0f);
  x = min(max(x, low), high);
  y = min(max(y, low), high);
  z = min(max(z, low), high);
  for (int i = 0; i < kLanes; ++i) {
    p[3 * i] = static_cast<uint8_t>(nearest(x[i]));
    p[3 * i + 1] = static_cast<uint8_t>(nearest(y[i]));
    p[3 * i + 2] = static_cast<uint8_t>(nearest(z[i]));
  }
}
