// Vectors of 4 floats in NEON. Included inside a namespace by plain.cpp on aarch64, where NEON is the baseline.
using F = float32x4_t;

constexpr int kLanes = 4;
constexpr int kSlack = 2;        // load3 reads 16 bytes for 12
constexpr int kTileColumns = 5;  // columns of sums kept in registers at a time: 4 x 5 of 32

static inline F broadcast(float value) { return vdupq_n_f32(value); }
static inline F load(const float* p) { return vld1q_f32(p); }
static inline void store(float* p, F a) { vst1q_f32(p, a); }
static inline F fma(F a, F b, F c) { return vfmaq_f32(c, a, b); }
static inline F min(F a, F b) { return vminq_f32(a, b); }
static inline F max(F a, F b) { return vmaxq_f32(a, b); }
static inline F keep_where_positive(F value, F w) {
  return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(value), vcgtzq_f32(w)));
}
static inline F load_alpha(const uint8_t* p) {
  uint32_t four;
  std::memcpy(&four, p, sizeof(four));
  const uint8x8_t bytes = vreinterpret_u8_u32(vdup_n_u32(four));
  return vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(bytes))));
}

// Byte c of each of 4 pixels, widened to 32 bits; the table look-up gives 0 for an index past the end.
static inline F pick(uint8x16_t pixels, uint8_t c) {
  const uint32x4_t first = {0xFFFFFF00u, 0xFFFFFF03u, 0xFFFFFF06u, 0xFFFFFF09u};
  const uint8x16_t which = vreinterpretq_u8_u32(vaddq_u32(first, vdupq_n_u32(c)));
  return vcvtq_f32_u32(vreinterpretq_u32_u8(vqtbl1q_u8(pixels, which)));
}
static inline void load3(const uint8_t* p, F& x, F& y, F& z) {
  const uint8x16_t pixels = vld1q_u8(p);
  x = pick(pixels, 0);
  y = pick(pixels, 1);
  z = pick(pixels, 2);
}
// Values are clamped to 0..255: the conversion takes what is negative to 0, the minimum what is above to 255.
static inline void store3(uint8_t* p, F x, F y, F z) {
  const uint32x4_t high = vdupq_n_u32(255);
  const uint32x4_t a = vminq_u32(vcvtnq_u32_f32(x), high), b = vminq_u32(vcvtnq_u32_f32(y), high);
  const uint32x4_t c = vminq_u32(vcvtnq_u32_f32(z), high);
  const uint32x4_t pixels = vorrq_u32(a, vorrq_u32(vshlq_n_u32(b, 8), vshlq_n_u32(c, 16)));
  const uint8x16_t dense = {0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 255, 255, 255, 255};
  const uint32x4_t packed = vreinterpretq_u32_u8(vqtbl1q_u8(vreinterpretq_u8_u32(pixels), dense));
  uint32_t words[4];
  vst1q_u32(words, packed);
  std::memcpy(p, words, 12);
}
