// Sums of the moments over a block of pixels; part of kernels.inl.

constexpr int kPart = 256;  // pixels whose features lie in the first-level cache together

template <int Rows, int Columns>
static inline void add_tile(const float* weighted, const float* plain, float* sums) {
  F acc[Rows][Columns];
  for (int i = 0; i < Rows; ++i)
    for (int j = 0; j < Columns; ++j) acc[i][j] = load(sums + (i * kFeatures + j) * kLanes);
  for (int n = 0; n < kPart; n += kLanes) {
    F left[Rows];
    for (int i = 0; i < Rows; ++i) left[i] = load(weighted + i * kPart + n);
    for (int j = 0; j < Columns; ++j) {
      const F right = load(plain + j * kPart + n);
      for (int i = 0; i < Rows; ++i) acc[i][j] = fma(left[i], right, acc[i][j]);
    }
  }
  for (int i = 0; i < Rows; ++i)
    for (int j = 0; j < Columns; ++j) store(sums + (i * kFeatures + j) * kLanes, acc[i][j]);
}

// Rows [Row, Row + Rows) of the sums, columns [Column, kFeatures).
template <int Row, int Rows, int Column>
static inline void add_rows(const float* weighted, const float* plain, float* sums) {
  if constexpr (Column < kFeatures) {
    constexpr int columns = kFeatures - Column < kTileColumns ? kFeatures - Column : kTileColumns;
    add_tile<Rows, columns>(weighted + Row * kPart, plain + Column * kPart, sums + (Row * kFeatures + Column) * kLanes);
    add_rows<Row, Rows, Column + columns>(weighted, plain, sums);
  }
}

// Fills both feature arrays for `count` <= kPart pixels, zeros after. False if a weight is negative or not finite.
static inline bool fill_features(const float* const source[3], const float* const target[3], const float* weight,
                                 int64_t offset, int64_t count, float* weighted, float* plain) {
  alignas(64) float padded[7][kLanes];
  F low = broadcast(0.0f), not_finite = broadcast(0.0f);
  for (int64_t n = 0; n < kPart; n += kLanes) {
    const float* from[7] = {source[0] + offset + n, source[1] + offset + n, source[2] + offset + n, target[0] + offset + n,
                            target[1] + offset + n, target[2] + offset + n, weight + offset + n};
    if (n + kLanes > count) {
      for (int k = 0; k < 7; ++k) {
        for (int i = 0; i < kLanes; ++i) padded[k][i] = n + i < count ? from[k][i] : 0.0f;
        from[k] = padded[k];
      }
    }
    const F w = load(from[6]);
    low = min(low, w);
    not_finite = fma(w, broadcast(0.0f), not_finite);  // 0 * NaN and 0 * infinity are NaN, and NaN stays
    F f[kFeatures];
    for (int c = 0; c < 3; ++c) f[c] = keep_where_positive(load(from[c]), w);
    f[3] = f[0] * f[1];
    f[4] = f[0] * f[2];
    f[5] = f[1] * f[2];
    f[6] = f[0] * f[0];
    f[7] = f[1] * f[1];
    f[8] = f[2] * f[2];
    f[9] = f[3] * f[2];
    f[10] = broadcast(1.0f);
    for (int c = 0; c < 3; ++c) f[11 + c] = keep_where_positive(load(from[3 + c]), w);
    for (int k = 0; k < kFeatures; ++k) store(plain + k * kPart + n, f[k]);
    for (int k = 0; k < kTerms; ++k) store(weighted + k * kPart + n, f[k] * w);
  }
  float lows[kLanes], zeros[kLanes];
  store(lows, low);
  store(zeros, not_finite);
  bool good = true;
  for (int i = 0; i < kLanes; ++i) good = good && lows[i] >= 0.0f && zeros[i] == 0.0f;
  return good;
}

static bool moments_block(const float* const source[3], const float* const target[3], const float* weight, int64_t count,
                          double* sums) {
  alignas(64) float weighted[kTerms * kPart];
  alignas(64) float plain[kFeatures * kPart];
  alignas(64) float lanes[kTerms * kFeatures * kLanes];
  bool any = false;
  for (int64_t offset = 0; offset < count; offset += kPart) {
    const int64_t part = std::min<int64_t>(kPart, count - offset);
    bool zero = true;
    for (int64_t i = 0; i < part && zero; ++i) zero = weight[offset + i] == 0.0f;
    if (zero) continue;
    if (!any) std::memset(lanes, 0, sizeof(lanes));
    any = true;
    if (!fill_features(source, target, weight, offset, part, weighted, plain)) return false;
    add_rows<0, 4, 0>(weighted, plain, lanes);
    add_rows<4, 4, 4>(weighted, plain, lanes);
    add_rows<8, 3, 8>(weighted, plain, lanes);
  }
  if (!any) return true;
  for (int i = 0; i < kTerms; ++i) {
    for (int j = i; j < kFeatures; ++j) {
      const float* lane = lanes + (i * kFeatures + j) * kLanes;
      double sum = 0.0;
      for (int k = 0; k < kLanes; ++k) sum += lane[k];
      sums[i * kFeatures + j] += sum;
    }
  }
  return true;
}
