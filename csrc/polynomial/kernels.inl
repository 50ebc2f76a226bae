// The kernels, written once on vectors F of kLanes floats. Included inside a namespace that defines them.

constexpr int kTogether = 2;
constexpr int kStep = kTogether * kLanes;
constexpr int kBlock = 64;  // pixels looked at together: all transparent, all opaque, or mixed

struct Pixels {
  F x, y, z;
};

static inline F c(float value) { return broadcast(value); }

// x + g(d^2) (P(x) - x), not clamped, for kTogether vectors of pixels: each coefficient is loaded once for all of them.
// 10 products for each channel, factored as Horner's rule does it.
static inline void harmonize(const PackedPolynomial& p, Pixels (&pixels)[kTogether]) {
#define IPH_EACH for (int u = 0; u < kTogether; ++u)
  const auto cubic = [&](const float* d, F (&r)[kTogether]) {
    F by_x[kTogether], more[kTogether];
    IPH_EACH by_x[u] = fma(pixels[u].z, c(d[9]), c(d[3]));
    IPH_EACH more[u] = fma(pixels[u].z, c(d[4]), c(d[0]));
    IPH_EACH more[u] = fma(pixels[u].x, c(d[6]), more[u]);
    IPH_EACH by_x[u] = fma(by_x[u], pixels[u].y, more[u]);
    F by_y[kTogether], by_z[kTogether];
    IPH_EACH by_y[u] = fma(pixels[u].z, c(d[5]), c(d[1]));
    IPH_EACH by_y[u] = fma(pixels[u].y, c(d[7]), by_y[u]);
    IPH_EACH by_z[u] = fma(pixels[u].z, c(d[8]), c(d[2]));
    IPH_EACH r[u] = fma(pixels[u].z, by_z[u], c(d[10]));
    IPH_EACH r[u] = fma(pixels[u].y, by_y[u], r[u]);
    IPH_EACH r[u] = fma(pixels[u].x, by_x[u], r[u]);
  };
  const float* f = p.falloff;
  F guard[kTogether], by[kTogether];
  IPH_EACH by[u] = fma(pixels[u].z, c(f[8]), c(f[2]));
  IPH_EACH guard[u] = fma(pixels[u].z, by[u], c(f[9]));
  IPH_EACH by[u] = fma(pixels[u].z, c(f[5]), c(f[1]));
  IPH_EACH by[u] = fma(pixels[u].y, c(f[7]), by[u]);
  IPH_EACH guard[u] = fma(pixels[u].y, by[u], guard[u]);
  IPH_EACH by[u] = fma(pixels[u].z, c(f[4]), c(f[0]));
  IPH_EACH by[u] = fma(pixels[u].y, c(f[3]), by[u]);
  IPH_EACH by[u] = fma(pixels[u].x, c(f[6]), by[u]);
  IPH_EACH guard[u] = fma(pixels[u].x, by[u], guard[u]);
  IPH_EACH guard[u] = min(max(guard[u], c(0.0f)), c(1.0f));
  IPH_EACH guard[u] = guard[u] * guard[u] * fma(guard[u], c(-2.0f), c(3.0f));
  F x[kTogether], y[kTogether], z[kTogether];
  cubic(p.delta[0], x);
  cubic(p.delta[1], y);
  cubic(p.delta[2], z);
  IPH_EACH pixels[u] = {fma(guard[u], x[u], pixels[u].x), fma(guard[u], y[u], pixels[u].y), fma(guard[u], z[u], pixels[u].z)};
#undef IPH_EACH
}

static inline F clamp255(F a) { return min(max(a, broadcast(0.0f)), broadcast(255.0f)); }

static inline void opaque(const PackedPolynomial& p, const uint8_t* foreground, uint8_t* out) {
  Pixels in[kTogether];
  for (int u = 0; u < kTogether; ++u) load3(foreground + 3 * kLanes * u, in[u].x, in[u].y, in[u].z);
  harmonize(p, in);
  for (int u = 0; u < kTogether; ++u) store3(out + 3 * kLanes * u, in[u].x, in[u].y, in[u].z);
}

// I -> clamp(F^ + a (I - a F^ - (1 - a) B^)) where rest = 1 - a > 0. a = 1 must leave a pixel as it is, to the last bit.
static inline F decontaminate(F own, F a, F rest, const float* front_plane) {
  const F front = load(front_plane), back = load(front_plane + 3 * kBlock);
  const F clean = clamp255(fma(a, own - fma(a, front, rest * back), front));
  return fma(keep_where_positive(broadcast(1.0f), rest), clean - own, own);
}

