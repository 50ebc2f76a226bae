// The kernels, written once on vectors F of kLanes floats. Included inside a namespace that defines them.

constexpr int kBlock = 64;  // pixels looked at together: all transparent, all opaque, or mixed

struct Pixels {
  F x, y, z;
};

static inline F c(float value) { return broadcast(value); }

// x + g(d^2) (P(x) - x), not clamped. 10 products for each channel, factored as Horner's rule does it.
static inline Pixels harmonize(const PackedPolynomial& p, const Pixels& in) {
  const F x = in.x, y = in.y, z = in.z;
  F delta[3];
  for (int i = 0; i < 3; ++i) {
    const float* d = p.delta[i];
    const F by_x = fma(fma(z, c(d[9]), c(d[3])), y, fma(x, c(d[6]), fma(z, c(d[4]), c(d[0]))));
    const F by_y = fma(y, c(d[7]), fma(z, c(d[5]), c(d[1])));
    const F by_z = fma(z, c(d[8]), c(d[2]));
    delta[i] = fma(x, by_x, fma(y, by_y, fma(z, by_z, c(d[10]))));
  }
  const float* f = p.falloff;
  const F by_x = fma(x, c(f[6]), fma(y, c(f[3]), fma(z, c(f[4]), c(f[0]))));
  const F by_y = fma(y, c(f[7]), fma(z, c(f[5]), c(f[1])));
  const F by_z = fma(z, c(f[8]), c(f[2]));
  F t = fma(x, by_x, fma(y, by_y, fma(z, by_z, c(f[9]))));
  t = min(max(t, c(0.0f)), c(1.0f));
  const F guard = t * t * fma(t, c(-2.0f), c(3.0f));
  return {fma(guard, delta[0], x), fma(guard, delta[1], y), fma(guard, delta[2], z)};
}

static inline F clamp255(F a) { return min(max(a, broadcast(0.0f)), broadcast(255.0f)); }

static inline void opaque(const PackedPolynomial& p, const uint8_t* foreground, uint8_t* out) {
  Pixels in;
  load3(foreground, in.x, in.y, in.z);
  const Pixels done = harmonize(p, in);
  store3(out, done.x, done.y, done.z);
}

// `clean`: null, or 6 planes kBlock apart of F^ and B^ for these pixels.
static inline void mixed(const PackedPolynomial& p, const uint8_t* foreground, const uint8_t* alpha, const uint8_t* background,
                         const float* clean, uint8_t* out) {
  Pixels in, behind;
  load3(foreground, in.x, in.y, in.z);
  load3(background, behind.x, behind.y, behind.z);
  const F a = load_alpha(alpha) * broadcast(1.0f / 255.0f), rest = broadcast(1.0f) - a;
  if (clean) {
    const auto decontaminate = [&](F own, int plane) {
      const F front = load(clean + plane * kBlock), back = load(clean + (plane + 3) * kBlock);
      return clamp255(fma(a, own - fma(a, front, rest * back), front));
    };
    // a = 1 must leave a pixel as it is, to the last bit: F^ + (I - F^) need not.
    const F inner = keep_where_positive(broadcast(1.0f), rest);
    const auto blend = [&](F own, F other) { return fma(inner, other - own, own); };
    in.x = blend(in.x, decontaminate(in.x, 0));
    in.y = blend(in.y, decontaminate(in.y, 1));
    in.z = blend(in.z, decontaminate(in.z, 2));
  }
  const Pixels done = harmonize(p, in);
  store3(out, fma(a, clamp255(done.x), rest * behind.x), fma(a, clamp255(done.y), rest * behind.y),
         fma(a, clamp255(done.z), rest * behind.z));
}

enum class Kind { transparent, opaque, mixed };

static inline Kind classify(const uint8_t* alpha, int64_t count) {
  uint8_t any = 0, all = 255;
  for (int64_t i = 0; i < count; ++i) {
    any |= alpha[i];
    all &= alpha[i];
  }
  return any == 0 ? Kind::transparent : all == 255 ? Kind::opaque : Kind::mixed;
}

// F^ and B^ of one row of pixels: the cells above and below interpolated once, when the first mixed block asks.
class EdgeRow {
 public:
  explicit EdgeRow(const EdgeView& view) : view_(view) {
    if (view.values) cells_.resize(static_cast<size_t>(6 * (view.width + 2)));
  }
  bool empty() const { return view_.values == nullptr; }
  void start(int64_t y) { y_ = y, ready_ = false; }

  // Planes kBlock apart for the pixels [x, x + kBlock) of the row; x is a multiple of kBlock.
  void fill(int64_t x, float* planes) {
    if (!ready_) interpolate();
    const int64_t first = x / kEdgeCell;
    for (int p = 0; p < 6; ++p) {
      const float* row = cells_.data() + p * (view_.width + 2) + 1;
      for (int64_t c = 0; c < kBlock / kEdgeCell; ++c) {
        const int64_t cell = std::min(first + c, view_.width - 1);
        const float left = row[cell - 1], middle = row[cell], right = row[cell + 1];
        float* to = planes + p * kBlock + c * kEdgeCell;
        for (int k = 0; k < kEdgeCell; ++k) to[k] = left * kLeft[k] + middle * kMiddle[k] + right * kRight[k];
      }
    }
  }

 private:
  // Shares of the three nearest cells in pixel k of the middle one; pixel centres lie at (k + 0.5) / 8 - 0.5 of a cell.
  static constexpr float kLeft[8] = {7.f / 16, 5.f / 16, 3.f / 16, 1.f / 16, 0, 0, 0, 0};
  static constexpr float kMiddle[8] = {9.f / 16, 11.f / 16, 13.f / 16, 15.f / 16, 15.f / 16, 13.f / 16, 11.f / 16, 9.f / 16};
  static constexpr float kRight[8] = {0, 0, 0, 0, 1.f / 16, 3.f / 16, 5.f / 16, 7.f / 16};