// `clean`: null, or 6 planes kBlock apart of F^ and B^ for these pixels.
static inline void mixed(const PackedPolynomial& p, const uint8_t* foreground, const uint8_t* alpha, const uint8_t* background,
                         const float* clean, uint8_t* out) {
  Pixels in[kTogether];
  for (int u = 0; u < kTogether; ++u) {
    load3(foreground + 3 * kLanes * u, in[u].x, in[u].y, in[u].z);
    if (clean) {
      const F a = load_alpha(alpha + kLanes * u) * broadcast(1.0f / 255.0f), rest = broadcast(1.0f) - a;
      in[u].x = decontaminate(in[u].x, a, rest, clean + kLanes * u);
      in[u].y = decontaminate(in[u].y, a, rest, clean + kLanes * u + kBlock);
      in[u].z = decontaminate(in[u].z, a, rest, clean + kLanes * u + 2 * kBlock);
    }
  }
  harmonize(p, in);
  for (int u = 0; u < kTogether; ++u) {
    const F a = load_alpha(alpha + kLanes * u) * broadcast(1.0f / 255.0f), rest = broadcast(1.0f) - a;
    Pixels behind;
    load3(background + 3 * kLanes * u, behind.x, behind.y, behind.z);
    store3(out + 3 * kLanes * u, fma(a, clamp255(in[u].x), rest * behind.x), fma(a, clamp255(in[u].y), rest * behind.y),
           fma(a, clamp255(in[u].z), rest * behind.z));
  }
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

// Shares of the three nearest cells in pixel k of the middle one. Pixel centres lie at (k + 0.5) / kEdgeCell - 0.5 from
// the middle of the cell, in cells.
struct Shares {
  float left[kEdgeCell], middle[kEdgeCell], right[kEdgeCell];
};
static constexpr Shares shares() {
  Shares s{};
  for (int k = 0; k < kEdgeCell; ++k) {
    const float offset = (static_cast<float>(k) + 0.5f) / kEdgeCell - 0.5f;
    s.left[k] = offset < 0.0f ? -offset : 0.0f;
    s.right[k] = offset > 0.0f ? offset : 0.0f;
    s.middle[k] = 1.0f - s.left[k] - s.right[k];
  }
  return s;
}
constexpr Shares kShares = shares();

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
        for (int k = 0; k < kEdgeCell; ++k) {
          to[k] = left * kShares.left[k] + middle * kShares.middle[k] + right * kShares.right[k];
        }
      }
    }
  }

 private:
  void interpolate() {
    const int64_t cell = y_ / kEdgeCell, k = y_ % kEdgeCell, w = view_.width;
    const int64_t other = std::clamp<int64_t>(k < kEdgeCell / 2 ? cell - 1 : cell + 1, 0, view_.height - 1);
    const float share = kShares.middle[k];
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
  for (; i + kStep + kSlack <= count; i += kStep) opaque(p, foreground + 3 * i, out + 3 * i);
  for (; i < count; i += kStep) {
    const size_t bytes = static_cast<size_t>(3 * std::min<int64_t>(kStep, count - i));
    uint8_t scratch[3 * (kStep + kSlack)] = {};
    std::memcpy(scratch, foreground + 3 * i, bytes);
    opaque(p, scratch, scratch);
    std::memcpy(out + 3 * i, scratch, bytes);
  }
}

static inline void mixed_run(const PackedPolynomial& p, const uint8_t* foreground, const uint8_t* alpha,
                             const uint8_t* background, const float* clean, uint8_t* out, int64_t count) {
  int64_t i = 0;
  for (; i + kStep + kSlack <= count; i += kStep) {
    mixed(p, foreground + 3 * i, alpha + i, background + 3 * i, clean ? clean + i : nullptr, out + 3 * i);
  }
  for (; i < count; i += kStep) {
    const size_t pixels = static_cast<size_t>(std::min<int64_t>(kStep, count - i));
    uint8_t front[3 * (kStep + kSlack)] = {}, back[3 * (kStep + kSlack)] = {}, a[kStep] = {};
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

// Cells taken together: enough to fill a vector.
constexpr int kCells = kLanes > kEdgeCell ? kLanes / kEdgeCell : 1;

static inline void add_edge_cells(const uint8_t* image, ptrdiff_t image_stride, const uint8_t* alpha, ptrdiff_t alpha_stride,
                                  int64_t rows, float* cells) {
  constexpr int vectors = kCells * kEdgeCell / kLanes;
  F acc[8];
  alignas(64) float lanes[8][kCells * kEdgeCell];
  for (int v = 0; v < vectors; ++v) {
    for (int k = 0; k < 8; ++k) acc[k] = broadcast(0.0f);
    for (int64_t y = 0; y < rows; ++y) {
      const F a = load_alpha(alpha + y * alpha_stride + v * kLanes) * broadcast(1.0f / 255.0f), rest = broadcast(1.0f) - a;
      F color[3];
      load3(image + y * image_stride + 3 * kLanes * v, color[0], color[1], color[2]);
      const F front = a * a, back = rest * rest;
      for (int c = 0; c < 3; ++c) {
        acc[c] = fma(front, color[c], acc[c]);
        acc[4 + c] = fma(back, color[c], acc[4 + c]);
      }
      acc[3] = acc[3] + front;
      acc[7] = acc[7] + back;
    }
    for (int k = 0; k < 8; ++k) store(lanes[k] + v * kLanes, acc[k]);
  }
  for (int cell = 0; cell < kCells; ++cell) {
    for (int k = 0; k < 8; ++k) {
      const float* lane = lanes[k] + cell * kEdgeCell;
      float sum[4] = {};
      for (int i = 0; i < kEdgeCell; ++i) sum[i % 4] += lane[i];
      cells[cell * 8 + k] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    }
  }
}

static void edge_cells(const uint8_t* image, ptrdiff_t image_stride, const uint8_t* alpha, ptrdiff_t alpha_stride, int64_t rows,
                       int64_t width, int64_t begin, int64_t end, float* cells) {
  int64_t cell = begin;
  for (; cell + kCells <= end && (cell + kCells) * kEdgeCell + kSlack <= width; cell += kCells) {
    const int64_t x = cell * kEdgeCell;
    add_edge_cells(image + 3 * x, image_stride, alpha + x, alpha_stride, rows, cells + cell * 8);
  }
  for (; cell < end; ++cell) {
    float* sums = cells + cell * 8;
    for (int k = 0; k < 8; ++k) sums[k] = 0.0f;
    const int64_t last = std::min((cell + 1) * kEdgeCell, width);
    for (int64_t y = 0; y < rows; ++y) {
      for (int64_t x = cell * kEdgeCell; x < last; ++x) {
        add_edge_pixel(image + y * image_stride + 3 * x, alpha[y * alpha_stride + x], sums);
      }
    }
  }
}