  void interpolate() {
    const int64_t cell = y_ / kEdgeCell, k = y_ % kEdgeCell, w = view_.width;
    const int64_t other = std::clamp<int64_t>(k < kEdgeCell / 2 ? cell - 1 : cell + 1, 0, view_.height - 1);
    const float share = kMiddle[k];
    for (int p = 0; p < 6; ++p) {
      const float* near = view_.values + (cell * 6 + p) * w;
      const float* far = view_.values + (other * 6 + p) * w;
      float* row = cells_.data() + p * (w + 2) + 1;
      for (int64_t i = 0; i < w; ++i) row[i] = far[i] + (near[i] - far[i]) * share;
      row[-1] = row[0];
      row[w] = row[w - 1];
    }
    ready_ = true;
  }

  const EdgeView view_;
  std::vector<float> cells_;
  int64_t y_ = 0;
  bool ready_ = false;
};

static inline void opaque_run(const PackedPolynomial& p, const uint8_t* foreground, uint8_t* out, int64_t count) {
  int64_t i = 0;
  for (; i + kLanes + kSlack <= count; i += kLanes) opaque(p, foreground + 3 * i, out + 3 * i);
  for (; i < count; i += kLanes) {
    const size_t bytes = static_cast<size_t>(3 * std::min<int64_t>(kLanes, count - i));
    uint8_t scratch[3 * (kLanes + kSlack)] = {};
    std::memcpy(scratch, foreground + 3 * i, bytes);
    opaque(p, scratch, scratch);
    std::memcpy(out + 3 * i, scratch, bytes);
  }
}

static inline void mixed_run(const PackedPolynomial& p, const uint8_t* foreground, const uint8_t* alpha,
                             const uint8_t* background, const float* clean, uint8_t* out, int64_t count) {
  int64_t i = 0;
  for (; i + kLanes + kSlack <= count; i += kLanes) {
    mixed(p, foreground + 3 * i, alpha + i, background + 3 * i, clean ? clean + i : nullptr, out + 3 * i);
  }
  for (; i < count; i += kLanes) {
    const size_t pixels = static_cast<size_t>(std::min<int64_t>(kLanes, count - i));
    uint8_t front[3 * (kLanes + kSlack)] = {}, back[3 * (kLanes + kSlack)] = {}, a[kLanes] = {};
    std::memcpy(front, foreground + 3 * i, 3 * pixels);
    std::memcpy(back, background + 3 * i, 3 * pixels);
    std::memcpy(a, alpha + i, pixels);
    mixed(p, front, a, back, clean ? clean + i : nullptr, back);
    std::memcpy(out + 3 * i, back, 3 * pixels);
  }
}

static void composite_rows(const Composite& job, int64_t begin, int64_t end) {
  EdgeRow edge(job.edge);
  alignas(64) float clean[6 * kBlock];
  for (int64_t y = begin; y < end; ++y) {
    const uint8_t* foreground = job.foreground + y * job.foreground_stride;
    uint8_t* out = job.out + y * job.out_stride;
    if (!job.alpha) {
      opaque_run(job.polynomial, foreground, out, job.width);
      continue;
    }
    const uint8_t* alpha = job.alpha + y * job.alpha_stride;
    const uint8_t* background = job.background + y * job.background_stride;
    edge.start(y);
    for (int64_t x = 0; x < job.width;) {
      int64_t count = std::min<int64_t>(kBlock, job.width - x);
      const Kind kind = classify(alpha + x, count);
      if (kind == Kind::mixed) {
        if (!edge.empty()) edge.fill(x, clean);
        mixed_run(job.polynomial, foreground + 3 * x, alpha + x, background + 3 * x, edge.empty() ? nullptr : clean,
                  out + 3 * x, count);
      } else {
        // One long run is copied or harmonized faster than many blocks.
        while (x + count < job.width) {
          const int64_t more = std::min<int64_t>(kBlock, job.width - x - count);
          if (classify(alpha + x + count, more) != kind) break;
          count += more;
        }
        if (kind == Kind::opaque) {
          opaque_run(job.polynomial, foreground + 3 * x, out + 3 * x, count);
        } else if (out != background) {
          std::memcpy(out + 3 * x, background + 3 * x, static_cast<size_t>(3 * count));
        }
      }
      x += count;
    }
  }
}

// ---- moments ----

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

// ---- edge colours ----

static inline void add_edge_pixel(const uint8_t* pixel, uint8_t alpha, float* cell) {
  const float a = static_cast<float>(alpha) * (1.0f / 255.0f), front = a * a, back = (1.0f - a) * (1.0f - a);
  for (int c = 0; c < 3; ++c) {
    cell[c] += front * static_cast<float>(pixel[c]);
    cell[4 + c] += back * static_cast<float>(pixel[c]);
  }
  cell[3] += front;
  cell[7] += back;
}

static void edge_cells(const uint8_t* image, ptrdiff_t image_stride, const uint8_t* alpha, ptrdiff_t alpha_stride, int64_t rows,
                       int64_t width, int64_t begin, int64_t end, float* cells) {
  for (int64_t cell = begin; cell < end; ++cell) {
    float* sums = cells + cell * 8;
    for (int k = 0; k < 8; ++k) sums[k] = 0.0f;
    for (int64_t y = 0; y < rows; ++y) {
      const int64_t last = std::min((cell + 1) * kEdgeCell, width);
      for (int64_t x = cell * kEdgeCell; x < last; ++x) {
        add_edge_pixel(image + y * image_stride + 3 * x, alpha[y * alpha_stride + x], sums);
      }
    }
  }
}
